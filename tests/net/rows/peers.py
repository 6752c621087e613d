#!/usr/bin/env python3
"""The programs that the rows of the differential test talk to: ordinary sockets of the kernel, all ports of rows.h from 7000 on,
in both families; and the questions on port 7000:

    ended PORT       how the last connection of PORT_TALK with that port of the client's ended: FIN, RST or open
    drain PORT       accepts what the full listener PORT has queued, and goes on accepting: done
    syns 4|6 PORT    when SYNs came to that port of the hand-made hosts: seconds after the first; also FLOW by FLOW with /
    rst 4|6 PORT     whether a RST came there

The last two are answered from what responder.py notes in the same process.
"""
import socket
import struct
import sys
import threading
import time

import responder

CONTROL, TALK, QUIET, FIN, RST, ECHO, OTHER, FULL = 7000, 7001, 7002, 7003, 7004, 7010, 7012, 7100
TCP_FASTOPEN = 23
SO_LINGER_RESET = struct.pack("ii", 1, 0)

ended = {}
full = {}


def spawn(target, *args):
    threading.Thread(target=target, args=args, daemon=True).start()


def listener(port, backlog=256):
    sock = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind(("::", port))
    if port == TALK:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN, 64)
    sock.listen(backlog)
    return sock


def serve(port, handle):
    sock = listener(port)
    while True:
        spawn(handle, *sock.accept())


def reset(conn):
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SO_LINGER_RESET)
    conn.close()


def talk(conn, client):
    """Echoes, until the client ends it; F alone: sends FIN, R alone: resets."""
    ended[client[1]] = "open"
    try:
        while data := conn.recv(65536):
            if data == b"F":
                conn.shutdown(socket.SHUT_WR)
            elif data == b"R":
                return reset(conn)
            else:
                conn.sendall(data)
        ended[client[1]] = "FIN"
    except ConnectionResetError:
        ended[client[1]] = "RST"
    except OSError:
        ended[client[1]] = "error"
    conn.close()


def close_now(conn, _):
    conn.shutdown(socket.SHUT_WR)
    time.sleep(5)
    conn.close()


def fill(port):
    """A listener whose queue is full: connections of our own, as many as it takes."""
    sock = listener(port, 0)
    mine = socket.create_connection(("127.0.0.1", port))
    full[port] = (sock, mine)


def drain(port):
    sock, mine = full.pop(port)

    def go_on():
        while True:
            keep.append(sock.accept())

    keep = [mine]
    spawn(go_on)
    return "done"


def answer(words):
    if words[0] == "ended":
        return ended.get(int(words[1]), "never")
    if words[0] == "drain":
        return drain(int(words[1]))
    if words[0] == "syns":
        return responder.syns(int(words[1]), int(words[2]))
    if words[0] == "rst":
        return responder.rst(int(words[1]), int(words[2]))
    return "what?"


def control(conn, _):
    try:
        words = conn.makefile().readline().split()
        conn.sendall((answer(words) + "\n").encode())
    except OSError:
        pass
    conn.close()


def from_another_port(ours, client):
    """A datagram from OTHER at the address that was asked; what comes back: an ICMP error, or nothing."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((ours, OTHER, 0, client[3]))
    sock.connect(client)
    sock.settimeout(0.3)
    try:
        sock.send(b"other")
        sock.recv(16)
    except ConnectionRefusedError:
        return b"X-refused"
    except socket.timeout:
        pass
    finally:
        sock.close()
    return b"X-silence"


def echo(sock, lock):
    """Answers from the address that was asked."""
    while True:
        data, ancillary, _, client = sock.recvmsg(65536, 256)

        def reply(data=data, ancillary=ancillary, client=client):
            info = [a for a in ancillary if a[1] == socket.IPV6_PKTINFO]
            if data == b"X":
                with lock:
                    data = from_another_port(socket.inet_ntop(socket.AF_INET6, info[0][2][:16]), client)
            sock.sendmsg([data], info, 0, client)

        spawn(reply)


def main():
    socket.setdefaulttimeout(None)
    device = sys.argv[1]
    for port in (FULL, FULL + 1):
        fill(port)
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    datagrams.bind(("::", ECHO))
    spawn(echo, datagrams, threading.Lock())
    spawn(serve, TALK, talk)
    spawn(serve, QUIET, talk)
    spawn(serve, FIN, close_now)
    spawn(serve, RST, lambda conn, _: reset(conn))
    spawn(serve, CONTROL, control)
    responder.run(device)


if __name__ == "__main__":
    main()
