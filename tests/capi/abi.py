#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""abi.py <header folder> <output>: what the C headers declare, as macro lists for tests/capi/abi_dump.c.

ABI_STRUCTS: every struct with its members and their types; ABI_FUNCTIONS: the table, in order, with signatures;
ABI_CONSTANTS: every enumerator and number macro; ABI_CALLBACKS: every function type. Made from the text of the headers,
so that nothing can be forgotten.
"""

import pathlib
import re
import sys


def text_of(folder):
    files = [folder / "sluice.h", *sorted(folder.glob("c_*.h"))]
    text = "\n".join(path.read_text() for path in files)
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
    return re.sub(r"//[^\n]*", " ", text)


def words(text):
    """One spelling of a declaration."""
    return re.sub(r"\s*([*(),\[\]])\s*", r"\1", " ".join(text.split())).replace("*", "* ").replace("* )", "*)").replace("* *", "**").strip()


def quoted(text):
    return '"' + text.replace('"', '\\"') + '"'


def main():
    text = text_of(pathlib.Path(sys.argv[1]))
    structs, functions, constants, callbacks = [], [], [], []
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\}\s*\w+\s*;", text, re.DOTALL):
        structs.append(f"ABI_STRUCT({name})")
        for declaration in body.split(";"):
            declaration = words(declaration)
            if not declaration:
                continue
            member = re.search(r"\(\*\s*(\w+)\)\(", declaration) or re.search(r"(\w+)(\[\w+\])?$", declaration)
            if name == "sluice_api" and "(" in declaration:
                functions.append(f"ABI_FUNCTION({member[1]}, {quoted(declaration)})")
            structs.append(f"ABI_MEMBER({name}, {member[1]}, {quoted(declaration)})")
    for body in re.findall(r"enum \{(.*?)\}", text, re.DOTALL):
        constants += [f"ABI_CONSTANT({name})" for name in re.findall(r"(SLUICE_\w+)\s*=", body)]
    constants += [f"ABI_CONSTANT({name})" for name in re.findall(r"#define (SLUICE_(?!EXPORT)\w+) +[\w(]", text)]
    for declaration in re.findall(r"typedef ([^;{}]*\(\*\w+\)[^;]*);", text):
        callbacks.append(f"ABI_CALLBACK({quoted(words(declaration))})")
    lists = {"STRUCTS": structs, "FUNCTIONS": functions, "CONSTANTS": constants, "CALLBACKS": callbacks}
    out = ["/* Made by tests/capi/abi.py. */", "#pragma once"]
    for name, entries in lists.items():
        if not entries and name != "CALLBACKS":
            sys.exit(f"abi.py: found no {name}")
        out.append(f"#define ABI_{name} \\\n" + " \\\n".join(entries) + "\n")
    path = pathlib.Path(sys.argv[2])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(out))


if __name__ == "__main__":
    main()
