"""The agent against a foreign LwM2M server: registration, resources, downloads, refusals, restarts."""
import json
import os
import pathlib
import signal
import time

import pytest

from conftest import CLASS, VENDOR, Keys, free_port, make_package, program, run, wait_until
from lwm2m_peer import (ACK, BLOCK1, BLOCK2, CON, CONTENT_FORMAT, DELETE, GET, LINK, OPAQUE, POST, PUT, RST, TEXT, TLV,
                        DtlsFront, Peer, code, tlv, uint)

IDLE, DOWNLOADING, DOWNLOADED, UPDATING = "0123"
ENDPOINT = "urn:dev:under-test"
BIG_IMAGE = bytes(range(256)) * 1024  # 256 KiB; stored, so that the download has as many blocks


@pytest.fixture
def peer():
    server = Peer()
    yield server
    server.close()


class Agent:
    """A state folder with factory firmware 1.0.0, and kedge-agent on it, without a bootloader."""

    def __init__(self, start_process, folder: pathlib.Path, keys: Keys, server_uri: str, *extra, endpoint=ENDPOINT,
                 factory_sequence: int = 5, slot_size: int | None = None):
        self.endpoint, self.state, self._start = endpoint, folder / f"state-{endpoint.replace(':', '-')}", start_process
        self.identity = ["--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
        factory = make_package(folder, keys, "1.0.0", factory_sequence, b"factory firmware " * 2000, name="factory.suit")
        size = [] if slot_size is None else ["--slot-size", str(slot_size)]
        done = run(program("kedge-agent"), "install-factory", "--state", self.state, *self.identity, *size, factory)
        assert done.returncode == 0, done.stderr
        self.command = [program("kedge-agent"), "--server", server_uri, "--endpoint", endpoint, "--state", self.state,
                        *self.identity, "--verbose", *extra]
        self.begin()

    def begin(self):
        self.process = self._start(*self.command)

    def kill(self):
        self.process.stop(signal.SIGKILL)

    def status(self) -> dict:
        done = run(program("kedge-agent"), "status", "--json", "--state", self.state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def agent(start, tmp_path, keys, peer):
    """agent(options...) makes one that is registered with `peer`."""
    def make(*extra, **keywords) -> Agent:
        made = Agent(start, tmp_path, keys, keywords.pop("server_uri", peer.uri), *extra, **keywords)
        peer.registered(made.endpoint)
        return made
    return make


@pytest.fixture
def update(tmp_path, keys) -> bytes:
    return make_package(tmp_path, keys, "1.1.0", 6, BIG_IMAGE, "--compress", "none").read_bytes()


def state_of(peer) -> tuple:
    return peer.read(ENDPOINT, "/5/0/3"), peer.read(ENDPOINT, "/5/0/5")


def assert_downloads(peer, package: bytes, timeout: float = 30):
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, timeout)
    assert peer.read(ENDPOINT, "/5/0/5") == "0"
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"


# ---- registration ----

def test_it_registers_with_its_name_lifetime_and_objects(agent, peer):
    agent("--lifetime", "300")
    register = peer.wait_for_event("register", ENDPOINT)
    assert register.kind == CON
    assert register.query == {"ep": ENDPOINT, "lt": "300", "lwm2m": "1.1", "b": "U"}
    assert register.number(CONTENT_FORMAT) == LINK
    assert register.payload == b"</1/0>,</3/0>,</5>;ver=1.1,</5/0>,</26241/0>"


def test_it_updates_within_its_lifetime_and_tells_a_new_one_once(agent, peer):
    agent("--lifetime", "2")
    first = peer.wait_for_event("update", ENDPOINT, 1, timeout=5)
    assert first.query == {}
    assert peer.write(ENDPOINT, "/1/0/1", "4") == "2.04"
    telling = peer.wait_for(lambda: next((m for what, _, m in peer.events if what == "update" and m.query), None), 5,
                            "the lifetime to be told")
    assert telling.query == {"lt": "4"}
    count = len(peer.events)
    peer.wait_for(lambda: len(peer.events) > count, 5, "the next update")
    assert peer.events[count][2].query == {}
    assert peer.read(ENDPOINT, "/1/0/1") == "4"


def test_a_server_without_memory_gets_a_new_registration(agent, peer):
    agent("--lifetime", "2")
    first = peer.registered(ENDPOINT)
    updates = []
    peer.request_hook = lambda message, address: updates.append(message.path)
    peer.forget()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=5)
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
    wait_until(lambda: made.status()["message"].startswith("registered"), 5, "the status")
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
    assert made.process.stop(signal.SIGTERM, timeout=5) == 0


# ---- what a server reads and does ----

def test_every_resource_says_what_it_should(agent, peer):
    agent("--lifetime", "300", "--hardware", "rev-c")
    expected = {"/1/0/0": "1", "/1/0/1": "300", "/1/0/6": "0", "/1/0/7": "U", "/3/0/0": VENDOR, "/3/0/1": CLASS,
                "/3/0/2": ENDPOINT, "/3/0/3": "1.0.0", "/3/0/11/0": "0", "/3/0/16": "U", "/3/0/18": "rev-c",
                "/5/0/1": "", "/5/0/3": IDLE, "/5/0/5": "0", "/5/0/6": "", "/5/0/7": "", "/5/0/8/0": "0",
                "/5/0/9": "0", "/26241/0/0": ""}
    assert {path: peer.read(ENDPOINT, path) for path in expected} == expected
    device = {number: value for _, number, value in tlv(peer.request(ENDPOINT, GET, "/3/0", accept=TLV).payload)}
    assert (device[0], device[1], device[3]) == (VENDOR.encode(), CLASS.encode(), b"1.0.0")
    links = peer.request(ENDPOINT, GET, "/5", accept=LINK).payload.decode().split(",")
    assert links == ["</5>;ver=1.1", "</5/0>"] + [f"</5/0/{i}>" for i in (0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 12)]


def test_what_a_server_may_not_do_has_its_code(agent, peer):
    agent()
    def answer(*args, **keywords):
        return peer.request(ENDPOINT, *args, **keywords).code_text
    assert answer(GET, "/0/0") == "4.01"
    assert answer(GET, "/4/0") == "4.04"
    assert answer(GET, "/well/known") == "4.04"
    assert answer(GET, "/5/0/2") == "4.05"
    assert answer(GET, "/5/0/3", accept=60) == "4.06"
    assert answer(PUT, "/5/0/3", "1", content_format=TEXT) == "4.05"
    assert answer(PUT, "/5/0/1", b"\xa0", content_format=60) == "4.15"
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
    peer.wait_for(lambda: state.values[-1] == DOWNLOADED, 20, "the notification")
    assert state.values == [IDLE, DOWNLOADING, DOWNLOADED]
    assert state.numbers == sorted(set(state.numbers))
    cancel = peer.make_request(GET, "/5/0/3", observe=1, accept=TEXT)
    cancel.token = state.token
    known = len(state.messages)
    peer.observations.remove(state)
    assert peer.exchange(ENDPOINT, cancel).code_text == "2.05"
    peer.observations.append(state)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    peer.wait_for(lambda: result.values[-1] == "10", 10, "the result")
    assert len(state.messages) == known


def test_a_reset_ends_an_observation(agent, peer, update):
    agent()
    state, result = peer.observe(ENDPOINT, "/5/0/3"), peer.observe(ENDPOINT, "/5/0/12")
    seen = []
    peer.network = lambda direction, m: (seen.append((direction, m)), [0])[1]
    peer.reset_notifications = True
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: len([m for d, m in seen if d == "out" and m.kind == RST]) >= 2, 10, "two resets")
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
    peer.wait_for(lambda: early[0].values[-1:] == [DOWNLOADED], 20, "notifications")


def test_a_server_that_was_away_for_a_notification_gets_it_later(agent, peer, update):
    made = agent("--download-patience", "1")
    state = peer.observe(ENDPOINT, "/5/0/3")
    peer.block_hook = lambda number, reply: reply if number < 3 else None
    peer.offer(ENDPOINT, update)
    peer.wait_for(lambda: 3 in peer.blocks_asked, 10, "the download")
    peer.go_away()
    made.process.wait_for("state idle, result 4")
    made.process.wait_for("is not reachable now")
    peer.come_back()
    peer.wait_for(lambda: state.values == [IDLE, DOWNLOADING, IDLE], 40, "the notification")
    assert [what for what, _, _ in peer.events] == ["register"]


def test_a_notification_that_is_never_taken_ends_in_a_new_registration(agent, peer):
    """After MAX_TRANSMIT_WAIT (RFC 7252 section 4.8.2) the observation is no more, and the server has to know."""
    made = agent()
    result = peer.observe(ENDPOINT, "/5/0/5")
    peer.network = lambda direction, m: [] if direction == "in" and m.token == result.token else [0]
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    peer.wait_for_event("register", ENDPOINT, 2, timeout=110)
    assert peer.read(ENDPOINT, "/5/0/5") == "7"
    assert "does not answer" not in made.process.log


def test_a_registration_voids_the_observations_before_it(agent, peer, update):
    agent("--lifetime", "2")
    state = peer.observe(ENDPOINT, "/5/0/3")
    peer.forget()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=5)
    peer.observations.append(state)
    assert_downloads(peer, update)
    assert state.values == [IDLE]


def test_a_request_that_comes_twice_is_answered_twice_and_done_once(agent, peer, update):
    made = agent()
    answers = []
    peer.network = lambda direction, m: (answers.append(m) if direction == "in" and m.kind == ACK else None, [0])[1]
    write = peer.make_request(PUT, "/5/0/1", f"{peer.uri}/fw/package".encode(), content_format=TEXT)
    peer.files["fw/package"] = update
    assert peer.exchange(ENDPOINT, write).code_text == "2.04"
    peer.send(ENDPOINT, write)
    peer.wait_for(lambda: [m.code_text for m in answers if m.message_id == write.message_id] == ["2.04", "2.04"], 5,
                  "both answers")
    # The same thing asked anew is something else: a URI in mid-download.
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/package") == "4.00"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)

    execute = peer.make_request(POST, "/5/0/2")
    peer.send(ENDPOINT, execute)
    peer.send(ENDPOINT, execute)
    peer.wait_for(lambda: [m.code_text for m in answers if m.message_id == execute.message_id] == ["2.04", "2.04"], 5,
                  "both answers")
    assert made.process.process.wait(10) == 75
    assert made.process.log.count("is to run on trial") == 1


# ---- downloads ----

def test_a_package_is_downloaded_in_order_and_waits(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    assert peer.blocks_asked == list(range((len(update) + 1023) // 1024))
    status = made.status()
    assert (status["state"], status["result"], status["version"], status["package_version"], status["slot"],
            status["on_trial"]) == ("downloaded", 0, "1.0.0", "1.1.0", 0, False)
    assert peer.read(ENDPOINT, "/5/0/6") == CLASS
    assert int(peer.read(ENDPOINT, "/5/0/12")) == pytest.approx(time.time(), abs=30)
    # No URI is taken in this state, and the package stays.
    assert peer.offer(ENDPOINT, b"") == "4.00"
    assert state_of(peer) == (DOWNLOADED, "0")


def test_a_bad_network_only_makes_it_slower(agent, peer, update):
    """Blocks lost on either way, duplicated, and delayed past the next one."""
    agent()
    counts = {"in": 0, "out": 0}

    def network(direction, message):
        if message.code not in (GET, code("2.05")):
            return [0]
        counts[direction] += 1
        number = counts[direction]
        if number in (7, 150):
            return []
        if number % 5 == 0:
            return [0, 0.02]
        return [0.01] if number % 11 == 0 else [0]

    peer.network = network
    assert_downloads(peer, update, 60)


@pytest.mark.parametrize("fault", ["number", "short", "long", "later", "szx"])
def test_blocks_that_were_not_asked_for_are_asked_for_again(agent, peer, update, fault):
    agent()
    done = []

    def spoil(number, reply):
        if number != 5 or done:
            return reply
        done.append(number)
        options = dict(reply.options)
        if fault == "number":
            options[BLOCK2] = uint(4 << 4 | 8 | 6)
        elif fault == "later":
            options[BLOCK2] = uint(6 << 4 | 8 | 6)
        elif fault == "szx":
            options[BLOCK2] = uint(5 << 4 | 8 | 7)
        elif fault == "short":
            reply.payload = reply.payload[:1000]
        else:
            reply.payload += b"more"
        reply.options = sorted(options.items())
        return reply

    peer.block_hook = spoil
    assert_downloads(peer, update)
    assert done and peer.blocks_asked.count(5) == 2


def test_a_smaller_block_size_of_the_server_is_followed(agent, peer, tmp_path, keys):
    agent()
    package = make_package(tmp_path, keys, "1.1.0", 6, BIG_IMAGE[:20000], "--compress", "none").read_bytes()
    asked = []

    def want_64_bytes(message, address):
        if message.code == GET:
            asked.append(message.number(BLOCK2) & 7)
            message.options = [(n, uint(message.number(BLOCK2) >> 4 << 4 | 2) if n == BLOCK2 else v)
                               for n, v in message.options]

    peer.request_hook = want_64_bytes
    assert_downloads(peer, package)
    assert asked[0] == 6 and set(asked[1:]) == {2}
    assert peer.blocks_asked == list(range((len(package) + 63) // 64))


def test_another_etag_in_mid_download_begins_anew(agent, peer, update, tmp_path, keys):
    agent()
    other = make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE[::-1], "--compress", "none").read_bytes()

    def swap(number, reply):
        if number == 20:
            peer.files["fw/package"] = other
        return reply

    peer.block_hook = swap
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.read(ENDPOINT, "/5/0/7") == "1.2.0"
    assert peer.blocks_asked.count(0) == 2


def test_a_server_restart_in_mid_download_is_survived(agent, peer, update):
    agent()
    peer.block_hook = lambda number, reply: reply if number < 40 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.wait_for(lambda: 40 in peer.blocks_asked, 10, "the download")
    peer.go_away()
    time.sleep(1)
    peer.block_hook = lambda number, reply: reply
    peer.come_back()
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 60)
    assert peer.blocks_asked.count(0) == 1, "it went on where it was"
    assert peer.read(ENDPOINT, "/5/0/5") == "0"


def test_a_package_may_lie_on_another_host_which_has_no_say(agent, peer, update):
    agent()
    other = Peer()
    try:
        other.files["cdn/package"] = update
        probe = other.make_request(GET, "/3/0/3", accept=TEXT)
        other.request_hook = lambda message, address: (
            other.travel("out", probe, address) if message.number(BLOCK2) >> 4 == 3 else None)
        assert peer.write(ENDPOINT, "/5/0/1", f"{other.uri}/cdn/package") == "2.04"
        peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
        assert other.blocks_asked and not peer.blocks_asked
        assert other.wait_for(lambda: other.answer_to(probe), 5, "the answer").code_text == "4.01"
    finally:
        other.close()


def test_a_download_without_progress_ends_with_result_4(agent, peer, update):
    made = agent("--download-patience", "2")
    peer.block_hook = lambda number, reply: reply if number < 10 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 20)
    assert peer.read(ENDPOINT, "/5/0/5") == "4"
    assert "no new block for 2 s" in peer.read(ENDPOINT, "/26241/0/0")
    assert made.status()["result"] == 4


# ---- refusals ----

def flip(package: bytes, place: int) -> bytes:
    damaged = bytearray(package)
    damaged[place] ^= 1
    return bytes(damaged)


def refused_packages(folder, keys):
    """(package, Update Result) by name."""
    def make(*extra, sequence=6, who=keys, **keywords):
        name = keywords.pop("name")
        return make_package(folder, who, "1.1.0", sequence, BIG_IMAGE[:100000], "--compress", "none", *extra,
                            name=f"{name}.suit", **keywords).read_bytes()
    good = make(name="good")
    stranger = Keys(folder, "stranger")
    development = Keys(folder, "development", "ed25519", "--development")
    return {
        "good": (good, None),
        "a_payload_bit": (flip(good, len(good) // 2), 5),
        "the_last_byte": (flip(good, len(good) - 1), 5),
        "the_signature": (flip(good, good.index(b"\xd2\x84") + 40), 5),
        "cut": (good[:len(good) // 2], 5),
        "cut_in_the_head": (good[:100], 5),
        "trailing": (good + b"\0", 5),
        "unknown_key": (make(who=stranger, name="unknown"), 5),
        "development_key": (make(who=development, name="dev"), 5),
        "other_vendor": (make(vendor="example.org", name="vendor"), 6),
        "other_class": (make(class_name="board-b", name="class"), 6),
        "older_sequence": (make(sequence=4, name="older"), 6),
        "no_package": (b"#!/bin/sh\n" * 500, 6),
        "too_big": (make_package(folder, keys, "1.1.0", 6, BIG_IMAGE * 2, "--compress", "none",
                                 name="big.suit").read_bytes(), 2),
    }


REFUSED = ["a_payload_bit", "the_last_byte", "the_signature", "cut", "cut_in_the_head", "trailing", "unknown_key",
           "development_key", "other_vendor", "other_class", "older_sequence", "no_package", "too_big"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    keys = Keys(folder)
    return keys, refused_packages(folder, keys)


@pytest.mark.parametrize("what", REFUSED)
def test_a_package_that_must_not_run_is_refused_with_its_result(start, tmp_path, peer, packages, what):
    keys, made = packages
    package, result = made[what]
    one = Agent(start, tmp_path, keys, peer.uri, slot_size=262144)
    peer.registered(ENDPOINT)
    spare_before = (one.state / "slot1.img").read_bytes()
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.wait_for(lambda: peer.blocks_asked, 10, "the download")
    peer.poll(ENDPOINT, "/5/0/3", IDLE)
    assert peer.read(ENDPOINT, "/5/0/5") == str(result)
    assert peer.read(ENDPOINT, "/26241/0/0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    status = one.status()
    assert (status["state"], status["result"]) == ("idle", result) and status["reason"]
    if what in ("the_signature", "unknown_key", "development_key", "other_vendor", "other_class", "older_sequence",
                "no_package", "too_big", "cut_in_the_head"):
        assert max(peer.blocks_asked) <= 2, "known from the manifest, before the bulk of the data"
        assert (one.state / "slot1.img").read_bytes() == spare_before, "flash changed before it was authentic"
    # Nothing of it lasts: the good one is taken afterwards, and the reason is gone.
    assert peer.offer(ENDPOINT, made["good"][0], "fw/good") == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert (peer.read(ENDPOINT, "/5/0/5"), peer.read(ENDPOINT, "/26241/0/0")) == ("0", "")


def test_a_development_key_counts_where_it_is_allowed(start, tmp_path, peer):
    development = Keys(tmp_path, "development", "ed25519", "--development")
    refused = run(program("kedge-agent"), "install-factory", "--state", tmp_path / "fresh", "--trust",
                  development.public, "--vendor", VENDOR, "--class", CLASS,
                  make_package(tmp_path, development, "1.0.0", 1))
    assert refused.returncode == 1 and "Update Result 5" in refused.stderr
    allowed = run(program("kedge-agent"), "install-factory", "--state", tmp_path / "fresh", "--trust",
                  development.public, "--vendor", VENDOR, "--class", CLASS, "--allow-development-keys",
                  make_package(tmp_path, development, "1.0.0", 1))
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.parametrize("uri, result", [
    ("not a uri", 7), ("coap://", 7), ("coap:///fw", 7), ("coap://user@host/fw", 7), ("coap://host:0/fw", 7),
    ("fw/package", 7), ("coap://host/fw#part", 7), ("http://host/fw", 9), ("https://host/fw", 9), ("ftp://host/fw", 9),
    ("coap+tcp://host/fw", 9), ("coaps://127.0.0.1/fw", 9)])
def test_a_uri_that_cannot_be_taken_is_4_00_with_its_result(agent, peer, uri, result):
    agent()
    assert peer.write(ENDPOINT, "/5/0/1", uri) == "4.00"
    assert state_of(peer) == (IDLE, str(result))
    assert peer.read(ENDPOINT, "/26241/0/0")


def test_a_file_that_is_not_there_is_result_7(agent, peer):
    agent()
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/missing") == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "7")
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert "4.04" in peer.read(ENDPOINT, "/26241/0/0")


def test_a_pushed_package_is_not_taken(agent, peer):
    agent()
    message = peer.make_request(PUT, "/5/0/0", b"x" * 1024, content_format=OPAQUE)
    message.options.append((BLOCK1, uint(0 << 4 | 8 | 6)))
    assert peer.exchange(ENDPOINT, message).code_text == "4.05"
    assert peer.request(ENDPOINT, PUT, "/5/0/0", b"x", content_format=OPAQUE).code_text == "4.05"
    assert state_of(peer) == (IDLE, "0")


# ---- resets and cancels ----

@pytest.mark.parametrize("where", [DOWNLOADING, DOWNLOADED])
@pytest.mark.parametrize("how", ["empty_uri", "nul_package", "cancel"])
def test_a_reset_or_cancel_leads_to_idle_and_the_next_update_begins_anew(agent, peer, update, where, how):
    made = agent()
    if where == DOWNLOADING:
        peer.block_hook = lambda number, reply: reply if number < 50 else None
        assert peer.offer(ENDPOINT, update) == "2.04"
        peer.wait_for(lambda: 50 in peer.blocks_asked, 10, "the download")
    else:
        assert_downloads(peer, update)
    later = []
    peer.request_hook = lambda message, address: later.append((message.path, message.number(BLOCK2)))
    if how == "empty_uri":
        assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    elif how == "nul_package":
        assert peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text == "2.04"
    else:
        assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert state_of(peer) == (IDLE, "10" if how == "cancel" else "0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    with open(made.state / "slot1.img", "rb") as slot:
        assert not any(slot.read(32)), "the header that makes the package bootable is still there"
    if how != "cancel":
        assert peer.read(ENDPOINT, "/5/0/1") == ""
    peer.block_hook = lambda number, reply: reply
    peer.offer(ENDPOINT, update, "fw/again")
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    old = {block >> 4 for path, block in later if path == "/fw/package"}
    assert old <= {50}, "the old download went on"


def test_a_reset_in_idle_clears_the_result(agent, peer):
    agent()
    assert peer.write(ENDPOINT, "/5/0/1", "nonsense") == "4.00"
    assert state_of(peer) == (IDLE, "7")
    assert peer.write(ENDPOINT, "/5/0/1", "") == "2.04"
    assert state_of(peer) == (IDLE, "0")
    assert peer.read(ENDPOINT, "/26241/0/0") == ""


# ---- restarts ----

def test_state_result_and_reason_survive_a_restart(agent, peer, update):
    made = agent()
    peer.offer(ENDPOINT, flip(update, len(update) // 2))
    peer.poll(ENDPOINT, "/5/0/5", "5")
    reason = peer.read(ENDPOINT, "/26241/0/0")
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (IDLE, "5")
    assert peer.read(ENDPOINT, "/26241/0/0") == reason


def test_a_downloaded_package_survives_kill_9_and_can_be_executed(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    assert made.process.process.wait(10) == 75


def test_a_downloaded_package_that_was_damaged_meanwhile_is_result_5(agent, peer, update):
    made = agent()
    assert_downloads(peer, update)
    made.kill()
    with open(made.state / "slot1.img", "r+b") as slot:
        slot.seek(60000)
        byte = slot.read(1)
        slot.seek(60000)
        slot.write(bytes([byte[0] ^ 1]))
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (IDLE, "5")
    assert peer.read(ENDPOINT, "/26241/0/0")


def test_kill_9_in_mid_download_begins_it_again_but_not_for_ever(agent, peer, update):
    made = agent()
    peer.block_hook = lambda number, reply: reply if number < 30 else None
    assert peer.offer(ENDPOINT, update) == "2.04"
    for begun in range(1, 8):
        peer.wait_for(lambda: peer.blocks_asked.count(0) == begun, 10, "the download")
        made.kill()
        made.begin()
    peer.wait_for(lambda: peer.blocks_asked.count(0) == 8, 10, "the eighth download")
    peer.block_hook = lambda number, reply: reply
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"

    peer.block_hook = lambda number, reply: reply if number < 30 else None
    peer.blocks_asked.clear()
    assert peer.offer(ENDPOINT, update) == "2.04"
    for begun in range(1, 9):
        peer.wait_for(lambda: peer.blocks_asked.count(0) == begun, 10, "the download")
        made.kill()
        peer.forget()
        made.begin()
    peer.registered(ENDPOINT)
    assert state_of(peer) == (IDLE, "4")
    assert "begun 8 times" in peer.read(ENDPOINT, "/26241/0/0")


def test_a_damaged_state_file_is_begun_anew(agent, peer):
    made = agent()
    made.kill()
    file = made.state / "agent.state"
    file.write_bytes(flip(file.read_bytes(), 20))
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (IDLE, "0")
    assert "damaged" in peer.read(ENDPOINT, "/26241/0/0")


# ---- the command line ----

def test_usage_errors_are_2_and_name_the_option(tmp_path, keys):
    whole = ["--server", "coap://127.0.0.1:1", "--endpoint", "e", "--state", str(tmp_path), "--trust",
             str(keys.public), "--vendor", VENDOR, "--class", CLASS]
    for missing in range(0, len(whole), 2):
        done = run(program("kedge-agent"), *whole[:missing], *whole[missing + 2:])
        assert done.returncode == 2 and whole[missing] in done.stderr, done.stderr
    for extra, named in ((["--lifetime", "1"], "--lifetime"), (["--lifetime", "x"], "--lifetime"),
                         (["--require", "2"], "--require"), (["--nonsense"], "--nonsense"),
                         (["--psk-identity", "i"], "--psk-identity"), (["--psk-file", "/none"], "--psk-file"),
                         (["surplus"], "surplus"), (["--config", "/none"], "/none"), (["--endpoint"], "--endpoint"),
                         (["--endpoint", ""], "--endpoint"), (["--endpoint", "a\nb"], "--endpoint"),
                         (["--endpoint", "x" * 129], "--endpoint"), (["--server", "http://h"], "http://h"),
                         (["--server", "coaps://h"], "coaps"), (["--trust", "/none.pem"], "/none.pem")):
        done = run(program("kedge-agent"), *whole, *extra)
        assert done.returncode == 2 and named in done.stderr, (extra, done.stderr)


def test_help_and_version_are_0_and_the_guide_names_every_option():
    guide = (pathlib.Path(__file__).parents[2] / "docs" / "agent.md").read_text()
    for command in ([], ["install-factory"], ["status"]):
        done = run(program("kedge-agent"), *command, "--help")
        assert done.returncode == 0 and done.stderr == ""
        for word in done.stdout.split():
            if word.startswith("--"):
                assert f"`{word}" in guide, f"docs/agent.md says nothing of {word}"
    assert run(program("kedge-agent"), "--version").stdout.startswith("kedge-agent ")


def test_a_configuration_file_does_what_options_do_and_they_win(start, tmp_path, keys, peer):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    config = tmp_path / "agent.conf"
    config.write_text(f"# a device\nserver = {peer.uri}\nendpoint = from-the-file\nstate = {tmp_path / 'state'}\n"
                      f"trust = {keys.public}\nvendor = {VENDOR}\nclass = {CLASS}\nlifetime = 77\n"
                      "allow-development-keys = false\n")
    done = run(program("kedge-agent"), "install-factory", "--config", config, factory)
    assert done.returncode == 0, done.stderr
    start(program("kedge-agent"), "--config", config, "--endpoint", "from-the-line")
    assert peer.registered("from-the-line").query["lt"] == "77"
    for wrong in ("lifetime = 0", "no-such-option = 1", "json = true", "[section]\nendpoint = e", "endpoint",
                  "verbose = perhaps"):
        config.write_text(wrong + "\n")
        done = run(program("kedge-agent"), "--config", config)
        assert done.returncode == 2 and str(config) in done.stderr, (wrong, done.stderr)


def test_factory_firmware_is_installed_once_and_only_when_it_is_right(tmp_path, packages):
    keys, made = packages
    state = tmp_path / "state"
    install = [program("kedge-agent"), "install-factory", "--state", state, "--trust", keys.public, "--vendor", VENDOR,
               "--class", CLASS, "--slot-size", "262144"]
    package = tmp_path / "package.suit"
    for what in REFUSED:
        if what == "older_sequence":
            continue  # nothing is older than nothing
        package.write_bytes(made[what][0])
        done = run(*install, package)
        assert done.returncode == 1 and f"Update Result {made[what][1]}" in done.stderr, (what, done.stderr)
        assert run(program("kedge-agent"), "status", "--state", state).returncode == 1
    package.write_bytes(made["good"][0])
    assert run(*install, package).returncode == 0
    status = json.loads(run(program("kedge-agent"), "status", "--json", "--state", state).stdout)
    assert (status["state"], status["result"], status["version"], status["slot"]) == ("idle", 0, "1.1.0", 0)
    again = run(*install, package)
    assert again.returncode == 1 and "already" in again.stderr
    assert run(*install, tmp_path / "none.suit").returncode == 1


def test_without_firmware_neither_agent_nor_status_run(tmp_path, keys):
    common = ["--state", tmp_path / "none"]
    done = run(program("kedge-agent"), "status", *common)
    assert done.returncode == 1 and "none" in done.stderr
    done = run(program("kedge-agent"), *common, "--server", "coap://127.0.0.1:1", "--endpoint", "e", "--trust",
               keys.public, "--vendor", VENDOR, "--class", CLASS)
    assert done.returncode == 1 and "install-factory" in done.stderr
    assert not (tmp_path / "none").exists()


def test_one_agent_at_a_time_has_the_state_folder(agent, keys):
    made = agent()
    second = run(*made.command)
    assert second.returncode == 1 and "another agent" in second.stderr


# ---- whole updates, under the bootloader ----

@pytest.fixture
def booted(device, peer, keys, tmp_path):
    """booted(health=...) is a device with factory firmware 1.0.0 under kedge-boot, registered with `peer`."""
    def make(*extra, **keywords):
        factory = make_package(tmp_path, keys, "1.0.0", 5, name="factory.suit")
        made = device(ENDPOINT, keys, factory, peer.uri, *extra, **keywords)
        peer.registered(ENDPOINT)
        return made
    return make


def agent_pid(made) -> int:
    """The process that kedge-boot runs now; it starts no other."""
    pid = made.process.process.pid
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return wait_until(lambda: int((children.read_text().split() or ["0"])[0]), 10, "an agent to run")


def download_and_execute(peer, package: bytes, boots: int = 1):
    """Up to Execute's 2.04; the device then registers for the (boots + 1)-th time."""
    peer.offer(ENDPOINT, package)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.wait_for_event("register", ENDPOINT, boots + 1)


def assert_ends(peer, made, state: str, result: int, version: str, timeout: float = 20):
    peer.poll(ENDPOINT, "/5/0/3", state, timeout)
    assert (peer.read(ENDPOINT, "/5/0/5"), peer.read(ENDPOINT, "/3/0/3")) == (str(result), version)
    status = made.status()
    assert (status["endpoint"], status["state"], status["result"], status["version"], status["on_trial"]) == (
        ENDPOINT, "idle", result, version, False)
    assert status["reason"] == peer.read(ENDPOINT, "/26241/0/0")
    return status


def test_updates_are_confirmed_one_after_the_other(booted, peer, keys, tmp_path):
    made = booted(health="true")
    for count, (version, sequence) in enumerate((("1.1.0", 6), ("1.2.0", 7), ("1.3.0-rc.1", 7)), 1):
        package = make_package(tmp_path, keys, version, sequence).read_bytes()
        download_and_execute(peer, package, count)
        status = assert_ends(peer, made, IDLE, 1, version)
        assert (status["slot"], status["reason"], status["updates_confirmed"]) == (count % 2, "", count)
        assert peer.read(ENDPOINT, "/5/0/1") == ""
    # The floor has risen with the confirmations: what came before them is not taken any more.
    peer.offer(ENDPOINT, make_package(tmp_path, keys, "1.1.0", 6).read_bytes())
    peer.poll(ENDPOINT, "/5/0/5", "6")


def test_it_is_updating_for_the_whole_trial(booted, peer, update, tmp_path):
    go = tmp_path / "go"
    made = booted(health=f'while [ "$KEDGE_VERSION" = 1.1.0 ] && ! [ -e {go} ]; do sleep 0.05; done; '
                         f'echo "$KEDGE_VERSION $KEDGE_ENDPOINT $KEDGE_SLOT" > {tmp_path}/told')
    download_and_execute(peer, update)
    state = peer.observe(ENDPOINT, "/5/0/3")
    assert state_of(peer) == (UPDATING, "0")
    for forbidden in (lambda: peer.execute(ENDPOINT, "/5/0/2"), lambda: peer.execute(ENDPOINT, "/5/0/10"),
                      lambda: peer.write(ENDPOINT, "/5/0/1", "")):
        assert forbidden() == "4.05"
    assert peer.write(ENDPOINT, "/5/0/1", peer.uri + "/fw/package") == "4.00"
    status = made.status()
    assert (status["state"], status["on_trial"], status["version"], status["slot"], status["boots_used"]) == (
        "updating", True, "1.1.0", 1, 1)
    go.touch()
    peer.wait_for(lambda: state.values == [UPDATING, IDLE], 10, "the confirmation")
    assert_ends(peer, made, IDLE, 1, "1.1.0")
    assert (tmp_path / "told").read_text() == f"1.1.0 {ENDPOINT} 1\n"


@pytest.mark.parametrize("health, words", [
    ('test "$KEDGE_VERSION" != 1.1.0', "health command exit status 1"),
    ('[ "$KEDGE_VERSION" != 1.1.0 ] || kill -ABRT $$', "health command ended by signal 6"),
    ('[ "$KEDGE_VERSION" != 1.1.0 ] || sleep 600', "health command did not end within 1 s")])
def test_a_sick_device_goes_back_with_result_8_and_its_reason(booted, peer, update, health, words):
    made = booted("--health-timeout", "1", health=health)
    download_and_execute(peer, update)
    peer.wait_for_event("register", ENDPOINT, 3)
    status = assert_ends(peer, made, IDLE, 8, "1.0.0")
    assert words in status["reason"] and "health" in status["reason"]
    assert (status["slot"], status["updates_rolled_back"]) == (0, 1)
    # What was said survives; a new offer ends it.
    made.process.stop(signal.SIGKILL)
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 4)
    assert words in assert_ends(peer, made, IDLE, 8, "1.0.0")["reason"]
    assert_downloads(peer, update)
    assert peer.read(ENDPOINT, "/26241/0/0") == ""


def test_kill_9_in_mid_trial_only_costs_a_boot(booted, peer, update, tmp_path):
    go = tmp_path / "go"
    made = booted(health=f'[ "$KEDGE_VERSION" != 1.1.0 ] || while ! [ -e {go} ]; do sleep 0.05; done')
    download_and_execute(peer, update)
    assert state_of(peer) == (UPDATING, "0")
    os.kill(agent_pid(made), signal.SIGKILL)
    peer.wait_for_event("register", ENDPOINT, 3)
    assert made.status()["boots_used"] == 2
    go.touch()
    assert_ends(peer, made, IDLE, 1, "1.1.0")


def test_a_trial_that_is_killed_three_times_goes_back(booted, peer, update):
    made = booted(health='[ "$KEDGE_VERSION" != 1.1.0 ] || sleep 600')
    download_and_execute(peer, update)
    for boot in (3, 4, 5):
        os.kill(agent_pid(made), signal.SIGKILL)
        peer.wait_for_event("register", ENDPOINT, boot, timeout=30)
    assert "three boots" in assert_ends(peer, made, IDLE, 8, "1.0.0")["reason"]


def test_a_power_cut_in_mid_trial_goes_on_with_it(booted, peer, update, tmp_path):
    go = tmp_path / "go"
    made = booted(health=f'[ "$KEDGE_VERSION" != 1.1.0 ] || while ! [ -e {go} ]; do sleep 0.05; done')
    download_and_execute(peer, update)
    made.process.stop(signal.SIGKILL)
    assert made.status()["state"] == "updating"
    go.touch()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 3)
    assert_ends(peer, made, IDLE, 1, "1.1.0")


def test_a_server_that_is_away_during_the_trial_reverts_nobody(booted, peer, update):
    made = booted(health="true")
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.go_away()
    made.process.wait_for("on trial")
    made.process.wait_for("is not reachable now")
    for _ in range(4):
        time.sleep(1)
        status = made.status()
        assert (status["state"], status["on_trial"], status["version"]) == ("updating", True, "1.1.0")
    peer.come_back()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=40)
    assert_ends(peer, made, IDLE, 1, "1.1.0")


def test_the_trial_limit_sends_a_device_back_that_never_reaches_its_server(booted, peer, update):
    made = booted(health="true", trial_limit_s=2)
    peer.offer(ENDPOINT, update)
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"
    peer.go_away()
    wait_until(lambda: made.status()["updates_rolled_back"] == 1, 20, "the limit")
    peer.come_back()
    peer.wait_for_event("register", ENDPOINT, 2, timeout=40)
    assert "trial limit" in assert_ends(peer, made, IDLE, 8, "1.0.0")["reason"]


def test_a_reboot_that_the_server_asks_for_brings_the_same_firmware_back(booted, peer, update):
    made = booted(health="true")
    assert_downloads(peer, update)
    assert peer.execute(ENDPOINT, "/3/0/4") == "2.04"
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADED, "0")
    assert made.status()["version"] == "1.0.0"


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
    peer.wait_for(lambda: state.values == [IDLE, DOWNLOADING, DOWNLOADED], 20, "the notifications")
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"


def test_a_wrong_key_gets_nowhere(start, tmp_path, keys, peer, front):
    made = Agent(start, tmp_path, keys, front.uri, *with_key(tmp_path, PSK[::-1]))
    made.process.wait_for("does not answer")
    assert peer.events == []


def test_a_coaps_server_that_lost_its_sessions_gets_a_new_registration(agent, peer, front, tmp_path, update):
    made = agent("--lifetime", "2", *with_key(tmp_path), server_uri=front.uri)
    made.process.wait_for("registered with")
    front.stop()
    made.process.wait_for("is not reachable now")
    front.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert_downloads(peer, update)


# ---- memory ----

def anonymous_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    raise AssertionError("smaps_rollup has no Anonymous line")


def test_memory_stays_small_at_rest_and_at_work(agent, peer, tmp_path, keys, record_property):
    if "asan" in str(program("kedge-agent")):
        pytest.skip("a sanitizer has memory of its own")
    made = agent()
    pid = made.process.process.pid
    peer.read(ENDPOINT, "/5/0/3")
    rest = anonymous_kib(pid)
    image = os.urandom(1 << 20) + bytes(1 << 20)
    package = make_package(tmp_path, keys, "1.1.0", 6, image).read_bytes()
    work = []
    peer.block_hook = lambda number, reply: (work.append(anonymous_kib(pid)) if number % 64 == 0 else None, reply)[1]
    assert_downloads(peer, package, 60)
    work.append(anonymous_kib(pid))
    print(f"anonymous memory: {rest} KiB at rest, {max(work)} KiB at work")
    record_property("anonymous_kib_at_rest", rest)
    record_property("anonymous_kib_at_work", max(work))
    assert rest <= 2048
    assert max(work) <= 4096
