"""A bad network between devices and a server: loses, repeats, delays and reorders datagrams.

It stands at another loopback address than the server, on the same port, and puts its own address
into the Package URIs that pass, so that downloads come through it too.
"""
import heapq
import random
import select
import socket
import threading
import time


class BadNetwork:
    """A proxy at 127.0.0.2; `lost`, `repeated` and `delayed` are shares of the datagrams of each direction."""

    HERE, SERVER = b"127.0.0.2", b"127.0.0.1"

    def __init__(self, port: int, seed: int, lost: float = 0.1, repeated: float = 0.1, delayed: float = 0.1,
                 delay_s: float = 0.3):
        self.uri = f"coap://{self.HERE.decode()}:{port}"
        self.counts = {"passed": 0, "lost": 0, "repeated": 0, "delayed": 0}
        self._draw, self._server = random.Random(seed), (self.SERVER.decode(), port)
        self._lost, self._repeated, self._delayed, self._delay_s = lost, repeated, delayed, delay_s
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind((self.HERE.decode(), port))
        self._towards_server: dict = {}   # a device's address: the socket that speaks for it
        self._waiting: list = []          # (when, number, socket, address, datagram)
        self._rebinding = False
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def rebind(self):
        """As a NAT that has forgotten its table: from now on devices come from other ports."""
        self._rebinding = True

    def close(self):
        self._running = False
        self._thread.join()
        for one in (self._front, *self._towards_server.values()):
            one.close()

    def _send(self, sock, address, datagram):
        """Lets the datagram arrive never, once or twice, now or later."""
        self.counts["passed"] += 1
        if self._draw.random() < self._lost:
            self.counts["lost"] += 1
            return
        copies = 2 if self._draw.random() < self._repeated else 1
        self.counts["repeated"] += copies - 1
        for _ in range(copies):
            late = self._draw.random() < self._delayed
            self.counts["delayed"] += late
            when = time.monotonic() + (self._draw.uniform(0, self._delay_s) if late else 0)
            heapq.heappush(self._waiting, (when, self._draw.random(), sock, address, datagram))

    def _forget(self):
        for one in self._towards_server.values():
            self._waiting = [w for w in self._waiting if w[2] is not one]
            one.close()
        heapq.heapify(self._waiting)
        self._towards_server.clear()

    def _receive(self, sock):
        datagram, address = sock.recvfrom(2048)
        if sock is self._front:
            if address not in self._towards_server:
                self._towards_server[address] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._send(self._towards_server[address], self._server, datagram.replace(self.HERE, self.SERVER))
            return
        device = next(a for a, s in self._towards_server.items() if s is sock)
        self._send(self._front, device, datagram.replace(self.SERVER, self.HERE))

    def _run(self):
        while self._running:
            if self._rebinding:
                self._rebinding = False
                self._forget()
            wait = min(0.1, max(0, self._waiting[0][0] - time.monotonic())) if self._waiting else 0.1
            readable, _, _ = select.select([self._front, *self._towards_server.values()], [], [], wait)
            for sock in readable:
                try:
                    self._receive(sock)
                except ConnectionRefusedError:
                    pass  # the server or the device is down: a datagram is lost
            while self._waiting and self._waiting[0][0] <= time.monotonic():
                _, _, sock, address, datagram = heapq.heappop(self._waiting)
                sock.sendto(datagram, address)
