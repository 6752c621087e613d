#!/usr/bin/env python3
"""The hand-made inputs that fuzzing starts from: seeds.py FOLDER writes FOLDER/<target>/*. tests/fuzz/renew.sh makes the corpus of them."""
import os
import random
import struct
import sys

US_MAC, PEER_MAC, ALL_MAC = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", b"\xff" * 6
US, PEER, OTHER, GROUP = b"\x0a\0\0\1", b"\x0a\0\0\2", b"\x0a\0\0\3", b"\xef\1\1\1"


def ip6(head, last):
    return head + bytes(15 - len(head)) + bytes([last])


US6, PEER6, OTHER6, FAR6 = ip6(b"\xfd", 1), ip6(b"\xfd", 2), ip6(b"\xfd", 3), ip6(b"\xfd\x09", 9)
LL_US = b"\xfe\x80" + bytes(6) + b"\0\0\0\xff\xfe\0\0\1"
LL_PEER = b"\xfe\x80" + bytes(6) + b"\0\0\0\xff\xfe\0\0\2"
NODES6, GROUP6, NONE6 = ip6(b"\xff\2", 1), ip6(b"\xff\5", 7), bytes(16)


def eth(kind, body, dst=US_MAC, src=PEER_MAC):
    return dst + src + struct.pack(">H", kind) + body


def v4(proto, body, src=PEER, dst=US, off=0, opts=b"", ident=7, ttl=64, tos=0):
    opts += bytes(-len(opts) % 4)
    hdr = struct.pack(">BBHHHBBH4s4s", 0x45 + len(opts) // 4, tos, 20 + len(opts) + len(body), ident, off, ttl, proto, 0, src, dst)
    mac = ALL_MAC if dst[3] == 255 else b"\1\0\x5e\1\1\1" if dst[0] >= 224 else US_MAC
    return eth(0x800, hdr + opts + body, mac)


def v6(proto, body, src=PEER6, dst=US6, hops=64, tc=0):
    mac = b"\x33\x33" + dst[12:] if dst[0] == 255 else US_MAC
    return eth(0x86dd, struct.pack(">IHBB", 6 << 28 | tc << 20, len(body), proto, hops) + src + dst + body, mac)


def tcp(flags, seq=1000, ack=0, opts=b"", data=b"", sport=40000, dport=80, wnd=65535, urp=0):
    opts += bytes(-len(opts) % 4)
    return struct.pack(">HHIIBBHHH", sport, dport, seq, ack, (5 + len(opts) // 4) << 4, flags, wnd, 0, urp) + opts + data


def udp(data, sport=1000, dport=53):
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


def icmp(kind, code, rest):
    return struct.pack(">BBH", kind, code, 0) + rest


def arp(op, sha, spa, tpa, dst=ALL_MAC):
    return eth(0x806, struct.pack(">HHBBH", 1, 0x800, 6, 4, op) + sha + spa + bytes(6) + tpa + bytes(18), dst)


def quoted4(proto, to=PEER):
    return v4(proto, struct.pack(">HHI", 53, 1000, 1), US, to)[14:]


def quoted6(proto, to=PEER6):
    return v6(proto, struct.pack(">HHI", 53, 1000, 1), US6, to)[14:]


SYN_OPTS = bytes([2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 0, 1, 0, 0, 0, 0, 1, 3, 3, 7])
FO_ASK, FO_COOKIE = bytes([34, 2]), bytes([34, 10]) + b"cookie!!"
SLLA = b"\1\1" + PEER_MAC
PREFIX = bytes([3, 4, 64, 0xc0]) + struct.pack(">III", 3600, 1800, 0) + ip6(b"\x20\1\x0d\xb8", 0)
RA = icmp(134, 0, bytes([64, 0]) + struct.pack(">HII", 1800, 0, 0))


def frag4(body, piece, proto=17, ident=9, order=None):
    n = range(0, len(body), piece)
    return [v4(proto, body[i:i + piece], off=i // 8 | (0x2000 if i + piece < len(body) else 0), ident=ident)
            for i in (order(n) if order else n)]


def frag6(body, piece, proto=17, ident=9, order=None):
    n = range(0, len(body), piece)
    return [v6(44, struct.pack(">BBHI", proto, 0, i | (i + piece < len(body)), ident) + body[i:i + piece])
            for i in (order(n) if order else n)]


def frames_lists():
    long = udp(bytes(range(256)) * 4)
    yield "arp", [arp(1, PEER_MAC, PEER, US), arp(2, PEER_MAC, PEER, US, US_MAC), arp(1, PEER_MAC, US, US), arp(1, PEER_MAC, bytes(4), US)]
    yield "ping", [v4(1, icmp(8, 0, b"\1\2\0\1abcd")), v6(58, icmp(128, 0, b"\1\2\0\1abcd")), v6(58, icmp(128, 0, b"\1\2\0\1x"), dst=NODES6)]
    yield "udp", [v4(17, udp(b"hello")), v4(17, udp(b"", dport=9)), v6(17, udp(b"hello")), v6(17, udp(b"", dport=9)),
                  v4(17, udp(b"x"), dst=GROUP), v6(17, udp(b"x"), dst=GROUP6), v4(17, udp(b"x"), dst=b"\x0a\0\0\xff")]
    for fam, wrap in (("4", v4), ("6", v6)):
        yield "tcp" + fam, [wrap(6, tcp(2, opts=SYN_OPTS)), wrap(6, tcp(16, 1001, 1)), wrap(6, tcp(4, 1001)),
                            wrap(6, tcp(2, opts=SYN_OPTS + FO_ASK, sport=40001)), wrap(6, tcp(2, opts=FO_COOKIE, data=b"GET", sport=40002)),
                            wrap(6, tcp(0xc2, opts=SYN_OPTS, sport=40003)), wrap(6, tcp(18, 5, 5, dport=81)), wrap(6, tcp(3)),
                            wrap(6, tcp(0x3f, opts=b"\2\0")), wrap(6, tcp(2, sport=40004, opts=bytes([2, 4, 0, 0, 3, 3, 255])))]
    errors4 = [v4(1, icmp(3, code, struct.pack(">HH", 0, 1200) + quoted4(proto))) for code in (0, 1, 2, 3, 4, 13) for proto in (6, 17)]
    yield "errors4", errors4 + [v4(1, icmp(11, 0, bytes(4) + quoted4(17))), v4(1, icmp(12, 0, bytes(4) + quoted4(6))), v4(1, icmp(13, 0, bytes(16)))]
    yield "errors6", [v6(58, icmp(kind, code, struct.pack(">I", 1300) + quoted6(proto)))
                      for kind, code in ((1, 0), (1, 4), (2, 0), (3, 0), (4, 1)) for proto in (6, 17)]
    yield "igmp", [v4(2, bytes([0x11, t]) + bytes(2) + g + x, dst=b"\xe0\0\0\1", opts=b"\x94\4\0\0", ttl=1)
                   for t, g, x in ((0, bytes(4), b""), (20, bytes(4), b""), (20, bytes(4), b"\2\x7d\0\0"), (9, GROUP, b"\2\x7d\0\1" + PEER))]
    hbh = bytes([58, 0, 5, 2, 0, 0, 1, 0])
    yield "mld", [v6(0, hbh + icmp(130, 0, struct.pack(">HH", 1000, 0) + g + x), LL_PEER, d, 1)
                  for g, d, x in ((NONE6, NODES6, b""), (NONE6, NODES6, b"\2\x7d\0\0"), (GROUP6, GROUP6, b"\2\x7d\0\1" + PEER6), (GROUP6, GROUP6, b""))]
    yield "ns_na", [v6(58, icmp(135, 0, bytes(4) + US6 + SLLA), hops=255), v6(58, icmp(135, 0, bytes(4) + US6), NONE6, ip6(b"\xff\2" + bytes(9) + b"\1\xff", 1), 255),
                    v6(58, icmp(136, 0, b"\xe0\0\0\0" + PEER6 + b"\2\1" + PEER_MAC), hops=255),
                    v6(58, icmp(136, 0, b"\x20\0\0\0" + US6 + b"\2\1" + PEER_MAC), dst=NODES6, hops=255),
                    v6(58, icmp(135, 0, bytes(4) + LL_US + SLLA), LL_PEER, LL_US, 255)]
    yield "ra", [v6(58, RA + SLLA + PREFIX + bytes([5, 1, 0, 0, 0, 0, 5, 0]), LL_PEER, NODES6, 255), v6(58, RA + PREFIX * 9, LL_PEER, NODES6, 255),
                 v6(58, RA + bytes([24, 2, 32, 8]) + bytes(4) + FAR6[:8], LL_PEER, NODES6, 255), v6(58, RA + b"\1\0", LL_PEER, NODES6, 255),
                 v6(58, icmp(137, 0, bytes(4) + LL_PEER + FAR6 + b"\2\1" + PEER_MAC), LL_PEER, US6, 255)]
    yield "frag4", frag4(long, 256) + frag4(long, 128, ident=10, order=reversed)
    yield "frag4_bad", [v4(17, long[:64], off=0x2000, ident=3), v4(17, long[:64], off=0x2004, ident=3), v4(1, bytes(1400), off=0x1fff, ident=4),
                        v4(6, tcp(2)[:8], off=0x2000, ident=5), v4(17, b"", off=0x2003, ident=6)]
    yield "frag6", frag6(long, 256) + frag6(long, 128, ident=10, order=reversed)
    yield "frag6_bad", [v6(44, struct.pack(">BBHI", 17, 0, 0, 1) + long[:40]), v6(44, struct.pack(">BBHI", 17, 0, 1, 2) + long[:60]),
                        v6(44, struct.pack(">BBHI", 17, 0, 1, 3) + long[:64]), v6(44, struct.pack(">BBHI", 17, 0, 32, 3) + long[:64]),
                        v6(44, struct.pack(">BBHI", 17, 0, 0xfff8, 4) + long[:64]), v6(44, struct.pack(">BBHI", 60, 0, 1, 5) + bytes([17, 9]) + bytes(6))]
    chains = [bytes([17, 0, 1, 4, 0, 0, 0, 0]), bytes([17, 0, 0x1e, 0, 1, 2, 0, 0]), bytes([17, 0, 0x9e, 0, 1, 2, 0, 0]), bytes([17, 0, 0xde, 0, 1, 2, 0, 0])]
    yield "chains", ([v6(n, c + udp(b"x")) for n in (0, 60) for c in chains] + [v6(43, bytes([17, 0, 0, n]) + bytes(4) + udp(b"x")) for n in (0, 1)] +
                     [v6(60, bytes([60, 0, 1, 4, 0, 0, 0, 0]) * 8 + chains[0] + udp(b"x")), v6(60, bytes([0, 0, 1, 4, 0, 0, 0, 0]) + chains[0] + udp(b"x")),
                      v6(59, b""), v6(253, b"what"), v6(0, bytes([17, 255]) + bytes(6))])
    yield "options4", [v4(17, udp(b"x"), opts=o) for o in (b"\x94\4\0\0", b"\7\7\4\0\0\0\0", b"\x83\7\4\x0a\0\0\7", b"\x44\4\5\0", b"\1\1\0", b"\7\0", b"\x88\4\0\0")]
    yield "links", [eth(0x8100, b"\0\5\x08\0" + v4(17, udp(b"x"))[14:]), eth(0x8100, b"\0\0\x86\xdd" + v6(17, udp(b"x"))[14:]), eth(0x88cc, bytes(46)),
                    eth(40, bytes(46)), eth(0x800, b"\x60" + bytes(45)), eth(0x86dd, b"\x45" + bytes(45)), eth(0x800, b"")]
    yield "spoofed", [v4(17, udp(b"x"), src=US), v4(6, tcp(2), src=b"\x7f\0\0\1"), v4(6, tcp(2), src=GROUP), v6(6, tcp(2), src=US6), v6(6, tcp(2), src=NODES6),
                      v4(6, tcp(2), src=b"\0\0\0\5"), v6(17, udp(b"x"), src=NONE6), v4(6, tcp(2), src=b"\xff" * 4)]
    yield "from_groups", [f[:6] + b"\x33\x33\0\0\0\1" + f[12:] for f in (
        v4(6, tcp(2)), v6(6, tcp(2)), v4(1, icmp(8, 0, b"\1\2\0\1")), v6(58, icmp(128, 0, b"\1\2\0\1")), v6(58, icmp(135, 0, bytes(4) + US6), hops=255))]
    yield "strangers", [v4(6, tcp(2, opts=SYN_OPTS), src=OTHER), v6(6, tcp(2, opts=SYN_OPTS), src=OTHER6), v6(6, tcp(2), src=FAR6), v6(6, tcp(2), LL_PEER, LL_US)]


def frames(out):
    for name, list_ in frames_lists():
        for how, flags in ((0, 1), (0x8000, 3), (0x1c56, 9), (0x6020, 0x11)):  # the last with SYN cookies
            out(name + "_%04x" % how, struct.pack("<H", how) + b"".join(struct.pack("<HB", len(f), flags) + f for f in list_))


def wire(out):
    for name, list_ in frames_lists():
        for i, f in enumerate(list_):
            kind = struct.unpack(">H", f[12:14])[0]
            out("%s_%d_eth" % (name, i), b"\2" + f)
            if kind == 0x806:
                out("%s_%d" % (name, i), b"\3" + f[14:])
            elif kind == 0x800 and len(f) > 34:
                out("%s_%d_ip" % (name, i), b"\1" + f[14:])
                out("%s_%d" % (name, i), {6: b"\0", 17: b"\5", 1: b"\4", 2: b"\x0b"}.get(f[23], b"\1") + f[14 + (f[14] & 15) * 4:])
                out("%s_%d_opts" % (name, i), b"\x0c" + f[34:14 + (f[14] & 15) * 4])
            elif kind == 0x86dd and len(f) > 54:
                out("%s_%d_ip" % (name, i), b"\6" + f[14:])
                if f[20] == 58:
                    for which in (7, 8, 9, 10):
                        out("%s_%d_%d" % (name, i, which), bytes([which]) + bytes([f[21]]) + f[22:54] + f[54:])


def text(out):
    lines = ["dev=sim", "dev=net_af_packet0,iface=eth0", "cores=2", "cores=0-3,5", "address=10.0.0.1/24", "address=10.0.0.1-10.0.0.9/8,fd00::1/64",
             "gateway=10.0.0.254", "gateway=fe80::1%1", "ports=1024-65535", "port-range=1-9", "mtu=9000", "huge=no", "memory=512M",
             "max-connections=10M", "vlan=5", "congestion=bbr", "ecn=on", "gro=yes", "syncookies=auto", "fastopen=3", "rcvbuf-max=6M",
             "route=10.1.0.0/16 via 10.0.0.2", "route=default via fd00::9 metric 5", "allow=tcp from 10.0.0.0/8 to any port 80", "deny=udp",
             "deny=icmp from any", "nonsense=1", "interface=eth0", "log=debug"]
    out("settings", b"\0" + "\n".join(lines).encode())
    for i, line in enumerate(lines):
        out("setting_%d" % i, b"\0" + line.encode())
        out("value_%d" % i, b"\1" + line.split("=")[1].encode())
    for i, name in enumerate(["sim", "ethdev:0000:01:00.0", "af_packet:eth0", "tap", "memif:id=0,role=server", "http://10.0.0.1:8080/x?y", "http://[fd00::1]:80/",
                              "https://h/", "tcp://1.2.3.4:5", "10.0.0.1-10.0.1.0/16", "fd00::1-fd00::ff/64", "pci:01:00.0,x=1"]):
        out("name_%d" % i, b"\1" + name.encode())
    for i, msg in enumerate([b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"POST /a HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
                             b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"GET / HTTP/9.9\n\n", b"GET  / HTTP/1.1\r\n folded: x\r\n\r\n"]):
        out("request_%d" % i, b"\2" + msg)
    for i, msg in enumerate([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"HTTP/1.1 304 Not\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\ntill the end",
                             b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\nHTTP/1.1 204 N\r\n\r\n"]):
        out("response_%d" % i, b"\3" + msg)


# ---- steps of the sequence target, as sequence_fuzz.c, peer.c and calls.c read them

ACK, PSH, FINACK, SYN, SYNACK, RST, ECE, CWR, SYNECN, URG = 0, 6, 7, 8, 10, 11, 13, 14, 15, 16  # places in flags_make()
NOBODY, EXACT, UNACKED = 7, 8 | 2, 8


def seg(flags, who=0, how=EXACT, wnd=65535, what=0, data=0, route=0, more=b"", extra=b""):
    """extra: what the options read; who: a socket, or 8: connection of that number (more), 12: half-open, 14: TIME-WAIT (more)."""
    unknown = b"\x0f\x0f" if who == NOBODY else b""
    return (bytes([13, who]) + more + bytes([flags]) + struct.pack("<HB", wnd, how | (data > 0)) + unknown + bytes([route]) +
            (b"\5\0" if flags == URG else b"") + bytes([what]) + (b"\xb4" if flags in (SYN, SYNECN, SYNACK) else b"") + extra +
            (struct.pack("<H", data) if data else b""))


def handshake(how, data=0):
    return (bytes([7, how | (2 if data else 0)]) + struct.pack("<H", 65535) + (struct.pack("<H", data) if data else b"") +
            b"\x0f" * (2 if how & 1 else 1) + b"\0")


def call(what, sock=0, rest=b""):
    return bytes([2, sock, what]) + rest


def send(n, sock=0, how=1):
    return call(0, sock, struct.pack("<BH", how, n))


def recv(n, sock=0, how=1):
    return call(4, sock, struct.pack("<BH", how, n))


def option(level, name, value, sock=0, how=0):
    return call(8, sock, struct.pack("<BBIB", level, name, value, how))


def icmp_about(how, mtu, sock=0):
    return bytes([1, sock, how]) + struct.pack("<H", mtu) + b"\x0f\0"


SHUT_WR, CLOSE, ACCEPT = call(7, 0, b"\1"), call(11), b"\0\1"
MS, MS40, MS200, S1, S10, S70 = (bytes([5, i]) for i in (2, 3, 4, 5, 6, 7))
ALL_OPTS = 0x7f & ~64 & ~1


def passive(six, what=ALL_OPTS):
    return seg(SYN, NOBODY, 4 if six else 0, what=what) + handshake(0) + ACCEPT


def active(six, more=0):
    return bytes([0, (2 if six else 0) | more]) + handshake(1 | 16)


def scenes(six):
    p, a = passive(six), active(six)
    yield "serve", p + seg(PSH, data=300) + recv(1000) + send(3000) + seg(ACK) + SHUT_WR + seg(FINACK) + S70
    yield "client", a + send(500) + seg(ACK) + seg(PSH, data=1300) * 3 + recv(9000) + seg(FINACK) + CLOSE + seg(ACK, 8, more=b"\1") + S10
    wait = a + CLOSE + seg(FINACK, 8, more=b"\1")
    wait6 = [seg(k, 14, more=b"\1") for k in (ACK, FINACK, SYN, SYNACK, RST, PSH)]
    yield "time_wait", wait + b"".join(wait6) + S10 + seg(FINACK, 14, more=b"\0") + S70
    yield "time_wait_syn", wait + S10 + seg(SYN, 14, 0, more=b"\1", what=ALL_OPTS) + S70
    yield "many_waits", (a + CLOSE + seg(FINACK, 8, more=b"\1")) * 8 + S70
    yield "simultaneous_close", p + SHUT_WR + seg(FINACK, how=UNACKED) + seg(ACK) + S70
    yield "simultaneous_open", bytes([0, 2 if six else 0]) + seg(SYN, what=ALL_OPTS) + seg(ACK) + send(100) + S1
    yield "loss", p + send(30000) + seg(ACK, what=8, how=UNACKED, extra=b"\2" + b"\0\x05\x0f" * 3) * 4 + MS200 * 5 + seg(ACK) + S10
    yield "timeouts", p + send(60000) + MS200 * 3 + S1 * 3 + seg(ACK, how=UNACKED) + S10 * 6 + S70 * 3
    yield "window", p + send(9000) + seg(ACK, wnd=0) + S1 * 4 + S10 + seg(ACK, wnd=300) + S1 + seg(ACK, wnd=1) * 3 + CLOSE + S70
    yield "reordered", p + b"".join(seg(PSH, how=2, data=400) for _ in range(12)) + recv(60000) + seg(PSH, data=1000) + recv(60000)
    yield "ecn", passive(six) + seg(SYNECN, NOBODY, (4 if six else 0) | 16, what=ALL_OPTS) + handshake(0) + ACCEPT + (
        send(5000) + seg(ECE) + seg(CWR, data=100, route=3) + send(5000) + seg(ACK, route=3, data=9) + MS40) * 3
    yield "urgent", p + seg(URG, data=20) + recv(5, how=4) + recv(100) + send(10, how=0xe1) + seg(ACK) + seg(URG, data=3) + option(1, 10, 1) + recv(9)
    yield "fast_open", seg(SYN, NOBODY, 4 if six else 0, what=ALL_OPTS | 64, extra=b"\2") + handshake(0, 50) + ACCEPT + recv(99) + (
        seg(SYN, NOBODY, (4 if six else 0) | 32, what=ALL_OPTS | 64, extra=b"\0", data=200) + ACCEPT + send(400, 1) + recv(999, 1) + handshake(0) + S10)
    yield "fast_open_client", active(six, 4) + send(100) + bytes([0, (2 if six else 0) | 4]) + send(300, 1) + handshake(1 | 16 | 32 | 8) + S1 + (
        bytes([0, (2 if six else 0) | 4]) + send(300, 2) + S1 + handshake(1 | 8) + S10)
    yield "resets", p + send(99) + seg(RST) + recv(9) + a + seg(RST, 1, more=b"") + seg(SYN, NOBODY, 4 if six else 0) + seg(RST, 12) + a + CLOSE + S70
    yield "icmp", p + send(9000) + b"".join(icmp_about(h, m) for h, m in ((9, 1400), (9, 600), (9, 60), (1, 1300), (2, 0), (22, 0), (3, 0))) + S1
    yield "keepalive", p + option(1, 9, 1) + option(0, 4, 1) + option(0, 5, 1) + option(0, 6, 2) + S10 + seg(ACK) + S10 * 2
    yield "options", p + b"".join(option(lv, n, v, how=h) for lv, n, v, h in (
        (0, 1, 1, 0), (0, 3, 1, 0), (0, 2, 500, 0), (0, 10, 100, 0), (0, 18, 5000, 0), (0, 25, 300, 0), (0, 13, 0, 2), (1, 7, 9000, 6), (1, 8, 3000, 10),
        (1, 47, 99999, 14), (1, 18, 9, 0), (2, 1, 8, 0), (2, 21, 60, 0), (3, 67, 4, 0), (0, 11, 0, 0), (0, 26, 0, 0), (0, 33, 0, 128))) + send(20000) + S1
    yield "half_open", b"".join(seg(SYN, NOBODY, (4 if six else 0) | i << 4, what=ALL_OPTS) for i in range(4)) + seg(SYN, 12) + seg(ACK, 12, data=9) + S70
    yield "fragments", p + b"".join(seg(PSH, data=900, route=r) + b"" for r in (0x90, 0x84, 0x88, 0x8c)) + recv(9000)
    yield "bulk", p + (send(65535) + (seg(ACK) + MS) * 6) * 6
    yield "bulk_in", p + (seg(PSH, data=1300) * 6 + recv(65535) + MS) * 8
    yield "backlog", (seg(SYN, NOBODY, 4 if six else 0, what=0) + handshake(0, 20)) * 3 + b"\6\0" + S1 + b"\6\0\x34" + ACCEPT
    yield "strangers", seg(SYN, NOBODY, (4 if six else 0) | 128, what=2) + bytes([0, (2 if six else 0) | 64]) + S10 + seg(SYN, NOBODY, (4 if six else 0) | 192)
    yield "datagrams", bytes([9, 0x60 | six]) + struct.pack("<H", 4000) + bytes([9, 0x00 | six, 1, 0, 9, 0x60, 0, 1]) + bytes([10, six, 0, 50, 0, 9, 0x20, 99, 0]) + (
        bytes([1, 7, 9 if not six else 1, 0xf0, 5, 15, 0, 9, 0x10, 9, 0]))


def sequence(out):
    for six in (0, 1):
        for name, steps in scenes(six):
            for how in (0, 0x5d1 << 1, 0x7009, 0xa216, 0x3f):
                out("%s_%d_%04x" % (name, six, how), struct.pack("<H", how) + b"\x34" + steps)
    for i in range(40):  # and steps by chance, of kinds that bring connections forward
        r = random.Random(i)
        b = struct.pack("<H", r.randrange(1 << 16)) + bytes([r.choice((4, 0x15, 0x34, 0x45))])
        for _ in range(r.randrange(20, 120)):
            b += bytes([r.choice((0, 0, 2, 3, 4, 5, 7, 7, 8, 9, 10, 11, 12, 13, 13, 13, 14, 15))])
            b += bytes(r.choice((0, 1, 2, 8, r.randrange(256))) for _ in range(r.randrange(3, 12)))
        out("steps_%02d" % i, b)


for target in (frames, wire, text, sequence):
    folder = os.path.join(sys.argv[1], target.__name__)
    os.makedirs(folder, exist_ok=True)

    def write(name, data, folder=folder):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data)

    target(write)
