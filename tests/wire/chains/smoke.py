# SPDX-License-Identifier: Apache-2.0
"""smoke.py <sluice> <folder>: a run of bench/wire/chains as small as can be ends well and leaves a whole result."""

import json
import pathlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[3]


def main():
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    shutil.rmtree(folder, ignore_errors=True)
    words = [str(ROOT / "bench/wire/chains"), "--no-build", "--works", "cps", "--peers", "sluice,chain", "--depths",
             "1", "--rotations", "1", "--slice", "0.2", "--program", program, "--out", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=100)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, f"ended with {done.returncode}"
    result = json.loads((folder / "result.json").read_text())
    entry, = result["entries"]
    for name in ("sluice", "chain"):
        row, slices = entry["rows"][name], entry["slices"][name]
        assert row["errors"] == 0 and row["mismatches"] == 0, (name, slices)
        assert slices[0]["units"] > 0, f"no connection went through {name}"
        assert slices[0]["cost"] > 0, f"{name} used no processor time"
    for name in ("cps.svg", "cpu.svg"):
        ElementTree.parse(folder / name)
    assert len((folder / "slices.csv").read_text().splitlines()) == 3
    assert "targets" in (folder / "table.txt").read_text()


if __name__ == "__main__":
    main()
