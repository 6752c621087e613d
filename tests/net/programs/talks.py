#!/usr/bin/env python3
"""Python's own network modules, as client and as server; each prints one line that says what it saw.

    talks.py echo ADDR PORT              an echo server of TCP (threads) and UDP, until it is stopped
    talks.py asyncio-client ADDR PORT N  N connections at once to an echo server; compares
    talks.py asyncio-server ADDR PORT    an echo server, until it is stopped
    talks.py socketserver ADDR PORT      answers a line with its sha256, a thread per connection, until it is stopped
    talks.py lines ADDR PORT N           N connections with a line each to that; compares
    talks.py http-server ADDR PORT       answers a POST with the sha256 of its body, a GET of /N with N bytes
    talks.py http-client ADDR PORT N     N requests of both kinds over one connection and over many; compares
    talks.py memcached ADDR PORT N       sets, gets and deletes N values of 1 byte to 100 KB; compares
    talks.py connections ADDR PORT N     N connections to an echo server, 32 at a time; compares
"""
import asyncio
import hashlib
import http.client
import http.server
import random
import socket
import socketserver
import sys
import threading


def blob(size, seed):
    return random.Random(seed).randbytes(size)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def say_and_exit(what, good, want):
    print(f"{what}: {good} of {want}", flush=True)
    sys.exit(good != want)


# ---- echo

class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoDatagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size = True, True, 512


def echo(address, port):
    datagrams = socketserver.UDPServer((address, port), EchoDatagram)
    threading.Thread(target=datagrams.serve_forever, daemon=True).start()
    Server((address, port), Echo).serve_forever()


# ---- asyncio

async def talk_one(address, port, number):
    reader, writer = await asyncio.open_connection(address, port)
    data = blob(1 + number * 997 % 200000, number)
    writer.write(data)
    await writer.drain()
    back = await reader.readexactly(len(data))
    writer.close()
    await writer.wait_closed()
    return back == data


async def asyncio_client(address, port, count):
    results = await asyncio.gather(*(talk_one(address, port, i) for i in range(count)), return_exceptions=True)
    for odd in [r for r in results if r is not True][:3]:
        print("odd:", repr(odd))
    say_and_exit("asyncio", sum(r is True for r in results), count)


async def asyncio_echo(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def asyncio_server(address, port):
    server = await asyncio.start_server(asyncio_echo, address, port, backlog=512)
    await server.serve_forever()


# ---- lines

class Line(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(sha256(line.strip()).encode() + b"\n")


def lines(address, port, count):
    good = 0
    for i in range(count):
        text = f"line {i} ".encode() * (i % 50 + 1)
        with socket.create_connection((address, port), timeout=20) as sock:
            sock.sendall(text + b"\n")
            good += sock.makefile().readline().strip() == sha256(text.strip())
    say_and_exit("lines", good, count)


# ---- HTTP

class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(blob(int(self.path[1:]), 7))

    def do_POST(self):
        self.answer(sha256(self.rfile.read(int(self.headers["Content-Length"]))).encode())

    def log_message(self, *_):
        pass


class Pages6(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6


def http_server(address, port):
    kind = Pages6 if ":" in address else http.server.ThreadingHTTPServer
    kind((address, port), Pages).serve_forever()


def fetch(conn, method, path, body=None):
    conn.request(method, path, body)
    return conn.getresponse().read()


def http_client(address, port, count):
    good, kept = 0, http.client.HTTPConnection(address, port, timeout=20)
    for i in range(count):
        conn = kept if i % 2 else http.client.HTTPConnection(address, port, timeout=20)
        data = blob(i * 4999, i)
        good += fetch(conn, "POST", "/", data) == sha256(data).encode() and fetch(conn, "GET", f"/{i * 777}") == blob(i * 777, 7)
        if conn is not kept:
            conn.close()
    say_and_exit("http.client", good, count)


# ---- memcached

def memcached(address, port, count):
    sock = socket.create_connection((address, port), timeout=20)
    stream, good = sock.makefile("rwb"), 0
    values = [blob(1 + i * 7919 % 100000, i) for i in range(count)]
    for i, value in enumerate(values):
        stream.write(b"set key%d 0 0 %d\r\n%b\r\n" % (i, len(value), value))
        stream.flush()
        assert stream.readline() == b"STORED\r\n"
    for i, value in enumerate(values):
        stream.write(b"get key%d\r\n" % i)
        stream.flush()
        head = stream.readline().split()
        good += stream.read(int(head[3])) == value and stream.read(7) == b"\r\nEND\r\n"
    stream.write(b"delete key0\r\nget key0\r\n")
    stream.flush()
    assert stream.readline() == b"DELETED\r\n" and stream.readline() == b"END\r\n"
    say_and_exit("memcached", good, count)


# ---- many connections

def connections(address, port, count):
    good, numbers, lock = 0, iter(range(count)), threading.Lock()

    def work():
        nonlocal good
        while (i := next(numbers, None)) is not None:
            data = blob(1 + i * 331 % 30000, i)
            with socket.create_connection((address, port), timeout=20) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                back = b"".join(iter(lambda: sock.recv(65536), b""))
            with lock:
                good += back == data

    threads = [threading.Thread(target=work) for _ in range(32)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    say_and_exit("connections", good, count)


def main():
    what, address, port, *rest = sys.argv[1:]
    port, rest = int(port), [int(r) for r in rest]
    if what == "socketserver":
        Server((address, port), Line).serve_forever()
    elif what.startswith("asyncio"):
        asyncio.run({"asyncio-client": asyncio_client, "asyncio-server": asyncio_server}[what](address, port, *rest))
    else:
        {"echo": echo, "lines": lines, "http-server": http_server, "http-client": http_client, "memcached": memcached,
         "connections": connections}[what](address, port, *rest)


main()
