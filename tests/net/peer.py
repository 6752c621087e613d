#!/usr/bin/env python3
"""The kernel's side of the tests: TCP and UDP programs on ordinary sockets. Each prints one JSON line when it is done.

  peer.py connect ADDR PORT [options]    one connection, both directions at once
  peer.py listen  ADDR PORT [options]    the same as a server of --count connections, one after the other
      --send FILE       send the file, then shut down our sending side
      --read-rate N     read at most N bytes per second
      --rcvbuf N        receive buffer (before the handshake, so that it bounds the window)
      --keep-open       send nothing and do not shut our sending side down
      --answer-after-eof   send only once the other end has finished sending
      --reset-after N   close with RST once N bytes have come
  peer.py churn ADDR PORT N              N short connections to an echo server, 64 at a time
  peer.py echo ADDR PORT                 a TCP echo server, until it is stopped
  peer.py udp ADDR PORT N                N datagrams of 1..1472 bytes to a UDP echo server
  peer.py udp-large ADDR PORT N          N datagrams of 1472 to 65507 bytes, which the kernel sends in fragments
  peer.py ping ADDR SIZE N               N echo requests with SIZE bytes
"""
import argparse
import errno
import hashlib
import json
import select
import socket
import struct
import sys
import time

CHUNK = 1 << 20


class Pace:
    """Says how many bytes may be read now at a given rate."""

    def __init__(self, rate):
        self.rate, self.start, self.done = rate, time.monotonic(), 0

    def allowed(self):
        if not self.rate:
            return CHUNK
        return min(CHUNK, int((time.monotonic() - self.start) * self.rate) - self.done)


def transfer(sock, args):
    """Both directions until both have ended; what came in, as counts and a hash."""
    digest, received, sent, error = hashlib.sha256(), 0, 0, None
    source = open(args.send, "rb") if args.send else None
    pending = memoryview(b"")
    reading, sending = True, not args.keep_open
    pace = Pace(args.read_rate)
    sock.setblocking(False)
    begun = time.monotonic()
    try:
        while reading or sending:
            can_send = sending and not (args.answer_after_eof and reading)
            if can_send and not pending:
                pending = memoryview(source.read(CHUNK)) if source else memoryview(b"")
                if not pending:
                    sock.shutdown(socket.SHUT_WR)
                    sending = can_send = False
            may_read = pace.allowed() if reading else 0
            readable, writable, _ = select.select([sock] if may_read > 0 else [], [sock] if can_send else [], [], 0.02)
            if writable:
                count = sock.send(pending)
                sent += count
                pending = pending[count:]
            if readable:
                data = sock.recv(may_read)
                digest.update(data)
                received += len(data)
                pace.done += len(data)
                reading = bool(data)
                if args.reset_after and received >= args.reset_after:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
    except OSError as exception:
        error = errno.errorcode.get(exception.errno, str(exception))
    sock.close()
    return {"received": received, "sent": sent, "sha256": digest.hexdigest(), "error": error,
            "seconds": round(time.monotonic() - begun, 3)}


def address(args):
    """ADDR and PORT as the socket calls want them: IPv6 too, with a scope such as fe80::1%k0."""
    return socket.getaddrinfo(args.addr, args.port, type=socket.SOCK_STREAM)[0][4]


def family(args):
    return socket.AF_INET6 if ":" in args.addr else socket.AF_INET


def new_socket(args):
    sock = socket.socket(family(args))
    if args.rcvbuf:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, args.rcvbuf)
    return sock


def run_connect(args):
    sock = new_socket(args)
    sock.connect(address(args))
    print(json.dumps(transfer(sock, args)))


def run_listen(args):
    listener = new_socket(args)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address(args))
    listener.listen(1024)
    for _ in range(args.count):
        sock, _ = listener.accept()
        print(json.dumps(transfer(sock, args)), flush=True)


def run_churn(args):
    """Short connections, many at a time: connect, 100 bytes there and back, half close, end of file."""
    message = bytes(range(100))
    good, errors, started = 0, {}, 0
    poller = select.epoll()
    live = {}
    while started < args.n or live:
        while started < args.n and len(live) < 64:
            sock = socket.socket(family(args))
            sock.setblocking(False)
            sock.connect_ex(address(args))
            live[sock.fileno()] = [sock, b"", False]
            poller.register(sock, select.EPOLLOUT)
            started += 1
        events = poller.poll(20)
        if not events:
            errors["timeout"] = len(live)
            break
        for fd, event in events:
            entry = live[fd]
            sock = entry[0]
            try:
                if not entry[2]:
                    sock.send(message)
                    sock.shutdown(socket.SHUT_WR)
                    entry[2] = True
                    poller.modify(fd, select.EPOLLIN)
                    continue
                data = sock.recv(4096)
                entry[1] += data
                if data:
                    continue
                if entry[1] == message:
                    good += 1
                else:
                    errors["content"] = errors.get("content", 0) + 1
            except OSError as exception:
                name = errno.errorcode.get(exception.errno, "other")
                errors[name] = errors.get(name, 0) + 1
            poller.unregister(fd)
            sock.close()
            del live[fd]
    print(json.dumps({"good": good, "errors": sum(errors.values()), "by_reason": errors}))


def run_echo(args):
    """Echoes; what a socket does not take waits, and until then nothing more is read from it."""
    listener = socket.socket(family(args))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(address(args))
    listener.listen(4096)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    live = {}
    while True:
        for fd, _ in poller.poll():
            if fd == listener.fileno():
                sock, _ = listener.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                live[sock.fileno()] = [sock, b""]
                poller.register(sock, select.EPOLLIN)
                continue
            entry = live[fd]
            try:
                data = entry[1] or entry[0].recv(CHUNK)
                if not data:
                    raise ConnectionResetError
                entry[1] = data[entry[0].send(data):]
                poller.modify(fd, select.EPOLLOUT if entry[1] else select.EPOLLIN)
            except BlockingIOError:
                entry[1] = data
                poller.modify(fd, select.EPOLLOUT)
            except OSError:
                poller.unregister(fd)
                entry[0].close()
                del live[fd]


def run_udp(args):
    sock = socket.socket(family(args), socket.SOCK_DGRAM)
    sock.connect(address(args))
    sock.settimeout(2)
    good = 0
    for i in range(args.n):
        message = struct.pack("!I", i) + bytes((i * 7 + k) & 255 for k in range(i * 37 % 1469))
        sock.send(message)
        try:
            good += sock.recv(2048) == message
        except OSError:
            pass
    print(json.dumps({"good": good, "errors": args.n - good}))


def run_udp_large(args):
    sizes = [1472, 1473, 1480, 2952, 2953, 5000, 9000, 20000, 65507]
    sock = socket.socket(family(args), socket.SOCK_DGRAM)
    if family(args) == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, 23, 0)  # IPV6_MTU_DISCOVER: no
    else:
        sock.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER: no
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.connect(address(args))
    sock.settimeout(2)
    good = 0
    for i in range(args.n):
        message = bytes((i * 7 + k * 31) & 255 for k in range(sizes[i % len(sizes)]))
        sock.send(message)
        try:
            good += sock.recv(65536) == message
        except OSError:
            pass
    print(json.dumps({"good": good, "errors": args.n - good}))


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def run_ping6(args):
    """The same with ICMPv6; the kernel does its checksum and wants to know which messages to give (RFC 3542 3.2)."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    sock.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack("8I", *(0xFFFFFFFF ^ (2 if i == 4 else 0) for i in range(8))))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.connect(socket.getaddrinfo(args.addr, None, type=socket.SOCK_RAW)[0][4])
    sock.settimeout(2)
    good = 0
    for i in range(args.n):
        rest = struct.pack("!HH", 4711, i) + bytes((i + k * 31) & 255 for k in range(args.port))
        sock.send(b"\x80\0\0\0" + rest)
        try:
            answer = sock.recv(70000)
            good += answer[:2] == b"\x81\0" and answer[4:] == rest
        except OSError:
            pass
    print(json.dumps({"good": good, "errors": args.n - good}))


def run_ping(args):
    """port: the size."""
    if family(args) == socket.AF_INET6:
        run_ping6(args)
        return
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    sock.setsockopt(socket.IPPROTO_IP, 10, 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.connect((args.addr, 0))
    sock.settimeout(2)
    good = 0
    for i in range(args.n):
        rest = struct.pack("!HH", 4711, i) + bytes((i + k * 31) & 255 for k in range(args.port))
        sock.send(struct.pack("!BBH", 8, 0, checksum(b"\x08\0\0\0" + rest)) + rest)
        try:
            good += sock.recv(70000)[20:] == struct.pack("!BBH", 0, 0, checksum(bytes(4) + rest)) + rest
        except OSError:
            pass
    print(json.dumps({"good": good, "errors": args.n - good}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["connect", "listen", "churn", "echo", "udp", "udp-large", "ping"])
    parser.add_argument("addr")
    parser.add_argument("port", type=int)
    parser.add_argument("n", type=int, nargs="?", default=1)
    parser.add_argument("--send")
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--read-rate", type=int, default=0)
    parser.add_argument("--rcvbuf", type=int, default=0)
    parser.add_argument("--keep-open", action="store_true")
    parser.add_argument("--answer-after-eof", action="store_true")
    parser.add_argument("--reset-after", type=int, default=0)
    args = parser.parse_args()
    {"connect": run_connect, "listen": run_listen, "churn": run_churn, "echo": run_echo, "udp": run_udp,
     "udp-large": run_udp_large, "ping": run_ping}[args.mode](args)
    return 0


sys.exit(main())
