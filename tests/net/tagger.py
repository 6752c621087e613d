#!/usr/bin/env python3
"""A VLAN interface for kernels without 802.1Q: tagger.py DEVICE VLAN makes a tap device DEVICE.VLAN. Frames in that VLAN come out
of it without their tag, and what the kernel sends over it leaves by DEVICE with one. Runs until it is killed."""
import fcntl
import os
import select
import socket
import struct
import sys

ETH_P_ALL, SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 3, 263, 8, 1 << 4
PACKET_OUTGOING = 4
TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000


def tag_of(ancillary):
    """The tag that the kernel has taken off the frame, or None."""
    for level, kind, data in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", data[:20])
            if status & TP_STATUS_VLAN_VALID:
                return tci & 0xFFF
    return None


def main():
    device, vlan = sys.argv[1], int(sys.argv[2])
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", f"{device}.{vlan}".encode(), IFF_TAP | IFF_NO_PI))
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    wire.bind((device, ETH_P_ALL))
    print("up", flush=True)
    while True:
        readable, _, _ = select.select([tap, wire], [], [])
        if wire in readable:
            frame, ancillary, _, address = wire.recvmsg(65536, 256)
            if address[2] != PACKET_OUTGOING and tag_of(ancillary) == vlan:
                os.write(tap, frame)
        if tap in readable:
            frame = os.read(tap, 65536)
            wire.send(frame[:12] + struct.pack("!HH", 0x8100, vlan) + frame[12:])


main()
