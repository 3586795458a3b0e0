#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ctypes_test.py LIBRARY: the shared library used from Python, with nothing but the standard library.

The table's functions are found by the names and offsets of abi.txt: that file is enough for another language.
"""

import ctypes
import pathlib
import re
import socket
import sys
import threading

C = ctypes
OK, BAD_ARGUMENT, SYSTEM = 0, 2, 6
PASS, REPLACE = 0, 2
DEADLINE = 20
ABI = (pathlib.Path(__file__).parent / "abi.txt").read_text()


class View(C.Structure):
    _fields_ = [("data", C.c_char_p), ("size", C.c_size_t)]


class Address(C.Structure):
    _fields_ = [("bytes", C.c_uint8 * 16), ("scope_id", C.c_uint32), ("tcp_port", C.c_uint16), ("family", C.c_uint8), ("reserved", C.c_uint8)]


class Error(C.Structure):
    _fields_ = [("size", C.c_uint32), ("code", C.c_int32), ("os_code", C.c_int32), ("reserved", C.c_uint32), ("text", C.c_char * 256)]


ON_OPEN = C.CFUNCTYPE(C.c_int32, C.c_void_p, C.c_void_p, C.c_void_p)
ON_DATA = C.CFUNCTYPE(C.c_int32, C.c_void_p, C.c_void_p, C.c_int32, C.c_void_p, C.c_void_p)
ON_END = C.CFUNCTYPE(None, C.c_void_p, C.c_void_p, C.c_int32)
STOPPED = C.CFUNCTYPE(None, C.c_void_p)


class Inspector(C.Structure):
    _fields_ = [("size", C.c_uint32), ("reserved", C.c_uint32), ("user", C.c_void_p), ("name", View),
                ("on_open", ON_OPEN), ("on_data", ON_DATA), ("on_end", ON_END)]


def size_of(name):
    return int(re.search(rf"^struct {name} size (\d+)$", ABI, re.MULTILINE)[1])


def offset_of(struct, member):
    """Of a member, by its declaration in abi.txt."""
    found = re.search(rf"^member {struct} offset (\d+) size \d+: (?:.*\W)?{member}(?:\)\(.*)?$", ABI, re.MULTILINE)
    return int(found[1])


class Library:
    """The table of functions."""

    def __init__(self, path):
        library = C.CDLL(path)
        self.table = C.create_string_buffer(size_of("sluice_api"))
        C.c_uint32.from_buffer(self.table, 0).value = len(self.table)
        library.sluice_open.argtypes = [C.c_uint32, C.c_void_p]
        version = int(re.search(r"^constant SLUICE_API_VERSION (\d+)$", ABI, re.MULTILINE)[1])
        result = library.sluice_open(version, self.table)
        assert result == OK, result
        assert library.sluice_open(version + 0x10000, self.table) == 1

    def function(self, name, result, *arguments):
        address = C.c_void_p.from_buffer(self.table, offset_of("sluice_api", name)).value
        return C.CFUNCTYPE(result, *arguments)(address)

    def call(self, name, *arguments):
        """One that returns a code and takes an error last."""
        error = Error(size=C.sizeof(Error))
        types = [C.c_void_p if not isinstance(argument, C._SimpleCData) else type(argument) for argument in arguments]
        code = self.function(name, C.c_int32, *types, C.c_void_p)(*arguments, C.byref(error))
        return code, error.text.decode(), error.os_code

    def must(self, name, *arguments):
        code, text, _ = self.call(name, *arguments)
        assert code == OK, f"{name}: {code} {text}"

    def address(self, text):
        address = Address()
        self.must("address_parse", C.c_char_p(text.encode()), C.c_size_t(len(text)), C.byref(address))
        return address


class Options:
    """sluice_engine_options, by the offsets of abi.txt."""

    def __init__(self, library):
        self.bytes = C.create_string_buffer(size_of("sluice_engine_options"))
        library.function("engine_options_init", None, C.c_void_p, C.c_size_t)(self.bytes, len(self.bytes))
        self.kept = []

    def set(self, member, kind, value):
        kind.from_buffer(self.bytes, offset_of("sluice_engine_options", member)).value = value

    def point(self, member, what):
        self.kept.append(what)
        self.set(member, C.c_void_p, C.addressof(what))

    def copy(self, member, what):
        offset = offset_of("sluice_engine_options", member)
        self.bytes[offset:offset + C.sizeof(what)] = bytes(what)


def errors_name_what_is_wrong(library):
    address = Address()
    code, text, _ = library.call("address_parse", C.c_char_p(b"nonsense"), C.c_size_t(8), C.byref(address))
    assert code == BAD_ARGUMENT and "nonsense" in text, (code, text)
    options = Options(library)
    engine = C.c_void_p()
    code, text, _ = library.call("engine_create", options.bytes, C.c_void_p(), C.byref(engine))
    assert code == BAD_ARGUMENT and text.startswith("redirect: "), (code, text)


def an_inspected_connection(library):
    seen = {"open": 0, "end": 0}
    copy_out = library.function("bytes_copy_out", C.c_size_t, C.c_void_p, C.c_size_t, C.c_char_p, C.c_size_t)
    replacement = library.function("data_replacement", C.c_void_p, C.c_void_p)
    append_copy = library.function("bytes_append_copy", C.c_int32, C.c_void_p, C.c_char_p, C.c_size_t)

    def on_open(user, flow, call):
        seen["open"] += 1
        return PASS

    def on_data(user, flow, direction, data, call):
        if direction != 0:
            return PASS
        buffer = C.create_string_buffer(4096)
        size = copy_out(data, 0, buffer, len(buffer))
        text = buffer.raw[:size].upper()
        assert append_copy(replacement(call), text, len(text)) == OK
        return REPLACE

    def on_end(user, flow, end):
        seen["end"] += 1

    inspector = Inspector(size=C.sizeof(Inspector), name=View(b"python", 6), on_open=ON_OPEN(on_open), on_data=ON_DATA(on_data), on_end=ON_END(on_end))
    with socket.create_server(("127.0.0.1", 0)) as origin:
        origin.settimeout(DEADLINE)
        options = Options(library)
        options.set("redirect", C.c_int32, 1)
        options.copy("upstream", library.address(f"127.0.0.1:{origin.getsockname()[1]}"))
        options.point("listen", library.address("127.0.0.1:0"))
        options.set("listen_count", C.c_size_t, 1)
        options.point("inspector", inspector)
        engine = C.c_void_p()
        library.must("engine_create", options.bytes, C.c_void_p(), C.byref(engine))
        library.must("engine_start", engine)
        where = Address()
        library.must("engine_address", engine, C.c_size_t(0), C.byref(where))
        second_listener_is_refused(library, options, where)
        with socket.create_connection(("127.0.0.1", where.tcp_port), DEADLINE) as client:
            server, _ = origin.accept()
            with server:
                server.settimeout(DEADLINE)
                client.sendall(b"python")
                received = server.recv(100)
                server.sendall(b"back")
                assert (received, client.recv(100)) == (b"PYTHON", b"back"), received
        metrics, value = C.c_void_p(), C.c_uint64()
        library.must("engine_metrics", engine, C.byref(metrics))
        library.must("metrics_find", metrics, C.c_char_p(b"accepted"), C.c_size_t(8), C.byref(value))
        library.function("metrics_destroy", None, C.c_void_p)(metrics)
        assert value.value == 1, value
        stopped = threading.Event()
        told = STOPPED(lambda user: stopped.set())
        library.must("engine_begin_stop", engine, C.c_int64(30 * 10**9), told, C.c_void_p())
        assert stopped.wait(DEADLINE), "the final event did not come"
        library.must("engine_destroy", engine)
    assert seen == {"open": 1, "end": 1}, seen


def second_listener_is_refused(library, options, where):
    options.point("listen", where)
    second = C.c_void_p()
    library.must("engine_create", options.bytes, C.c_void_p(), C.byref(second))
    code, text, os_code = library.call("engine_start", second)
    assert code == SYSTEM and f"127.0.0.1:{where.tcp_port}" in text and os_code != 0, (code, text, os_code)
    library.must("engine_destroy", second)


def main():
    if len(sys.argv) != 2:
        print(__doc__)
        return 64
    library = Library(sys.argv[1])
    version = library.function("version_text", C.c_char_p)().decode()
    backend = library.function("backend_name", C.c_char_p)().decode()
    errors_name_what_is_wrong(library)
    an_inspected_connection(library)
    print(f"sluice {version} on {backend} from Python {sys.version.split()[0]}: good")
    return 0


if __name__ == "__main__":
    sys.exit(main())
