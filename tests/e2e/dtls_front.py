"""OpenSSL in front of a foreign server: DTLS 1.2 with a pre-shared key towards devices, plain UDP behind."""
import contextlib
import os
import select
import socket
import subprocess
import threading
import time

from conftest import free_port


class Association:
    """What one address of a device talks to. s_server knows one at a time, and does not know when that is gone: each
    has one of its own.

    It writes what one record held in one piece, and sends what it reads in one piece as one record; behind datagram
    sockets these pieces stay apart."""

    def __init__(self, device: tuple, peer_port: int, key: bytes):
        self.device, port = device, free_port()
        self._inside, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._server = subprocess.Popen(
            ["openssl", "s_server", "-dtls1_2", "-accept", f"127.0.0.1:{port}", "-psk", key.hex(),
             "-nocert", "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0", "-quiet"],
            stdin=inside, stdout=inside, stderr=subprocess.DEVNULL)
        inside.close()
        self._wait_until_it_listens(port)
        self._secure, self._behind = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self._secure.connect(("127.0.0.1", port))
        self._behind.connect(("127.0.0.1", peer_port))
        self.sockets = [self._secure, self._inside, self._behind]

    @staticmethod
    def _wait_until_it_listens(port: int):
        deadline = time.monotonic() + 60
        local = f" 0100007F:{port:04X} "
        while time.monotonic() < deadline:
            with open("/proc/net/udp") as sockets:
                if any(local in line for line in sockets):
                    return
            time.sleep(0.02)
        raise AssertionError("openssl s_server does not listen")

    def take(self, datagram: bytes):
        with contextlib.suppress(OSError):
            self._secure.send(datagram)

    def pass_on(self, readable: list, outside: socket.socket):
        with contextlib.suppress(OSError):
            if self._secure in readable:
                outside.sendto(self._secure.recv(4096), self.device)
            if self._inside in readable:
                self._behind.send(self._inside.recv(4096))
            if self._behind in readable:
                self._inside.send(self._behind.recv(4096))

    def close(self):
        self._server.kill()
        self._server.wait()
        for end in self.sockets:
            end.close()


class DtlsFront:
    """Where devices find it; `peer` is where it says what they said."""

    def __init__(self, peer, port: int, key: bytes):
        self._peer, self._port, self._key = peer, port, key
        self.uri = f"coaps://127.0.0.1:{port}"
        self.begin()

    def begin(self):
        self._outside = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._outside.bind(("127.0.0.1", self._port))
        self._wake_read, self._wake_write = os.pipe()
        self._thread = threading.Thread(target=self._relay, daemon=True)
        self._thread.start()

    def _relay(self):
        associations: dict[tuple, Association] = {}
        while True:
            ends = [end for association in associations.values() for end in association.sockets]
            readable, _, _ = select.select([self._outside, self._wake_read, *ends], [], [])
            if self._wake_read in readable:
                break
            for association in associations.values():
                association.pass_on(readable, self._outside)
            if self._outside in readable:
                with contextlib.suppress(OSError):
                    datagram, device = self._outside.recvfrom(4096)
                    if device not in associations:
                        associations[device] = Association(device, self._peer.port, self._key)
                    associations[device].take(datagram)
        self._outside.close()
        for association in associations.values():
            association.close()

    def stop(self):
        """As a server that is killed: no alert is sent, and all associations are gone."""
        if self._thread is None:
            return
        os.write(self._wake_write, b"w")
        self._thread.join()
        self._thread = None
        os.close(self._wake_read)
        os.close(self._wake_write)
