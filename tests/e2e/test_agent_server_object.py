"""A server that sends the agent away, servers of other versions, and what may stand in an Execute."""
import time

from agent_kit import ENDPOINT, Agent, agent, peer
from conftest import wait_until
from lwm2m_peer import ACK, CON, DELETE, GET, POST, TEXT, Message, code


def test_a_server_sends_the_device_away_for_a_time(agent, peer):
    agent("--lifetime", "300")
    assert peer.write(ENDPOINT, "/1/0/5", "12") == "2.04"
    assert peer.read(ENDPOINT, "/1/0/5") == "12"
    state = peer.observe(ENDPOINT, "/1/0/1")
    address = peer.registered(ENDPOINT).address
    begin = time.monotonic()
    assert peer.execute(ENDPOINT, "/1/0/4") == "2.04"
    assert peer.wait_for_event("deregister", ENDPOINT).code == DELETE

    def asked() -> str:
        request = peer.make_request(GET, "/3/0/3")
        peer.travel("out", request, address)
        return peer.wait_for(lambda: peer.answer_to(request), 60, "an answer").code_text
    wait_until(lambda: asked() == "4.01", 60, "that it is not this server's any more, once it has the answer")
    again = peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert time.monotonic() - begin > 11
    assert again.query["lt"] == "300"
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    assert len(state.messages) == 1


def refusing(peer, versions: set) -> list:
    """The peer answers 4.12 to a Register with one of these versions; the list fills with those it saw."""
    seen, register = [], peer._register

    def answer(message, address):
        seen.append(message.query["lwm2m"])
        return Message(ACK, code("4.12"), 0) if seen[-1] in versions else register(message, address)

    peer._register = answer
    return seen


def test_a_server_that_knows_lwm2m_1_0_alone_gets_it(start, tmp_path, keys, peer):
    seen = refusing(peer, {"1.1"})
    Agent(start, tmp_path, keys, peer.uri)
    assert peer.registered(ENDPOINT).query["lwm2m"] == "1.0"
    assert seen == ["1.1", "1.0"]
    peer.forget()
    assert peer.find(ENDPOINT) is None


def test_a_server_that_knows_neither_is_asked_again_with_pauses(start, tmp_path, keys, peer):
    seen = refusing(peer, {"1.0", "1.1"})
    made = Agent(start, tmp_path, keys, peer.uri)
    peer.wait_for(lambda: len(seen) >= 4, 60, "four attempts")
    assert seen[:4] == ["1.1", "1.0", "1.1", "1.0"]
    made.process.wait_for("answered the registration with 4.12")


def test_arguments_of_an_execute_are_as_lwm2m_has_them_or_4_00(agent, peer):
    agent()

    def execute(arguments, form=TEXT) -> str:
        return peer.request(ENDPOINT, POST, "/1/0/8", arguments, content_format=form).code_text

    for wrong in ("now", "10", "0=", "0='x", "0=\"x\"", "0,", "0 ,1", "0='a b'", "0='\\'"):
        assert execute(wrong) == "4.00", wrong
    assert execute("0", 42) == "4.15"
    assert not [what for what, _, _ in peer.events if what == "update"], "nothing of these was carried out"
    for number, right in enumerate(("0", "0,1", "0='',9", "0='http://example.com/?a=b,c'", ""), 1):
        assert execute(right) == "2.04", right
        peer.wait_for_event("update", ENDPOINT, number, 60)
    assert peer.request(ENDPOINT, POST, "/5/0/2", "x", content_format=TEXT).code_text == "4.00"
    assert peer.request(ENDPOINT, POST, "/5/0/2", "0", content_format=TEXT).code_text == "4.05"
