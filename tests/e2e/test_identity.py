"""Who speaks for whom by DTLS, with OpenSSL as the device; and that nobody hears of a key."""
import base64
import re
import secrets
import threading

import pytest
from conftest import make_package
from dtls_wire import HandshakeFailed, SecureWire
from lwm2m_client import SENML_JSON, operate
from lwm2m_peer import CONTENT_FORMAT, DELETE, POST, uint
from test_dtls import agent as secure_agent
from test_dtls import device_of, secure
from test_update import registered
from wire import Wire

READ_VERSION = {"operation": "read", "path": "/3/0/3"}


@pytest.fixture
def psks(secure, tmp_path) -> dict:
    """What two devices show."""
    keys = secure.enroll(tmp_path, ("one", "id-one"), ("two", "id-two"))
    return {name: (f"id-{name}", bytes.fromhex(key)) for name, key in keys.items()}


@pytest.fixture
def one_and_two(secure, psks):
    """Both of them, registered: name to (wire, location)."""
    wires = {name: SecureWire(secure.coaps_port, psk) for name, psk in psks.items()}
    made = {name: (wire, wire.registered(name)) for name, wire in wires.items()}
    for name, (wire, _) in made.items():
        wire.serve_until(lambda name=name: device_of(secure, name).get("version") == "1.0.0", f"{name} to be known", 60)
    return made


def goes_on(secure, name, wire, location):
    assert device_of(secure, name)["registered"]
    assert wire.ask(POST, location).code_text == "2.04"


@pytest.mark.parametrize("method, path", [(POST, None), (POST, "location"), (DELETE, "location")],
                         ids=["Register", "Update", "De-register"])
@pytest.mark.parametrize("who", ["another device", "somebody without security"])
def test_nobody_else_registers_updates_or_de_registers_a_device(secure, one_and_two, method, path, who):
    wire, location = one_and_two["one"]
    other = one_and_two["two"][0] if who == "another device" else Wire(secure)
    before = device_of(secure, "one")
    answer = other.register("one") if path is None else other.ask(method, location, ["lt=86400"] * (method == POST))
    assert answer.code_text == "4.00"
    after = device_of(secure, "one")
    assert [after[what] for what in ("address", "lifetime_s", "registered")] == \
        [before[what] for what in ("address", "lifetime_s", "registered")]
    goes_on(secure, "one", wire, location)
    goes_on(secure, "two", *one_and_two["two"])


def send(wire):
    return wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(SENML_JSON))], payload=b'[{"n":"/5/0/3","v":0}]').code_text


def test_what_is_sent_is_taken_of_who_is_registered_there(secure, one_and_two):
    assert send(one_and_two["one"][0]) == "2.04"
    assert send(Wire(secure)) == "4.04"


def read_version(secure, name, wire):
    """Has the server read it of that device: (HTTP status, what was asked at the wire meanwhile)."""
    asked, statuses = {}, []  # by message id: one that comes again is the same
    asking = threading.Thread(target=lambda: statuses.append(operate(secure, READ_VERSION, name)[0]))
    asking.start()
    while asking.is_alive():
        message = wire.receive(0.05)
        if message is not None and message.is_request:
            if message.message_id not in asked:
                asked[message.message_id] = message.path
            wire.serve_once(message)
    asking.join()
    return statuses[0], list(asked.values())


def test_an_address_that_another_device_takes_over_has_nothing_of_the_former(secure, psks, one_and_two):
    """Not its registration, and nothing that the server has to ask it."""
    wire, location = one_and_two["one"]
    port = wire.socket.getsockname()[1]
    assert read_version(secure, "one", wire) == (200, ["/3/0/3"])
    wire.socket.close()  # as a power cut ends it: nothing is said
    heir = SecureWire(secure.coaps_port, psks["two"], from_port=port)
    assert send(heir) == "4.04"
    for method in (POST, DELETE):
        assert heir.ask(method, location).code_text == "4.00"
    status, asked = read_version(secure, "one", heir)
    assert status != 200 and asked == []
    assert device_of(secure, "one")["registered"]
    location = heir.registered("two")
    goes_on(secure, "two", heir, location)
    heir.close()


def test_the_key_is_that_of_the_identity_and_of_no_other(secure, psks):
    for name, other in (("one", "two"), ("two", "one")):
        with pytest.raises(HandshakeFailed):
            SecureWire(secure.coaps_port, (psks[name][0], psks[other][1]), timeout=3)
        wire = SecureWire(secure.coaps_port, psks[name])
        wire.registered(name)
        wire.close()


# ---- keys are never logged ----

def shapes(key: bytes) -> set[str]:
    """How a key could stand in a log, blanks and colons left out: as it is, in hex, and in Base64 wherever it begins."""
    found = {key.hex(), key.hex().upper(), key.decode("latin-1"), key.decode("utf-8", "replace"), repr(key)[2:-1]}
    for before in range(3):
        text = base64.b64encode(bytes(before) + key).decode()
        found |= {text[4 * (before > 0):-4], text[4 * (before > 0):-4].translate(str.maketrans("+/", "-_"))}
    return found


def assert_silent(log: str, *keys: bytes):
    packed = re.sub(r"[\s:,]|0x", "", log)
    for key in keys:
        assert not [shape for shape in shapes(key) if shape in log or shape in packed]


@pytest.mark.parametrize("shape", sorted(shapes(b"a-key-of-its-own")))
def test_a_key_in_a_log_would_be_seen(shape):
    spaced = " ".join(shape[i:i + 2] for i in range(0, len(shape), 2))
    for log in (f"info it is {shape}.", f"debug it is {spaced}"):
        with pytest.raises(AssertionError):
            assert_silent(log, b"a-key-of-its-own")


def test_no_key_is_logged_by_handshakes_that_succeed_and_that_fail(secure, keys, device, tmp_path):
    """At the most talkative level of both programs; one key is text, which no encoding of the log can hide."""
    text, binary, wrong, strange = b"a-key-of-its-own", secrets.token_bytes(16), b"another-key-here", secrets.token_bytes(16)
    rows = tmp_path / "rows.csv"
    rows.write_text(f"dev,id,{text.hex()}\nother,id-other,{binary.hex()}\nthird,id-third,{text[::-1].hex()}\n")
    secure.kedge("device", "enroll", "--psk-file", rows)
    factory = make_package(tmp_path, keys, "1.0.0", 1)

    def begin(endpoint, identity, key):
        return secure_agent(device, secure, tmp_path, keys, factory, endpoint, identity, key.hex(), "--verbose", health="true")
    agents = [begin("dev", "id", text), begin("other", "id-other", binary), begin("third", "id-third", wrong),
              begin("nobody", "id-nobody", strange)]
    registered(secure, 2)
    secure.process.wait_for("nobody is enrolled by its identity")
    secure.process.wait_for(r"\(third\): (?!made an association)", timeout=120)  # it is given up after 30 seconds
    replaced = secrets.token_bytes(16)
    rows.write_text(f"other,id-other,{replaced.hex()}\n")
    secure.kedge("device", "enroll", "--psk-file", rows)
    secure.process.wait_for("credentials were replaced or removed")
    everything = [text, binary, text[::-1], wrong, strange, replaced]
    assert secure.process.log.count(" debug ") > 2
    for process in (secure.process, *(one.process for one in agents)):
        assert process.lines
        assert_silent(process.log, *everything)
