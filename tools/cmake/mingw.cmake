# SPDX-License-Identifier: Apache-2.0
#
# Cross compilation for 64-bit Windows with Debian's mingw-w64, posix threads: the win32 thread flavour has no
# std::mutex or std::thread in GCC 12.

set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
# Abseil's CMake asks for the version when it decides on _WIN32_WINNT; 10.0 is the oldest Windows Sluice supports.
set(CMAKE_SYSTEM_VERSION 10.0)

set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_CXX_COMPILER x86_64-w64-mingw32-g++-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
# The wrappers with LTO support; the plain names belong to either thread flavour.
set(CMAKE_AR x86_64-w64-mingw32-gcc-ar-posix)
set(CMAKE_RANLIB x86_64-w64-mingw32-gcc-ranlib-posix)

# Built by tools/setup/windows-deps. The cache variable lets windows-deps itself use this file with its own prefix.
set(SLUICE_WINDOWS_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../build/deps/windows" CACHE PATH "Windows dependencies")
get_filename_component(SLUICE_WINDOWS_PREFIX "${SLUICE_WINDOWS_PREFIX}" ABSOLUTE)
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES SLUICE_WINDOWS_PREFIX)

set(CMAKE_FIND_ROOT_PATH "${SLUICE_WINDOWS_PREFIX}" /usr/x86_64-w64-mingw32)
# The prefix is below the root path, so CMake must not look for it a second time below itself.
set(CMAKE_PREFIX_PATH "${SLUICE_WINDOWS_PREFIX}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)

set(CMAKE_CROSSCOMPILING_EMULATOR "${CMAKE_CURRENT_LIST_DIR}/../wine-run")
