"""What the tests themselves lean on."""
import collections
import time
import types

import conftest
import pytest
from agent_kit import peer  # noqa: F401 (a fixture)
from conftest import free_port, ports_of
from dtls_wire import HandshakeFailed, SecureWire
from lwm2m_client import Background, Client
from lwm2m_peer import ACK, GET, NON, TEXT, Message, code
from test_dtls import secure  # noqa: F401 (a fixture)


def test_no_port_is_given_twice():
    ports = [free_port() for _ in range(400)]
    assert len(set(ports)) == len(ports)


def test_when_all_ports_were_given_they_come_again(monkeypatch):
    ports = [free_port() for _ in range(5)]
    monkeypatch.setattr(conftest, "_free_ports", collections.deque(ports))
    assert {free_port() for _ in range(20)} <= set(ports)


@pytest.mark.parametrize("given", [(32768, 60999), (1024, 65535), (9000, 65000), (16000, 65535)])
@pytest.mark.parametrize("workers", [1, 4, 16])
def test_each_worker_has_ports_of_its_own_and_enough_of_them(given, workers):
    shares = [ports_of(worker, workers, given) for worker in range(workers)]
    assert min(map(len, shares)) >= 1000
    everybodys = [port for share in shares for port in share]
    assert len(set(everybodys)) == len(everybodys) and set(everybodys) <= set(range(10_000, 65_536))
    if given == (32768, 60999):  # what Linux has by itself
        assert not set(everybodys) & set(range(32768, 61000))


@pytest.fixture
def device(peer):  # noqa: F811
    """A scripted device that has registered at a peer."""
    made = Client(types.SimpleNamespace(coap_port=peer.port), [TEXT])
    made.joins()
    return made


@pytest.fixture
def answered(peer, device):  # noqa: F811
    """answered(request, ...): whether the request is sent and answered after the peer has looked at those messages of the device's."""
    served = []

    def exchange(request: Message, *before: Message) -> bool:
        for message in before:
            device.send(message.encode())
        peer.forget_blocks()
        served.append(Background(device))
        return peer.exchange("client", request).code_text == "2.05"
    yield exchange
    for one in served:
        one.end()


def test_a_notification_whose_id_a_request_has_too_does_not_acknowledge_it(peer, answered):  # noqa: F811
    request = peer.make_request(GET, "/3/0/3", accept=TEXT)
    assert answered(request, Message(NON, code("2.05"), request.message_id, b"nobody's", [], b"1"))


def test_what_was_acknowledged_before_a_request_does_not_acknowledge_it(peer, device, answered):  # noqa: F811
    """As the answer to noise has any id."""
    last = peer.make_request(GET, "/3/0/3").message_id
    for ahead in range(1, 9):
        device.send(Message(ACK, 0, last + ahead & 0xFFFF).encode())
    peer.wait_for(lambda: (last + 8 & 0xFFFF) in peer._acknowledged, 60, "all eight")
    assert answered(peer.make_request(GET, "/3/0/3", accept=TEXT))


def test_a_handshake_that_fails_ends_no_other_association(secure, tmp_path):  # noqa: F811
    """OpenSSL keeps the failures of all associations of a thread in one place."""
    key = bytes.fromhex(secure.enroll(tmp_path, ("dev", "its-identity"))["dev"])
    wire = SecureWire(secure.coaps_port, ("its-identity", key))
    with pytest.raises(HandshakeFailed):
        SecureWire(secure.coaps_port, ("nobody", key))
    begun = time.monotonic()
    assert wire.receive(1) is None and time.monotonic() - begun > 0.9, "it waits for what comes"
