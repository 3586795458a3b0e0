# SPDX-License-Identifier: Apache-2.0
"""The sessions of the soak, and the origin that serves them.

A session begins with a request of nine bytes: what the origin is to do, how many bytes, and from which place in PATTERN.
Every byte that comes back is compared. A kind runs as a constant number of loops, or, for the short ones, at a constant
rate, so the population does not drift.
"""

import asyncio
import collections
import random
import socket
import struct

BLOCK = bytes(random.Random(7).randbytes(1 << 16))
PATTERN = BLOCK * 34  # a window of two MiB fits behind every start
REQUEST = struct.Struct("!cII")
RESET = struct.pack("ii", 1, 0)
PATIENCE = 60.0  # seconds that one step of a session may take

# kind -> loops at once; 0: begun at the rate asked for, in turn
KINDS = {
    "echo": 0,
    "download": 0,
    "half_close": 0,
    "client_reset": 0,
    "client_reset_unread": 0,
    "server_reset": 0,
    "server_closes_first": 0,
    "connect_and_close": 0,
    "connect_and_reset": 0,
    "bulk_echo": 1,
    "long_lived": 20,
    "idle": 20,
    "slow_reader": 4,
    "slow_writer": 8,
    "half_closed_for_long": 8,
}


class Unexpected(Exception):
    pass


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    sock.close()


def window(start, size):
    return memoryview(PATTERN)[start:start + size]


class Load:
    # Wine's server forgets a reset that comes while no receive waits (tests/contract/limits.cc, kRemembersReset): then
    # such a session is counted and not wrong, until there are many.
    def __init__(self, seed, resets_are_forgotten=False):
        self.resets_are_forgotten = resets_are_forgotten
        self.forgotten_resets = 0
        self.random = random.Random(seed)
        self.done = collections.Counter()
        self.wrong = collections.Counter()
        self.tasks = set()
        self.serving = set()
        self.stopping = False
        self.loop = None
        self.address = None
        self.listener = None

    def finished(self):
        return sum(self.done.values())

    # ---- The origin.

    def listen(self, loop):
        self.loop = loop
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(512)
        self.listener.setblocking(False)
        self.acceptor = loop.create_task(self.accept())
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    async def accept(self):
        while True:
            sock, _ = await self.loop.sock_accept(self.listener)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self.loop.create_task(self.serve(sock))
            self.serving.add(task)
            task.add_done_callback(self.serving.discard)

    # Resets and closes by the client are part of the load; what the client got is judged on its side.
    async def serve(self, sock):
        try:
            head = b""
            while len(head) < REQUEST.size:
                more = await self.loop.sock_recv(sock, REQUEST.size - len(head))
                if not more:
                    return
                head += more
            what, size, start = REQUEST.unpack(head)
            await {b"E": self.serve_echo, b"D": self.serve_bytes, b"H": self.serve_after_end,
                   b"R": self.serve_reset, b"C": self.serve_close}[what](sock, size, start)
        except OSError:
            pass
        finally:
            sock.close()

    async def serve_echo(self, sock, _size, _start):
        while True:
            data = await self.loop.sock_recv(sock, 1 << 16)
            if not data:
                return
            await self.loop.sock_sendall(sock, data)

    async def serve_bytes(self, sock, size, start):
        await self.loop.sock_sendall(sock, window(start, size))
        await self.loop.sock_recv(sock, 1)

    async def serve_after_end(self, sock, size, start):
        while await self.loop.sock_recv(sock, 1 << 16):
            pass
        await self.loop.sock_sendall(sock, window(start, size))

    # The client says that it has read everything, so that the reset destroys nothing.
    async def serve_reset(self, sock, size, start):
        await self.loop.sock_sendall(sock, window(start, size))
        if await self.loop.sock_recv(sock, 1):
            reset(sock)

    async def serve_close(self, sock, size, start):
        await self.loop.sock_sendall(sock, window(start, size))

    # ---- The clients.

    def begin(self, address, rate):
        self.address = address
        self.start(self.run_rate([kind for kind, loops in KINDS.items() if loops == 0], rate))
        for kind, loops in KINDS.items():
            for _ in range(loops):
                self.start(self.run_loop(kind))

    def start(self, coroutine):
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def end(self):
        """Lets sessions come to their end; long ones see `stopping` and hurry."""
        self.stopping = True
        if self.tasks:
            await asyncio.wait(set(self.tasks), timeout=PATIENCE)
        for task in list(self.tasks):
            self.wrong["did not end"] += 1
            task.cancel()
        self.acceptor.cancel()
        self.listener.close()
        if self.serving:
            await asyncio.wait(set(self.serving), timeout=PATIENCE)
        if self.serving:
            self.wrong["the origin still had a connection"] += len(self.serving)

    async def run_rate(self, kinds, rate):
        began = self.loop.time()
        count = 0
        while not self.stopping:
            # A loop that fell behind does not catch up in a burst.
            began = max(began, self.loop.time() - count / rate - 0.2)
            await asyncio.sleep(max(0.0, began + count / rate - self.loop.time()))
            self.start(self.session(kinds[count % len(kinds)]))
            count += 1

    async def run_loop(self, kind):
        await self.pause(self.random.uniform(0, 2))
        while not self.stopping:
            await self.session(kind)
            await self.pause(0.5)

    async def pause(self, limit):
        """Sleeps, but not on when the load is being stopped."""
        until = self.loop.time() + limit
        while not self.stopping and self.loop.time() < until:
            await asyncio.sleep(min(0.5, max(0.0, until - self.loop.time())))

    async def session(self, kind):
        sock = socket.socket()
        sock.setblocking(False)
        if kind == "slow_reader":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        try:
            await asyncio.wait_for(self.loop.sock_connect(sock, self.address), PATIENCE)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await getattr(self, "play_" + kind)(sock)
            self.done[kind] += 1
        except Unexpected as error:
            self.wrong[f"{kind}: {error}"] += 1
        except (OSError, asyncio.TimeoutError) as error:
            self.wrong[f"{kind}: {type(error).__name__}"] += 1
        finally:
            sock.close()

    async def ask(self, sock, what, size=0):
        start = self.random.randrange(len(BLOCK))
        await self.send(sock, REQUEST.pack(what, size, start))
        return start

    async def send(self, sock, data):
        await asyncio.wait_for(self.loop.sock_sendall(sock, data), PATIENCE)

    async def receive(self, sock, size_max):
        return await asyncio.wait_for(self.loop.sock_recv(sock, size_max), PATIENCE)

    async def expect(self, sock, start, size):
        at = start
        while at < start + size:
            data = await self.receive(sock, min(1 << 16, start + size - at))
            if not data:
                raise Unexpected("ended early")
            if data != window(at, len(data)):
                raise Unexpected("wrong bytes")
            at += len(data)

    async def expect_end(self, sock):
        if await self.receive(sock, 1):
            raise Unexpected("bytes after the last one")

    async def echo_once(self, sock, size):
        start = self.random.randrange(len(BLOCK))
        await asyncio.gather(self.send(sock, window(start, size)), self.expect(sock, start, size))

    async def play_echo(self, sock):
        await self.ask(sock, b"E")
        await self.echo_once(sock, self.random.randint(1, 8192))

    async def play_bulk_echo(self, sock):
        await self.ask(sock, b"E")
        await self.echo_once(sock, 1 << 20)
        await self.pause(2)

    async def play_download(self, sock):
        size = self.random.randint(1, 65536)
        await self.expect(sock, await self.ask(sock, b"D", size), size)

    async def play_half_close(self, sock):
        size = self.random.randint(1, 65536)
        start = await self.ask(sock, b"H", size)
        await self.send(sock, window(0, 1000))
        sock.shutdown(socket.SHUT_WR)
        await self.expect(sock, start, size)
        await self.expect_end(sock)

    async def play_half_closed_for_long(self, sock):
        start = await self.ask(sock, b"H", 100)
        await self.pause(self.random.uniform(1, 5))
        sock.shutdown(socket.SHUT_WR)
        await self.expect(sock, start, 100)
        await self.expect_end(sock)

    async def play_client_reset(self, sock):
        await self.ask(sock, b"E")
        await self.echo_once(sock, self.random.randint(1, 4096))
        reset(sock)

    # In the middle of a transfer, with bytes everywhere.
    async def play_client_reset_unread(self, sock):
        start = await self.ask(sock, b"D", 300000)
        await self.expect(sock, start, 1000)
        reset(sock)

    async def play_server_reset(self, sock):
        size = self.random.randint(1, 8192)
        await self.expect(sock, await self.ask(sock, b"R", size), size)
        await self.send(sock, b"!")
        try:
            await self.expect_end(sock)
        except ConnectionResetError:
            return
        if self.resets_are_forgotten:
            self.forgotten_resets += 1
            return
        raise Unexpected("a reset by the server came as an end of stream")

    async def play_server_closes_first(self, sock):
        size = self.random.randint(0, 8192)
        await self.expect(sock, await self.ask(sock, b"C", size), size)
        await self.expect_end(sock)

    async def play_connect_and_close(self, sock):
        pass

    async def play_connect_and_reset(self, sock):
        reset(sock)

    async def play_long_lived(self, sock):
        await self.ask(sock, b"E")
        for _ in range(self.random.randint(20, 120)):
            await self.echo_once(sock, self.random.randint(1, 512))
            await self.pause(1)
            if self.stopping:
                return

    async def play_idle(self, sock):
        await self.pause(self.random.uniform(5, 60))

    async def play_slow_reader(self, sock):
        start = await self.ask(sock, b"D", 1 << 20)
        for at in range(start, start + (1 << 20), 32768):
            await self.expect(sock, at, 32768)
            if not self.stopping:
                await asyncio.sleep(0.1)

    async def play_slow_writer(self, sock):
        await self.ask(sock, b"E")
        start = self.random.randrange(len(BLOCK))
        for at in range(start, start + 100):
            await self.send(sock, window(at, 1))
            await self.expect(sock, at, 1)
            if not self.stopping:
                await asyncio.sleep(0.05)
