# SPDX-License-Identifier: Apache-2.0
"""The installed package and the programs of others that use it."""

import json
import os
import pathlib
import shutil
import subprocess


class Wrong(Exception):
    """What the case found."""


def expect(condition, what):
    if not condition:
        raise Wrong(what)


def run(*command, cwd=None, env=None):
    """Runs it, shows it, and gives its output."""
    print("$", *command, flush=True)
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        errors="replace",
        timeout=240,
    )
    print(result.stdout, end="", flush=True)
    expect(result.returncode == 0, f"{command[0]} ended with {result.returncode}")
    return result.stdout


class Package:
    """What CMake said of the build (package-CONFIG.json), and the folders of the test."""

    def __init__(self, path):
        for name, value in json.loads(pathlib.Path(path).read_text()).items():
            setattr(self, name, value)
        self.work = pathlib.Path(self.work)
        self.windows = self.system == "Windows"
        self.first_prefix = self.work / "first"
        self.prefix = self.work / "moved" / "somewhere else"
        self.backend = "iocp" if self.windows else "io_uring"

    def fresh(self, name):
        folder = self.work / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def files(self, prefix=None):
        prefix = prefix or self.prefix
        found = sorted(path.relative_to(prefix).as_posix() for path in prefix.rglob("*") if not path.is_dir())
        expect(found, f"nothing is installed in {prefix}")
        return found

    def shared_files(self):
        """Files of the shared library: of who runs programs, of who builds them."""
        lib = self.libdir
        if self.windows:
            return ["bin/sluice.dll"], [f"{lib}/libsluice.dll.a"]
        name = f"{lib}/libsluice.so"
        return [f"{name}.{self.version.split('.')[0]}", f"{name}.{self.version}"], [name]

    def configure(self, consumer, folder):
        """Configures the consumer project, as somebody who only knows where the package is."""
        command = [self.cmake, "-S", pathlib.Path(__file__).parent / "consumer", "-B", folder, "-G", self.generator]
        command += [f"-DCONSUMER={consumer}", f"-DCONSUMER_VERSION={'.'.join(self.version.split('.')[:2])}"]
        command += ["-DCMAKE_BUILD_TYPE=Debug"]
        if self.toolchain:
            # The toolchain looks below its own root paths only.
            command += [f"-DCMAKE_TOOLCHAIN_FILE={self.toolchain}"]
            command += [f"-DSluice_DIR={self.prefix / self.libdir / 'cmake' / 'Sluice'}"]
        else:
            command += [f"-DCMAKE_C_COMPILER={self.c}", f"-DCMAKE_PREFIX_PATH={self.prefix}"]
            if consumer != "shared":
                command += [f"-DCMAKE_CXX_COMPILER={self.cxx}"]
        run(*command)

    def start(self, program, *arguments, env=None):
        launcher = [self.emulator] if self.windows else []
        return run(*launcher, program, *arguments, env=env)


def install(package):
    """Each component has its files, and no other; then all of them, moved."""
    program = ["bin/sluice.exe" if package.windows else "bin/sluice"] if package.program else []
    runtime, development = package.shared_files()
    headers = [f"include/sluice/{path.name}" for path in pathlib.Path(package.source, "engine/include/sluice").glob("*.h")]
    cmake = [f"{package.libdir}/cmake/Sluice/{name}.cmake" for name in ("SluiceConfig", "SluiceConfigVersion")]
    pc = [f"{package.libdir}/pkgconfig/{name}.pc" for name in ("sluice", "sluice-static")]
    always = ["share/sluice/LICENSE", "share/sluice/sluice.spdx.json"]
    wanted = {
        "runtime": always + program + runtime,
        "development": always + headers + cmake + pc + development + [f"{package.libdir}/libsluice.a"],
    }
    for component, files in wanted.items():
        prefix = package.fresh("component")
        run(package.cmake, "--install", package.build, "--prefix", prefix, "--component", component)
        # CMake's own files of the targets have names of its choice.
        found = [path for path in package.files(prefix) if "/cmake/Sluice/Sluice-" not in path]
        expect(sorted(files) == found, f"component {component}: wanted {sorted(files)}, found {found}")
        shutil.rmtree(prefix)

    shutil.rmtree(package.first_prefix, ignore_errors=True)
    run(package.cmake, "--install", package.build, "--prefix", package.first_prefix)
    shutil.rmtree(package.prefix, ignore_errors=True)
    package.prefix.parent.mkdir(parents=True, exist_ok=True)
    package.first_prefix.rename(package.prefix)
    if program:
        output = package.start(package.prefix / program[0], "version")
        expect(f"sluice {package.version} ({package.backend})" in output, "the installed program says something else")


def headers(package):
    """Each header compiles alone, with the package and Abseil."""
    folder = package.fresh("headers")
    package.configure("static", folder)
    run(package.cmake, "--build", folder, "--target", "alone", "--parallel", "2")


def c_abi(package):
    """C, find_package, the shared library."""
    folder = package.fresh("c_abi")
    package.configure("shared", folder)
    run(package.cmake, "--build", folder)
    output = package.start(folder / ("consumer.exe" if package.windows else "consumer"))
    expect(f"sluice {package.version} on {package.backend}" in output, "the library says something else")
    if not package.windows:
        dynamic = run("readelf", "-d", folder / "consumer")
        expect("[libsluice.so." + package.version.split(".")[0] + "]" in dynamic, "the program does not use the shared library")
        expect("libstdc++" not in dynamic, "a C program was linked as C++")


def cxx_api(package):
    """C++, find_package, the static library."""
    folder = package.fresh("cxx_api")
    package.configure("static", folder)
    run(package.cmake, "--build", folder, "--parallel", "2")
    output = package.start(folder / ("consumer.exe" if package.windows else "consumer"))
    uses = len(list((pathlib.Path(__file__).parent / "consumer").glob("use_*.cc")))
    expect(f"{uses} uses, 0 wrong" in output, f"not all of the {uses} uses are good")


def pkg_config(package):
    """The same two programs without CMake."""
    folder = package.fresh("pkg_config")
    consumer = pathlib.Path(__file__).parent / "consumer"
    env = {"PKG_CONFIG_PATH": str(package.prefix / package.libdir / "pkgconfig")}

    def flags(*wanted):
        # Its own quoting: the prefix has a space in it.
        words = run("pkg-config", *wanted, env=env)
        return subprocess.run(["xargs", "-n1"], input=words, stdout=subprocess.PIPE, text=True, check=True).stdout.split("\n")[:-1]

    expect(run("pkg-config", "--modversion", "sluice", env=env).strip() == package.version, "the version is wrong")
    run(package.c, consumer / "use_c_abi.c", "-o", folder / "shared", *flags("--cflags", "--libs", "sluice"))
    libraries = {"LD_LIBRARY_PATH": str(package.prefix / package.libdir)}
    expect(package.version in package.start(folder / "shared", env=libraries), "the library says something else")

    sources = [consumer / "main.cc", *consumer.glob("use_*.cc")]
    run(package.cxx, "-std=c++20", *sources, "-o", folder / "static", *flags("--cflags", "--libs", "sluice-static"))
    expect(", 0 wrong" in package.start(folder / "static"), "not all uses are good")

    # Where there is no shared library, --static says what the other one needs, to a C compiler too.
    only_static = package.fresh("pkg_config/only static")
    shutil.copytree(package.prefix, only_static, dirs_exist_ok=True, symlinks=True)
    for path in (only_static / package.libdir).glob("libsluice.so*"):
        path.unlink()
    env["PKG_CONFIG_PATH"] = str(only_static / package.libdir / "pkgconfig")
    run(package.c, consumer / "use_c_abi.c", "-o", folder / "c_static", *flags("--static", "--cflags", "--libs", "sluice"))
    expect(package.version in package.start(folder / "c_static"), "the library says something else")


def paths(package):
    """Nothing installed names a folder of the machine that built it."""
    # As bytes: programs and archives have them in debug information and in texts of checks. The dependencies that
    # tools/setup builds are inside programs too.
    folders = [package.source, package.build, str(package.first_prefix), str(package.work), "/build/deps/"]
    found = []
    for name in package.files():
        content = (package.prefix / name).read_bytes()
        # What tells others how to link names not even a folder where a library of the system was.
        system = ["/usr/"] if name.endswith((".cmake", ".pc", ".json")) else []
        found += [f"{name} names {folder}" for folder in folders + system if folder.encode() in content]
    print(len(package.files()), "files read")
    expect(not found, "; ".join(found))
