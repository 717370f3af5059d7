# Run by the target honeyframe_web: fetches what web/package-lock.json names, and bundles, in a copy, so that the sources stay as they are.
file(REMOVE_RECURSE ${BUNDLE} ${WORK}/src)
file(COPY ${WEB}/src ${WEB}/package.json ${WEB}/package-lock.json ${WEB}/build.mjs ${WEB}/tsconfig.json DESTINATION ${WORK})

# pip builds with a PYTHONPATH that hides what is installed, and npm from PyPI is a program in Python.
function(run what)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env --unset=PYTHONPATH ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(failed)
    set(problem "Charts and dashboards could not be bundled: ${what} failed.\n${said}")
    if(REQUIRED STREQUAL "ON")
      message(FATAL_ERROR "${problem}")
    endif()
    message(WARNING "${problem}The package is made without them.")
    file(REMOVE_RECURSE ${BUNDLE})
    set(gone TRUE PARENT_SCOPE)
  endif()
endfunction()

run("npm ci" ${NPM} ci --omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier --fetch-retries=1)
if(NOT gone)
  run("node build.mjs" node build.mjs ${BUNDLE})
endif()
file(TOUCH ${WORK}/stamp)
