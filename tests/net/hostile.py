#!/usr/bin/env python3
"""Sends frames that no decent host sends, from a seed: hostile.py INTERFACE OUR_IP THEIR_MAC THEIR_IP SEED COUNT

Each frame begins as a good one (ARP, ping, ICMP error, UDP, TCP with options, a fragment) and is then bent: bytes
flipped, length fields set to extremes, cut short, filled up. Half of them get their checksums made right again, so that
the layers behind the checksum see them too.
"""
import random
import socket
import struct
import sys

EXTREMES = (0, 1, 2, 4, 5, 7, 8, 15, 16, 19, 20, 21, 40, 60, 127, 128, 254, 255)
TCP_OPTIONS = (b"", b"\x02\x04\x05\xb4", b"\x01\x03\x03\x07",
               b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + b"\x00" * 8 + b"\x01\x03\x03\x07",
               b"\x02\x00\x00\x00", b"\x08\x0a\x00\x00", b"\x03\xff\x00\x00", b"\x05\x0a" + b"\xff" * 8 + b"\x01\x01",
               b"\xfe\x01\xfe\x01")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Frames:
    """Makes frames from one seed."""

    def __init__(self, our_mac, our_ip, their_mac, their_ip, seed):
        self.rng = random.Random(seed)
        self.our_mac, self.their_mac = our_mac, their_mac
        self.our_ip, self.their_ip = socket.inet_aton(our_ip), socket.inet_aton(their_ip)

    def ip4(self, protocol, payload, fragment=0):
        source = self.our_ip if self.rng.random() < 0.8 else self.rng.randbytes(4)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), self.rng.getrandbits(16), fragment, 64,
                             protocol, 0, source, self.their_ip)
        return header + payload

    def tcp(self):
        options = self.rng.choice(TCP_OPTIONS)
        data = self.rng.randbytes(self.rng.choice((0, 0, 1, 100, 1400)))
        return self.ip4(6, struct.pack(
            "!HHIIBBHHH", self.rng.choice((1024, self.rng.randrange(1, 65536))), self.rng.choice((7, 9, 19, 80, 81)),
            self.rng.getrandbits(32), self.rng.getrandbits(32), (20 + len(options)) // 4 << 4,
            self.rng.choice((2, 2, 2, 16, 17, 24, 4, 18, 0, 255)), self.rng.getrandbits(16), 0, 0) + options + data)

    def udp(self):
        data = self.rng.randbytes(self.rng.choice((0, 1, 30, 1000)))
        return self.ip4(17, struct.pack("!HHHH", 2000, self.rng.choice((7, 8)), 8 + len(data), 0) + data)

    def icmp(self):
        kind = self.rng.choice((8, 3, 3, 5, 11, 12, 0, 13))
        quoted = b"" if kind in (0, 8) else self.rng.choice((self.tcp, self.udp))()[:self.rng.choice((8, 20, 28, 40))]
        body = struct.pack("!BBHI", kind, self.rng.randrange(16), 0, self.rng.getrandbits(32)) + quoted
        return self.ip4(1, body)

    def fragment(self):
        where = self.rng.choice((0x2000, 0x2001, 0x0010, 0x1FFF))
        return self.ip4(self.rng.choice((6, 17)), self.rng.randbytes(32), where)

    def arp(self):
        return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, self.rng.choice((1, 2, 0, 9)), self.our_mac, self.our_ip,
                           self.rng.choice((b"\0" * 6, self.their_mac)), self.their_ip)

    def bend(self, packet):
        packet = bytearray(packet)
        for _ in range(self.rng.randrange(4)):
            kind = self.rng.randrange(4)
            if kind == 0 and packet:
                packet[self.rng.randrange(len(packet))] ^= 1 << self.rng.randrange(8)
            elif kind == 1 and packet:
                packet[self.rng.randrange(min(len(packet), 64))] = self.rng.choice(EXTREMES)
            elif kind == 2:
                del packet[self.rng.randrange(len(packet) + 1):]
            else:
                packet += self.rng.randbytes(self.rng.choice((1, 6, 46)))
        return packet

    def mend(self, packet):
        """Right checksums for whatever the headers now say, where there is room for them."""
        header = (packet[0] & 15) * 4 if packet else 0
        if len(packet) < 20 or header < 20 or header > len(packet):
            return packet
        packet[10:12] = b"\0\0"
        packet[10:12] = struct.pack("!H", checksum(bytes(packet[:header])))
        end = min(len(packet), max(header, int.from_bytes(packet[2:4], "big")))
        body, place = packet[header:end], {1: 2, 6: 16, 17: 6}.get(packet[9])
        if place is None or len(body) < place + 2:
            return packet
        body[place:place + 2] = b"\0\0"
        pseudo = b"" if packet[9] == 1 else bytes(packet[12:20]) + struct.pack("!BBH", 0, packet[9], len(body))
        packet[header + place:header + place + 2] = struct.pack("!H", checksum(pseudo + bytes(body)))
        return packet

    def next(self):
        maker = self.rng.choice((self.tcp, self.tcp, self.tcp, self.udp, self.icmp, self.fragment, self.arp))
        packet = self.bend(maker())
        ethertype = 0x0806 if maker == self.arp else 0x0800
        if ethertype == 0x0800 and self.rng.random() < 0.5:
            packet = self.mend(packet)
        if self.rng.random() < 0.02:
            ethertype = self.rng.choice((0, 0x05DC, 0x8100, 0x86DD, 0xFFFF))
        target = self.their_mac if self.rng.random() < 0.95 else b"\xff" * 6
        return (target + self.our_mac + struct.pack("!H", ethertype) + bytes(packet))[:1514]


def main():
    interface, our_ip, their_mac, their_ip, seed, count = sys.argv[1:7]
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sock.bind((interface, 0))
    frames = Frames(sock.getsockname()[4], our_ip, bytes.fromhex(their_mac.replace(":", "")), their_ip, int(seed))
    for _ in range(int(count)):
        sock.send(frames.next())
    print(f"sent {count} frames, seed {seed}")


main()
