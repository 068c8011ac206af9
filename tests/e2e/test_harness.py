"""What the tests themselves lean on."""
import types

import pytest
from agent_kit import peer  # noqa: F401 (a fixture)
from conftest import free_port
from lwm2m_client import Background, Client
from lwm2m_peer import ACK, GET, NON, TEXT, Message, code


def test_no_port_is_given_twice():
    ports = [free_port() for _ in range(400)]
    assert len(set(ports)) == len(ports)


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
