"""Hosts that are made by hand: their addresses are nobody's, and a SYN or a datagram to one of them is answered by what its port
stands for (rows.h). Frames in and out by AF_PACKET; what came is noted, for peers.py to tell.
"""
import collections
import ipaddress
import socket
import struct
import threading
import time

MAC = bytes.fromhex("020000000002")
# Those who are asked for directly; what lies behind a gateway comes to the same hardware address.
HOSTS = {ipaddress.ip_address(a).packed for a in ("10.77.0.2", "10.77.0.20", "fd77::2", "fd77::20")}
FIN, SYN, RST, ACK = 1, 2, 4, 16
ACCEPT, REFUSE, SILENT = 5000, 5001, 9000
LATE_S = 0.7

sender = None
lock = threading.Lock()
flows = {}  # (client, its port, host, port) -> its Flow now
history = collections.defaultdict(list)  # (bytes of an address, port) -> all its Flows


class Flow:
    """One client's socket: when its SYNs came, and where our sequence numbers are."""

    def __init__(self, first_seq):
        self.syn_times, self.rst, self.first_seq = [], False, first_seq
        self.iss, self.next = 0x1000, 0


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def with_sum(packet, at, src, dst, proto):
    """The TCP segment or ICMPv6 message with its checksum."""
    pseudo = src + dst + (struct.pack("!BBH", 0, proto, len(packet)) if len(src) == 4 else struct.pack("!IxxxB", len(packet), proto))
    total = checksum(pseudo + packet)
    return packet[:at] + struct.pack("!H", total) + packet[at + 2:]


def ip_packet(src, dst, proto, body):
    if len(src) == 16:
        return struct.pack("!IHBB", 6 << 28, len(body), proto, 64) + src + dst + body
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, proto, 0) + src + dst
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def send_ip(seen, body, proto):
    """To whom the frame came from, from whom it was meant for."""
    ethertype = 0x0800 if len(seen.src) == 4 else 0x86DD
    frame = seen.mac + MAC + struct.pack("!H", ethertype) + ip_packet(seen.dst, seen.src, proto, body)
    sender.send(frame)


class Seen:
    """A packet that came: addresses, protocol, and what is behind the IP header."""

    def __init__(self, frame):
        self.mac, packet = frame[6:12], frame[14:]
        if packet[0] >> 4 == 4:
            length = (packet[0] & 15) * 4
            end = struct.unpack("!H", packet[2:4])[0]
            self.proto, self.src, self.dst = packet[9], packet[12:16], packet[16:20]
        else:
            length, end = 40, 40 + struct.unpack("!H", packet[4:6])[0]
            self.proto, self.src, self.dst = packet[6], packet[8:24], packet[24:40]
        self.packet, self.body = packet[:end], packet[length:end]
        self.header = packet[:length]

    def ports(self):
        return struct.unpack("!HH", self.body[:4])


def segment(seen, flags, seq, ack):
    sport, dport = seen.ports()
    body = struct.pack("!HHIIBBHHH", dport, sport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 5 << 4, flags, 65535, 0, 0)
    send_ip(seen, with_sum(body, 16, seen.dst, seen.src, 6), 6)


def icmp(seen, kind, code, quote=None):
    quote = quote or seen.packet
    v6 = len(seen.src) == 16
    rest = 0
    if (kind, code) == ((2, 0) if v6 else (3, 4)):
        rest = 1280 if v6 else 1000
    body = struct.pack("!BBHI", kind, code, 0, rest) + quote[:1200]
    if v6:
        send_ip(seen, with_sum(body, 2, seen.dst, seen.src, 58), 58)
    else:
        send_ip(seen, body[:2] + struct.pack("!H", checksum(body)) + body[4:], 1)


def later(seconds, what, *args):
    timer = threading.Timer(seconds, what, args)
    timer.daemon = True
    timer.start()


# ---- what the ports do with a SYN: first, and then

def accept(seen, flow, seq):
    flow.next = flow.iss + 1
    segment(seen, SYN | ACK, flow.iss, seq + 1)


def refuse(seen, _, seq):
    segment(seen, RST | ACK, 0, seq + 1)


def rst_without_ack(seen, _, seq):
    segment(seen, RST, seq + 1, 0)
    segment(seen, RST, 0, 0)


def rst_wrong_ack(seen, _, seq):
    segment(seen, RST | ACK, 0, seq + 1000)
    segment(seen, RST | ACK, 0, seq)


def syn_ack_wrong_ack(seen, flow, seq):
    segment(seen, SYN | ACK, flow.iss, seq + 1000)


def bare_ack(seen, flow, seq):
    segment(seen, ACK, flow.iss, seq + 1)


def fin_ack(seen, flow, seq):
    segment(seen, FIN | ACK, flow.iss, seq + 1)


def bare_syn(seen, flow, _):
    flow.next = flow.iss + 1
    segment(seen, SYN, flow.iss, 0)


def accept_then(flags):
    def both(seen, flow, seq):
        accept(seen, flow, seq)
        segment(seen, flags, flow.next, seq + 1)
        flow.next += flags & FIN
    return both


def wrong_quote(seen, _, seq):
    """Errors about a segment that was never sent."""
    for code in (1, 3):
        quoted = bytearray(seen.packet)
        struct.pack_into("!I", quoted, len(seen.header) + 4, (seq + 100000) & 0xFFFFFFFF)
        icmp(seen, 1 if len(seen.src) == 16 else 3, code, bytes(quoted))


def error_and_accept(seen, flow, seq):
    icmp(seen, 3, 1)
    accept(seen, flow, seq)


def accept_late(seen, flow, seq):
    later(LATE_S, accept, seen, flow, seq)


def refuse_late(seen, flow, seq):
    later(LATE_S, refuse, seen, flow, seq)


def nothing(*_):
    pass


SYN_DOES = {
    ACCEPT: (accept, accept), REFUSE: (refuse, refuse), 5002: (rst_without_ack, accept), 5003: (rst_wrong_ack, accept),
    5004: (syn_ack_wrong_ack, accept), 5005: (bare_ack, accept), 5006: (fin_ack, accept), 5007: (bare_syn, bare_syn),
    5008: (bare_syn, bare_syn), 5009: (accept_then(RST | ACK), nothing), 5010: (accept_then(FIN | ACK), accept),
    5011: (nothing, accept), 5012: (wrong_quote, accept), 5013: (error_and_accept, accept), 5015: (accept_late, nothing),
    5016: (refuse_late, refuse_late),
}


def on_syn(seen, flow, seq):
    port = seen.ports()[1]
    flow.syn_times.append(time.monotonic())
    if port >= SILENT and port < 11000:
        return
    first, then = SYN_DOES.get(port, (None, accept))
    if len(flow.syn_times) > 1:
        then(seen, flow, seq)
    elif first:
        first(seen, flow, seq)
    else:
        icmp(seen, port // 1000, port % 1000)


def on_syn_ack(seen, flow, seq):
    """The client took our bare SYN: the handshake ends, or the client is told no."""
    if seen.ports()[1] == 5007:
        later(0.4, segment, seen, ACK, flow.next, seq + 1)
    else:
        segment(seen, RST | ACK, flow.next, seq + 1)


def flow_of(key, seq, flags):
    """A SYN with a sequence number of its own is another socket's on the same port."""
    with lock:
        flow = flows.get(key)
        if flow is None or (flags & (SYN | ACK) == SYN and seq != flow.first_seq):
            flow = flows[key] = Flow(seq)
            history[len(key[0]), key[3]].append(flow)
        return flow


def on_tcp(seen):
    sport, dport = seen.ports()
    seq, ack, offset, flags = struct.unpack("!IIBB", seen.body[4:14])
    flow = flow_of((seen.src, sport, seen.dst, dport), seq, flags)
    size = len(seen.body) - (offset >> 4) * 4
    if flags & RST:
        flow.rst = True
    elif flags & SYN:
        (on_syn_ack if flags & ACK else on_syn)(seen, flow, seq)
    elif flags & FIN:
        segment(seen, RST | ACK, ack, seq + size + 1)
    elif size:
        segment(seen, ACK, ack, seq + size)


def on_udp(seen):
    port = seen.ports()[1]
    if port < ACCEPT or 11000 <= port < 13000:
        icmp(seen, port // 1000, port % 1000)


# ---- neighbours

def on_arp(frame):
    op, mac, src, _, dst = struct.unpack("!H6s4s6s4s", frame[20:42])
    if op == 1 and dst in HOSTS:
        body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + MAC + dst + mac + src
        sender.send(mac + MAC + struct.pack("!H", 0x0806) + body)


def on_solicitation(seen):
    target = seen.body[8:24]
    if target not in HOSTS:
        return
    body = struct.pack("!BBHI", 136, 0, 0, 0x60000000) + target + bytes([2, 1]) + MAC
    packet = ip_packet(target, seen.src, 58, with_sum(body, 2, target, seen.src, 58))
    packet = packet[:7] + b"\xff" + packet[8:]  # the hop limit of NDP
    sender.send(seen.mac + MAC + struct.pack("!H", 0x86DD) + packet)


def on_frame(frame):
    ethertype = struct.unpack("!H", frame[12:14])[0]
    if ethertype == 0x0806:
        return on_arp(frame)
    if ethertype not in (0x0800, 0x86DD):
        return None
    seen = Seen(frame)
    if seen.proto == 58 and seen.body[:1] == b"\x87":
        on_solicitation(seen)
    elif frame[:6] == MAC and seen.proto == 6:
        on_tcp(seen)
    elif frame[:6] == MAC and seen.proto == 17:
        on_udp(seen)
    return None


# ---- what is told

def of_port(family, port):
    with lock:
        return list(history[4 if family == 4 else 16, port])


def syns(family, port):
    texts = []
    for flow in of_port(family, port):
        if flow.syn_times:
            texts.append(",".join(str(round(t - flow.syn_times[0])) for t in flow.syn_times))
    return "/".join(texts) or "none"


def rst(family, port):
    return "yes" if any(f.rst for f in of_port(family, port)) else "no"


def run(device):
    global sender
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sender.bind((device, 3))
    print("ready", flush=True)
    while True:
        frame, where = sender.recvfrom(65536)
        if where[2] != socket.PACKET_OUTGOING:
            on_frame(frame)
