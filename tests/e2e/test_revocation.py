"""A certificate that is revoked while the server runs."""
import contextlib
import os
import signal
import socket
import subprocess
import time

import pytest
from conftest import wait_until
from lwm2m_peer import ACK, CON, CONTENT_FORMAT, LINK, LOCATION_PATH, POST, URI_PATH, URI_QUERY, Message, code, decode, uint
from test_dtls import CLIENTS, Authority, CertifiedServer, authority, device_of, register_uri, show

LIST_READ, LIST_REFUSED = r"--coaps-crl was read again", r"--coaps-crl is not taken, the former list counts"


class Client:
    """OpenSSL as a device with a certificate: an association that stays, and what goes over it.

    Behind a datagram socket each record is one piece, either way."""

    def __init__(self, server, ca, key, certificate):
        self._next_id = 1
        self._inside, inside = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._inside.settimeout(2)
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{server.coaps_port}", "-cert", certificate,
             "-key", key, "-CAfile", ca, "-quiet"],
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
            self._inside.send(request)
            with contextlib.suppress(TimeoutError):
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
def client():
    running = []

    def begin(*args) -> Client:
        running.append(Client(*args))
        return running[-1]
    yield begin
    for one in running:
        one.close()


def reload(server, pattern: str):
    """Has the list read again, and waits until the log says once more what came of it."""
    def said():
        return sum(pattern in line for line in server.process.lines)
    before = said()
    server.process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: said() > before, 60, pattern)


def test_a_revoked_certificate_loses_its_association_at_once_and_gets_no_new_one(start, tmp_path, authority, client):
    issued = {name: authority.issue(name) for name in ("dev", "other")}
    certified = CertifiedServer(start, tmp_path / "server", authority)
    clients = {name: client(certified, authority.file, key, file) for name, (key, file, _) in issued.items()}
    for name, one in clients.items():
        one.register(name)
        wait_until(lambda name=name: device_of(certified, name).get("registered"), 60, f"{name} registered")

    def gets_in(foreign, wait_s: int = 3) -> bool:
        key, file, _ = issued["dev"]
        return "c:2.01" in show(foreign, register_uri(certified, "dev"), "-c", file, "-j", key, "-C", authority.file, wait=wait_s)

    authority.revoke(issued["dev"][2])
    reload(certified, LIST_READ)
    clients["dev"].process.wait(60)  # it was told that its association is over
    wait_until(lambda: not device_of(certified, "dev")["registered"], 60, "dev de-registered")
    assert not any(gets_in(foreign) for foreign in CLIENTS)
    certified.process.wait_for(r"not known\): .*certificate")
    # Whom the list does not name goes on by the association that it has.
    assert clients["other"].process.poll() is None
    assert clients["other"].ask(clients["other"].location).code == code("2.04")
    assert device_of(certified, "other")["registered"]

    # A list that is none changes nothing, and neither does the list of somebody else's CA.
    good = certified.crl_file.read_bytes()
    for wrong in (b"", good[:len(good) // 2], Authority(tmp_path, "foreign").revoke().read_bytes()):
        certified.crl_file.write_bytes(wrong)
        reload(certified, LIST_REFUSED)
    assert not gets_in(CLIENTS[0])

    authority.revoke()
    reload(certified, LIST_READ)
    assert gets_in(CLIENTS[0], 60)
    assert clients["other"].process.poll() is None


def test_a_list_that_the_ca_has_not_signed_is_refused_at_the_start(start, tmp_path, authority):
    certified = CertifiedServer(start, tmp_path / "server", authority)
    certified.kill()
    certified.crl_file.write_bytes(Authority(tmp_path, "foreign").revoke().read_bytes())
    with pytest.raises(AssertionError):
        certified.begin()
    assert "--coaps-crl" in certified.process.log


def test_a_list_that_is_out_of_date_is_taken_and_refuses_everybody(start, tmp_path, authority):
    key, file, _ = authority.issue("dev")
    certified = CertifiedServer(start, tmp_path / "server", authority)
    authority.revoke(days=(-30, -2))
    reload(certified, LIST_READ)
    certified.kill()
    certified.begin()
    said = show(CLIENTS[0], register_uri(certified, "dev"), "-c", file, "-j", key, "-C", authority.file, wait=3)
    assert "c:2.01" not in said
    certified.process.wait_for(r"not known\): .*certificate")


def test_without_a_list_there_is_nothing_to_read_again_and_the_server_goes_on(server):
    reload(server, "there is no --coaps-crl to be read again")
    assert server.json("device", "list")["devices"] == []
