"""The bootstrap server: who is bootstrapped, what it is given, and what becomes of those whose bootstrapping fails."""
import base64
import json
import secrets
import stat
import threading
import urllib.request

import pytest
from bootstrap_device import BootstrapServer, PlainDevice, SecureDevice, registers
from conftest import make_package, program, run, wait_until
from dtls_wire import HandshakeFailed, SecureWire
from lwm2m_client import LWM2M_CBOR, SENML_CBOR, SENML_JSON
from lwm2m_peer import (ACCEPT, CONTENT_FORMAT, DELETE, GET, POST, PUT, TLV, URI_PATH, URI_QUERY, Message, uint)
from shims import ServerWithDisk
from test_dtls import agent
from wire import Wire


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def shown(server, endpoint) -> dict:
    return next((d for d in server.json("device", "list")["devices"] if d["endpoint"] == endpoint), {})


# ---- the whole way ----

def test_a_device_is_bootstrapped_and_registers_with_the_key_that_it_was_given(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    device = SecureDevice(server, "dev", factory)
    account = device.bootstrap()
    assert (account.mode, len(account.key), account.lifetime, account.binding) == (0, 16, 86400, "U")
    assert account.key != factory[1] and account.server_key == b""
    assert [step[:2] for step in device.steps] == [
        (GET, "/"), (DELETE, "/0"), (DELETE, "/1"), (PUT, "/0/1"), (PUT, "/1/0"), (GET, "/1/0"), (POST, "/bs")]
    registers(server, account, "dev")
    wait_until(lambda: shown(server, "dev").get("registered"), 60, "the device")
    server.traced("dev", "adopted", words=account.identity.decode())
    assert server.traced_to_the_end("dev") == [
        "put", "requested", "issued", "discovered", "deleted", "deleted", "written", "written", "read", "finished", "adopted"]


def test_the_agent_registers_with_a_key_that_was_given(server, keys, device, tmp_path):
    """By libcoap: the agent is configured with what a device on its board was given."""
    account = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev")).bootstrap()
    server.coaps_uri = account.uri
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    agent(device, server, tmp_path, keys, factory, "dev", account.identity.decode(), account.key.hex())
    server.traced("dev", "adopted")
    wait_until(lambda: shown(server, "dev").get("version") == "1.0.0", 60, "the agent to say who it is")


@pytest.mark.parametrize("form", [TLV, SENML_CBOR, SENML_JSON, LWM2M_CBOR])
def test_it_is_written_to_in_the_format_that_it_prefers(server, tmp_path, form):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), formats=(form,))
    registers(server, device.bootstrap(f"pct={form}"), "dev")
    assert [f for method, _, f in device.steps if method == PUT] == [form, form]


@pytest.mark.parametrize("form", [TLV, SENML_CBOR, SENML_JSON, LWM2M_CBOR])
def test_the_format_of_one_that_says_none_or_an_unknown_one_is_found(server, tmp_path, form):
    factory = server.enroll_factory(tmp_path, "dev")
    for queries in ([], ["pct=60"], ["pct=65000"]):
        device = SecureDevice(server, "dev", factory, formats=(form,))
        registers(server, device.bootstrap(*queries), "dev")
        assert [f for method, _, f in device.steps if method == PUT][-1] == form


def test_queries_that_are_not_known_are_left_alone(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    registers(server, device.bootstrap("lwm2m=1.2", "vendor=x", "q"), "dev")


def test_a_client_of_1_0_is_not_read_from(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), version="1.0")
    registers(server, device.bootstrap(), "dev")
    assert GET not in [method for method, path, _ in device.steps if path != "/"]


def test_a_client_without_discover_and_read_is_bootstrapped(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    for refusal in ("4.05", "4.04", "5.01"):
        device = SecureDevice(server, "dev", factory)
        device.answers = {(GET, "/"): refusal, (GET, "/1/0"): refusal}
        registers(server, device.bootstrap(), "dev")
    device = SecureDevice(server, "dev", factory)
    device.answers = {(GET, "/1/0"): "4.06"}
    registers(server, device.bootstrap(), "dev")


@pytest.mark.parametrize("own", [0, 1, 5])
def test_the_account_with_the_bootstrap_server_stays_where_it_is(server, tmp_path, own):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), own_instance=own)
    registers(server, device.bootstrap(), "dev")


@pytest.mark.parametrize("own", [0, 1, 2, 100])
@pytest.mark.parametrize("shows", ["4.05", "4.01", "overwritten"])
def test_one_that_does_not_say_where_that_account_is_keeps_it_too(server, tmp_path, own, shows):
    """Without Discover: the account is tried beside it, and elsewhere when the device objects, at once or at Finish."""
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), own_instance=own)
    device.answers = {(GET, "/"): "4.05"}
    kept = dict(device.accounts[own])
    lost = []
    if shows == "overwritten":
        # It takes the Write, and says at Finish that this has left it without its account: then it is as it was.
        def write(message):
            code = device.store(message)
            if device.accounts[own] != kept:
                device.accounts[own] = dict(kept)
                lost.append(message.path)
            return code

        device.answers[(PUT, f"/0/{own}")] = write
        device.answers[(POST, "/bs")] = lambda _: "4.06" if lost and device.steps[-1] and lost.pop() else ""
    else:
        device.answers[(PUT, f"/0/{own}")] = shows
    registers(server, device.bootstrap(), "dev")
    assert places(device) == (["/0/100", "/0/1"] if own == 100 else ["/0/100"])


def places(device) -> list:
    """Where the account was written, refused ones too."""
    return [path for method, path, _ in device.steps if method == PUT and path.startswith("/0/")]


@pytest.mark.parametrize("own", [0, 1, 2])
def test_one_with_few_places_and_without_discover_is_given_the_first_that_is_left(server, tmp_path, own):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), own_instance=own)
    device.answers = {(GET, "/"): "4.05", (PUT, "/0/100"): "4.00", (PUT, f"/0/{own}"): "4.05"}
    registers(server, device.bootstrap(), "dev")
    assert places(device) == (["/0/100", "/0/1", "/0/2"] if own == 1 else ["/0/100", "/0/1"])
    # Between two, what the device may have of the former is deleted.
    assert [step[:2] for step in device.steps].count((DELETE, "/0")) == len(places(device))


@pytest.mark.parametrize("objects", ["at each Write", "at each Finish"])
def test_one_without_discover_that_objects_to_each_place_is_let_go_and_not_written_over(server, tmp_path, objects):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    refused = {(PUT, f"/0/{i}"): "4.05" for i in (1, 2, 100)} if objects == "at each Write" else {(POST, "/bs"): "4.06"}
    device.answers = {(GET, "/"): "4.05", **refused}
    assert device.request() == "2.04"
    words = device.serve_to_the_failure(server)
    assert places(device) == ["/0/100", "/0/1", "/0/2"] and device.accounts[0] == {1: True}
    assert ("Discover does not say where" in words) == (objects == "at each Write")


def test_each_bootstrapping_makes_a_new_key_and_the_former_one_is_good_until_the_new_one_is_used(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    first = SecureDevice(server, "dev", factory).bootstrap()
    before = registers(server, first, "dev")
    server.traced("dev", "adopted")
    second = SecureDevice(server, "dev", factory).bootstrap()
    assert first.key != second.key and first.identity != second.identity
    registers(server, first, "dev").close()
    registers(server, second, "dev")
    server.traced("dev", "adopted", count=2)
    # What is left of the former key ends: its association, and whatever would be made by it.
    wait_until(lambda: gone(before), 60, "the former association to end")
    with pytest.raises(HandshakeFailed):
        SecureWire(server.coaps_port, (first.identity.decode(), first.key), timeout=20)


def gone(wire) -> bool:
    try:
        wire.ask(POST, "rd/nobody")
    except AssertionError:
        return True
    return False


def test_a_fleet_is_bootstrapped_at_once(server, tmp_path):
    names = [f"dev-{i}" for i in range(12)]
    factories = {name: server.enroll_factory(tmp_path, name) for name in names}
    accounts = {}

    def one(name):
        accounts[name] = SecureDevice(server, name, factories[name]).bootstrap()
        registers(server, accounts[name], name)
    threads = [threading.Thread(target=one, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(accounts) == sorted(names) and len({a.key for a in accounts.values()}) == len(names)
    for name in names:
        server.traced(name, "adopted", words=accounts[name].identity.decode())


def test_a_device_that_was_enrolled_is_shown_before_it_was_ever_seen(server, tmp_path):
    server.enroll_factory(tmp_path, "dev", "--serial", "S-1", "--hardware", "rev-b", "--batch", "B-7")
    there = shown(server, "dev")
    assert (there["registered"], there["hardware"], there["first_seen_ms"]) == (False, "rev-b", None)
    factory = server.json("device", "show", "dev")["factory"]
    assert [factory[name] for name in ("serial", "batch", "kind", "identity")] == ["S-1", "B-7", "psk", "factory-dev"]
    registers(server, SecureDevice(server, "dev", ("factory-dev", device_key(tmp_path, "dev"))).bootstrap(), "dev")
    wait_until(lambda: shown(server, "dev")["registered"], 60, "the registration")
    assert shown(server, "dev")["first_seen_ms"] > 0


def test_no_log_and_no_answer_holds_a_key(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev", "--serial", "S-1", "--hardware", "rev-b", "--batch", "B-7")
    account = SecureDevice(server, "dev", factory).bootstrap()
    registers(server, account, "dev")
    server.traced("dev", "adopted")
    said = server.process.log + server.kedge("--json", "audit", "list").stdout + fetched(server, "/api/v1/bootstrap")
    said += fetched(server, "/api/v1/credentials")
    for key in (factory[1], account.key):
        assert key.hex() not in said.lower() and base64.b64encode(key).decode() not in said
    listed = json.loads(fetched(server, "/api/v1/bootstrap"))["devices"]
    assert [(d["endpoint"], d["kind"], d["identity"], d["serial"], d["hardware"], d["batch"]) for d in listed] == [
        ("dev", "psk", "factory-dev", "S-1", "rev-b", "B-7")]
    assert all(stat.S_IMODE(file.stat().st_mode) & 0o077 == 0 for file in server.data.glob("kedged.db*"))


def fetched(server, path) -> str:
    request = urllib.request.Request(server.http_url + path, headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.read().decode()


# ---- what fails ----

STEPS = [(DELETE, "/0"), (DELETE, "/1"), (PUT, "/0/1"), (PUT, "/1/0"), (POST, "/bs")]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_that_is_refused_ends_it_and_it_can_begin_again(server, tmp_path, step):
    factory = server.enroll_factory(tmp_path, "dev")
    device = SecureDevice(server, "dev", factory)
    device.answers = {step: "4.00"}
    assert device.request() == "2.04"
    device.serve_to_the_failure(server)
    assert device.steps[-1][:2] == step and not device.finished
    device.answers = {}
    registers(server, device.bootstrap(), "dev")


def test_all_is_written_once_more_for_one_that_finds_it_inconsistent(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    refusals = ["4.06"]
    device.answers = {(POST, "/bs"): lambda _: refusals.pop() if refusals else ""}
    registers(server, device.bootstrap(), "dev")
    # It has said where the account with us is: that was not what is wrong.
    assert [step[:2] for step in device.steps].count((PUT, "/0/1")) == 2
    again = SecureDevice(server, "dev", ("factory-dev", device_key(tmp_path, "dev")))
    again.answers = {(POST, "/bs"): "4.06"}
    assert again.request() == "2.04"
    again.serve_to_the_failure(server)
    assert [step[:2] for step in again.steps].count((POST, "/bs")) == 2


def device_key(folder, endpoint) -> bytes:
    return bytes.fromhex((folder / f"{endpoint}.factory-psk").read_text())


def test_one_that_shows_something_else_than_was_written_is_not_let_finish(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    written = device.store

    def lie(message):
        answer = written(message)
        if message.path == "/1/0":
            device.servers[0][0] = 99
        return answer
    device.store = lie
    assert device.request() == "2.04"
    words = device.serve_to_the_failure(server)
    assert "does not have what was written" in words and not device.finished


@pytest.mark.parametrize("step", [(GET, "/"), *STEPS])
def test_a_device_that_restarts_in_the_middle_begins_anew(server, tmp_path, step):
    factory = server.enroll_factory(tmp_path, "dev")
    lost = SecureDevice(server, "dev", factory)
    lost.answers = {step: None}
    assert lost.request() == "2.04"
    lost.serve_until(lambda: step in [s[:2] for s in lost.steps], "the step", 60)
    registers(server, SecureDevice(server, "dev", factory).bootstrap(), "dev")
    server.traced("dev", "failed", words="it began anew")


@pytest.mark.parametrize("step", [(GET, "/"), *STEPS])
def test_a_device_that_hangs_up_in_the_middle_may_begin_anew(server, tmp_path, step):
    factory = server.enroll_factory(tmp_path, "dev")
    device = SecureDevice(server, "dev", factory)
    device.answers = {step: None}
    assert device.request() == "2.04"
    device.serve_until(lambda: step in [s[:2] for s in device.steps], "the step", 60)
    device.hang_up()
    registers(server, SecureDevice(server, "dev", factory).bootstrap(), "dev")
    server.traced("dev", "adopted")


def test_the_key_is_good_when_nobody_heard_that_the_device_has_finished(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))

    def finish(message):
        device.act(message)
        return None
    device.answers = {(POST, "/bs"): finish}
    registers(server, device.bootstrap(), "dev")
    server.traced("dev", "adopted")


def test_either_key_of_a_device_that_was_interrupted_gets_it_in(server, tmp_path):
    """What it stored of an earlier attempt is as good as what came last."""
    factory = server.enroll_factory(tmp_path, "dev")
    first = SecureDevice(server, "dev", factory)
    first.answers = {(POST, "/bs"): None}
    assert first.request() == "2.04"
    first.serve_until(lambda: (POST, "/bs") in [s[:2] for s in first.steps], "Finish", 60)
    second = SecureDevice(server, "dev", factory).bootstrap()
    registers(server, first.account(), "dev")
    server.traced("dev", "adopted", words=first.account().identity.decode())
    registers(server, second, "dev")
    server.traced("dev", "adopted", words=second.identity.decode())


@pytest.mark.parametrize("step", [(GET, "/"), *STEPS])
def test_a_server_that_is_killed_in_the_middle_leaves_nothing_behind(server, tmp_path, step):
    factory = server.enroll_factory(tmp_path, "dev")
    for _ in range(2):
        device = SecureDevice(server, "dev", factory)
        device.answers = {step: None}
        assert device.request() == "2.04"
        device.serve_until(lambda: step in [s[:2] for s in device.steps], "the step", 60)  # noqa: B023
        server.kill()
        server.begin()
    if step == STEPS[-1]:
        registers(server, device.account(), "dev").close()
    account = SecureDevice(server, "dev", factory).bootstrap()
    server.kill()
    server.begin()
    registers(server, account, "dev")
    server.traced("dev", "adopted", words=account.identity.decode())


@pytest.mark.parametrize("lost", ["each request", "each answer"])
def test_a_bad_network_and_a_device_that_does_everything_twice_come_to_the_same_end(server, tmp_path, lost):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    seen, serve = set(), device.serve

    def serve_the_second(message):
        first = message.message_id not in seen
        seen.add(message.message_id)
        if not first:
            serve(message)
        elif lost == "each answer":
            sends, device.send = device.send, lambda _: None
            serve(message)
            device.send = sends
            device.finished = False
    device.serve = serve_the_second
    registers(server, device.bootstrap(), "dev")
    server.traced("dev", "adopted")


# ---- who may not ----

def test_an_endpoint_that_is_another_ones_is_refused(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    server.enroll_factory(tmp_path, "other")
    forger = SecureDevice(server, "other", factory)
    assert forger.request() == "4.00"
    forger.endpoint = "nobody"
    assert forger.request() == "4.00"
    server.traced("other", "refused", words="to be dev")
    assert [event for event, _ in server.trace("other")] == ["put", "refused"]
    assert forger.steps == []
    forger.endpoint = "dev"
    registers(server, forger.bootstrap(), "dev")


def test_a_wrong_key_an_unknown_identity_and_the_key_of_the_other_port_get_nobody_in(server, tmp_path):
    identity, key = server.enroll_factory(tmp_path, "dev")
    account = SecureDevice(server, "dev", (identity, key)).bootstrap()
    for psk in ((identity, secrets.token_bytes(16)), ("nobody", key), (account.identity.decode(), account.key)):
        with pytest.raises(HandshakeFailed):
            SecureWire(server.bootstrap_port, psk, timeout=3)
    with pytest.raises(HandshakeFailed):
        SecureWire(server.coaps_port, (identity, key), timeout=3)


def test_without_security_only_those_are_bootstrapped_that_were_enrolled_so(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    server.kedge("device", "enroll", "open", "--bootstrap", "--no-security")
    assert PlainDevice(server, "dev").request() == "4.00"
    assert PlainDevice(server, "nobody").request() == "4.00"
    registers(server, PlainDevice(server, "open").bootstrap(), "open")
    assert SecureDevice(server, "open", factory).request() == "4.00"


def test_one_that_is_to_be_bootstrapped_cannot_be_registered_without_dtls(server, tmp_path):
    server.enroll_factory(tmp_path, "dev")
    for _ in range(2):
        assert Wire(server).register("dev").code_text == "4.00"
        server.kill()
        server.begin()


@pytest.mark.parametrize("how", ["replaced", "taken away"])
def test_credentials_that_change_end_what_they_have_brought(server, tmp_path, how):
    factory = server.enroll_factory(tmp_path, "dev")
    account = SecureDevice(server, "dev", factory).bootstrap()
    device = SecureDevice(server, "dev", factory)
    device.answers = {(DELETE, "/0"): None}
    assert device.request() == "2.04"
    device.serve_until(lambda: (DELETE, "/0") in [s[:2] for s in device.steps], "the step", 60)
    if how == "replaced":
        server.enroll_factory(tmp_path, "dev")
        registers(server, account, "dev")
    else:
        server.kedge("device", "unenroll", "dev", "--bootstrap")
        with pytest.raises(HandshakeFailed):
            SecureWire(server.coaps_port, (account.identity.decode(), account.key), timeout=20)
    server.traced("dev", "failed", words="its credentials have changed")
    wait_until(lambda: gone(device), 60, "the association to end")
    with pytest.raises(HandshakeFailed):
        SecureDevice(server, "dev", factory, timeout=3)


@pytest.mark.parametrize("queries", [[], ["ep="], ["ep=" + "x" * 129], ["ep=a", "ep=b"], [b"ep=\xff"], ["ep=a\x1b"],
                                     ["ep=dev", "pct=x"], ["ep=dev", "pct="], ["ep=dev", "pct=112", "pct=110"]])
def test_what_is_no_bootstrap_request_is_refused(server, tmp_path, queries):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    assert device.ask(POST, "bs", queries).code_text == "4.00"
    assert [event for event, _ in server.trace("dev")] == ["put"]


def test_there_is_nothing_else_at_this_port(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    assert device.ask(POST, "rd", ["ep=dev", "lwm2m=1.1"]).code_text == "4.04"
    assert device.ask(GET, "bs", ["ep=dev"]).code_text == "4.05"
    assert device.ask(POST, "bspack", ["ep=dev"]).code_text == "4.05"


# ---- all in one answer ----

@pytest.mark.parametrize("form", [SENML_CBOR, SENML_JSON, LWM2M_CBOR])
@pytest.mark.parametrize("exponent", [None, 0, 2, 6])
def test_a_pack_holds_the_account(server, tmp_path, form, exponent):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    registers(server, device.take_pack(form, exponent), "dev")
    server.traced("dev", "adopted")
    assert [event for event, _ in server.trace("dev")] == ["put", "requested", "issued", "packed", "adopted"]


def test_a_pack_is_senml_cbor_unless_asked_for_otherwise_and_there_is_none_in_tlv(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    answer = device.ask(GET, "bspack", ["ep=dev"])
    assert (answer.code_text, answer.number(CONTENT_FORMAT)) == ("2.05", SENML_CBOR)
    assert device.ask(GET, "bspack", ["ep=dev"], [(ACCEPT, uint(TLV))]).code_text == "4.06"
    # One whose answer was lost asks again, and is given the same.
    assert device.ask(GET, "bspack", ["ep=dev"]).payload == answer.payload


def test_a_pack_is_for_its_endpoint_and_not_without_security(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    server.kedge("device", "enroll", "open", "--bootstrap", "--no-security")
    assert SecureDevice(server, "open", factory).ask(GET, "bspack", ["ep=open"]).code_text == "4.00"
    assert PlainDevice(server, "open").ask(GET, "bspack", ["ep=open"]).code_text == "5.01"


def test_one_that_begins_with_a_pack_may_go_on_with_a_request(server, tmp_path):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), formats=(SENML_CBOR,))
    assert device.ask(GET, "bspack", ["ep=dev"]).code_text == "2.05"
    registers(server, device.bootstrap("pct=112"), "dev")


# ---- where, and where to ----

def test_a_device_that_is_registered_without_dtls_ends_to_be_once_it_is_enrolled(server, tmp_path):
    wire = Wire(server)
    location = wire.registered("dev")
    assert wire.ask(POST, location).code_text == "2.04"
    server.enroll_factory(tmp_path, "dev")
    wire.serve_until(lambda: wire.ask(POST, location).code_text == "4.00", "the refusal", 60)
    assert wire.register("dev").code_text == "4.00"


def test_a_device_that_is_enrolled_anew_for_bootstrapping_stays_registered(server, tmp_path):
    account = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev")).bootstrap()
    wire = registers(server, account, "dev")
    server.traced("dev", "adopted")
    wait_until(lambda: shown(server, "dev")["registered"], 60, "the registration")
    server.enroll_factory(tmp_path, "dev")
    assert wire.ask(POST, "rd/nobody").code_text == "4.04"  # its association is there
    assert shown(server, "dev")["registered"]


@pytest.mark.parametrize("coaps, given, expected", [
    ("0.0.0.0:PORT", [], "coaps://127.0.0.1:PORT"), ("127.0.0.1:PORT", [], "coaps://127.0.0.1:PORT"),
    ("127.0.0.1:PORT,127.0.0.2:0", [], "coaps://127.0.0.1:PORT"),
    ("127.0.0.1:PORT", ["--bootstrap-server-uri", "coaps://kedge.example:5684"], "coaps://kedge.example:5684"),
    (None, ["--bootstrap-server-uri", "coaps://kedge.example"], "coaps://kedge.example")])
def test_a_device_is_told_where_to_register(start, tmp_path, coaps, given, expected):
    class Elsewhere(BootstrapServer):
        def listeners(self):
            places = [] if coaps is None else ["--coaps", coaps.replace("PORT", str(self.coaps_port))]
            return [*places, "--bootstrap", f"0.0.0.0:{self.bootstrap_port}", *given]
    server = Elsewhere(start, tmp_path / "server")
    account = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev")).bootstrap()
    assert account.uri == expected.replace("PORT", str(server.coaps_port))


@pytest.mark.parametrize("options, words", [
    (["--bootstrap", "127.0.0.1:0"], "needs --coaps"), (["--bootstrap-coap", "127.0.0.1:0"], "needs --coaps"),
    (["--coaps", "127.0.0.1:0", "--bootstrap", "localhost:1"], "--bootstrap localhost:1"),
    (["--coaps", "127.0.0.1:0", "--bootstrap-server-uri", "coaps://x"], "needs --bootstrap"),
    (["--coaps", "127.0.0.1:0", "--bootstrap", "127.0.0.1:0", "--bootstrap-server-uri", "coap://x"], "is coaps://")])
def test_options_that_do_not_fit_together_are_refused(tmp_path, options, words):
    done = run(program("kedged"), "--data", tmp_path / "data", *options)
    assert done.returncode == 2 and words in done.stderr


# ---- a disk that stands still ----

class StallingServer(ServerWithDisk, BootstrapServer):
    pass


def test_a_disk_that_stands_still_holds_up_bootstrapping_and_nobody_else(start, tmp_path):
    server = StallingServer(start, tmp_path / "server")
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"))
    other = Wire(server)
    location = other.registered("other")
    other.serve_until(lambda: shown(server, "other").get("version") == "1.0.0", "the other device", 60)
    server.stall()
    try:
        device.send(Message(0, POST, 77, b"once", [(URI_PATH, b"bs"), (URI_QUERY, b"ep=dev")]).encode())
        server.wait_until_stalled()
        assert device.receive(2) is None
        assert other.ask(POST, location).code_text == "2.04"
    finally:
        server.go_on()
    answer = device.receive(60)
    assert (answer.code_text, answer.token) == ("2.04", b"once")
    device.serve_to_the_end()
    registers(server, device.account(), "dev")


@pytest.mark.parametrize("own", [0, 1, 2, 5])
def test_one_that_says_neither_where_that_account_is_nor_that_it_was_written_over_keeps_it(server, tmp_path, own):
    """Without Discover, and with a 2.04 to whatever is written, Finish too."""
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), own_instance=own)
    device.answers = {(GET, "/"): "4.05"}
    registers(server, device.bootstrap(), "dev")


@pytest.mark.parametrize("own", [0, 1, 2, 5])
def test_a_pack_leaves_that_account_where_it_is(server, tmp_path, own):
    device = SecureDevice(server, "dev", server.enroll_factory(tmp_path, "dev"), own_instance=own)
    registers(server, device.take_pack(SENML_CBOR), "dev")
    assert sorted(device.accounts) == sorted([own, 100])
