#!/usr/bin/env python3
"""A wire made of captures: joins spate's pcap device to a tap interface of the kernel.

  pcap_wire.py TAP_NAME ADDR/LEN IN OUT RECORD

Makes the tap interface with that address in this network namespace, and the FIFOs IN and OUT. spate reads IN and writes OUT
(--dev pcap:IN,OUT): frames of the kernel go to IN as records of a capture, records of OUT go to the kernel and, as they
are, to the file RECORD. Ends when spate closes OUT; then one JSON line says what passed.

Reading a capture blocks when there is nothing in it, and the PMD reads a burst at a time. So frames that nobody
understands fill the bursts up; without them spate would have no time of its own.
"""
import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 0x0002, 0x1000
FILE_HEADER = struct.pack("=IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
BURST = 32                 # what spate asks the PMD for
TICK_S = 0.001
FILL = bytes.fromhex("020000000002 020000000001 88b5") + bytes(46)  # an experimental ethertype (IEEE 802)
QUEUE_BYTES = 4 << 20      # more from the kernel is dropped, as by any full queue


def record(frame):
    return struct.pack("=IIII", 0, 0, len(frame), len(frame)) + frame


FILLING = record(FILL) * BURST


def tap_open(name, address):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TAP | IFF_NO_PI))
    subprocess.run(["ip", "address", "add", address, "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "txqueuelen", "10000", "up"], check=True)
    return tap


def fifos_open(in_path, out_path):
    for path in (in_path, out_path):
        os.mkfifo(path)
    print("ready", flush=True)
    to_spate = os.open(in_path, os.O_WRONLY)  # waits for spate, which opens IN first
    os.write(to_spate, FILE_HEADER)
    from_spate = os.open(out_path, os.O_RDONLY)
    os.set_blocking(to_spate, False)
    os.set_blocking(from_spate, False)
    return to_spate, from_spate


def pipe_is_empty(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, bytes(4)))[0] == 0


class Wire:
    def __init__(self, tap, to_spate, from_spate, copy):
        self.tap, self.to_spate, self.from_spate, self.copy = tap, to_spate, from_spate, copy
        self.queue, self.text, self.header_seen = bytearray(), bytearray(), False
        self.frames_in = self.frames_out = self.dropped = 0

    def from_kernel(self):
        for _ in range(BURST):
            try:
                frame = os.read(self.tap, 65536)
            except BlockingIOError:
                return
            if len(self.queue) > QUEUE_BYTES:
                self.dropped += 1
            else:
                self.queue += record(frame)
                self.frames_in += 1

    def push(self):
        """To spate: what waits, and filling when nothing does."""
        if not self.queue and pipe_is_empty(self.to_spate):
            self.queue += FILLING
        try:
            while self.queue:
                del self.queue[:os.write(self.to_spate, self.queue[:65536])]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.queue.clear()

    def to_kernel(self):
        """False at the end of spate's capture."""
        data = os.read(self.from_spate, 1 << 20)
        self.copy.write(data)
        self.text += data
        if not self.header_seen and len(self.text) >= 24:
            del self.text[:24]
            self.header_seen = True
        at = 0
        while self.header_seen and len(self.text) - at >= 16:
            length = struct.unpack_from("=I", self.text, at + 8)[0]
            if len(self.text) - at < 16 + length:
                break
            self.frames_out += 1
            try:
                os.write(self.tap, bytes(self.text[at + 16:at + 16 + length]))
            except OSError:
                self.dropped += 1
            at += 16 + length
        del self.text[:at]
        return bool(data)

    def run(self):
        going = True
        while going:
            readable, _, _ = select.select([self.tap, self.from_spate], [], [], TICK_S)
            if self.tap in readable:
                self.from_kernel()
            if self.from_spate in readable:
                going = self.to_kernel()
            self.push()


def main():
    name, address, in_path, out_path, copy_path = sys.argv[1:6]
    tap = tap_open(name, address)
    to_spate, from_spate = fifos_open(in_path, out_path)
    with open(copy_path, "wb") as copy:
        wire = Wire(tap, to_spate, from_spate, copy)
        wire.run()
    print(json.dumps({"frames_to_spate": wire.frames_in, "frames_from_spate": wire.frames_out, "dropped": wire.dropped}))


main()
