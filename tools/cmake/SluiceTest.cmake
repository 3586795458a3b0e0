# SPDX-License-Identifier: Apache-2.0
#
# sluice_test(NAME <name> SOURCES <file>... [LIBS <library>...] [LABELS <label>...] [TIMEOUT <seconds>] [SERIAL])
#
# One GoogleTest executable in build/<preset>/bin. Natively every case is a test of its own for ctest. For Windows the
# executable is one test, run through tools/wine-run: starting Wine for every case would cost more than the cases
# do. Its cases are counted from the XML it writes (tools/setup/count-tests). SERIAL: alone on the machine.

include(GoogleTest)

function(sluice_test)
  cmake_parse_arguments(PARSE_ARGV 0 test "SERIAL" "NAME;TIMEOUT" "SOURCES;LIBS;LABELS;DEFINITIONS")
  if(test_UNPARSED_ARGUMENTS OR NOT test_NAME OR NOT test_SOURCES)
    message(FATAL_ERROR "sluice_test(${test_NAME}): needs NAME and SOURCES, does not know '${test_UNPARSED_ARGUMENTS}'")
  endif()
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 60)
  endif()

  add_executable(${test_NAME} ${test_SOURCES})
  if(WIN32)
    target_sources(${test_NAME} PRIVATE "${PROJECT_SOURCE_DIR}/tests/failed_check.cc")
  endif()
  target_include_directories(${test_NAME} PRIVATE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/engine/include")
  target_compile_definitions(${test_NAME} PRIVATE ${test_DEFINITIONS})
  # What is tested is built as it is shipped. The tests themselves need no more than this, which compiles faster.
  target_compile_options(${test_NAME} PRIVATE $<$<AND:$<CXX_COMPILER_ID:GNU,Clang>,$<CONFIG:RelWithDebInfo>>:-O1;-g1>)
  # GoogleTest's parameterised macros use a GNU extension when their last argument is left out.
  target_compile_options(
    ${test_NAME} PRIVATE $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-gnu-zero-variadic-macro-arguments>)
  target_link_libraries(${test_NAME} PRIVATE sluice_options ${test_LIBS} GTest::gmock GTest::gtest_main sluice_absl)

  set(labels ${test_NAME} ${test_LABELS})
  if(CMAKE_CROSSCOMPILING)
    # The time limit is for a case; a whole executable under Wine gets that of five cases.
    math(EXPR timeout "${test_TIMEOUT} * 5")
    add_test(NAME ${test_NAME} COMMAND ${test_NAME} "--gtest_output=xml:results/${test_NAME}.xml"
             WORKING_DIRECTORY "${CMAKE_BINARY_DIR}")
    set_tests_properties(
      ${test_NAME} PROPERTIES LABELS "${labels}" RUN_SERIAL ${test_SERIAL} TIMEOUT ${timeout})
  else()
    # Discovery when ctest starts: a program that dies in a static initialiser is then a failed test, not a failed build.
    gtest_discover_tests(
      ${test_NAME}
      TEST_PREFIX "${test_NAME}."
      WORKING_DIRECTORY "${CMAKE_BINARY_DIR}"
      DISCOVERY_MODE PRE_TEST
      DISCOVERY_TIMEOUT 60
      PROPERTIES RUN_SERIAL ${test_SERIAL} TIMEOUT ${test_TIMEOUT})
    # gtest_discover_tests breaks lists, so the labels are set in a file that ctest reads after its own.
    file(
      CONFIGURE
      OUTPUT "${test_NAME}_labels.cmake"
      CONTENT "foreach(case IN LISTS ${test_NAME}_TESTS)\n  set_tests_properties(\"\${case}\" PROPERTIES LABELS \"${labels}\")\nendforeach()\n"
      @ONLY ESCAPE_QUOTES)
    set_property(DIRECTORY APPEND PROPERTY TEST_INCLUDE_FILES "${CMAKE_CURRENT_BINARY_DIR}/${test_NAME}_labels.cmake")
  endif()
endfunction()

# sluice_test_folder(<name> <folder> ...): the folder's *.cc as one executable, if it has any *_test.cc. The other
# arguments are those of sluice_test.
function(sluice_test_folder name folder)
  file(GLOB tests CONFIGURE_DEPENDS "${folder}/*_test.cc")
  if(tests)
    file(GLOB sources CONFIGURE_DEPENDS "${folder}/*.cc" "${folder}/*.c")
    sluice_test(NAME ${name} SOURCES ${sources} ${ARGN})
  endif()
endfunction()
