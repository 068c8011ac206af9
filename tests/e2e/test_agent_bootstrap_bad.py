"""The agent and a bootstrap server that is not what it should be: it refuses, writes garbage, lies about sizes, never
finishes, finishes without an account. Each time the device says why, pauses, and the next server that does it well is
good enough; a device that has an account keeps it."""
import contextlib
import json

import cbor2
import pytest

from agent_kit import ENDPOINT, Agent, agent, peer
from conftest import free_port, wait_until
from dtls_front import DtlsFront
from lwm2m_client import SENML_CBOR, encode
from lwm2m_peer import (ACK, BLOCK1, BLOCK2, CONTENT_FORMAT, DELETE, ETAG, GET, LINK, POST, PUT, TEXT, TLV, Message,
                        Peer, Registration, code, uint)
from test_agent import PSK, with_key
from test_agent_bootstrap import bootstrapping

BootstrappedAgent = bootstrapping(Agent)


class Bootstrapper(Peer):
    """A bootstrap server and a server in one, without security. It answers a Bootstrap-Request, and the test does the rest:
    what it asks of the endpoint goes to where it last spoke from."""

    def __init__(self):
        self.reply, self.pack, self.packs_asked = "2.04", None, 0
        super().__init__()

    def _answer(self, message, address):
        if message.path == "/bspack":
            self.packs_asked += 1
            return Message(ACK, code("4.04"), 0) if self.pack is None else self.pack(message)
        if message.code != POST or message.path != "/bs":
            return super()._answer(message, address)
        with self._changed:
            if self.reply == "2.04":
                self.registrations = {"/bs": Registration(message.query["ep"], "/bs", address, message.query, "")}
            self.events.append(("bootstrap", message.query["ep"], message))
            self._changed.notify_all()
        return Message(ACK, code(self.reply), 0)

    def asked(self, count=1) -> Message:
        """Waits for the `count`-th Bootstrap-Request."""
        return self.wait_for_event("bootstrap", ENDPOINT, count, 120)

    def account(self, **changed) -> dict:
        return {0: self.uri, 1: 0, 2: 3, 10: 1} | changed.get("security", {})

    def put(self, path, value, form=TLV) -> str:
        return self.request(ENDPOINT, PUT, path, encode(form, path, value), content_format=form).code_text

    def give_account(self, **server) -> None:
        assert self.request(ENDPOINT, DELETE, "/").code_text == "2.02"
        assert self.put("/0/1", self.account()) == "2.04"
        assert self.put("/1/0", {0: 1, 1: 300, 7: "U"} | {int(k[1:]): v for k, v in server.items()}) == "2.04"

    def finish(self) -> str:
        return self.request(ENDPOINT, POST, "/bs").code_text

    def gets_on(self, one, count=2):
        """The device comes again by itself, and is given what it needs, however short its patience is."""
        for attempt in range(count, count + 30):
            self.asked(attempt)
            with contextlib.suppress(AssertionError):
                self.give_account()
                assert self.finish() == "2.04"
                break
        self.wait_for_event("register", ENDPOINT, timeout=60)
        one.process.wait_for(f"registered with {self.uri}")


@pytest.fixture
def boss():
    server = Bootstrapper()
    yield server
    server.close()


@pytest.fixture
def fresh(start, tmp_path, keys, boss):
    """fresh(options...) starts a device without an account."""
    return lambda *extra: BootstrappedAgent(start, tmp_path, keys, boss.uri, *extra)


def test_step_by_step_with_a_server_that_has_no_pack(boss, fresh):
    one = fresh()
    request = boss.asked()
    assert boss.packs_asked == 1 and request.query == {"ep": ENDPOINT, "pct": str(SENML_CBOR)}
    links = boss.request(ENDPOINT, GET, "/", accept=LINK)
    assert links.payload.decode().startswith("</>;lwm2m=1.1,</0/0>,</3/0>")
    boss.give_account()
    assert boss.read(ENDPOINT, "/1/0/1") == "300"
    assert boss.request(ENDPOINT, GET, "/0/1/5").code_text == "4.01"
    assert not (one.state / "agent.account").exists(), "nothing is kept before Finish"
    assert boss.finish() == "2.04"
    registration = boss.wait_for_event("register", ENDPOINT)
    assert registration.query["lt"] == "300"
    assert boss.read(ENDPOINT, "/1/0/0") == "1"


@pytest.fixture
def front(boss):
    """coaps:// in front of the bootstrap server, by OpenSSL."""
    made = DtlsFront(boss, free_port(), PSK)
    yield made
    made.stop()


def test_step_by_step_by_dtls_with_a_server_that_is_killed_in_the_middle(boss, front, start, tmp_path, keys):
    one = BootstrappedAgent(start, tmp_path, keys, front.uri, "--bootstrap-patience", "4", *with_key(tmp_path))
    boss.asked()
    front.stop()
    one.process.wait_for("it has not finished within 4 s", timeout=120)
    front.begin()
    boss.gets_on(one)


def test_what_is_asked_twice_is_done_once(boss, fresh):
    fresh()
    boss.asked()
    boss.give_account()
    message = boss.make_request(PUT, "/1/0/1", b"77", content_format=TEXT)
    assert boss.exchange(ENDPOINT, message).code_text == "2.04"
    assert boss.write(ENDPOINT, "/1/0/1", "88") == "2.04"
    with boss._changed:
        boss._acknowledged.clear()
    assert boss.exchange(ENDPOINT, message).code_text == "2.04"
    assert boss.read(ENDPOINT, "/1/0/1") == "88"
    # Finish too, whose answer was lost: from where the bootstrap server is, though the device may be registered already.
    address = boss.find(ENDPOINT).address
    finish = boss.make_request(POST, "/bs")
    assert boss.exchange(ENDPOINT, finish).code_text == "2.04"
    boss.travel("out", finish, address)
    assert boss.wait_for(lambda: boss._answers.pop(finish.token, None), 60, "the answer again").code_text == "2.04"


def test_nobody_else_and_nobody_else_later_may_write(boss, fresh):
    fresh()
    boss.asked()
    boss.give_account()
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)
    assert boss.put("/0/1", boss.account()) == "4.01"  # the server is no bootstrap server
    assert boss.request(ENDPOINT, DELETE, "/0").code_text == "4.01"
    assert boss.request(ENDPOINT, POST, "/bs").code_text == "4.04"


GARBAGE = [
    (TLV, b"\xff" * 40), (TLV, b"\xc8\x00\xff" + b"x" * 10), (SENML_CBOR, b"\x9f" * 200), (SENML_CBOR, b"\xbf"),
    (110, b'[{"bn":"/0/1/","n":"5","vd":"!!!"}]'), (11544, b"\xa1\x00"), (TEXT, b"x"), (50, b"{}"), (TLV, b""),
    (SENML_CBOR, cbor2.dumps([{-2: "/5/0/", 0: "1", 3: "coap://x"}])),
]


def test_garbage_is_refused_and_leaves_no_trace(boss, fresh):
    fresh()
    boss.asked()
    boss.give_account()
    for form, payload in GARBAGE:
        answer = boss.request(ENDPOINT, PUT, "/0/1", payload, content_format=form).code_text
        assert answer in ("4.00", "4.15"), (form, payload, answer)
    for path in ("/", "/3/0", "/5/0/1", "/77", "/0/1/99", "/0/1/2/3/4"):
        assert boss.request(ENDPOINT, PUT, path, b"1", content_format=TEXT).code_text[0] == "4"
    assert boss.finish() == "2.04"  # the account is as it was
    boss.wait_for_event("register", ENDPOINT)


def write_in_blocks(boss, path, payload, form, exponent=4, number=0, more=None) -> str:
    size = 16 << exponent
    while True:
        part = payload[number * size:(number + 1) * size]
        rest = (number + 1) * size < len(payload) if more is None else more
        message = boss.make_request(PUT, path, part, content_format=form)
        message.options.append((BLOCK1, uint(number << 4 | rest << 3 | exponent)))
        answer = boss.exchange(ENDPOINT, message).code_text
        if answer != "2.31" or not rest:
            return answer
        number += 1


def test_sizes_that_are_lies_end_where_they_are_seen(boss, fresh):
    fresh()
    boss.asked()
    boss.give_account()
    payload = encode(TLV, "/0/1", boss.account() | {3: b"i" * 3000})
    assert write_in_blocks(boss, "/0/1", payload, TLV) == "2.04"
    assert write_in_blocks(boss, "/0/1", payload, TLV, exponent=2) == "2.04"
    too_long = encode(TLV, "/0/1", boss.account() | {3: b"i" * 5000})
    assert write_in_blocks(boss, "/0/1", too_long, TLV) == "4.13"
    assert write_in_blocks(boss, "/0/1", b"\xc8\x00\xff" * 20000, TLV) == "4.13"  # without end
    assert write_in_blocks(boss, "/0/1", payload, TLV, number=3) == "4.08"        # begins in the middle
    assert write_in_blocks(boss, "/0/1", payload[:100], TLV, more=True) == "4.00"  # a block that is not full
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)


@pytest.mark.parametrize("missing", ["all", "server", "ids", "uri", "key"])
def test_finish_without_an_account_is_refused_and_can_be_mended(boss, fresh, missing):
    one = fresh()
    boss.asked()
    if missing != "all":
        boss.give_account()
    if missing == "server":
        assert boss.request(ENDPOINT, DELETE, "/1").code_text == "2.02"
    if missing == "ids":
        assert boss.write(ENDPOINT, "/1/0/0", "2") == "2.04"
    if missing == "uri":
        assert boss.write(ENDPOINT, "/0/1/0", "http://server.example") == "2.04"
    if missing == "key":
        assert boss.write(ENDPOINT, "/0/1/0", "coaps://server.example") == "2.04"
        assert boss.write(ENDPOINT, "/0/1/2", "0") == "2.04"
    assert boss.finish() == "4.06"
    one.process.wait_for("what it gave is no account")
    assert not (one.state / "agent.account").exists()
    boss.give_account()
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)


def test_a_disk_that_does_not_take_the_account_is_told(boss, fresh):
    one = fresh()
    boss.asked()
    boss.give_account()
    in_the_way = one.state / "agent.account.new"
    in_the_way.mkdir()
    assert boss.finish() == "5.00"
    one.process.wait_for("bootstrapping from .*: agent.account: ")
    assert not (one.state / "agent.account").exists()
    in_the_way.rmdir()
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)


def test_a_server_that_never_finishes_is_given_up(boss, fresh):
    one = fresh("--bootstrap-patience", "2")
    boss.asked()
    one.process.wait_for("it has not finished within 2 s")
    boss.gets_on(one)


def test_a_server_that_is_gone_in_the_middle_is_given_up(boss, fresh):
    one = fresh("--bootstrap-patience", "2")
    boss.asked()
    boss.go_away()
    one.process.wait_for("it has not finished within 2 s")
    boss.come_back()
    boss.gets_on(one)


@pytest.mark.parametrize("answer", ["4.00", "4.03", "5.03"])
def test_a_refusal_is_told_and_followed_by_a_pause(boss, fresh, answer):
    boss.reply = answer
    one = fresh()
    boss.asked(2)
    one.process.wait_for(rf"bootstrapping from {boss.uri}: the request was answered {answer}")
    wait_until(lambda: f"the request was answered {answer}" in one.status()["message"], 60, "the status")
    assert "registered with" not in one.process.log
    boss.reply = "2.04"
    boss.gets_on(one, 3)


def in_blocks(body, form):
    def answer(message):
        asked = message.number(BLOCK2) or 6
        number, exponent = asked >> 4, asked & 7
        size = 16 << exponent
        more = (number + 1) * size < len(body)
        return Message(ACK, code("2.05"), 0, options=[(ETAG, b"pack"), (CONTENT_FORMAT, uint(form)),
                       (BLOCK2, uint(number << 4 | more << 3 | exponent))], payload=body[number * size:(number + 1) * size])
    return answer


def pack_of(boss, **security) -> list:
    values = {0: (3, boss.uri), 1: (4, False), 2: (2, 3), 10: (2, 1)} | {int(k[1:]): v for k, v in security.items()}
    records = [{0: f"/0/1/{k}", label: value} for k, (label, value) in values.items()]
    return records + [{0: "/1/0/0", 2: 1}, {0: "/1/0/1", 2: 600}, {0: "/1/0/7", 3: "U"}]


def test_a_pack_in_blocks_is_enough(boss, fresh):
    boss.pack = in_blocks(cbor2.dumps(pack_of(boss, _3=(8, b"c" * 2900))), SENML_CBOR)
    fresh()
    assert boss.wait_for_event("register", ENDPOINT).query["lt"] == "600"
    assert not [e for e in boss.events if e[0] == "bootstrap"] and boss.packs_asked == 3


@pytest.mark.parametrize("pack", ["garbage", "empty", "no account", "another format", "without end"])
def test_after_a_pack_of_no_use_it_is_done_step_by_step(boss, fresh, pack):
    body, form = {
        "garbage": (b"\xff" * 3000, SENML_CBOR),
        "empty": (b"", SENML_CBOR),
        "no account": (cbor2.dumps(pack_of(boss)[:-3]), SENML_CBOR),
        "another format": (cbor2.dumps(pack_of(boss)), 50),
        "without end": (b"\x9f" * 100000, SENML_CBOR),
    }[pack]
    boss.pack = in_blocks(body, form)
    one = fresh()
    boss.asked()
    one.process.wait_for("no Bootstrap-Pack of use")
    assert not (one.state / "agent.account").exists()
    boss.give_account()
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)


def has_account(boss, one, **server):
    boss.asked()
    boss.give_account(**server)
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT)
    return (one.state / "agent.account").read_bytes()


def test_a_device_sent_to_be_bootstrapped_answers_first_and_keeps_its_account_until_finish(boss, fresh):
    one = fresh()
    account = has_account(boss, one)
    assert boss.execute(ENDPOINT, "/1/0/9") == "2.04"
    boss.asked(2)
    assert boss.request(ENDPOINT, DELETE, "/").code_text == "2.02"
    one.kill()
    assert (one.state / "agent.account").read_bytes() == account
    one.begin()
    boss.wait_for_event("register", ENDPOINT, 2, 60)


def test_an_account_that_its_server_takes_no_more_is_asked_for_anew(boss, fresh):
    one = fresh()
    has_account(boss, one, _17=2, _18=1)
    answer = boss._answer
    boss._answer = lambda message, address: Message(ACK, code("4.03"), 0) if message.path.startswith("/rd") else \
        answer(message, address)
    assert boss.execute(ENDPOINT, "/1/0/8") == "2.04"
    one.process.wait_for("has not taken this device 2 times: asking for another account")
    boss.asked(2)
    del boss._answer
    boss.give_account()
    assert boss.finish() == "2.04"
    boss.wait_for_event("register", ENDPOINT, 2, 60)


def test_without_bootstrap_on_failure_it_goes_on_trying(boss, fresh):
    one = fresh()
    has_account(boss, one, _16=0, _17=1, _18=1)
    answer, refused = boss._answer, []

    def refuse(message, address):
        if not message.path.startswith("/rd"):
            return answer(message, address)
        refused.append(message.path)
        return Message(ACK, code("4.03"), 0)
    boss._answer = refuse
    assert boss.execute(ENDPOINT, "/1/0/8") == "2.04"
    wait_until(lambda: len(refused) >= 4, 60, "some attempts")
    del boss._answer
    boss.wait_for_event("register", ENDPOINT, 2, 60)
    assert len([e for e in boss.events if e[0] == "bootstrap"]) == 1


def test_the_hold_off_time_is_waited_for(boss, fresh):
    one = fresh()
    boss.asked()
    assert boss.write(ENDPOINT, "/0/0/11", "3600") == "2.04"
    assert boss.write(ENDPOINT, "/0/0/0", "coap://other.example") == "4.00"
    assert boss.request(ENDPOINT, DELETE, "/0/0").code_text == "4.00"
    has_account(boss, one)
    # Bootstrap-Request Trigger is followed at once all the same.
    assert boss.execute(ENDPOINT, "/1/0/9") == "2.04"
    boss.asked(2)


def test_without_a_bootstrap_server_there_is_nothing_to_trigger(peer, agent):
    agent()
    links = peer.request(ENDPOINT, GET, "/1/0", accept=LINK).payload.decode().split(",")
    assert "</1/0/8>" in links and "</1/0/9>" not in links
    assert peer.execute(ENDPOINT, "/1/0/9") == "4.04"
    assert peer.execute(ENDPOINT, "/1/0/8") == "2.04"


def test_keys_are_in_no_log(boss, fresh):
    one = fresh()
    boss.asked()
    boss.give_account()
    secret = b"0123456789abcdefSECRET"
    assert boss.put("/0/1", {0: "coaps://127.0.0.1:9", 1: 0, 2: 0, 3: b"identity-1", 4: b"", 5: secret, 10: 1}) == "2.04"
    assert boss.finish() == "2.04"
    one.process.wait_for("has given an account")
    one.kill()
    assert secret in (one.state / "agent.account").read_bytes()
    for form in (secret.decode(), secret.hex(), "MDEyMzQ1Njc4OWFiY2RlZlNFQ1JFVA"):
        assert form not in one.process.log
    assert form not in json.dumps(one.status()) and (one.state / "agent.account").stat().st_mode & 0o077 == 0
