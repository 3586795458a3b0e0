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

add_custom_command(
  OUTPUT "${wire_suite}"
  COMMAND
    "${SLUICE_HOST_CXX}" -std=c++20 -O1 -Wall -Wextra "-I${PROJECT_SOURCE_DIR}" "-I${PROJECT_SOURCE_DIR}/engine/include"
    "-DSLUICE_BIN_DIR=\"${CMAKE_RUNTIME_OUTPUT_DIRECTORY}\"" ${wire_sources} -o "${wire_suite}" -lgmock -lgtest
    -lgtest_main -lpthread
  DEPENDS ${wire_sources} ${wire_headers}
  COMMENT "Building the wire suite for this machine"
  VERBATIM)
add_custom_target(wire ALL DEPENDS "${wire_suite}")
add_dependencies(wire sluice redirect_service)

add_test(NAME wire COMMAND "${CMAKE_CURRENT_LIST_DIR}/run-windows"
                           "--gtest_output=xml:${CMAKE_BINARY_DIR}/results/wire.xml")
set_tests_properties(wire PROPERTIES LABELS wire RUN_SERIAL ON TIMEOUT 900 ENVIRONMENT
                                     "SLUICE_WINDOWS_BUILD=${CMAKE_BINARY_DIR}")
