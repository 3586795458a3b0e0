# SPDX-License-Identifier: Apache-2.0
"""Processes under measurement: starting, stopping, processor time, memory. Linux only."""

import ctypes
import os
import pathlib
import re
import signal
import subprocess
import tempfile
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PR_SET_PDEATHSIG = 1
PATIENCE = float(os.environ.get("SLUICE_PATIENCE", "1"))  # for slow machines and sanitizers
START_SECONDS = 20 * PATIENCE
STOP_SECONDS = 5 * PATIENCE


class Failed(Exception):
    """A program did not do what it was started for. The text says which and why."""


def die_with_parent():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Process:
    """A program that was started here, and its children (workers of nginx)."""

    def __init__(self, name, words, environment=None):
        self.name = name
        self.out = tempfile.TemporaryFile()
        self.err = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=self.out, stderr=self.err,
            env={**os.environ, **(environment or {})}, preexec_fn=die_with_parent)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        parts = []
        for file in (self.out, self.err):
            parts.append(os.pread(file.fileno(), 1 << 20, 0).decode(errors="replace"))
        return "".join(parts)

    def check_alive(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}: {self.text()[-800:]}")

    def listening_on(self):
        """The address it prints once it accepts."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = re.search(r"^listening on (\S+)\r?$", self.text(), re.MULTILINE)
            if found:
                return found[1]
            self.check_alive()
            time.sleep(0.005)
        raise Failed(f"{self.name} did not say where it listens: {self.text()[-800:]}")

    def pids(self):
        """Itself and its children; none of the programs has grandchildren."""
        found = [self.pid]
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            try:
                found += [int(child) for child in (task / "children").read_text().split()]
            except OSError:
                pass  # the thread has ended
        return found

    def stop(self, with_signal=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(with_signal)
            try:
                self.process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.out.close()
        self.err.close()
        return self.process.returncode


def process_clock(pid):
    """The id of the clock of processor time of another process: what clock_getcpuclockid computes."""
    return ((~pid) << 3) | 2


def cpu_seconds(pid):
    """User and system time of all threads, ended ones too, in nanoseconds where /proc has ticks."""
    return time.clock_gettime(process_clock(pid))


def cpu_seconds_of(processes):
    return sum(cpu_seconds(pid) for process in processes for pid in process.pids())


def parse_smaps_rollup(text):
    """Bytes of memory that belong to this process alone, and that are not a file's."""
    kib = {key: int(value) for key, value in re.findall(r"^(\w+): +(\d+) kB$", text, re.MULTILINE)}
    return {"private": 1024 * (kib["Private_Clean"] + kib["Private_Dirty"]),
            "anonymous": 1024 * kib["Anonymous"]}


def private_bytes_of(processes):
    total = {"private": 0, "anonymous": 0}
    for process in processes:
        for pid in process.pids():
            text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
            for key, value in parse_smaps_rollup(text).items():
                total[key] += value
    return total


def machine_cpu_seconds():
    """Busy and idle time of all processors together."""
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:]]
    ticks = os.sysconf("SC_CLK_TCK")
    idle = fields[3] + fields[4]
    return (sum(fields[:8]) - idle) / ticks, idle / ticks


def first_line(words, environment=None):
    """What a program says about its version, or why it says nothing."""
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=10,
                              env={**os.environ, **(environment or {})})
        return ((done.stdout + done.stderr).strip().splitlines() or ["says nothing"])[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"unknown: {error}"
