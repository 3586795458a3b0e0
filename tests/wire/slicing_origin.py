#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""slicing_origin.py [--tls]: an HTTP/1.0 server on any TCP port of 127.0.0.1 for tests of filters.

GET /SEED answers with a body that the seed decides, full of the word "secret", in pieces that the seed cuts, down to
single bytes. --tls makes a certificate for itself. Prints `listening on ADDRESS`; ends with its standard input.
"""
import os
import random
import socket
import ssl
import subprocess
import sys
import tempfile
import threading


def body_of(seed):
    dice = random.Random(seed)
    words = [b"secret", b"sec", b"ret", b"secsecret", b"x", b"\n", b"plain text ", b"secre"]
    return b"".join(dice.choice(words) for _ in range(dice.randrange(1, 4000)))


def serve(connection, context):
    try:
        connection.settimeout(60)
        if context is not None:
            connection = context.wrap_socket(connection, server_side=True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        request = b""
        while b"\r\n\r\n" not in request:
            part = connection.recv(4096)
            if not part:
                return
            request += part
        seed = int(request.split()[1][1:])
        body = body_of(seed)
        dice = random.Random(seed + 1)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        largest = dice.choice([1, 7, 100, 3000, 100000])
        # Single bytes for a while only: a packet each takes its time.
        at = 0
        while at < len(body):
            size = dice.randrange(1, largest + 1) if at < 600 else 5000
            connection.sendall(body[at : at + size])
            at += size
        if context is not None:
            connection = connection.unwrap()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
    except OSError:
        pass  # a filter may cut it off
    finally:
        connection.close()


def own_context():
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = os.path.join(folder, "key"), os.path.join(folder, "certificate")
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=test"]
        subprocess.run(command, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


def accept(listener, context):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection, context), daemon=True).start()


def main():
    if sys.argv[1:] not in ([], ["--tls"]):
        sys.exit(__doc__)
    context = own_context() if sys.argv[1:] else None
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    print("listening on 127.0.0.1:%d" % listener.getsockname()[1], flush=True)
    threading.Thread(target=accept, args=(listener, context), daemon=True).start()
    sys.stdin.read()


main()
