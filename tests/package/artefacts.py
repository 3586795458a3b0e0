# SPDX-License-Identifier: Apache-2.0
"""What is inside the built files: symbols, resources, the bill of materials, and that they can be built again."""

import hashlib
import json
import pathlib
import re
import shutil
import struct
import subprocess
import time

from package import expect, run

# What a bare Windows has.
WINDOWS_DLLS = {"advapi32.dll", "bcrypt.dll", "dbghelp.dll", "iphlpapi.dll", "kernel32.dll", "msvcrt.dll", "mswsock.dll", "ntdll.dll",
                "psapi.dll", "user32.dll", "ws2_32.dll"}


def symbols(package):
    """The shared library shows sluice_open and nothing else, and needs nothing that is not there."""
    if package.windows:
        text = run(package.objdump, "-p", package.prefix / "bin/sluice.dll")
        table = text[text.index("[Ordinal/Name Pointer] Table"):]
        exported = re.findall(r"^\t\[ *\d+\] (?:\+base\[ *\d+\] +\w+ )?(\w+)$", table, re.MULTILINE)
        needed = {name.lower() for name in re.findall(r"DLL Name: (\S+)", text)}
        expect(needed <= WINDOWS_DLLS, f"needs {sorted(needed - WINDOWS_DLLS)}")
    else:
        library = package.prefix / package.libdir / "libsluice.so"
        lines = run(package.nm, "-D", "--defined-only", library).splitlines()
        exported = [line.split()[-1] for line in lines]
        wanted = f"[libsluice.so.{package.version.split('.')[0]}]"
        dynamic = run("readelf", "-d", library)
        expect(re.search(r"\(SONAME\).*" + re.escape(wanted), dynamic), f"its SONAME is not {wanted}")
        expect("RPATH" not in dynamic and "RUNPATH" not in dynamic, "it looks for libraries in a folder of its own")
    expect(exported == ["sluice_open"], f"exported: {exported}")


class Resource:
    """The version resource of a Windows program, read from the file."""

    def __init__(self, path):
        data = path.read_bytes()
        pe = struct.unpack_from("<I", data, 0x3C)[0]
        expect(data[pe:pe + 4] == b"PE\0\0", f"{path.name} is no PE file")
        sections, optional = struct.unpack_from("<H", data, pe + 6)[0], struct.unpack_from("<H", data, pe + 20)[0]
        self.timestamp = struct.unpack_from("<I", data, pe + 8)[0]
        section = b""
        for index in range(sections):
            name, size, _, length, at = struct.unpack_from("<8sIIII", data, pe + 24 + optional + 40 * index)
            if name.rstrip(b"\0") == b".rsrc":
                section = data[at:at + min(size, length)]
        fixed = section.find(struct.pack("<I", 0xFEEF04BD))
        expect(fixed >= 0, f"{path.name} has no VS_FIXEDFILEINFO")
        high, low, product_high, product_low = struct.unpack_from("<IIII", section, fixed + 8)
        self.file_version = f"{high >> 16}.{high & 0xFFFF}.{low >> 16}"
        self.product_version = f"{product_high >> 16}.{product_high & 0xFFFF}.{product_low >> 16}"
        self.is_dll = struct.unpack_from("<I", section, fixed + 36)[0] == 2
        self.section = section

    def text(self, key):
        """The string under a key of StringFileInfo."""
        at = self.section.find(key.encode("utf-16-le") + b"\0\0")
        expect(at >= 0, f"no {key}")
        at += 2 * len(key) + 2
        at += at % 4
        end = at
        while self.section[end:end + 2] not in (b"\0\0", b""):
            end += 2
        return self.section[at:end].decode("utf-16-le")


def resource(package):
    """Windows shows the right version for each file."""
    for name, is_dll in (("sluice.dll", True), ("sluice.exe", False)):
        if not is_dll and not package.program:
            continue
        found = Resource(package.prefix / "bin" / name)
        wanted = {"FileVersion": package.version, "ProductVersion": package.version, "ProductName": "Sluice",
                  "OriginalFilename": name}
        texts = {key: found.text(key) for key in wanted}
        print(name, found.file_version, texts)
        expect(found.file_version == found.product_version == package.version, f"{name}: version {found.file_version}")
        expect(texts == wanted, f"{name}: {texts}")
        expect(found.is_dll == is_dll, f"{name}: the wrong type of file")
        expect(found.timestamp == 0, f"{name}: carries the time it was linked")


def sbom(package):
    """The bill of materials has what SPDX 2.3 requires, and names what is really linked."""
    text = (package.prefix / "share/sluice/sluice.spdx.json").read_text()
    document = json.loads(text)
    expect(document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0", "not SPDX 2.3")
    expect(document["SPDXID"] == "SPDXRef-DOCUMENT" and document["name"], "the document has no name")
    expect(re.fullmatch(r"https://\S+-[0-9a-f]{64}", document["documentNamespace"]), "the namespace is not one")
    creation = document["creationInfo"]
    expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", creation["created"]), "the date is not one")
    expect(creation["creators"] and all(re.match("(Tool|Person|Organization): .", who) for who in creation["creators"]),
           "nobody made it")

    packages = {entry["SPDXID"]: entry for entry in document["packages"]}
    expect(len(packages) == len(document["packages"]), "an SPDXID is there twice")
    for spdx_id, entry in packages.items():
        print(spdx_id, entry["versionInfo"], entry["licenseDeclared"])
        expect(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", spdx_id), f"{spdx_id} is no SPDXID")
        expect(entry["name"] and entry["downloadLocation"] and entry["filesAnalyzed"] is False, f"{spdx_id} lacks a field")
        expect(re.match(r"\d", entry["versionInfo"]), f"{spdx_id} has the version '{entry['versionInfo']}'")
    known = set(packages) | {"SPDXRef-DOCUMENT"}
    described = set()
    for relation in document["relationships"]:
        ends = {relation["spdxElementId"], relation["relatedSpdxElement"]}
        expect(ends <= known, f"a relationship of nobody: {relation}")
        expect(relation["relationshipType"] in ("DESCRIBES", "STATIC_LINK", "DYNAMIC_LINK"), f"unknown: {relation}")
        described.add(relation["relatedSpdxElement"])
    expect(described == set(packages), f"stand alone: {sorted(set(packages) - described)}")

    names = {spdx_id.replace("SPDXRef-Package-", "") for spdx_id in packages}
    wanted = {"sluice", "abseil"} | ({"mingw-w64", "gcc-runtime"} if package.windows else {"liburing"})
    wanted |= {"sluice-program", "mimalloc", "cli11", "nlohmann-json"} if package.program else set()
    expect(names == wanted, f"names {sorted(names)}, wanted {sorted(wanted)}")
    compare_with_debian(package, packages)


def compare_with_debian(package, packages):
    """On Debian its package manager is a second witness for the versions."""
    if not shutil.which("dpkg-query"):
        return
    debian = {"abseil": "libabsl-dev", "liburing": "liburing-dev", "mimalloc": "libmimalloc-dev", "cli11": "libcli11-dev",
              "nlohmann-json": "nlohmann-json3-dev"}
    for name, debian_name in debian.items():
        entry = packages.get(f"SPDXRef-Package-{name}")
        result = subprocess.run(["dpkg-query", "-W", "-f", "${source:Upstream-Version}", debian_name],
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
        if entry is None or result.returncode != 0:
            continue
        # "2.0.9+ds" is 2.0.9.
        installed = result.stdout.split("+")[0]
        expect(entry["versionInfo"] == installed, f"{name} is {installed}, the bill says {entry['versionInfo']}")


def sha256(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def reproducible(package):
    """Sources compiled in another folder, and libraries linked at another time, come out the same.

    The whole of it, two builds from nothing in two folders, is tools/reproduce: too dear for every run of the tests.
    """
    folder = package.fresh("reproducible")
    recompile(package, folder)
    expect(package.generator == "Ninja", "can only ask Ninja for the commands of a link")
    for name in ("shared", "program"):
        if getattr(package, name):
            relink(package, folder, getattr(package, name))


def recompile(package, folder):
    """Two files, with what the build would run, where the sources are and where a copy of them is."""
    copy = folder / "other" / "place"
    for part in ("engine", "tools/sluice"):
        shutil.copytree(pathlib.Path(package.source, part), copy / part)
    # The libraries of tools/setup are looked for below the sources.
    (copy / "build").mkdir()
    (copy / "build/deps").symlink_to(pathlib.Path(package.source, "build/deps"))
    build = copy / "out"
    build.mkdir()
    commands = {entry["file"]: entry["command"] for entry in json.loads(pathlib.Path(package.build, "compile_commands.json").read_text())}
    for source in ("engine/capi/sluice_open.cc", "engine/base/check.cc"):
        command = commands[f"{package.source}/{source}"]
        # Past ccache, which would give back what it was given before.
        command = re.sub(r"^\S*ccache ", "", command)
        objects = []
        for where, place in ((package.build, package.source), (build, copy)):
            target = folder / f"{len(objects)}.o"
            # The build folder first: it is usually below the sources.
            here = command.replace(package.build, "@BUILD@").replace(package.source, str(place)).replace("@BUILD@", str(where))
            here = re.sub(r" -o \S+ ", f" -o '{target}' ", here)
            run("sh", "-c", here, cwd=where)
            objects.append(sha256(target))
        print(source, *objects)
        expect(objects[0] == objects[1], f"{source}: another object in another folder")


def relink(package, folder, file):
    """The last command that makes the file, with another output, later."""
    name = pathlib.Path(file).relative_to(package.build).as_posix()
    command = run(package.ninja, "-C", package.build, "-t", "commands", "-s", name).strip().splitlines()[-1]
    again = folder / "again"
    again.mkdir(exist_ok=True)
    output = again / pathlib.Path(file).name
    # The import library too, if there is one.
    command = re.sub(r"(--out-implib,)(\S+)", rf"\1'{again}/import.a'", command)
    implib = re.search(r"--out-implib,(\S+)", command)
    command = re.sub(rf" -o {re.escape(name)} ", f" -o '{output}' ", command)
    expect(str(output) in command, f"cannot tell the output of: {command}")
    # Times in files have seconds.
    time.sleep(max(0.0, 1.1 - (time.time() - pathlib.Path(file).stat().st_mtime)))
    run("sh", "-c", command, cwd=package.build)
    print(sha256(file), sha256(output), name)
    expect(sha256(file) == sha256(output), f"{name} comes out different when it is linked again")
    if implib:
        first = pathlib.Path(package.build, package.libdir, "libsluice.dll.a")
        if name.endswith(".dll"):
            expect(sha256(first) == sha256(again / "import.a"), "the import library comes out different")
