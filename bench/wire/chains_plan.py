# SPDX-License-Identifier: Apache-2.0
"""What is measured: each work, on which peers and at which depths."""

import dataclasses

PROCESSES = ["sluice", "haproxy2", "haproxy1", "nginx", "asio", "libuv"]
ONE_PROCESS = ["chain", "emulated"]
BULK = ["sluice2", "sluice", "haproxy2", "haproxy2-splice", "nginx", "asio", "libuv"]


@dataclasses.dataclass(frozen=True)
class Work:
    """One kind of load. `rate_unit` is what its rate counts, `cost_unit` what processor time is divided by."""

    name: str
    title: str
    mode: str
    connections: int
    depths: tuple
    peers: tuple
    base: str = "haproxy2"
    behaviour: str = "echo"
    rate_wanted: int = 0
    rate_unit: str = "conn/s"
    cost_unit: str = "1000"

    def flags(self):
        words = ["--mode", self.mode, "--connections", str(self.connections)]
        if self.rate_wanted:
            words += ["--rate", str(self.rate_wanted)]
        return words

    @property
    def bulk(self):
        return self.mode in ("upload", "download")


def bulk(mode, flows):
    return Work(f"{mode}{flows}", f"{mode}, {flows} flow{'s' if flows > 1 else ''}", mode, flows, (1,), tuple(BULK),
                base="haproxy2-splice", behaviour="source" if mode == "download" else "sink",
                rate_unit="Gbit/s", cost_unit="GB")


WORKS = [
    Work("cps", "connections per second, closed loop, 64 concurrent", "exchange", 64, (1, 2, 4, 8),
         tuple(PROCESSES + ONE_PROCESS)),
    Work("rate", "4000 connections a second, open loop", "exchange", 64, (2,), tuple(PROCESSES), rate_wanted=4000),
    Work("requests", "request/response on 32 kept connections", "requests", 32, (8,), tuple(PROCESSES + ONE_PROCESS),
         rate_unit="req/s"),
    bulk("download", 1), bulk("download", 16), bulk("upload", 1), bulk("upload", 16),
    Work("idle", "user memory of idle proxied connections", "idle", 5000, (1,),
         tuple(name for name in PROCESSES if name != "haproxy1")),
]


@dataclasses.dataclass(frozen=True)
class Step:
    """A work at a depth, with the peers that will play it."""

    work: Work
    depth: int
    peers: tuple
    wanted_base: str = ""

    @property
    def title(self):
        return f"{self.work.title}, depth {self.depth}"

    def base(self):
        """What ratios are taken to; its first peer where the usual one is not there."""
        usual = self.wanted_base or self.work.base
        return usual if usual in self.peers else self.peers[0]


def steps(works, depths, peers, extra):
    """`depths` and `peers` narrow what the works say, if given; `extra` peers join wherever ours play."""
    found = []
    for work in works:
        names = [name for name in work.peers if not peers or name in peers]
        if peers:
            names += [name for name in peers if name not in names and name not in extra and name in ("direct",)]
        if "sluice" in work.peers:
            names += [name for name in extra if name not in names]
        for depth in work.depths if not depths or len(work.depths) == 1 else depths:
            if names:
                found.append(Step(work, depth, tuple(names)))
    return found


def seconds_wanted(plan, rotations, slice_seconds, overhead=0.25):
    """About how long it will take."""
    total = 0.0
    for step in plan:
        each = 9.0 if step.work.name == "idle" else slice_seconds + overhead
        times = idle_rotations(rotations) if step.work.name == "idle" else rotations + 0.5
        total += len(step.peers) * (each * times + 0.05 * step.depth)
    return total


def idle_rotations(rotations):
    """Memory does not waver as times do."""
    return min(2, rotations)
