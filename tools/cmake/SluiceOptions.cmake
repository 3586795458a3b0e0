# SPDX-License-Identifier: Apache-2.0
#
# Compiler settings that hold for everything built here: language, warnings, sanitizers, output folders.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/lib")

if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# Everything of ours links this; nobody else ever sees it.
add_library(sluice_options INTERFACE)

if(MSVC)
  target_compile_options(sluice_options INTERFACE /W4 /permissive- /Zc:__cplusplus $<$<BOOL:${SLUICE_WERROR}>:/WX>)
else()
  target_compile_options(
    sluice_options
    INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow
              $<$<BOOL:${SLUICE_WERROR}>:-Werror>
              # Clang counts sign conversions as conversions, GCC does not; one meaning for both.
              $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wno-sign-conversion>
              $<$<CXX_COMPILER_ID:Clang,AppleClang>:-Wthread-safety>)
  # __FILE__ in a failed check names the file below the top, not on the machine that built it. What may be installed says
  # nothing of that machine in its debug information either; a debugger that is started at the top finds the sources.
  if(SLUICE_SANITIZE STREQUAL "none" AND NOT SLUICE_BUILD_FUZZ)
    target_compile_options(sluice_options INTERFACE "-ffile-prefix-map=${PROJECT_SOURCE_DIR}/="
                                                    "-ffile-prefix-map=${PROJECT_BINARY_DIR}=build")
  else()
    target_compile_options(sluice_options INTERFACE "-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")
  endif()
  # Archives without times and users, also where binutils were not configured so.
  foreach(_language C CXX)
    set(CMAKE_${_language}_ARCHIVE_CREATE "<CMAKE_AR> qcD <TARGET> <LINK_FLAGS> <OBJECTS>")
    set(CMAKE_${_language}_ARCHIVE_APPEND "<CMAKE_AR> qD <TARGET> <LINK_FLAGS> <OBJECTS>")
    set(CMAKE_${_language}_ARCHIVE_FINISH "<CMAKE_RANLIB> -D <TARGET>")
  endforeach()
endif()

if(WIN32)
  target_compile_definitions(sluice_options INTERFACE _WIN32_WINNT=0x0A00 NOMINMAX WIN32_LEAN_AND_MEAN UNICODE _UNICODE)
  if(MINGW)
    # An exe must run on a machine that has no mingw DLLs.
    target_link_options(sluice_options INTERFACE -static "LINKER:--no-insert-timestamp")
  endif()
endif()

if(SLUICE_AUDIT)
  target_compile_definitions(sluice_options INTERFACE SLUICE_AUDIT_BUILD=1)
endif()

if(SLUICE_SANITIZE STREQUAL "address-undefined")
  set(_sanitize -fsanitize=address,undefined)
elseif(SLUICE_SANITIZE STREQUAL "thread")
  set(_sanitize -fsanitize=thread)
elseif(NOT SLUICE_SANITIZE STREQUAL "none")
  message(FATAL_ERROR "SLUICE_SANITIZE is '${SLUICE_SANITIZE}'; it must be none, address-undefined or thread")
endif()
if(SLUICE_BUILD_FUZZ)
  # Coverage feedback for libFuzzer in everything of ours; the targets add the fuzzer itself.
  list(APPEND _sanitize -fsanitize=fuzzer-no-link)
endif()
if(_sanitize)
  # Every report ends the program, so that a report is a failed test and not a line in a log.
  target_compile_options(sluice_options INTERFACE ${_sanitize} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(sluice_options INTERFACE ${_sanitize})
  # Checks of whole structures are affordable here, and of indices that stay inside an allocation, which no sanitizer sees.
  target_compile_definitions(sluice_options INTERFACE SLUICE_AUDIT_BUILD=1 _GLIBCXX_ASSERTIONS)
endif()
