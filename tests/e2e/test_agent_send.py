"""Send: what the agent tells of its own accord, to a foreign server and to kedged.

OMA's tests 306 and 307 from the client's side, and the scenario of Anjay's suite in which it tells State changes.
"""
import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, Agent, agent, peer, update
from conftest import make_package, wait_until
from lwm2m_client import SENML_CBOR, decode
from lwm2m_peer import ACK, CON, CONTENT_FORMAT, POST, Message, code
from test_agent_server_object import refusing
from test_update import deployments, upload

AT_FIRST = {"/3/0/3": "1.0.0", "/5/0/3": 0, "/5/0/5": 0, "/5/0/7": ""}


class Sends:
    """What came to /dp of a peer, which answers it with `answers` one after the other, and then with 2.04."""

    def __init__(self, peer, *answers):
        self.messages, self.answers, self._answer = [], list(answers), peer._answer
        peer._answer = self.answer

    def answer(self, message, address):
        if message.path != "/dp":
            return self._answer(message, address)
        assert (message.code, message.kind, message.number(CONTENT_FORMAT)) == (POST, CON, SENML_CBOR)
        self.messages.append(message)
        given = self.answers.pop(0) if self.answers else "2.04"
        return Message(ACK, code(given), 0) if given else None

    @property
    def values(self) -> list:
        return [decode(SENML_CBOR, "", message.payload) for message in self.messages]

    @property
    def states(self) -> list:
        return [str(values["/5/0/3"]) for values in self.values]


def test_it_is_mute_until_the_server_says_otherwise(agent, peer):
    sends = Sends(peer)
    agent()
    assert peer.read(ENDPOINT, "/1/0/23") == "1"
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    assert peer.read(ENDPOINT, "/5/0/5") == "7"
    assert sends.messages == []
    assert peer.write(ENDPOINT, "/1/0/23", "0") == "2.04"
    peer.wait_for(lambda: sends.messages, 60, "a Send")
    assert sends.values == [AT_FIRST | {"/5/0/5": 7}]
    assert peer.write(ENDPOINT, "/1/0/23", "1") == "2.04"
    assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    assert peer.read(ENDPOINT, "/5/0/5") == "0"
    assert len(sends.messages) == 1


def test_update_send_state_change(agent, peer, update):
    """Every state that lasts is told, acknowledged, and told once."""
    sends = Sends(peer)
    agent("--send")
    peer.wait_for(lambda: sends.messages, 60, "the first Send")
    assert sends.values == [AT_FIRST]
    peer.block_hook = lambda number, reply: reply if number < 3 or len(sends.messages) > 1 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: sends.states[-1] == DOWNLOADED, 60, "the last Send")
    assert sends.values[-1] == AT_FIRST | {"/5/0/3": 2, "/5/0/7": "1.1.0"}
    assert sorted(set(sends.states)) == [IDLE, DOWNLOADING, DOWNLOADED] and sends.states == sorted(sends.states)
    assert len({message.payload for message in sends.messages}) == len(sends.messages)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    peer.wait_for(lambda: sends.values[-1] == AT_FIRST | {"/5/0/5": 10}, 60, "the Send of the cancel")


def test_a_server_that_does_not_know_it_gets_a_register_and_the_same_again(agent, peer):
    sends = Sends(peer, "4.04")
    agent("--send")
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    peer.wait_for(lambda: len(sends.messages) == 2, 60, "the Send")
    assert sends.values == [AT_FIRST] * 2


@pytest.mark.parametrize("refusal", ["4.00", "4.05"])
def test_a_server_without_send_is_left_alone_until_there_is_news(agent, peer, refusal):
    sends = Sends(peer, refusal)
    made = agent("--send")
    made.process.wait_for(f"answered a Send with {refusal}")
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    assert len(sends.messages) == 1
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    peer.wait_for(lambda: len(sends.messages) == 2, 60, "the Send")
    assert sends.values[1] == AT_FIRST | {"/5/0/5": 7}


def test_a_server_in_trouble_gets_it_later(agent, peer):
    sends = Sends(peer, "5.03", "5.00")
    agent("--send")
    peer.wait_for(lambda: len(sends.messages) == 3, 60, "the Send")
    assert sends.values == [AT_FIRST] * 3
    assert [what for what, _, _ in peer.events] == ["register"]


def test_a_send_that_nobody_takes_ends_in_an_update_and_is_sent_again(agent, peer):
    """After MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2); an Update shows whether the server has forgotten the device."""
    sends = Sends(peer, *[None] * 5)
    agent("--send")
    peer.wait_for_event("update", ENDPOINT, timeout=150)
    peer.wait_for(lambda: len(sends.messages) > 5, 60, "the Send")
    assert sends.values[-1] == AT_FIRST
    assert [what for what, _, _ in peer.events] == ["register", "update"]


def test_a_server_of_lwm2m_1_0_gets_none(start, tmp_path, keys, peer):
    refusing(peer, {"1.1"})
    sends = Sends(peer)
    Agent(start, tmp_path, keys, peer.uri, "--send")
    peer.registered(ENDPOINT)
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    assert peer.read(ENDPOINT, "/5/0/5") == "7"
    assert sends.messages == []


def test_a_rollout_to_a_device_that_sends(server, keys, device, tmp_path):
    sender = device("sender", keys, make_package(tmp_path, keys, "1.0.0", 1), server.coap_uri, "--send", "--verbose",
                    health="true")
    wait_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"], 60, "the device")
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    server.kedge("rollout", "create", "--name", "all", "--package", package, "--all", "--start")
    wait_until(lambda: deployments(server)["sender"]["state"] == "succeeded", 120, "the update")
    assert "answered a Send" not in sender.process.log, "kedged refused one"
