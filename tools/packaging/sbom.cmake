# SPDX-License-Identifier: Apache-2.0
#
# sluice_sbom(): share/sluice/sluice.spdx.json, the bill of materials in SPDX 2.3, written when the package is installed.
# It names what was found when the build was configured, in the versions of the headers that are compiled in. The same
# sources and dependencies give the same file: its date is SOURCE_DATE_EPOCH or that of the last commit, its namespace ends in a
# hash of all the rest.

# sluice_header_version(<variable> <header> <macro>...): the macros' numbers with dots between, NOASSERTION if the header
# is not found or has none of them.
function(sluice_header_version variable header)
  set(version)
  find_path(folder "${header}" NO_CACHE HINTS ${LIBURING_INCLUDE_DIR})
  if(folder)
    foreach(macro IN LISTS ARGN)
      file(STRINGS "${folder}/${header}" line REGEX "define +${macro} +[0-9]+" LIMIT_COUNT 1)
      if(line MATCHES "${macro} +([0-9]+)")
        list(APPEND version "${CMAKE_MATCH_1}")
      endif()
    endforeach()
  endif()
  list(JOIN version "." version)
  if(version STREQUAL "")
    set(version NOASSERTION)
  endif()
  set(${variable} "${version}" PARENT_SCOPE)
endfunction()

# sluice_sbom_package(<id> <name> <version> <licence> <where from> [USER <id>
# HOW <relationship>] [PURPOSE <word>]): one package, and how
# the package USER stands to it. PURPOSE is LIBRARY if not
# given.
function(sluice_sbom_package id name version licence location)
  cmake_parse_arguments(PARSE_ARGV 5 arg "" "USER;HOW;PURPOSE" "")
  set(purpose LIBRARY)
  if(arg_PURPOSE)
    set(purpose ${arg_PURPOSE})
  endif()
  string(
    CONCAT package
           "    {\n"
           "      \"SPDXID\": \"SPDXRef-Package-${id}\",\n"
           "      \"name\": \"${name}\",\n"
           "      \"versionInfo\": \"${version}\",\n"
           "      \"downloadLocation\": \"${location}\",\n"
           "      \"filesAnalyzed\": false,\n"
           "      \"supplier\": \"NOASSERTION\",\n"
           "      \"licenseConcluded\": \"NOASSERTION\",\n"
           "      \"licenseDeclared\": \"${licence}\",\n"
           "      \"copyrightText\": \"NOASSERTION\",\n"
           "      \"primaryPackagePurpose\": \"${purpose}\"\n"
           "    }")
  set(user DOCUMENT)
  set(how DESCRIBES)
  if(arg_USER)
    set(user Package-${arg_USER})
    set(how ${arg_HOW})
  endif()
  string(CONCAT relationship "    { \"spdxElementId\": \"SPDXRef-${user}\", \"relationshipType\": \"${how}\", "
                             "\"relatedSpdxElement\": \"SPDXRef-Package-${id}\" }")
  set_property(GLOBAL APPEND_STRING PROPERTY SLUICE_SBOM_PACKAGES ",\n${package}")
  set_property(GLOBAL APPEND_STRING PROPERTY SLUICE_SBOM_RELATIONSHIPS ",\n${relationship}")
endfunction()

# How a library of this target comes into what links it.
function(sluice_sbom_link variable target)
  set(how STATIC_LINK)
  if(TARGET ${target})
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "SHARED_LIBRARY")
      set(how DYNAMIC_LINK)
    endif()
  elseif(target MATCHES "\\.so|\\.dll")
    set(how DYNAMIC_LINK)
  endif()
  set(${variable} ${how} PARENT_SCOPE)
endfunction()

function(sluice_sbom_libraries)
  sluice_sbom_package(sluice sluice ${PROJECT_VERSION} Apache-2.0 NOASSERTION)
  sluice_header_version(version absl/base/config.h ABSL_LTS_RELEASE_VERSION ABSL_LTS_RELEASE_PATCH_LEVEL)
  sluice_sbom_link(how absl::strings)
  sluice_sbom_package(abseil abseil ${version} Apache-2.0 https://github.com/abseil/abseil-cpp USER sluice HOW ${how})
  if(WIN32)
    sluice_header_version(version _mingw_mac.h __MINGW64_VERSION_MAJOR __MINGW64_VERSION_MINOR)
    if(MINGW)
      sluice_sbom_package(mingw-w64 mingw-w64 ${version} NOASSERTION https://www.mingw-w64.org USER sluice HOW STATIC_LINK)
      sluice_sbom_package(
        gcc-runtime "GCC runtime libraries" ${CMAKE_CXX_COMPILER_VERSION} "GPL-3.0-or-later WITH GCC-exception-3.1"
        https://gcc.gnu.org USER sluice HOW STATIC_LINK)
    endif()
  else()
    # Its header tells the version since 2.4; before that only its pkg-config file does.
    sluice_header_version(version liburing/io_uring_version.h IO_URING_VERSION_MAJOR IO_URING_VERSION_MINOR)
    get_filename_component(folder "${LIBURING_LIBRARY}" DIRECTORY)
    if(version STREQUAL "NOASSERTION" AND EXISTS "${folder}/pkgconfig/liburing.pc")
      file(STRINGS "${folder}/pkgconfig/liburing.pc" line REGEX "^Version:")
      string(REGEX REPLACE "^Version: *" "" version "${line}")
    endif()
    sluice_sbom_link(how "${LIBURING_LIBRARY}")
    sluice_sbom_package(
      liburing liburing ${version} "LGPL-2.1-or-later OR MIT" https://github.com/axboe/liburing USER sluice HOW ${how})
  endif()
endfunction()

function(sluice_sbom_program)
  sluice_sbom_package(sluice-program "sluice (program)" ${PROJECT_VERSION} Apache-2.0 NOASSERTION PURPOSE APPLICATION)
  set_property(
    GLOBAL APPEND_STRING
    PROPERTY
      SLUICE_SBOM_RELATIONSHIPS
      ",\n    { \"spdxElementId\": \"SPDXRef-Package-sluice-program\", \"relationshipType\": \"STATIC_LINK\", \"relatedSpdxElement\": \"SPDXRef-Package-sluice\" }"
  )
  sluice_header_version(version mimalloc.h MI_MALLOC_VERSION)
  string(REGEX REPLACE "^([0-9]+)0?([0-9])([0-9])$" "\\1.\\2.\\3" version "${version}")
  set(library mimalloc)
  if(TARGET mimalloc-static)
    set(library mimalloc-static)
  endif()
  sluice_sbom_link(how ${library})
  sluice_sbom_package(
    mimalloc mimalloc ${version} MIT https://github.com/microsoft/mimalloc USER sluice-program HOW ${how})
  sluice_header_version(version CLI/Version.hpp CLI11_VERSION_MAJOR CLI11_VERSION_MINOR CLI11_VERSION_PATCH)
  sluice_sbom_package(
    cli11 CLI11 ${version} BSD-3-Clause https://github.com/CLIUtils/CLI11 USER sluice-program HOW STATIC_LINK)
  sluice_sbom_package(
    nlohmann-json nlohmann-json ${nlohmann_json_VERSION} MIT https://github.com/nlohmann/json USER sluice-program HOW
    STATIC_LINK)
endfunction()

function(sluice_sbom)
  foreach(part PACKAGES RELATIONSHIPS)
    set_property(GLOBAL PROPERTY SLUICE_SBOM_${part} "")
  endforeach()
  sluice_sbom_libraries()
  if(TARGET sluice)
    sluice_sbom_program()
  endif()
  foreach(part PACKAGES RELATIONSHIPS)
    get_property(text GLOBAL PROPERTY SLUICE_SBOM_${part})
    string(REGEX REPLACE "^,\n" "" sbom_${part} "${text}")
  endforeach()
  find_package(Git QUIET)
  configure_file("${packaging}/sbom_install.cmake.in" "${generated}/sbom_install.cmake" @ONLY)
  foreach(component runtime development)
    install(SCRIPT "${generated}/sbom_install.cmake" COMPONENT ${component})
  endforeach()
endfunction()
