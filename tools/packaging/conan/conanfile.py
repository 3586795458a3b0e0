# SPDX-License-Identifier: Apache-2.0
"""Conan 2 recipe, for the tree it lies in: conan create tools/packaging/conan [-o "&:shared=True"]"""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

# What is needed to build, below the top of the tree.
SOURCES = (
    "CMakeLists.txt",
    "LICENSE",
    "engine/*",
    "tools/cmake/*",
    "tools/examples/*",
    "tools/packaging/*",
    "tools/sluice/*",
    "bench/peers/*",
)
PROGRAM_REQUIRES = ("cli11", "mimalloc", "nlohmann_json")


class SluiceConan(ConanFile):
    name = "sluice"
    license = "Apache-2.0"
    description = "Embeddable proxy engine on a completion-port model"
    topics = ("proxy", "iocp", "io-uring", "wfp")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    # shared: the C ABI alone. program: the sluice program too.
    options = {"shared": [True, False], "program": [True, False]}
    default_options = {"shared": False, "program": False}

    def _top(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def set_version(self):
        text = load(self, os.path.join(self._top(), "CMakeLists.txt"))
        self.version = re.search(r"project\(Sluice VERSION ([0-9.]+)", text).group(1)

    def export_sources(self):
        for pattern in SOURCES:
            copy(self, pattern, src=self._top(), dst=self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def validate(self):
        check_min_cppstd(self, 20)

    def requirements(self):
        # The C++ API shows Abseil's types; the C ABI shows nobody's.
        visible = not self.options.shared
        self.requires("abseil/[>=20220623.1]", transitive_headers=visible, transitive_libs=visible)
        if self.settings.os == "Linux":
            self.requires("liburing/[>=2.3]")
        if self.options.program:
            self.requires("cli11/[>=2.1.2 <3]")
            self.requires("mimalloc/[>=2.0.9 <3]")
            self.requires("nlohmann_json/[>=3.11 <4]")

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["SLUICE_BUILD_SHARED"] = bool(self.options.shared)
        toolchain.cache_variables["SLUICE_BUILD_STATIC"] = not self.options.shared
        toolchain.cache_variables["SLUICE_BUILD_TOOLS"] = bool(self.options.program)
        toolchain.cache_variables["SLUICE_BUILD_TESTS"] = False
        toolchain.cache_variables["SLUICE_WERROR"] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan makes these for each user from package_info.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        kind = "shared" if self.options.shared else "static"
        self.cpp_info.set_property("cmake_file_name", "Sluice")
        self.cpp_info.set_property("cmake_target_name", "Sluice::sluice")
        self.cpp_info.set_property("cmake_target_aliases", [f"Sluice::sluice_{kind}"])
        self.cpp_info.set_property("pkg_config_name", "sluice")
        self.cpp_info.libs = ["sluice"]
        if self.options.shared:
            self.cpp_info.defines = ["SLUICE_SHARED"]
            if self.settings.compiler == "msvc":
                self.cpp_info.libs = ["sluice.dll"]
        elif self.settings.os == "Windows":
            self.cpp_info.system_libs = ["ws2_32", "mswsock"]
        else:
            self.cpp_info.system_libs = ["pthread"]
        # Conan wants each requirement to be used by somebody; those of the program are not the library's.
        self.cpp_info.requires = ["abseil::abseil"]
        if self.settings.os == "Linux":
            self.cpp_info.requires.append("liburing::liburing")
        if self.options.program:
            self.cpp_info.requires += [f"{name}::{name}" for name in PROGRAM_REQUIRES]
