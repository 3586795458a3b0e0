# SPDX-License-Identifier: Apache-2.0
#
# An overlay port: it builds the tree it lies in. vcpkg install sluice --overlay-ports=tools/packaging/vcpkg/ports

get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../../../.." ABSOLUTE)

# One library a triplet, as vcpkg wants it. A dynamic one has the C ABI alone.
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" "dynamic" build_shared)
string(COMPARE EQUAL "${VCPKG_LIBRARY_LINKAGE}" "static" build_static)
vcpkg_check_features(OUT_FEATURE_OPTIONS feature_options FEATURES tools SLUICE_BUILD_TOOLS)

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}"
  OPTIONS ${feature_options}
          -DSLUICE_BUILD_SHARED=${build_shared}
          -DSLUICE_BUILD_STATIC=${build_static}
          -DSLUICE_BUILD_TESTS=OFF
          -DSLUICE_BUILD_BENCH=OFF
          -DSLUICE_WERROR=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/Sluice)
vcpkg_fixup_pkgconfig()
vcpkg_copy_pdbs()
if("tools" IN_LIST FEATURES)
  vcpkg_copy_tools(TOOL_NAMES sluice AUTO_CLEAN)
endif()

file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include" "${CURRENT_PACKAGES_DIR}/debug/share")
file(REMOVE "${CURRENT_PACKAGES_DIR}/share/${PORT}/LICENSE")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
