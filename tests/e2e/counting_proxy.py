"""One device's way to a server, on which every datagram is written down."""
import contextlib
import select
import socket
import threading

from conftest import free_port

HANDSHAKE, APPLICATION_DATA = 22, 23  # content types of DTLS records (RFC 6347 section 4.1)


class CountingProxy:
    """Passes datagrams on between one device and a server, and keeps the first byte of each of the device's.

    What the server's host says of a closed port does not reach the device: it meets silence."""

    def __init__(self, server_port: int, scheme: str = "coaps"):
        self.from_device: list[int] = []
        self.swallow = lambda first_byte: False  # which of the server's are lost
        self.port = free_port()
        self.uri = f"{scheme}://127.0.0.1:{self.port}"
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", self.port))
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back.bind(("127.0.0.1", 0))
        self._server, self._device, self._running = ("127.0.0.1", server_port), None, True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._running = False
        self._thread.join()
        self._front.close()
        self._back.close()

    def inject(self, datagram: bytes):
        """Sends what a forger sends who writes the device's address."""
        self._back.sendto(datagram, self._server)

    def _run(self):
        while self._running:
            for ready in select.select([self._front, self._back], [], [], 0.1)[0]:
                with contextlib.suppress(ConnectionRefusedError):
                    datagram, address = ready.recvfrom(2048)
                    self._pass_on(ready, datagram, address)

    def _pass_on(self, source, datagram: bytes, address):
        if source is self._back:
            if self._device is not None and not self.swallow(datagram[0]):
                self._front.sendto(datagram, self._device)
            return
        self._device = address
        self.from_device.append(datagram[0])
        self._back.sendto(datagram, self._server)
