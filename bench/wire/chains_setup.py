# SPDX-License-Identifier: Apache-2.0
"""What has to be there before anything can be measured: packages, programs, peers."""

import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOG = ROOT / "build/chains.log"


def run(what, words, must=True):
    """Runs a step of the preparation; its output is shown only if it fails."""
    print(f"chains: {what}", file=sys.stderr, flush=True)
    LOG.parent.mkdir(exist_ok=True)
    with LOG.open("a") as log:
        done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return ""
    tail = "\n".join(LOG.read_text(errors="replace").splitlines()[-15:])
    if must:
        sys.exit(f"{tail}\nchains: {what} failed ({' '.join(words)}); all of it is in {LOG}")
    return f"{what} failed: peers may be missing (see {LOG})"


def prepare():
    """Returns what did not work but is not needed for everything."""
    LOG.unlink(missing_ok=True)
    run("packages", ["tools/setup/packages", "native"])
    problems = [run("packages of the peers", ["tools/setup/packages", "peers"], must=False)]
    run("configuring", ["cmake", "--preset", "native"])
    run("building (the first time some minutes)",
        ["cmake", "--build", "--preset", "native", "--target", "sluice", "peers"])
    problems.append(run("HAProxy and nginx", ["tools/setup/peers"], must=False))
    return [problem for problem in problems if problem]
