# SPDX-License-Identifier: Apache-2.0
#
# Third-party libraries, found once and named here. tools/setup/ installs or builds them.

find_package(Threads REQUIRED)
find_package(absl CONFIG REQUIRED)
if(NOT SLUICE_SANITIZE STREQUAL "none" AND absl_DIR MATCHES "^/usr/lib")
  message(FATAL_ERROR "The sanitizers need an Abseil built with them: run tools/setup/sanitizer-deps, configure afresh")
endif()

# What the rooms may use of Abseil. One list, so that no room grows a hidden dependency.
set(SLUICE_ABSL
    absl::base
    absl::bits
    absl::cleanup
    absl::core_headers
    absl::endian
    absl::fixed_array
    absl::flat_hash_map
    absl::flat_hash_set
    absl::function_ref
    absl::hash
    absl::inlined_vector
    absl::int128
    absl::node_hash_map
    absl::optional
    absl::span
    absl::status
    absl::statusor
    absl::str_format
    absl::strings
    absl::synchronization
    absl::time
    absl::variant)
add_library(sluice_absl INTERFACE)
target_link_libraries(sluice_absl INTERFACE ${SLUICE_ABSL} Threads::Threads)

if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  find_path(LIBURING_INCLUDE_DIR liburing.h REQUIRED)
  find_library(LIBURING_LIBRARY NAMES uring REQUIRED)
  add_library(sluice_liburing INTERFACE)
  target_include_directories(sluice_liburing SYSTEM INTERFACE "${LIBURING_INCLUDE_DIR}")
  target_link_libraries(sluice_liburing INTERFACE "${LIBURING_LIBRARY}")
endif()

if(SLUICE_BUILD_TOOLS)
  find_package(CLI11 CONFIG REQUIRED)
  find_package(nlohmann_json CONFIG REQUIRED)
endif()

# sluice_malloc: linking it gives a program mimalloc's operator new and delete (SLUICE_MIMALLOC is then defined). It is
# empty under sanitizers, which bring an allocator of their own.
add_library(sluice_malloc INTERFACE)
if(SLUICE_BUILD_TOOLS AND SLUICE_SANITIZE STREQUAL "none")
  find_package(mimalloc CONFIG REQUIRED)
  target_sources(sluice_malloc INTERFACE "${CMAKE_CURRENT_LIST_DIR}/mimalloc_new_delete.cc")
  target_compile_definitions(sluice_malloc INTERFACE SLUICE_MIMALLOC=1)
  target_link_libraries(sluice_malloc INTERFACE $<IF:$<TARGET_EXISTS:mimalloc-static>,mimalloc-static,mimalloc>)
endif()

if(SLUICE_BUILD_TESTS)
  find_package(GTest CONFIG REQUIRED)
endif()
if(SLUICE_BUILD_BENCH)
  find_package(benchmark CONFIG REQUIRED)
endif()
