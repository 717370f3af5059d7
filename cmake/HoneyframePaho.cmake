# How Paho is linked, HONEYFRAME_PAHO:
#
#   lean    A copy of its static archive, every symbol renamed to honeyframe_paho_*, without its Heap, StackTrace and Log units, becomes part of
#           the core; what it imports for reading, writing and waiting is answered by cpp/core/paho_transport.cpp, the units by
#           paho_diagnostics.cpp. No other Paho in the process is touched, or touches this one.
#   system  The shared library as it is.
#   auto    lean where that can be done, which is tried here; else system.
#
# Gives HONEYFRAME_PAHO_MODE (lean or system), HONEYFRAME_PAHO_OBJECTS, and the target honeyframe_paho for whoever includes MQTTAsync.h;
# honeyframe_paho_system is the same for system, whatever the mode.

# Not auto: without its diagnostics Paho is without their heap check, which lets a second free() pass. Paho frees a message twice where a
# connection breaks while many wait to be acknowledged, and then a lean process ends.
set(HONEYFRAME_PAHO system CACHE STRING "How Paho is linked: auto, lean (its static archive on our transport) or system (its shared library)")
set_property(CACHE HONEYFRAME_PAHO PROPERTY STRINGS auto lean system)

# What Paho imports and honeyframe answers; the answers are defined in cpp/core/paho_transport.cpp and the files beside it.
set(HONEYFRAME_PAHO_IMPORTS
  socket connect getsockopt close recv writev poll usleep clock_gettime getenv getaddrinfo freeaddrinfo
  SSL_set_fd SSL_connect SSL_read SSL_pending SSL_write SSL_shutdown SSL_free ERR_clear_error SSL_CTX_set_msg_callback SSL_CTX_set_info_callback)

# Puts the renamed objects into `directory`. `failure`: why it cannot be done, or empty.
function(honeyframe_make_lean_paho directory failure)
  set(${failure} "" PARENT_SCOPE)
  if(NOT CMAKE_EXECUTABLE_FORMAT STREQUAL ELF OR NOT CMAKE_SYSTEM_NAME STREQUAL Linux)
    set(${failure} "it needs Linux and ELF" PARENT_SCOPE)
    return()
  endif()
  if(NOT CMAKE_OBJCOPY OR NOT CMAKE_NM OR NOT CMAKE_AR)
    set(${failure} "objcopy, nm or ar is missing" PARENT_SCOPE)
    return()
  endif()
  get_target_property(shared eclipse-paho-mqtt-c::paho-mqtt3as LOCATION)
  get_filename_component(beside "${shared}" DIRECTORY)
  find_library(HONEYFRAME_PAHO_ARCHIVE NAMES libpaho-mqtt3as.a HINTS "${beside}" NO_DEFAULT_PATH)
  mark_as_advanced(HONEYFRAME_PAHO_ARCHIVE)
  if(NOT HONEYFRAME_PAHO_ARCHIVE)
    set(${failure} "there is no libpaho-mqtt3as.a in ${beside}" PARENT_SCOPE)
    return()
  endif()
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${HONEYFRAME_PAHO_ARCHIVE}")

  file(REMOVE_RECURSE "${directory}")
  file(MAKE_DIRECTORY "${directory}")
  execute_process(COMMAND "${CMAKE_AR}" x "${HONEYFRAME_PAHO_ARCHIVE}" WORKING_DIRECTORY "${directory}" RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    set(${failure} "${HONEYFRAME_PAHO_ARCHIVE} cannot be unpacked" PARENT_SCOPE)
    return()
  endif()
  file(GLOB objects "${directory}/*.o")
  set(renames "")
  set(names "#pragma once\n// Made by CMake: the public names of Paho, as they are called in honeyframe's copy of it.\n")
  foreach(object IN LISTS objects)
    execute_process(COMMAND "${CMAKE_NM}" -P -g --defined-only "${object}" OUTPUT_VARIABLE listing ERROR_QUIET RESULT_VARIABLE code)
    if(NOT code EQUAL 0)
      set(${failure} "nm cannot read ${object}" PARENT_SCOPE)
      return()
    endif()
    string(REGEX MATCHALL "(^|\n)[A-Za-z_0-9]+ [A-Z]" symbols "${listing}")
    foreach(symbol IN LISTS symbols)
      string(REGEX REPLACE "^\n?([A-Za-z_0-9]+) .*" "\\1" symbol "${symbol}")
      string(APPEND renames "${symbol} honeyframe_paho_${symbol}\n")
      if(symbol MATCHES "^MQTT")
        string(APPEND names "#define ${symbol} honeyframe_paho_${symbol}\n")
      endif()
    endforeach()
    # The diagnostic units, whatever their files are called.
    if(listing MATCHES "(^|\n)(mymalloc|StackTrace_entry|Log_initialize) ")
      file(REMOVE "${object}")
    endif()
  endforeach()
  foreach(import IN LISTS HONEYFRAME_PAHO_IMPORTS)
    string(APPEND renames "${import} honeyframe_paho_${import}\n")
  endforeach()
  file(WRITE "${directory}/renames.txt" "${renames}")
  file(CONFIGURE OUTPUT "${directory}/paho_names.h" CONTENT "${names}" @ONLY)
  file(GLOB objects "${directory}/*.o")
  foreach(object IN LISTS objects)
    execute_process(COMMAND "${CMAKE_OBJCOPY}" --redefine-syms=${directory}/renames.txt "${object}" RESULT_VARIABLE code ERROR_QUIET)
    if(NOT code EQUAL 0)
      set(${failure} "objcopy cannot rename the symbols of ${object}" PARENT_SCOPE)
      return()
    endif()
  endforeach()

  # All of it must fit into a shared object, and lack nothing that we do not define.
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -shared -Wl,-z,text -o "${directory}/trial.so" ${objects}
    RESULT_VARIABLE code ERROR_VARIABLE said OUTPUT_QUIET)
  if(NOT code EQUAL 0)
    set(${failure} "the archive cannot become part of a shared object: ${said}" PARENT_SCOPE)
    return()
  endif()
  execute_process(COMMAND "${CMAKE_NM}" -P -u "${directory}/trial.so" OUTPUT_VARIABLE lacking)
  file(REMOVE "${directory}/trial.so")
  file(STRINGS "${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../cpp/core/paho_diagnostics.h" declared REGEX "honeyframe_paho_")
  string(REGEX MATCHALL "honeyframe_paho_[A-Za-z_0-9]+" lacking "${lacking}")
  foreach(symbol IN LISTS lacking)
    string(REPLACE "honeyframe_paho_" "" import "${symbol}")
    if(NOT import IN_LIST HONEYFRAME_PAHO_IMPORTS AND NOT declared MATCHES "${symbol}\\(|${symbol};")
      set(${failure} "this Paho needs ${import} of its diagnostic units, which honeyframe does not answer" PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

if(NOT HONEYFRAME_PAHO MATCHES "^(auto|lean|system)$")
  message(FATAL_ERROR "HONEYFRAME_PAHO is '${HONEYFRAME_PAHO}': it must be auto, lean or system.")
endif()
set(HONEYFRAME_PAHO_MODE system)
set(HONEYFRAME_PAHO_OBJECTS "")
set(honeyframe_paho_directory ${CMAKE_CURRENT_BINARY_DIR}/paho)
if(NOT HONEYFRAME_PAHO STREQUAL system)
  honeyframe_make_lean_paho(${honeyframe_paho_directory} honeyframe_paho_failure)
  if(NOT honeyframe_paho_failure)
    set(HONEYFRAME_PAHO_MODE lean)
    file(GLOB HONEYFRAME_PAHO_OBJECTS ${honeyframe_paho_directory}/*.o)
  elseif(HONEYFRAME_PAHO STREQUAL lean)
    message(FATAL_ERROR "A lean Paho cannot be made: ${honeyframe_paho_failure}. -DHONEYFRAME_PAHO=system uses the shared library.")
  else()
    message(STATUS "No lean Paho: ${honeyframe_paho_failure}")
  endif()
endif()
message(STATUS "Paho: ${HONEYFRAME_PAHO_MODE}")

add_library(honeyframe_paho_system INTERFACE)
target_compile_definitions(honeyframe_paho_system INTERFACE HONEYFRAME_PAHO_LEAN=0)
target_link_libraries(honeyframe_paho_system INTERFACE eclipse-paho-mqtt-c::paho-mqtt3as)
add_library(honeyframe_paho INTERFACE)
if(HONEYFRAME_PAHO_MODE STREQUAL lean)
  target_include_directories(honeyframe_paho SYSTEM INTERFACE
    $<TARGET_PROPERTY:eclipse-paho-mqtt-c::paho-mqtt3as,INTERFACE_INCLUDE_DIRECTORIES>)
  target_compile_definitions(honeyframe_paho INTERFACE HONEYFRAME_PAHO_LEAN=1)
  target_compile_options(honeyframe_paho INTERFACE "SHELL:-include ${honeyframe_paho_directory}/paho_names.h")
else()
  target_link_libraries(honeyframe_paho INTERFACE honeyframe_paho_system)
endif()
