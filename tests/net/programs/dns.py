#!/usr/bin/env python3
"""A name server for run_dns.sh, over UDP and TCP: dns.py ADDRESS. It knows host.spate.test (A, AAAA, and the name of that address),
slow.spate.test (after a third of a second), and big.spate.test, whose 60 addresses fit into no datagram. The rest does not exist."""
import socket
import struct
import sys
import threading
import time

A, PTR, AAAA = 1, 12, 28
HOST4 = socket.inet_aton(sys.argv[1])
HOST6 = socket.inet_pton(socket.AF_INET6, "fd77::1")


def name_of(labels):
    return b"".join(bytes([len(part)]) + part for part in labels) + b"\0"


REVERSE = ".".join(reversed(sys.argv[1].split("."))) + ".in-addr.arpa"
RECORDS = {
    ("host.spate.test", A): [HOST4],
    ("host.spate.test", AAAA): [HOST6],
    ("slow.spate.test", A): [HOST4],
    ("big.spate.test", A): [bytes([10, 99, 0, i]) for i in range(1, 61)],
    (REVERSE, PTR): [name_of([b"host", b"spate", b"test"])],
}
NAMES = {name for name, kind in RECORDS}


def question(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]])
        at += 1 + query[at]
    kind = struct.unpack_from(">H", query, at + 1)[0]
    return b".".join(labels).decode().lower(), kind, query[12:at + 5]


def answer(query, room):
    name, kind, asked = question(query)
    if name.startswith("slow"):
        time.sleep(0.33)
    found = RECORDS.get((name, kind), [])
    body = b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, 60, len(data)) + data for data in found)
    flags = 0x8580 | (0 if name in NAMES else 3)
    if 12 + len(asked) + len(body) > room:
        flags, found, body = flags | 0x0200, [], b""
    return query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + asked + body


def datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((sys.argv[1], 53))
        while True:
            query, client = s.recvfrom(4096)
            threading.Thread(target=lambda q=query, c=client: s.sendto(answer(q, 512), c), daemon=True).start()


def stream(conn):
    with conn, conn.makefile("rb") as incoming:
        while len(head := incoming.read(2)) == 2:
            reply = answer(incoming.read(struct.unpack(">H", head)[0]), 65535)
            conn.sendall(struct.pack(">H", len(reply)) + reply)


def main():
    threading.Thread(target=datagrams, daemon=True).start()
    with socket.create_server((sys.argv[1], 53)) as listener:
        print("listening", flush=True)
        while True:
            threading.Thread(target=stream, args=(listener.accept()[0],), daemon=True).start()


main()
