"""Clients in the field differ, and each of these is taken through registration and a whole update."""
import os
import time

import cbor2
import pytest
from bootstrap_device import BootstrapServer, SecureDevice
from conftest import make_package
from field_device import DOWNLOADED, FieldDevice, NEW, SecureFieldDevice, UPDATING, ended, known, roll_out
from lwm2m_client import CBOR, LWM2M_CBOR, SENML_CBOR, until
from lwm2m_peer import ACK, CON, CONTENT_FORMAT, GET, MAX_AGE, OBSERVE, POST, PUT, TEXT, TLV, URI_PATH, Message, code, decode, uint

ROOT = '</>;rt="oma.lwm2m";ct="{}",'


@pytest.fixture
def comes(server):
    """Makes a device of that class with these habits; it is registered and known."""
    running = []

    def make(kind=FieldDevice, **habits) -> FieldDevice:
        device = kind(server, **habits).begin()
        running.append(device)
        known(server)
        assert device.registers == ["2.01"]
        return device
    yield make
    for device in running:
        device.end()


def succeeds(server, keys, tmp_path, device, executes=1, limit=120):
    """Takes the device through a whole update, which must succeed."""
    roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, os.urandom(20000)))
    done = ended(server, device, limit)
    assert (done["state"], done["update_result"]) == ("succeeded", 1), done
    assert len(device.downloaded) > 20000 and device.executes == executes
    assert device.registers == ["2.01", "2.01"]
    known(server, version=NEW)


@pytest.fixture
def updates(server, keys, tmp_path):
    return lambda device, **expected: succeeds(server, keys, tmp_path, device, **expected)


def test_a_register_without_b(comes, updates, server):
    device = comes(queries=("lt=300", "lwm2m=1.1"))
    assert server.json("device", "show", "client")["binding"] == "U"
    updates(device)


def test_lwm2m_1_2_from_a_client_that_does_not_fall_back(comes, updates, server):
    device = comes(queries=("lt=300", "lwm2m=1.2", "b=U"), formats=(SENML_CBOR, LWM2M_CBOR, CBOR, TEXT),
                   links=ROOT.format("60 112 11544").encode() + b"</1/0>,</3/0>,</5>;ver=1.2,</5/0>")
    assert server.json("device", "show", "client")["lwm2m_version"] == "1.2"
    updates(device)


@pytest.mark.parametrize("lists", [True, False])
def test_one_that_knows_only_the_cbor_formats(comes, updates, lists):
    formats = (CBOR, SENML_CBOR, LWM2M_CBOR)
    root = ROOT.format(" ".join(str(f) for f in formats)).encode() if lists else b""
    device = comes(queries=("lt=300", "lwm2m=1.2", "b=U"), formats=formats, links=root + FieldDevice.links)
    updates(device)
    assert {form for _, _, form, _, _ in device.asked if form is not None} <= set(formats)


class Streaming(FieldDevice):
    """Writes each string in chunks of 4 bytes, as one does that has not got it in memory (RFC 8949 section 3.2.3)."""

    formats = (SENML_CBOR, LWM2M_CBOR, CBOR)

    def reply(self, message, answer, form=None, payload=b"", observe=None):
        if answer == "2.05" and form in self.formats:
            payload = self.streamed(cbor2.loads(payload))
        super().reply(message, answer, form, payload, observe)

    def streamed(self, value, named=False):
        if isinstance(value, list):
            return cbor2.dumps(value)[:1] + b"".join(self.streamed(one, True) for one in value)
        if isinstance(value, dict):
            names = (0, -2) if named else ()
            return bytes([0xA0 + len(value)]) + b"".join(
                cbor2.dumps(key) + (cbor2.dumps(inner) if key in names else self.streamed(inner))
                for key, inner in value.items())
        if not isinstance(value, str):
            return cbor2.dumps(value)
        text = value.encode()
        return b"\x7f" + b"".join(bytes([0x60 + len(text[at:at + 4])]) + text[at:at + 4] for at in range(0, len(text), 4)) + b"\xff"


@pytest.mark.parametrize("formats", [(SENML_CBOR,), (LWM2M_CBOR,), (CBOR,)], ids=str)
def test_one_that_writes_its_strings_in_chunks(comes, updates, formats):
    updates(comes(Streaming, queries=("lt=300", "lwm2m=1.2", "b=U"), formats=formats))


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("lists", [True, False])
def test_one_that_knows_only_tlv_and_text(comes, updates, version, lists):
    root = ROOT.format(f"{TEXT} {TLV}").encode() if lists else b""
    updates(comes(queries=("lt=300", f"lwm2m={version}", "b=U"), formats=(TLV, TEXT), links=root + FieldDevice.links))


def test_a_bootstrap_that_begins_with_a_pack_and_goes_on_with_a_request(start, keys, tmp_path):
    """GET /bspack, then POST /bs?ep=..&pct=112; with the key of that it registers and is updated, all by DTLS."""
    server = BootstrapServer(start, tmp_path / "server")
    factory = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"), formats=(SENML_CBOR,))
    assert factory.ask(GET, "bspack", ["ep=client"]).code_text in ("2.05", "5.01")
    account = factory.bootstrap("pct=112")
    assert account.uri == f"coaps://127.0.0.1:{server.coaps_port}"
    device = SecureFieldDevice(server, psk=(account.identity.decode(), account.key)).begin()
    try:
        known(server)
        succeeds(server, keys, tmp_path, device)
    finally:
        device.end()
    assert device.given.startswith("coaps://")


def test_no_de_register_and_a_register_from_a_new_port_10_ms_after_execute(comes, updates, server):
    device = comes(reboot_s=0.01)
    before = device.address
    updates(device)
    assert server.json("device", "show", "client")["address"] == device.address != before


class Forgetful(FieldDevice):
    """Without a cache of duplicates, and with answers that are lost: each request that changes something is
    carried out, is not answered, and is carried out once more when it is repeated."""

    reboot_s = 8  # the repetition of Execute finds it installing
    muted = False

    def __init__(self, server, **habits):
        super().__init__(server, **habits)
        self.carried_out = []

    def serve(self, message):
        if message.is_request and message.code in (POST, PUT):
            self.muted = (message.path, message.message_id) not in self.carried_out
            self.carried_out.append((message.path, message.message_id))
        super().serve(message)
        self.muted = False

    def reply(self, message, *arguments, **keywords):
        if not self.muted:
            super().reply(message, *arguments, **keywords)


@pytest.mark.parametrize("notifies", [True, False])
def test_no_cache_of_duplicates_so_that_a_repeated_request_is_carried_out_twice(comes, updates, notifies):
    device = comes(Forgetful, notifies=notifies, observable=notifies)
    updates(device)
    for path in ("/5/0/1", "/5/0/2"):
        times = [identifier for where, identifier in device.carried_out if where == path]
        assert len(times) == 2 and times[0] == times[1], device.carried_out


class Leisurely(FieldDevice):
    """Notifies no more often than in each period, and then only of what is so at its end."""

    notifies = False
    period_s = 4.0
    goes_on_itself = False
    told = None

    def serve_for(self, seconds):
        super().serve_for(seconds)
        now = time.monotonic()
        if self.told is None or now - self.told >= self.period_s:
            self.told = now
            self.tell()

    def becomes(self, state, result=0):
        super().becomes(state, result)
        if state == DOWNLOADED and self.goes_on_itself:
            self.becomes(UPDATING)
            self.todo.append(self.reboot)


@pytest.mark.parametrize("goes_on_itself", [False, True])
def test_state_goes_from_downloading_to_downloaded_and_on_within_one_period(comes, updates, goes_on_itself):
    updates(comes(Leisurely, goes_on_itself=goes_on_itself), executes=0 if goes_on_itself else 1)


class Slow(FieldDevice):
    """Takes longer for each answer than the server waits before it asks again, and says so before, or does not."""

    separate = False
    pause_s = 3.2  # ACK_TIMEOUT with its random factor is 3 s at most

    def __init__(self, server, **habits):
        super().__init__(server, **habits)
        self.seen = set()
        self.repeated = 0

    def serve_once(self, message):
        self.serve(message)  # what comes again is what this one is about

    def serve(self, message):
        self.repeated += message.message_id in self.seen and message.is_request
        if message.message_id not in self.seen:
            self.seen.add(message.message_id)
            super().serve(message)

    def send(self, datagram):
        message = decode(datagram)
        if message.kind == ACK and message.code:
            if self.separate:
                super().send(Message(ACK, 0, message.message_id, b"").encode())
                self.next_id = (self.next_id + 1) % 0x10000
                message.kind, message.message_id = CON, self.next_id
            time.sleep(self.pause_s)
        super().send(message.encode())


@pytest.mark.parametrize("separate", [False, True])
def test_one_that_answers_slowly(comes, updates, separate):
    device = comes(Slow, separate=separate)
    updates(device, limit=400)
    assert device.repeated or separate


class ForgetsItsObservers(FieldDevice):
    """Takes an observation, says that its answer holds for 5 seconds, and forgets who asked."""

    notifies = False
    begun = 0

    def reply(self, message, answer, form=None, payload=b"", observe=None):
        if observe is None or message.path != "/5/0/3":
            super().reply(message, answer, form, payload, observe)
            return
        self.begun += 1
        options = [(OBSERVE, uint(observe)), (CONTENT_FORMAT, uint(form)), (MAX_AGE, uint(5))]
        self.send(Message(ACK, code(answer), message.message_id, message.token, options, payload).encode())

    def download(self):
        while self.begun < 3 and not self.ending:
            self.serve_for(0.1)
        super().download()


def test_an_observation_that_max_age_has_ended_is_begun_anew(comes, updates):
    device = comes(ForgetsItsObservers)
    updates(device)
    assert device.begun >= 3


@pytest.mark.parametrize("observable", [True, False], ids=["silent", "refused"])
def test_no_notifications_at_all(comes, updates, observable):
    device = comes(notifies=False, observable=observable)
    updates(device)
    assert [asked for asked in device.asked if asked[:2] == (GET, "/5/0/3")]


def test_unknown_query_parameters_and_objects(comes, updates):
    updates(comes(queries=("lt=300", "lwm2m=1.1", "b=U", "pid=3", "et=sensor", "base=coap://[2001:db8::1]", "flag", "="),
                  links=b'</.well-known/core>;ct=40,</s/temp>;rt="temperature";if="sensor",</1/0>,</3/0>,</5/0>,</10241/0>,'
                        b'</33629/0>;ver="1.0",</65534/65534>,</65535/0>,</3303/0/5700/1/2>'))


def test_objects_listed_without_instances(comes, updates):
    device = comes(links=b"</1>,</3>;ver=1.1,</5>;ver=1.1")
    assert [asked for asked in device.asked if asked[:2] == (GET, "/5/0")], "it is asked for what it has in object 5"
    updates(device)


class Separate(FieldDevice):
    """Acknowledges each request at once and answers it in a message of its own."""

    def reply(self, message, answer, form=None, payload=b"", observe=None):
        self.send(Message(ACK, 0, message.message_id).encode())
        self.next_id = (self.next_id + 1) % 0x10000
        options = [(OBSERVE, uint(observe))] if observe is not None else []
        options += [(CONTENT_FORMAT, uint(form))] if form is not None else []
        self.send(Message(CON, code(answer), self.next_id, message.token, options, payload).encode())


def test_answers_that_come_separately(comes, updates):
    updates(comes(Separate))


class Below(FieldDevice):
    """Has its objects below a path of its own, and nothing at the root."""

    links = b'</some/where>;rt="oma.lwm2m",</some/where/1/0>,</some/where/3/0>,</some/where/5/0>'

    def serve(self, message):
        if message.is_request:
            where = message.all(URI_PATH)[:2]
            if where != [b"some", b"where"]:
                self.reply(message, "4.04")
                return
            kept = [(number, value) for number, value in message.options if number != URI_PATH]
            message.options = sorted(kept + [(URI_PATH, part) for part in message.all(URI_PATH)[2:]], key=lambda one: one[0])
        super().serve(message)


def test_objects_below_an_alternate_path(comes, updates):
    updates(comes(Below))


def test_a_rollout_takes_all_of_them_at_once(server, keys, tmp_path):
    """Beside each other none of them is in another's way."""
    habits = [dict(endpoint="plain"), dict(endpoint="without-b", queries=("lt=300", "lwm2m=1.1")),
              dict(endpoint="cbor", formats=(CBOR, SENML_CBOR, LWM2M_CBOR)),
              dict(endpoint="listed", links=b"</1>,</3>,</5>"), dict(endpoint="quiet", notifies=False, observable=False)]
    devices = [FieldDevice(server, **one).begin() for one in habits]
    try:
        for device in devices:
            known(server, device.endpoint)
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2, os.urandom(20000)))
        assert {device.endpoint: ended(server, device)["state"] for device in devices} == \
            {device.endpoint: "succeeded" for device in devices}
        until(lambda: server.json("rollout", "show", "1")["state"] == "finished")
    finally:
        for device in devices:
            device.end()
