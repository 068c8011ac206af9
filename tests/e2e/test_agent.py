"""The agent against a foreign LwM2M server: registration, resources, observations, DTLS."""
import pathlib
import signal
import time

import pytest

from agent_kit import DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, Agent, agent, assert_downloads, peer, state_of, update
from conftest import CLASS, VENDOR, free_port, wait_until
from dtls_front import DtlsFront
from lwm2m_peer import (ACK, BLOCK2, CON, CONTENT_FORMAT, DELETE, GET, LINK, OPAQUE, POST, PUT, RST, TEXT, TLV,
                        code, tlv, uint)


# ---- registration ----

def test_it_registers_with_its_name_lifetime_and_objects(agent, peer):
    agent("--lifetime", "300")
    register = peer.wait_for_event("register", ENDPOINT)
    assert register.kind == CON
    assert register.query == {"ep": ENDPOINT, "lt": "300", "lwm2m": "1.1", "b": "U"}
    assert register.number(CONTENT_FORMAT) == LINK
    assert register.payload == (b'</>;rt="oma.lwm2m";ct="0 42 60 110 112 11542 11543 11544",'
                                b"</1/0>,</2/0>,</2/1>,</2/2>,</2/3>,</2/4>,</3/0>,</4/0>,</5>;ver=1.1,</5/0>,</26241/0>")


def test_it_updates_within_its_lifetime_and_tells_a_new_one_once(agent, peer):
    agent("--lifetime", "2")
    first = peer.wait_for_event("update", ENDPOINT, 1)
    assert first.query == {}
    assert peer.write(ENDPOINT, "/1/0/1", "4") == "2.04"
    telling = peer.wait_for(lambda: next((m for what, _, m in peer.events if what == "update" and m.query), None), 60,
                            "the lifetime to be told")
    assert telling.query == {"lt": "4"}
    count = len(peer.events)
    peer.wait_for(lambda: len(peer.events) > count, 60, "the next update")
    assert peer.events[count][2].query == {}
    assert peer.read(ENDPOINT, "/1/0/1") == "4"


def test_a_server_without_memory_gets_a_new_registration(agent, peer):
    agent("--lifetime", "2")
    first = peer.registered(ENDPOINT)
    updates = []
    peer.request_hook = lambda message, address: updates.append(message.path)
    peer.forget()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    assert updates[0] == first.location, "an update was answered 4.04"
    assert peer.find(ENDPOINT).location != first.location


def test_the_update_trigger_sends_an_update(agent, peer):
    agent()
    assert peer.execute(ENDPOINT, "/1/0/8") == "2.04"
    assert peer.wait_for_event("update", ENDPOINT).path == peer.find(ENDPOINT).location


def test_it_tries_until_the_server_is_there(start, tmp_path, keys, peer):
    peer.go_away()
    made = Agent(start, tmp_path, keys, peer.uri)
    made.process.wait_for("is not reachable now")
    assert made.status()["message"].startswith("not registered")
    peer.come_back()
    peer.registered(ENDPOINT)
    wait_until(lambda: made.status()["message"].startswith("registered"), 60, "the status")
    time.sleep(4)  # longer than the first repetition: no attempt from before comes late and wins
    assert [what for what, _, _ in peer.events] == ["register"]


def test_it_comes_back_after_the_server_was_away(agent, peer):
    made = agent("--lifetime", "2")
    peer.go_away()
    made.process.wait_for("is not reachable now")
    peer.forget()
    peer.come_back()
    peer.wait_for_event("register", ENDPOINT, 2)


def test_sigterm_deregisters_and_ends_with_0(agent, peer):
    made = agent()
    location = peer.registered(ENDPOINT).location
    assert made.process.stop(signal.SIGTERM) == 0
    message = peer.wait_for_event("deregister", ENDPOINT)
    assert (message.code, message.path) == (DELETE, location)


def test_sigterm_ends_it_without_a_server_too(agent, peer):
    made = agent()
    peer.go_away()
    assert made.process.stop(signal.SIGTERM, timeout=30) == 0


# ---- what a server reads and does ----

def test_every_resource_says_what_it_should(agent, peer):
    agent("--lifetime", "300", "--hardware", "rev-c")
    expected = {"/1/0/0": "1", "/1/0/1": "300", "/1/0/2": "0", "/1/0/3": "0", "/1/0/5": "86400", "/1/0/6": "0", "/1/0/7": "U", "/1/0/23": "1", "/3/0/0": VENDOR, "/3/0/1": CLASS,
                "/3/0/2": ENDPOINT, "/3/0/3": "1.0.0", "/3/0/11/0": "0", "/3/0/16": "U", "/3/0/18": "rev-c",
                "/5/0/1": "", "/5/0/3": IDLE, "/5/0/5": "0", "/5/0/6": "", "/5/0/7": "", "/5/0/8/0": "0",
                "/5/0/9": "2", "/26241/0/0": ""}
    assert {path: peer.read(ENDPOINT, path) for path in expected} == expected
    device = {number: value for _, number, value in tlv(peer.request(ENDPOINT, GET, "/3/0", accept=TLV).payload)}
    assert (device[0], device[1], device[3]) == (VENDOR.encode(), CLASS.encode(), b"1.0.0")
    links = peer.request(ENDPOINT, GET, "/5", accept=LINK).payload.decode().split(",")
    assert links == ["</5>;ver=1.1", "</5/0>"] + [f"</5/0/{i}>" for i in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12)]


def test_what_a_server_may_not_do_has_its_code(agent, peer):
    agent()
    def answer(*args, **keywords):
        return peer.request(ENDPOINT, *args, **keywords).code_text
    assert answer(GET, "/0/0") == "4.01"
    assert answer(GET, "/6/0") == "4.04"
    assert answer(GET, "/well/known") == "4.04"
    assert answer(GET, "/5/0/2") == "4.05"
    assert answer(GET, "/5/0/3", accept=OPAQUE) == "4.06"
    assert answer(PUT, "/5/0/3", "1", content_format=TEXT) == "4.05"
    assert answer(PUT, "/5/0/1", b"\xa0", content_format=50) == "4.15"
    assert answer(PUT, "/1/0/1", "soon", content_format=TEXT) == "4.00"
    assert answer(POST, "/5/0/2") == "4.05"  # nothing is downloaded (OMA test 772)
    assert answer(POST, "/5/0/10") == "4.05"  # nothing to cancel
    assert answer(DELETE, "/5/0") == "4.05"
    assert state_of(peer) == (IDLE, "0")


def test_a_long_answer_is_cut_into_the_blocks_that_are_asked_for(agent, peer):
    agent()
    whole = peer.request(ENDPOINT, GET, "/5", accept=LINK).payload
    pieces = b""
    for number in range((len(whole) + 31) // 32):
        message = peer.make_request(GET, "/5", accept=LINK)
        message.options.append((BLOCK2, uint(number << 4 | 1)))
        answer = peer.exchange(ENDPOINT, message)
        assert answer.number(BLOCK2) == number << 4 | ((number + 1) * 32 < len(whole)) << 3 | 1
        pieces += answer.payload
    assert pieces == whole
    message = peer.make_request(GET, "/5", accept=LINK)
    message.options.append((BLOCK2, uint(100 << 4 | 1)))
    assert peer.exchange(ENDPOINT, message).code_text == "4.00"


def test_notifications_come_with_rising_numbers_and_end_by_cancel(agent, peer, update):
    agent()
    state, result = peer.observe(ENDPOINT, "/5/0/3"), peer.observe(ENDPOINT, "/5/0/5")
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: state.values[-1] == DOWNLOADED, 60, "the notification")
    assert state.values == [IDLE, DOWNLOADING, DOWNLOADED]
    assert state.numbers == sorted(set(state.numbers))
    cancel = peer.make_request(GET, "/5/0/3", observe=1, accept=TEXT)
    cancel.token = state.token
    known = len(state.messages)
    peer.observations.remove(state)
    assert peer.exchange(ENDPOINT, cancel).code_text == "2.05"
    peer.observations.append(state)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    peer.wait_for(lambda: result.values[-1] == "10", 60, "the result")
    more = state.messages[known:]  # the answer to the cancel, where that had to be sent again
    assert [message for message in more if message.message_id != cancel.message_id] == []


def test_a_reset_ends_an_observation(agent, peer, update):
    agent()
    state, result = peer.observe(ENDPOINT, "/5/0/3"), peer.observe(ENDPOINT, "/5/0/12")
    seen = []
    peer.network = lambda direction, m: (seen.append((direction, m)), [0])[1]
    peer.reset_notifications = True
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: len({m.message_id for d, m in seen if d == "out" and m.kind == RST}) >= 2, 60, "both resets")
    peer.reset_notifications = False
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert state.values == [IDLE]
    told = [m for d, m in seen if d == "in" and m.token == state.token]
    assert len({m.message_id for m in told}) == 1, "it notified again after the reset"
    assert len(peer.events) == 1, "a reset is no reason to register again"


def test_an_observation_asked_for_before_the_2_01_arrives_is_kept(start, tmp_path, keys, peer, update):
    """The 2.01 is lost once; the server, which has sent it, observes at once."""
    lost, early = [], []
    request = peer.make_request(GET, "/5/0/3", observe=0, accept=TEXT)

    def network(direction, message):
        if direction == "out" and message.code == code("2.01") and not lost:
            lost.append(message)
            return []
        return [0]

    def observe(registration):
        early.append(peer.add_observation(request))
        peer.travel("out", request, registration.address)

    peer.network, peer.on_register = network, observe
    Agent(start, tmp_path, keys, peer.uri).process.wait_for("registered with")
    assert lost and peer.duplicates
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: early[0].values[-1:] == [DOWNLOADED], 60, "notifications")


def test_a_server_that_was_away_for_a_notification_gets_it_later(agent, peer, update):
    made = agent("--download-patience", "5")
    state = peer.observe(ENDPOINT, "/5/0/3")
    peer.block_hook = lambda number, reply: reply if number < 3 else None
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: 3 in peer.blocks_asked, 60, "the download")
    peer.go_away()
    made.process.wait_for("state idle, result 4")
    made.process.wait_for("is not reachable now")
    peer.come_back()
    peer.wait_for(lambda: state.values == [IDLE, DOWNLOADING, IDLE], 110, "the notification")
    assert [what for what, _, _ in peer.events] == ["register"]


def test_a_notification_that_is_never_taken_ends_in_a_new_registration(agent, peer):
    """After MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2) the observation is no more, and the server has to know."""
    made = agent()
    result = peer.observe(ENDPOINT, "/5/0/5")
    peer.network = lambda direction, m: [] if direction == "in" and m.token == result.token else [0]
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    peer.wait_for_event("register", ENDPOINT, 2, timeout=160)
    assert peer.read(ENDPOINT, "/5/0/5") == "7"
    assert "does not answer" not in made.process.log


def test_a_registration_voids_the_observations_before_it(agent, peer, update):
    agent("--lifetime", "2")
    state = peer.observe(ENDPOINT, "/5/0/3")
    peer.forget()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=60)
    peer.observations.append(state)
    assert_downloads(peer, update)
    assert state.values == [IDLE]


def test_a_request_that_comes_twice_is_answered_twice_and_done_once(agent, peer, update):
    made = agent()
    answers = []
    peer.network = lambda direction, m: (answers.append(m) if direction == "in" and m.kind == ACK else None, [0])[1]
    write = peer.make_request(PUT, "/5/0/1", f"{peer.uri}/fw/package".encode(), content_format=TEXT)
    peer.files["fw/package"] = update
    for times in (1, 2):  # not by exchange(), which repeats what is answered late
        peer.send(ENDPOINT, write)
        peer.wait_for(lambda: [m.code_text for m in answers if m.message_id == write.message_id] == ["2.04"] * times, 60, "its answers")
    # The same thing asked anew is something else: a URI in mid-download.
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/package") == "4.00"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)

    execute = peer.make_request(POST, "/5/0/2")
    made.process.process.send_signal(signal.SIGSTOP)  # both are there when it looks: it leaves soon after the first
    for _ in range(2):
        peer.inject(execute.encode(), peer.registered(ENDPOINT).address)
    made.process.process.send_signal(signal.SIGCONT)
    peer.wait_for(lambda: [m.code_text for m in answers if m.message_id == execute.message_id] == ["2.04", "2.04"], 60,
                  "both answers")
    assert made.process.process.wait(60) == 75
    made.process.stop()  # all of its log is here now
    assert made.process.log.count("is to run on trial") == 1


# ---- DTLS ----

PSK = bytes(range(16))


@pytest.fixture
def front(peer):
    """coaps:// in front of `peer`, by a DTLS library that shares nothing with the agent's."""
    made = DtlsFront(peer, free_port(), PSK)
    yield made
    made.stop()


def with_key(folder: pathlib.Path, key: bytes = PSK) -> list:
    (folder / "psk").write_text(key.hex() + "\n")
    return ["--psk-identity", "device-1", "--psk-file", str(folder / "psk")]


def test_coaps_carries_registration_requests_and_the_package(agent, peer, front, update, tmp_path):
    agent(*with_key(tmp_path), server_uri=front.uri)
    assert (peer.read(ENDPOINT, "/5/0/8/0"), peer.read(ENDPOINT, "/5/0/8/1")) == ("0", "1")
    state = peer.observe(ENDPOINT, "/5/0/3")
    peer.files["fw/package"] = update
    assert peer.write(ENDPOINT, "/5/0/1", f"{front.uri}/fw/package") == "2.04"
    peer.wait_for(lambda: state.values == [IDLE, DOWNLOADING, DOWNLOADED], 60, "the notifications")
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"


def test_a_wrong_key_gets_nowhere(start, tmp_path, keys, peer, front):
    made = Agent(start, tmp_path, keys, front.uri, *with_key(tmp_path, PSK[::-1]))
    made.process.wait_for("does not take this device's credential")
    assert peer.events == []


def test_a_coaps_server_that_lost_its_sessions_gets_a_new_registration(agent, peer, front, tmp_path, update):
    made = agent("--lifetime", "2", *with_key(tmp_path), server_uri=front.uri)
    made.process.wait_for("registered with")
    front.stop()
    made.process.wait_for("is not reachable now")
    front.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert_downloads(peer, update)
