"""OpenSSL as a device: a DTLS client that is not ours, below CoAP messages that are put together by hand."""
import contextlib
import os
import socket
import subprocess
import time

import pytest
from lwm2m_peer import ACK, CON, CONTENT_FORMAT, LINK, LOCATION_PATH, POST, URI_PATH, URI_QUERY, Message, code, decode, uint


class OpensslDevice:
    """An association that stays, and what goes over it.

    openssl is given a datagram socket for its standard input and output: each record is one piece, either way. By a
    pipe two records may come in one read, and where the first ends is lost."""

    def __init__(self, address: str, *options: str):
        self._next_id = 1
        self._inside, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inside.settimeout(2)
        self.process = subprocess.Popen(["openssl", "s_client", "-dtls1_2", "-connect", address, *options, "-quiet"],
                                        stdin=inside, stdout=inside, stderr=subprocess.DEVNULL)
        inside.close()

    def ask(self, path: str, *queries: str, payload: bytes = b"") -> Message:
        """Sends a POST until it is answered."""
        self._next_id += 1
        options = [(URI_PATH, part.encode()) for part in path.strip("/").split("/")]
        options += [(CONTENT_FORMAT, uint(LINK))] * bool(payload) + [(URI_QUERY, q.encode()) for q in queries]
        request = Message(CON, POST, self._next_id, os.urandom(8), options, payload).encode()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with contextlib.suppress(TimeoutError):  # openssl reads none of it before it has an association
                self._inside.send(request)
                while True:
                    answer = decode(self._inside.recv(2000))
                    if answer.kind == ACK and answer.message_id == self._next_id:
                        return answer
        raise AssertionError(f"{path} was not answered")

    def register(self, endpoint: str):
        answer = self.ask("/rd", f"ep={endpoint}", "lt=300", "lwm2m=1.1", "b=U", payload=b"</1/0>")
        assert answer.code == code("2.01")
        self.location = "/" + "/".join(part.decode() for part in answer.all(LOCATION_PATH))

    def close(self):
        self.process.kill()
        self.process.wait()
        self._inside.close()


@pytest.fixture
def openssl_device():
    """Begins devices as OpensslDevice() does, and ends them with the test."""
    running = []

    def begin(address: str, *options: str) -> OpensslDevice:
        running.append(OpensslDevice(address, *options))
        return running[-1]
    yield begin
    for one in running:
        one.close()
