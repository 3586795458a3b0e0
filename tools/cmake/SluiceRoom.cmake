# SPDX-License-Identifier: Apache-2.0
#
# sluice_room(<name> DIR <folder> [DEPS <room>...] [LINK <library>...])
#
# Makes the static library sluice_<name> (alias Sluice::<name>) of all *.cc in the folder, not below it. DEPS are the
# rooms its row in engine/ARCHITECTURE.md names; LINK is third-party or system libraries. A room without sources
# becomes an interface library, so that the wiring stands before the code does.

function(sluice_room name)
  cmake_parse_arguments(PARSE_ARGV 1 room "" "DIR" "DEPS;LINK")
  if(room_UNPARSED_ARGUMENTS OR NOT room_DIR)
    message(FATAL_ERROR "sluice_room(${name}): needs DIR, does not know '${room_UNPARSED_ARGUMENTS}'")
  endif()

  file(GLOB sources CONFIGURE_DEPENDS "${room_DIR}/*.cc")
  list(TRANSFORM room_DEPS PREPEND "sluice_")
  set(target sluice_${name})

  if(sources)
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    set_property(GLOBAL APPEND PROPERTY SLUICE_ROOMS_WITH_SOURCES ${target})
    target_link_libraries(${target} PRIVATE sluice_options)
    # No exceptions in the engine: errors are values, and none may cross the C ABI.
    if(MSVC)
      target_compile_definitions(${target} PRIVATE _HAS_EXCEPTIONS=0)
    else()
      target_compile_options(${target} PRIVATE $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions>)
    endif()
  else()
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  endif()

  add_library(Sluice::${name} ALIAS ${target})
  # "engine/base/check.h" from the top, "sluice/address.h" from the vocabulary.
  target_include_directories(${target} ${scope} "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/engine/include")
  target_link_libraries(${target} ${scope} ${room_DEPS} ${room_LINK} sluice_absl)
endfunction()
