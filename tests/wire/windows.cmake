# SPDX-License-Identifier: Apache-2.0
#
# The wire suite in the Windows preset. It runs on Linux (it spawns curl, kills processes, speaks plain sockets) and
# drives the Windows program through tools/wine-run; so it is built by this machine's own compiler, past the toolchain.
# Include it from tests/CMakeLists.txt instead of adding the folder as a Windows executable.

find_program(SLUICE_HOST_CXX NAMES c++ g++ clang++ REQUIRED)
file(GLOB wire_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.cc")
file(GLOB wire_headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/*.h")
list(APPEND wire_sources "${PROJECT_SOURCE_DIR}/engine/base/check.cc")
set(wire_suite "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/wire_host")

file(GLOB transparency_sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/transparency/*.cc")
list(FILTER transparency_sources EXCLUDE REGEX "main\\.cc$")
file(GLOB transparency_headers CONFIGURE_DEPENDS "${CMAKE_CURRENT_LIST_DIR}/transparency/*.h")
set(transparency_suite "${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/transparency_host")

# sluice_host_suite(<executable> <source>...)
function(sluice_host_suite suite)
  add_custom_command(
    OUTPUT "${suite}"
    COMMAND
      "${SLUICE_HOST_CXX}" -std=c++20 -O1 -Wall -Wextra "-I${PROJECT_SOURCE_DIR}" "-I${PROJECT_SOURCE_DIR}/engine/include"
      "-DSLUICE_BIN_DIR=\"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\""
      "-DSLUICE_WIRE_DIR=\"${PROJECT_SOURCE_DIR}/tests/wire\"" ${ARGN} -o "${suite}" -lgmock -lgtest -lgtest_main
      -lpthread
    DEPENDS ${ARGN} ${wire_headers} ${transparency_headers}
    COMMENT "Building ${suite} for this machine"
    VERBATIM)
endfunction()
sluice_host_suite("${wire_suite}" ${wire_sources})
sluice_host_suite(
  "${transparency_suite}" ${transparency_sources} "${CMAKE_CURRENT_LIST_DIR}/program.cc"
  "${CMAKE_CURRENT_LIST_DIR}/sockets.cc" "${PROJECT_SOURCE_DIR}/engine/base/check.cc")
add_custom_target(wire ALL DEPENDS "${wire_suite}" "${transparency_suite}")
add_dependencies(wire sluice minimal_proxy minimal_proxy_c redirect_service content_proxy name_proxy tap_proxy)

add_test(NAME wire COMMAND "${CMAKE_CURRENT_LIST_DIR}/run-windows"
                           "--gtest_output=xml:${CMAKE_BINARY_DIR}/results/wire.xml")
set_tests_properties(wire PROPERTIES LABELS wire RUN_SERIAL ON TIMEOUT 900 ENVIRONMENT
                                     "SLUICE_WINDOWS_BUILD=${CMAKE_BINARY_DIR}")

add_test(NAME transparency_test COMMAND "${CMAKE_CURRENT_LIST_DIR}/run-windows"
                                        "--gtest_output=xml:${CMAKE_BINARY_DIR}/results/transparency_test.xml")
set_tests_properties(
  transparency_test PROPERTIES LABELS wire RUN_SERIAL ON TIMEOUT 900 ENVIRONMENT
                               "SLUICE_WINDOWS_BUILD=${CMAKE_BINARY_DIR};SLUICE_WIRE_SUITE=transparency_host")
