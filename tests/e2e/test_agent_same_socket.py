"""A download from the very server at which the device is registered: all that goes on beside it, by one socket.

The agent has one message at a time that a server has not acknowledged (NSTART is 1, RFC 7252 section 4.7), so an Update
waits for the block that was asked for, and a block for the Update.
"""
import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, agent, assert_downloads, peer, state_of, update
from conftest import free_port
from dtls_front import DtlsFront
from lwm2m_client import SENML_CBOR, encode
from lwm2m_peer import ACK, BLOCK1, BLOCK2, CON, POST, Message, uint
from test_agent import PSK, with_key

HELD_AT = 50


@pytest.fixture
def held(agent, peer, update):
    """held(options...) is an agent whose download stands at one block; held.release() lets it go on."""
    def hold(number, reply):
        return reply if number < HELD_AT else None

    def release():
        peer.block_hook = lambda number, reply: reply

    def make(*extra, uri=None, **keywords):
        made = agent(*extra, **keywords)
        peer.block_hook = hold
        peer.files["fw/package"] = update
        assert peer.write(ENDPOINT, "/5/0/1", f"{uri or peer.uri}/fw/package") == "2.04"
        peer.wait_for(lambda: HELD_AT in peer.blocks_asked, 60, "the middle of the download")
        return made

    make.release = release
    return make


def updates(peer) -> int:
    return sum(what == "update" for what, _, _ in peer.events)


def registers(peer) -> int:
    return sum(what == "register" for what, _, _ in peer.events)


def ends_without_a_second_beginning(peer):
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 120)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert peer.blocks_asked.count(0) == 1


def test_a_write_in_blocks_beside_a_download_stops_nothing_of_it(held, peer):
    held()
    payload = encode(SENML_CBOR, "/1/0", {1: 4711, 2: 1, 3: 60})
    first, last = (peer.make_request(POST, "/1/0", part, content_format=SENML_CBOR) for part in (payload[:16], payload[16:]))
    first.options.append((BLOCK1, uint(8)))
    last.options.append((BLOCK1, uint(16)))
    assert peer.exchange(ENDPOINT, first).code_text == "2.31"
    assert peer.read(ENDPOINT, "/1/0/1") == "86400"
    assert peer.exchange(ENDPOINT, last).code_text == "2.04"
    assert [peer.read(ENDPOINT, f"/1/0/{resource}") for resource in (1, 2, 3)] == ["4711", "1", "60"]
    assert state_of(peer)[0] == DOWNLOADING
    held.release()
    ends_without_a_second_beginning(peer)


def test_an_update_goes_before_a_block_that_is_answered_later(agent, peer, update):
    """An acknowledged request is no outstanding interaction any more: three Updates are taken before its answer."""
    agent("--lifetime", "2")
    waiting, answers = [], []

    def acknowledge(message, address):
        if message.number(BLOCK2) is not None and message.number(BLOCK2) >> 4 == HELD_AT:
            waiting.append((message, address))
            peer.travel("out", Message(ACK, 0, message.message_id), address)

    def hold_back(number, reply):
        if number != HELD_AT:
            return reply
        answers.append(reply)
        return None

    peer.request_hook, peer.block_hook = acknowledge, hold_back
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: answers, 60, "the middle of the download")
    begun = updates(peer)
    peer.wait_for(lambda: updates(peer) > begun + 2, 60, "Updates")
    (request, address), answer = waiting[0], answers[0]
    peer.travel("out", Message(CON, answer.code, peer.new_message_id(), request.token, answer.options, answer.payload), address)
    ends_without_a_second_beginning(peer)
    assert registers(peer) == 1


def test_an_update_waits_for_a_block_that_nobody_has_acknowledged(held, peer):
    """NSTART is 1: nothing else of the agent's goes before it, and nothing is lost."""
    held("--lifetime", "2")
    begun = updates(peer)
    answered_meanwhile = peer.read(ENDPOINT, "/5/0/3")
    held.release()
    ends_without_a_second_beginning(peer)
    assert answered_meanwhile == DOWNLOADING
    peer.wait_for(lambda: updates(peer) > begun, 60, "an Update")
    assert registers(peer) == 1


def test_a_download_ends_well_though_updates_are_lost(agent, peer, update):
    agent("--lifetime", "4")
    lost = []

    def lose_updates(direction, message):
        if direction == "in" and message.code == POST and message.path.startswith("/rd/"):
            lost.append(message.message_id)
            return [] if lost.count(message.message_id) < 4 else [0]
        return [0]

    peer.network = lose_updates
    peer.wait_for(lambda: lost, 60, "an Update")
    assert peer.offer(ENDPOINT, update) == "2.04"
    ends_without_a_second_beginning(peer)
    assert updates(peer) > 0 and registers(peer) == 1


def test_a_download_is_canceled_while_its_server_says_nothing(held, peer, update):
    """The next try is scheduled, and then it is not made."""
    made = held()
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert state_of(peer) == (IDLE, "10")
    asked = len(peer.blocks_asked)
    held.release()
    assert peer.execute(ENDPOINT, "/1/0/8") == "2.04"
    peer.wait_for_event("update", ENDPOINT, timeout=120)
    assert set(peer.blocks_asked[asked:]) <= {HELD_AT}, "it went on"
    assert state_of(peer) == (IDLE, "10") and made.status()["state"] == "idle"
    peer.forget_blocks()
    assert_downloads(peer, update)


def test_a_download_is_canceled_when_its_association_is_made_anew(held, peer, update, tmp_path):
    """Its package is held back on the new association too, so that the Cancel comes before its end."""
    front = DtlsFront(peer, free_port(), PSK)
    try:
        held(*with_key(tmp_path), server_uri=front.uri, uri=front.uri)
        front.stop()
        front.begin()
        asked = peer.blocks_asked.count(HELD_AT)
        peer.wait_for(lambda: peer.blocks_asked.count(HELD_AT) > asked and updates(peer), 120, "the same block again")
        assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
        assert state_of(peer) == (IDLE, "10")
        held.release()
        assert peer.write(ENDPOINT, "/5/0/1", f"{front.uri}/fw/package") == "2.04"
        peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 120)
    finally:
        front.stop()
