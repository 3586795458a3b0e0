# SPDX-License-Identifier: Apache-2.0
"""The proxies that are compared, and chains made of them.

A peer is a way to start one hop. A chain of depth d is d hops, each a process of its own, the last of which connects
to the origin; `in_one` peers put all hops into one process.
"""

import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import chains_process
import wine_server
from chains_process import Failed, Process

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = ROOT / "build/native/bin/sluice"
WINE_RUN = ROOT / "tools/wine-run"
PEERS_BIN = ROOT / "build/native/bin"
UNPACKED = ROOT / "build/peers/root"
TEMPLATES = ROOT / "bench/peers"
CONNECT_SECONDS = 10
CONNECTIONS_MAX = 12000


def await_accepting(process, address):
    host, port = address.rsplit(":", 1)
    deadline = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            process.check_alive()
            time.sleep(0.01)
    raise Failed(f"{process.name} does not accept at {address}: {process.text()[-800:]}")


def prepare_wine():
    """A prefix of our own, and no server of Wine that is left from elsewhere: sockets are the server's, and so are in
    the network namespace that it was started in. Why there can be none, or nothing."""
    os.environ.setdefault("WINEPREFIX", str(ROOT / "build/wine-chains"))
    server = wine_server.find()
    if not server:
        return "Wine is missing: run tools/setup/packages windows"
    if subprocess.run([str(WINE_RUN), "--prepare"], timeout=300, check=False).returncode:
        return "the Wine prefix could not be made"
    for word in ("-k", "-w"):
        subprocess.run([server, word], stdin=subprocess.DEVNULL, timeout=60, check=False)
    return ""


class Peer:
    """One kind of proxy. `threads` are those of a hop, 0 if all hops share one."""

    in_one = False
    signal = signal.SIGTERM

    def __init__(self, name, threads=1):
        self.name = name
        self.threads = threads

    def missing(self):
        """Why it cannot be measured, or nothing."""
        return ""

    def version(self):
        return ""

    def start(self, upstream, depth, place):
        """Starts a hop before `upstream` (or, in one process, all `depth`). The process and its address."""
        raise NotImplementedError


class SluiceRun(Peer):
    signal = signal.SIGINT

    def __init__(self, name, program=SLUICE, flags=()):
        super().__init__(name, int(flags[flags.index("--workers") + 1]) if "--workers" in flags else 1)
        self.program = pathlib.Path(program)
        self.command = [str(self.program)]
        if self.program.suffix == ".exe":
            self.command.insert(0, str(WINE_RUN))
        self.flags = list(flags)

    def missing(self):
        if not self.program.exists():
            return f"{self.program} is not built"
        return prepare_wine() if self.program.suffix == ".exe" else ""

    def version(self):
        return chains_process.first_line(self.command + ["version"])

    def launch(self, words):
        process = Process(self.name, self.command + words + [
            "--listen", "127.0.0.1:0", "--drain", "1s"] + self.flags)
        return process, process.listening_on()

    def start(self, upstream, depth, place):
        return self.launch(["run", "--platform", "none", "--upstream", upstream])


class SluiceChain(SluiceRun):
    in_one = True

    def __init__(self, name, platform, program=SLUICE):
        # All processors, as the separate processes together have.
        super().__init__(name, program, ["--workers", str(os.cpu_count() or 1)])
        self.platform = platform

    def start(self, upstream, depth, place):
        return self.launch(["chain", "--platform", self.platform, "--hops", str(depth),
                            "--destination", upstream])


class Relay(Peer):
    """A program of bench/peers, built by us."""

    def __init__(self, name, program, threads=1):
        super().__init__(name, threads)
        self.program = PEERS_BIN / program

    def missing(self):
        return "" if self.program.exists() else f"{self.program.name} is not built (its library's -dev package)"

    def version(self):
        return chains_process.first_line([str(self.program), "--version"])

    def start(self, upstream, depth, place):
        process = Process(self.name, [str(self.program), "--listen", "127.0.0.1:0", "--upstream", upstream,
                                      "--threads", str(self.threads)])
        return process, process.listening_on()


class Configured(Peer):
    """A program that was unpacked and not installed, with a configuration made from a template."""

    def __init__(self, name, program, template, threads, **values):
        super().__init__(name, threads)
        self.program = UNPACKED / program
        self.template = TEMPLATES / template
        self.values = values

    def environment(self):
        return {"LD_LIBRARY_PATH": str(UNPACKED / "usr/lib/x86_64-linux-gnu")}

    def missing(self):
        return "" if self.program.exists() else f"{self.program.name} is not unpacked (tools/setup/peers)"

    # Descriptors that one connection may take.
    descriptors_each = 2.0

    def connections(self):
        """As many as are allowed descriptors, and as we need at most: some refuse to start with more."""
        _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        return min(CONNECTIONS_MAX, int((limit - 600) / self.descriptors_each))

    def configuration(self, listen, upstream, folder):
        text = self.template.read_text()
        values = dict(self.values, listen=listen, upstream=upstream, threads=self.threads,
                      connections=self.connections(), folder=folder, root=UNPACKED)
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        return text

    def words(self, path, folder):
        raise NotImplementedError

    def start(self, upstream, depth, place):
        listen = place.ports.take()
        folder = pathlib.Path(tempfile.mkdtemp(dir=place.folder))
        path = folder / self.template.name
        path.write_text(self.configuration(listen, upstream, folder))
        process = Process(self.name, [str(self.program)] + self.words(path, folder), self.environment())
        await_accepting(process, listen)
        return process, listen


class Haproxy(Configured):
    descriptors_each = 2.6  # pipes for splicing too: one for four connections

    def __init__(self, name, threads, splice=False):
        super().__init__(name, "usr/sbin/haproxy", "haproxy.cfg", threads,
                         splice="option splice-request\n  option splice-response" if splice else "# no splice")

    def version(self):
        return chains_process.first_line([str(self.program), "-v"], self.environment())

    def words(self, path, folder):
        return ["-db", "-f", str(path)]


class Nginx(Configured):
    descriptors_each = 1.0  # it counts descriptors itself, and calls them connections

    def __init__(self, name, threads):
        super().__init__(name, "usr/sbin/nginx", "nginx.conf", threads)

    def version(self):
        return chains_process.first_line([str(self.program), "-v"], self.environment())

    def words(self, path, folder):
        return ["-e", "stderr", "-p", str(folder), "-g", "daemon off;", "-c", str(path)]


class Direct(Peer):
    """No proxy at all: what origin and generator can do."""

    in_one = True

    def start(self, upstream, depth, place):
        return None, upstream


def all_peers(sluice=SLUICE):
    """Every peer by name, in the order of tables."""
    peers = [
        SluiceRun("sluice", sluice), SluiceRun("sluice2", sluice, ["--workers", "2"]),
        Haproxy("haproxy2", 2), Haproxy("haproxy1", 1), Nginx("nginx", 2),
        Relay("asio", "asio_relay"), Relay("libuv", "libuv_relay"),
        SluiceChain("chain", "none", sluice), SluiceChain("emulated", "emulated", sluice),
        Haproxy("haproxy2-splice", 2, splice=True), Direct("direct", 0),
    ]
    return {peer.name: peer for peer in peers}


class Chain:
    """A running chain."""

    def __init__(self, peer, depth, origin, place):
        self.peer = peer
        self.depth = depth
        self.processes = []
        self.address = origin
        try:
            for _ in range(1 if peer.in_one else depth):
                process, self.address = peer.start(self.address, depth, place)
                if process:
                    self.processes.append(process)
        except BaseException:
            self.stop()
            raise

    def threads(self):
        return self.peer.threads * len(self.processes)

    def cpu_seconds(self):
        return chains_process.cpu_seconds_of(self.processes)

    def private_bytes(self):
        return chains_process.private_bytes_of(self.processes)

    def check_alive(self):
        for process in self.processes:
            process.check_alive()

    def stop(self):
        # From the client's side on, so that nobody's upstream vanishes first.
        for process in reversed(self.processes):
            process.stop(self.peer.signal)
        self.processes = []


class Place:
    """Where a run lives: its folder for configurations and its listening ports."""

    def __init__(self, ports):
        self.ports = ports
        self.folder = tempfile.mkdtemp(prefix="sluice-chains-")

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
