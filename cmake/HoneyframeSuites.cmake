# honeyframe_discover_suites(target [PREFIX text] [FILTER pattern]): a test of ctest for each suite of a GoogleTest program, where
# gtest_discover_tests makes one for each test. A process takes a fifth of a second to start under ASan: 1,300 of them took longer than all
# that they tested. Suites still cannot disturb each other.
#
# As a script (-DPROGRAM= -DPREFIX= -DFILTER= -DLIST=) it asks the program for its suites, and writes them into LIST.

if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND ${PROGRAM} --gtest_list_tests --gtest_filter=${FILTER} OUTPUT_VARIABLE listed COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "\n[^ \n.]+\\." suites "\n${listed}")
  if(NOT suites)
    message(FATAL_ERROR "${PROGRAM} has no test that matches ${FILTER}")
  endif()
  set(tests "")
  foreach(suite IN LISTS suites)
    string(REGEX REPLACE "^\n|\\.$" "" suite "${suite}")
    string(APPEND tests "add_test([=[${PREFIX}${suite}]=] [=[${PROGRAM}]=] [=[--gtest_filter=${suite}.*]=] --gtest_brief=1)\n")
  endforeach()
  file(WRITE ${LIST} "${tests}")
  return()
endif()

set(HONEYFRAME_SUITES_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(honeyframe_discover_suites target)
  cmake_parse_arguments(PARSE_ARGV 1 ARG "" "PREFIX;FILTER" "")
  if(NOT ARG_FILTER)
    set(ARG_FILTER *)
  endif()
  set(list ${CMAKE_CURRENT_BINARY_DIR}/${target}_suites)
  add_custom_command(TARGET ${target} POST_BUILD BYPRODUCTS ${list}.cmake VERBATIM
    COMMAND ${CMAKE_COMMAND} -DPROGRAM=$<TARGET_FILE:${target}> -DPREFIX=${ARG_PREFIX} -DFILTER=${ARG_FILTER} -DLIST=${list}.cmake
      -P ${HONEYFRAME_SUITES_SCRIPT})
  # ctest says so where nothing was built, rather than failing over a file that is not there.
  file(WRITE ${list}_if_built.cmake "if(EXISTS [=[${list}.cmake]=])\n  include([=[${list}.cmake]=])\nelse()\n  add_test(${target}_NOT_BUILT ${target}_NOT_BUILT)\nendif()\n")
  set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES ${list}_if_built.cmake)
endfunction()
