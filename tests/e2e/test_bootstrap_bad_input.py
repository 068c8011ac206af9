"""What lies, is too much, comes twice or from elsewhere at the bootstrap server: refused or bounded, and nobody else suffers."""
import json
import socket
import urllib.request

import cbor2
import pytest
from bootstrap_device import BootstrapServer, PlainDevice, SecureDevice, registers
from lwm2m_client import SENML_CBOR, SENML_JSON, encode
from lwm2m_peer import ACK, BLOCK2, CON, CONTENT_FORMAT, DELETE, GET, LINK, NON, POST, PUT, RST, TEXT, TLV, Message, code, decode, uint

READ = (GET, "/1/0")


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def enrolled(server) -> list:
    """What is known of the devices that may be bootstrapped by a key."""
    request = urllib.request.Request(server.http_url + "/api/v1/bootstrap", headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return [device for device in json.load(answer)["devices"] if device["kind"] == "psk"]


@pytest.fixture(autouse=True)
def beside(server, tmp_path):
    """A device that is in the middle of being bootstrapped all the time, and ends well; no record changes meanwhile."""
    factory = server.enroll_factory(tmp_path, "healthy")
    healthy = SecureDevice(server, "healthy", factory)
    waiting = [True]
    healthy.answers = {(DELETE, "/0"): lambda _: None if waiting else ""}
    assert healthy.request() == "2.04"
    healthy.serve_until(lambda: (DELETE, "/0") in [step[:2] for step in healthy.steps], "its step")
    server.enroll_factory(tmp_path, "dev", "--serial", "S-1", "--batch", "B-1")
    before = enrolled(server)
    yield
    assert server.process.process.poll() is None, server.process.log
    assert enrolled(server) == before
    waiting.clear()
    healthy.serve_to_the_end(100)
    registers(server, healthy.account(), "healthy")


def key_of(folder) -> tuple:
    return "factory-dev", bytes.fromhex((folder / "dev.factory-psk").read_text())


def fails(server, device, words):
    """Bootstrapping ends without Finish, with these words; and when the device is honest, it is bootstrapped."""
    assert device.request() == "2.04"
    said = device.serve_to_the_failure(server)
    assert words in said, said
    assert not device.finished
    honest = SecureDevice(server, "dev", device.factory)
    registers(server, honest.bootstrap(), "dev")


@pytest.fixture
def device(server, tmp_path) -> SecureDevice:
    made = SecureDevice(server, "dev", key_of(tmp_path))
    made.factory = key_of(tmp_path)
    return made


def blocks(device, step, form, body, number_of=lambda number: number):
    """Answers a step by Block2, whatever its size."""
    plain, send = device.act, device.send

    def act(message):
        if (message.code, message.path) != step:
            return plain(message)
        block = (message.number(BLOCK2) or 0) >> 4
        more = (block + 1) * 1024 < len(body)
        device.block = number_of(block) << 4 | more << 3 | 6
        return "2.05", form, body[block * 1024:(block + 1) * 1024]

    def send_with_block(datagram):
        if device.block is not None:
            message = decode(datagram)
            message.options.append((BLOCK2, uint(device.block)))
            device.block, datagram = None, message.encode()
        send(datagram)
    device.act, device.send, device.block = act, send_with_block, None


# ---- answers that lie ----

def number(value):
    """What is short names a test, what is long is counted."""
    return repr(value) if len(repr(value)) < 30 else f"{len(value)}bytes"


def senml(*records) -> bytes:
    return cbor2.dumps(list(records))


@pytest.mark.parametrize("form, payload", [
    (TLV, b""), (TLV, b"\xc1"), (TLV, b"\xc1\x00"), (TLV, b"\xc8\x00\xff\x01"), (TLV, b"\xd0\x00\xff\xff\x01"),
    (TLV, b"\xd8\x00\xff\xff\xff\x01"), (TLV, b"\x03\x07\xc1\x00\x01"), (TLV, b"\xc1\x00\x01\xc1"), (TLV, b"\xc1\x00\x02"),
    (TLV, b"\xc3\x00\x00\x00\x02"), (TLV, b"\x08\x00\xff\xc1\x00\x01" * 100), (TLV, b"\xff" * 1000),
    (SENML_CBOR, b""), (SENML_CBOR, senml({-2: "/2/0/", 0: "0", 2: 1})), (SENML_CBOR, senml({-2: "/1/1/", 0: "0", 2: 1})),
    (SENML_CBOR, senml({-2: "/1/0/", 0: "0", 2: 1})[:-1]), (SENML_CBOR, senml({-2: "/1/0/" * 50, 0: "0", 2: 1})),
    (SENML_CBOR, b"\x9f" + b"\x9f" * 900), (SENML_CBOR, b"\x9a\xff\xff\xff\xff"), (SENML_CBOR, senml({0: "/1/0/0", 2: 1e300})),
    (SENML_CBOR, senml({0: "/1/0/0", 3: "1"})), (SENML_CBOR, senml({0: "/1/0/0", 8: b"\x01"})),
    (SENML_JSON, b""), (SENML_JSON, b"[" * 1000), (SENML_JSON, b'[{"bn":"/1/0/","n":"0","v":1}'), (SENML_JSON, b'{"n":"/1/0/0","v":1}'),
    (SENML_JSON, b'[{"bn":"/1/0/","n":"/1/0/0","v":1}]'), (SENML_JSON, b'[{"n":"/1/0/0","v":1e999}]'),
    (TEXT, b"1"), (LINK, b"</1/0/0>"), (65000, b"\xc1\x00\x01"), (None, b"\xc1\x00\x01")], ids=number)
def test_an_answer_to_read_that_is_not_what_was_written_ends_it(server, device, form, payload):
    device.look = lambda _: ("2.05", form, payload)
    fails(server, device, "Read shows that it does not have what was written")


def test_an_answer_to_read_of_64_kib_is_read_and_a_longer_one_is_not(server, tmp_path, device):
    """In blocks: with what was written somewhere in much else, and with more of that than there is room for."""
    def padded(count):
        return encode(TLV, "/1/0", {0: 1}) + (b"\xf0\x27\x10\x03\xe4" + bytes(996)) * count
    blocks(device, READ, TLV, padded(60))
    registers(server, device.bootstrap(), "dev")
    longer = SecureDevice(server, "dev", key_of(tmp_path))
    longer.factory = key_of(tmp_path)
    blocks(longer, READ, TLV, padded(70))
    fails(server, longer, "Read ")


# ---- answers to Discover that are too much ----

def links(count) -> bytes:
    return b",".join([b"</>;lwm2m=1.1,</0/0>,</1/0>;ssid=7", *(b"</3303/%d>" % i for i in range(count))])


@pytest.mark.parametrize("answer, told", [
    (links(4000), True),                                           # thousands of instances, in 64 KiB
    (links(10_000), False),                                        # more than that
    (b'</>;lwm2m=1.1,</0/0>;a="' + b"x" * 60_000 + b'",</1/0>;ssid=7', True),
    (b"</0/0" * 13_000, False), (b"<" * 65_536, False), (b"</0/0>,</0/1>,</0/2>", False), (b"\0" * 60_000, False),
    (b"</0/99999>,</0/-1>,</99999999999999999999/0>", False)], ids=number)
def test_what_discover_shows_is_bounded_and_the_device_is_bootstrapped_all_the_same(server, device, answer, told):
    blocks(device, (GET, "/"), LINK, answer)
    registers(server, device.bootstrap(), "dev")
    assert ("it does not say what it has" not in server.traced("dev", "discovered")) or not told
    assert (PUT, "/0/1" if told else "/0/100") in [step[:2] for step in device.steps]


@pytest.mark.parametrize("number_of", [lambda n: n + 1, lambda n: n * 2, lambda n: 0xFFFFF], ids=["skip", "jump", "end"])
def test_blocks_of_discover_that_do_not_follow_one_another_are_as_none(server, device, number_of):
    blocks(device, (GET, "/"), LINK, links(1000), number_of)
    registers(server, device.bootstrap(), "dev")
    assert "it does not say what it has" in server.traced("dev", "discovered")
    assert (PUT, "/0/100") in [step[:2] for step in device.steps]


# ---- answers to something else, from elsewhere, again ----

def wrong_answers(message):
    """Each of them is no answer to this request."""
    other = bytes(8) if message.token != bytes(8) else b"\1" * 8
    yield Message(ACK, code("2.05"), (message.message_id + 1) & 0xFFFF, message.token, [], b"")
    yield Message(ACK, code("4.04"), (message.message_id + 7) & 0xFFFF, other, [], b"")
    yield Message(CON, code("2.04"), 0x7001, other, [], b"")
    yield Message(NON, code("4.00"), 0x7002, other, [], b"")
    yield Message(CON, code("2.04"), 0x7003, b"", [], b"")
    yield Message(RST, 0, (message.message_id + 3) & 0xFFFF)
    yield Message(ACK, 0, (message.message_id + 3) & 0xFFFF)


def test_answers_to_other_requests_are_no_answers(server, device):
    serve = device.serve

    def with_noise(message):
        for wrong in wrong_answers(message) if message.is_request else []:
            device.send(wrong.encode())
        serve(message)
    device.serve = with_noise
    registers(server, device.bootstrap(), "dev")
    assert [step[1] for step in device.steps] == ["/", "/0", "/1", "/0/1", "/1/0", "/1/0", "/bs"]


def test_answers_that_come_twice_count_once(server, device):
    send = device.send
    device.send = lambda datagram: (send(datagram), send(datagram))
    registers(server, device.bootstrap(), "dev")
    events = server.traced_to_the_end("dev")
    assert events.count("finished") == 1 and "failed" not in events


def test_answers_that_come_by_themselves_are_answers(server, device):
    """An empty acknowledgement first, and the response in a message of its own (RFC 7252 section 5.2.2)."""
    send, device.next_id = device.send, 0  # so that no request of its own has the id of one of these

    def apart(datagram):
        message = decode(datagram)
        if message.kind == ACK and message.code:
            send(Message(ACK, 0, message.message_id).encode())
            message.kind, message.message_id = CON, 0x4000 + message.message_id % 0x1000
            datagram = message.encode()
        send(datagram)
    device.send = apart
    registers(server, device.bootstrap(), "dev")


def test_answers_from_another_address_are_no_answers(server):
    server.kedge("device", "enroll", "open", "--bootstrap", "--no-security")
    device = PlainDevice(server, "open")
    elsewhere = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    elsewhere.connect(("127.0.0.1", server.plain_port))
    asked = []

    def forged(message):
        """The right message, from another address; the device itself says nothing before it is asked again."""
        asked.append((message.code, message.path))
        if asked.count(asked[-1]) > 1 or message.code == POST:
            return ""
        elsewhere.send(Message(ACK, code("4.00"), message.message_id, message.token).encode())
        elsewhere.send(Message(RST, 0, message.message_id).encode())
        return None
    device.answers = {(GET, "/"): forged, (PUT, "/0/1"): forged}
    registers(server, device.bootstrap(), "open")
    assert asked == [(GET, "/"), (GET, "/"), (PUT, "/0/1"), (PUT, "/0/1")]
    assert "failed" not in [event for event, _ in server.trace("open")]
    elsewhere.close()


@pytest.mark.parametrize("step", [(GET, "/"), (DELETE, "/0"), (DELETE, "/1"), (PUT, "/0/1"), (PUT, "/1/0"), READ, (POST, "/bs")])
def test_a_second_request_in_the_middle_begins_anew_and_late_answers_to_the_first_count_for_nothing(server, device, step):
    held = []
    device.answers = {step: lambda message: held.append(message)}
    assert device.request() == "2.04"
    device.serve_until(lambda: held, "the step")
    first = [dict(a) for a in device.accounts.values() if not a.get(1)]
    device.answers = {step: lambda message: None if message.message_id == held[0].message_id else ""}  # however often it came
    device.accounts, device.servers, device.steps = {0: {1: True}}, {3: {0: 77, 1: 60}}, []
    assert device.request() == "2.04"
    for text in ("4.00", "2.04", "4.06"):
        device.send(Message(ACK, code(text), held[0].message_id, held[0].token).encode())
    device.serve_to_the_end()
    account = device.account()
    assert account.key not in [a.get(5) for a in first]
    registers(server, account, "dev")
    server.traced("dev", "adopted", words=account.identity.decode())
    assert server.traced_to_the_end("dev").count("finished") == 1


def test_requests_without_end_in_the_middle_are_bounded_and_the_last_one_wins(server, device):
    """The device that begins again and again is held off; what it had last goes on."""
    answers = [device.request() for _ in range(60)]
    assert answers[0] == "2.04" and "5.03" in answers
    if not device.finished:
        device.serve_to_the_end()
    registers(server, device.account(), "dev")
    server.traced("dev", "adopted", words=device.account().identity.decode())
    assert [event for event, _ in server.trace("dev")].count("issued") <= 30
