#!/usr/bin/env python3
"""The kernel's end of preload.sh: echo at a port, streams and datagrams. preload_peer.py ADDRESS PORT"""
import socketserver
import sys
import threading


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)


class EchoDatagram(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(data, self.client_address)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main():
    at = (sys.argv[1], int(sys.argv[2]))
    socketserver.UDPServer.max_packet_size = 65535
    datagrams = socketserver.UDPServer(at, EchoDatagram)
    threading.Thread(target=datagrams.serve_forever, daemon=True).start()
    with Server(at, Echo) as streams:
        print("listening", flush=True)
        streams.serve_forever()


if __name__ == "__main__":
    main()
