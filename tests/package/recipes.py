# SPDX-License-Identifier: Apache-2.0
"""The vcpkg port and the Conan recipe, by their form: neither tool runs here."""

import ast
import json
import pathlib
import re

from package import expect


def options_of(text):
    """The SLUICE_ options that a recipe sets."""
    return set(re.findall(r"SLUICE_[A-Z_]+", text))


def recipes(package):
    top = pathlib.Path(package.source)
    declared = set(re.findall(r"^option\((SLUICE_\w+)", (top / "CMakeLists.txt").read_text(), re.MULTILINE))
    expect(len(declared) > 5, "the options were not found in CMakeLists.txt")
    vcpkg(package, top, declared)
    conan(package, top, declared)
    header = (top / "engine/include/sluice/version.h").read_text()
    expect(f'kVersionText[] = "{package.version}"' in header, "sluice/version.h tells another version")


def vcpkg(package, top, declared):
    port = top / "tools/packaging/vcpkg/ports/sluice"
    manifest = json.loads((port / "vcpkg.json").read_text())
    ours = json.loads((top / "vcpkg.json").read_text())
    for field in ("name", "version", "description", "license", "supports"):
        expect(manifest[field] == ours[field], f"vcpkg: '{field}' is not what the project's own vcpkg.json says")
    expect(manifest["version"] == package.version, "vcpkg: the version is another")
    helpers = {"vcpkg-cmake", "vcpkg-cmake-config"}
    names = {entry if isinstance(entry, str) else entry["name"]: entry for entry in manifest["dependencies"]}
    expect(all(names[helper].get("host") is True for helper in helpers), "vcpkg: the helpers are tools of the host")
    rest = [entry for name, entry in names.items() if name not in helpers]
    expect(rest == ours["dependencies"], f"vcpkg: dependencies {rest}")
    for name, feature in manifest["features"].items():
        expect(feature == ours["features"][name], f"vcpkg: feature {name}")

    portfile = (port / "portfile.cmake").read_text()
    used = options_of(portfile)
    expect(used and used <= declared, f"vcpkg: no options of ours: {sorted(used - declared)}")
    for function in ("vcpkg_cmake_configure", "vcpkg_cmake_install", "vcpkg_cmake_config_fixup", "vcpkg_fixup_pkgconfig",
                     "vcpkg_install_copyright"):
        expect(f"{function}(" in portfile, f"vcpkg: {function} is not called")
    # The port lies in the tree that it builds.
    up = re.search(r"CMAKE_CURRENT_LIST_DIR}/((?:\.\./)*\.\.)", portfile)
    expect(up and (port / up.group(1)).resolve() == top.resolve(), "vcpkg: the port does not find the sources")
    expect("find_package(Sluice CONFIG REQUIRED)" in (port / "usage").read_text(), "vcpkg: usage does not say how")
    print("vcpkg port:", manifest["name"], manifest["version"], *sorted(used))


def conan(package, top, declared):
    folder = top / "tools/packaging/conan"
    text = (folder / "conanfile.py").read_text()
    recipe = conan_class(folder / "conanfile.py")
    fields = {target.id: node.value for node in recipe.body if isinstance(node, ast.Assign) for target in node.targets}
    methods = {node.name for node in recipe.body if isinstance(node, ast.FunctionDef)}
    expect({"name", "license", "settings", "options", "default_options"} <= set(fields), f"conan: has only {sorted(fields)}")
    wanted = {"set_version", "export_sources", "layout", "requirements", "generate", "build", "package", "package_info"}
    expect(wanted <= methods, f"conan: lacks {sorted(wanted - methods)}")
    expect(ast.literal_eval(fields["name"]) == "sluice", "conan: the name is another")
    expect(ast.literal_eval(fields["settings"]) == ("os", "arch", "compiler", "build_type"), "conan: the settings")
    used = options_of(text) - {"SLUICE_SHARED"}
    expect(used and used <= declared, f"conan: no options of ours: {sorted(used - declared)}")
    # What it exports is there, and the version is read from the right line.
    for name in re.findall(r'^    "([\w.*/]+)",$', text, re.MULTILINE):
        expect(list(top.glob(name)), f"conan: exports {name}, which is not there")
    pattern = re.search(r're\.search\(r"(.+)", ', text)
    found = pattern and re.search(pattern.group(1), (top / "CMakeLists.txt").read_text())
    expect(found and found.group(1) == package.version, "conan: the version is not found in CMakeLists.txt")
    # Nobody else's names are asked of the dependencies.
    ours = json.loads((top / "vcpkg.json").read_text())
    known = ours["dependencies"] + ours["features"]["tools"]["dependencies"]
    known = {(entry if isinstance(entry, str) else entry["name"]).replace("-", "_") for entry in known}
    required = {name.replace("-", "_") for name in re.findall(r'requires\("([\w-]+)/', text)}
    expect(required == known, f"conan: requires {sorted(required)}, vcpkg.json {sorted(known)}")

    test = conan_class(folder / "test_package/conanfile.py")
    methods = {node.name for node in test.body if isinstance(node, ast.FunctionDef)}
    expect({"requirements", "layout", "build", "test"} <= methods, f"conan: test_package has only {sorted(methods)}")
    expect("find_package(Sluice" in (folder / "test_package/CMakeLists.txt").read_text(), "conan: test_package")
    print("conan recipe:", recipe.name, *sorted(used))


def conan_class(path):
    """The one class of a recipe, from a file that compiles."""
    text = path.read_text()
    compile(text, str(path), "exec")
    classes = [node for node in ast.parse(text).body if isinstance(node, ast.ClassDef)]
    expect(len(classes) == 1 and [base.id for base in classes[0].bases] == ["ConanFile"], f"{path.name}: no recipe")
    return classes[0]
