# SPDX-License-Identifier: Apache-2.0
"""A network namespace of the benchmark's own, with the port space of a machine that was prepared for this."""

import fcntl
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys

INSIDE = "SLUICE_CHAINS_NAMESPACE"
PORT_RANGE = "15000 65535"
LISTEN_PORTS = range(10000, 15000)  # below what connects take
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SETTINGS = pathlib.Path("/proc/sys/net/ipv4")


def ways():
    """How to get a namespace, best first. A user's own namespace keeps his id: nginx as root would want more."""
    if os.geteuid() == 0:
        yield ["unshare", "--net", "--"]
    yield ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--"]


def enter(unwanted=False):
    """Runs this program again inside a namespace. Returns only inside it, or where there is none to be had."""
    if INSIDE in os.environ:
        return
    if not unwanted and shutil.which("unshare"):
        for way in ways():
            if subprocess.run(way + ["true"], capture_output=True).returncode == 0:
                os.environ[INSIDE] = "own"
                os.execvp(way[0], way + [sys.executable] + sys.argv)
    os.environ[INSIDE] = "none"


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        _, flags = struct.unpack("16sh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def port_rest_seconds():
    """How long a port rests toward a destination after its connection was closed from this side."""
    if int((SETTINGS / "tcp_tw_reuse").read_text()) == 0:  # 2: for loopback only, which is all we do
        return 60.0
    try:
        return int((SETTINGS / "tcp_tw_reuse_delay").read_text()) / 1000
    except OSError:
        return 2.0  # kernels that count whole seconds


def prepare():
    """Sets up the namespace. Says what the tests run with; `problem` is empty if that is as wanted."""
    problem = ""
    if os.environ.get(INSIDE) == "own":
        try:
            loopback_up()
            (SETTINGS / "ip_local_port_range").write_text(PORT_RANGE)
            (SETTINGS / "tcp_tw_reuse").write_text("1")
        except OSError as error:
            problem = f"the namespace could not be set up: {error}"
    else:
        problem = "no network namespace of its own: the machine's settings, unchanged"
    first, last = (int(word) for word in (SETTINGS / "ip_local_port_range").read_text().split())
    return {"namespace": os.environ.get(INSIDE) == "own", "problem": problem, "ports": last - first + 1,
            "port_range": f"{first} {last}", "tcp_tw_reuse": int((SETTINGS / "tcp_tw_reuse").read_text()),
            "port_rest_seconds": port_rest_seconds()}


class Ports:
    """Addresses for programs that cannot take port 0 and say which it was."""

    def __init__(self):
        self.next = iter(LISTEN_PORTS)

    def take(self):
        for port in self.next:
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                    return f"127.0.0.1:{port}"
                except OSError:
                    pass
        self.next = iter(LISTEN_PORTS)
        return self.take()
