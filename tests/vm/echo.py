#!/usr/bin/env python3
"""The server outside, on the kernel's sockets: echo.py ADDR PORT... echoes on every port until SIGTERM, then prints one
JSON object with what happened on each: {"7002": {"accepted": 1000, "bytes": 8000000, "errors": 0}, ...}."""
import json
import select
import signal
import socket
import sys

CHUNK = 1 << 16


class Connection:
    def __init__(self, sock, counts):
        self.sock, self.counts, self.pending, self.ended = sock, counts, b"", False

    def turn(self):
        """Reads and writes once. True while the connection lives."""
        try:
            if not self.pending and not self.ended:
                self.pending = self.sock.recv(CHUNK)
                self.ended = not self.pending
            if self.pending:
                sent = self.sock.send(self.pending)
                self.counts["bytes"] += sent
                self.pending = self.pending[sent:]
        except BlockingIOError:
            pass
        except OSError:
            self.counts["errors"] += 1
            return False
        return bool(self.pending) or not self.ended

    def wants(self):
        return select.EPOLLOUT if self.pending else select.EPOLLIN


def listener(address, port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    sock.listen(4096)
    sock.setblocking(False)
    return sock


def stop(*_):
    raise KeyboardInterrupt


def serve(address, ports, counts):
    poll, listeners, connections = select.epoll(), {}, {}
    for port in ports:
        sock = listener(address, port)
        listeners[sock.fileno()] = (sock, counts[port])
        poll.register(sock, select.EPOLLIN)
    print("ready", flush=True)
    while True:
        for fd, _ in poll.poll():
            if fd in listeners:
                sock, count = listeners[fd]
                try:
                    new, _ = sock.accept()
                except OSError:
                    continue
                count["accepted"] += 1
                new.setblocking(False)
                connections[new.fileno()] = Connection(new, count)
                poll.register(new, select.EPOLLIN)
            else:
                connection = connections[fd]
                if connection.turn():
                    poll.modify(fd, connection.wants())
                else:
                    poll.unregister(fd)
                    connection.sock.close()
                    del connections[fd]


def main():
    signal.signal(signal.SIGTERM, stop)
    address, ports = sys.argv[1], [int(port) for port in sys.argv[2:]]
    counts = {port: {"accepted": 0, "bytes": 0, "errors": 0} for port in ports}
    try:
        serve(address, ports, counts)
    except KeyboardInterrupt:
        print(json.dumps(counts))


main()
