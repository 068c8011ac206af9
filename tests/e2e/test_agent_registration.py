"""How the agent registers with a server that refuses, is in trouble, lies, or says nothing."""
import itertools
import signal
import time

import pytest

from agent_kit import DOWNLOADED, ENDPOINT, Agent, agent, peer, update
from conftest import wait_until
from lwm2m_peer import ACK, LOCATION_PATH, POST, Message, code


class Registers:
    """Sees every Register and Update, and answers those that `refusals` has an answer for."""

    def __init__(self, peer, refusals=()):
        self.messages, self.times, self.refusals, self._answer = [], [], iter(refusals), peer._answer
        peer._answer = self.answer

    def answer(self, message, address):
        if message.code != POST or not message.path.startswith("/rd"):
            return self._answer(message, address)
        self.messages.append(message)
        self.times.append(time.monotonic())
        given = next(self.refusals, None)
        if isinstance(given, Message):
            return given
        return Message(ACK, code(given), 0) if given else self._answer(message, address)

    @property
    def pauses(self) -> list:
        return [b - a for a, b in itertools.pairwise(self.times)]


def test_pauses_after_refusals_double_and_differ_from_device_to_device(start, tmp_path, keys, peer):
    """RFC 7252's repetitions aside: half of each pause at least, and the rest of it at random."""
    seen = Registers(peer, itertools.repeat("5.03"))
    Agent(start, tmp_path, keys, peer.uri, endpoint="one")
    peer.wait_for(lambda: len(seen.times) >= 5, 90, "five attempts")
    pauses = seen.pauses[:4]
    for number, pause in enumerate(pauses):
        assert pause > 0.5 * 2 ** number - 0.05, f"pause {number} of {pauses}"
    spreads = {round(pause / 2 ** number, 3) for number, pause in enumerate(pauses)}
    assert len(spreads) > 1, "every pause is the same part of its length"


@pytest.mark.parametrize("refusal", ["4.00", "4.01", "4.03", "4.09", "5.00"])
def test_a_server_that_refuses_is_asked_again(start, tmp_path, keys, peer, refusal):
    seen = Registers(peer, [refusal, refusal])
    made = Agent(start, tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT, 60)
    assert len(seen.messages) == 3
    made.process.wait_for(f"answered the registration with {refusal}")


LOCATIONS = {"none": [], "too_many_segments": [b"a"] * 9, "too_long_a_segment": [b"a" * 65]}


@pytest.mark.parametrize("segments", LOCATIONS.values(), ids=LOCATIONS)
def test_a_location_that_cannot_be_used_is_no_registration(start, tmp_path, keys, peer, segments):
    bad = Message(ACK, code("2.01"), 0, options=[(LOCATION_PATH, segment) for segment in segments])
    seen = Registers(peer, [bad])
    made = Agent(start, tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT, 60)
    wait_until(lambda: made.process.log.count("registered with") == 1, 60, "its registration")
    assert len(seen.messages) == 2


@pytest.mark.parametrize("refusal", ["4.00", "4.03", "5.00"])
def test_an_update_that_is_refused_is_followed_by_a_register(agent, peer, refusal):
    seen = Registers(peer, [None, refusal])
    agent("--lifetime", "2")
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert [message.path == "/rd" for message in seen.messages[:3]] == [True, False, True]


def test_a_restarted_server_is_noticed_after_two_unanswered_updates(agent, peer):
    """It takes nothing but a Register; each Update is repeated for MAX_TRANSMIT_SPAN (RFC 7252 section 4.8.2)."""
    agent("--lifetime", "2")
    lost = []

    def swallow(direction, message):
        if direction == "in" and message.code == POST and message.path.startswith("/rd/"):
            lost.append(message.message_id)
            return []
        return [0]

    peer.network = swallow
    peer.wait_for_event("register", ENDPOINT, 2, timeout=280)
    assert len(set(lost)) == 2, "Updates, each with its repetitions"
    assert len(lost) > len(set(lost))


def test_disabled_without_a_timeout_it_stays_away_for_a_day(agent, peer):
    made = agent()
    assert peer.execute(ENDPOINT, "/1/0/4") == "2.04"
    peer.wait_for_event("deregister", ENDPOINT)
    made.process.wait_for("for 86400 s")
    wait_until(lambda: made.status()["message"].startswith("not registered"), 60, "the status")
    assert made.process.stop(signal.SIGTERM) == 0
    assert [what for what, _, _ in peer.events] == ["register", "deregister"]


def test_a_disable_in_mid_download_stops_nothing_of_it(agent, peer, update):
    """What was asked for goes on; the server learns of it when the device is back."""
    made = agent()
    assert peer.write(ENDPOINT, "/1/0/5", "4") == "2.04"
    peer.block_hook = lambda number, reply: reply if number < 50 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 50 in peer.blocks_asked, 60, "the middle of the download")
    assert peer.execute(ENDPOINT, "/1/0/4") == "2.04"
    peer.block_hook = lambda number, reply: reply
    peer.wait_for_event("deregister", ENDPOINT, timeout=60)
    wait_until(lambda: made.status()["state"] == "downloaded", 60, "the download")
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert peer.read(ENDPOINT, "/5/0/3") == DOWNLOADED
