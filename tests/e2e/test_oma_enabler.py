"""OMA's enabler tests of registration and device management (LightweightM2M-1.1-int-101 to -290, some of 1.0).

They are played as far as they look at the server: what only the client can show is its part. docs/lwm2m.md lists all
ids with what is covered and what is not, and the last test here holds the list to the names of the tests.
"""
import base64
import json
import pathlib
import re
import threading

import cbor2
import pytest
from conftest import ROOT
from lwm2m_client import (CBOR, FETCH, IPATCH, LWM2M_CBOR, OPAQUE, SENML_CBOR, SENML_JSON, decode, look, operate, until,
                          values)
from lwm2m_peer import (CON, CONTENT_FORMAT, DELETE, GET, LINK, LOCATION_PATH, POST, PUT, TEXT, TLV, URI_PATH, URI_QUERY,
                        Message, uint)
from oma_kit import REGISTERED, composite, joins, read, shown, write
from shims import ServerWithClock
from wire import Wire


@pytest.fixture
def wire(server):
    return Wire(server)


# ---- registration ----

def read_beside(server, wire, path):
    """What the operator is answered while the device is served."""
    answers = []
    asking = threading.Thread(target=lambda: answers.append(operate(server, {"operation": "read", "path": path})))
    asking.start()
    wire.serve_until(lambda: answers, "the answer", 60)
    asking.join(60)
    assert answers[0][0] == 200, answers
    return answers[0][1]


@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_oma_101_register(server, wire, version):
    assert joins(wire, *REGISTERED, f"lwm2m={version}")[0] == "2.01"
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    device = shown(server)
    assert (device["registered"], device["lifetime_s"], device["binding"], device["lwm2m_version"]) == (True, 300, "U", version)
    assert joins(Wire(server), "ep=other", "lt=300", "lwm2m=2.0")[0] == "4.12"


def test_oma_101_a_register_that_comes_twice_is_one(server, wire):
    """The same message, and then a new Register: the one before it is void."""
    wire.next_id = 77
    first = joins(wire, *REGISTERED, "lwm2m=1.1")
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    token, options = b"same", [(CONTENT_FORMAT, uint(LINK)), (URI_PATH, b"rd")]
    request = Message(CON, POST, 1234, token, options + [(URI_QUERY, q.encode()) for q in (*REGISTERED, "lwm2m=1.1")], b"</3/0>")
    answers = []
    while len(answers) < 2:
        wire.send(request.encode())
        while (message := wire.receive(60)) is not None and message.token != token:
            wire.serve(message)
        answers.append(message)
    assert answers[0] == answers[1] and answers[0].code_text == "2.01"
    second = "/".join(part.decode() for part in answers[0].all(LOCATION_PATH))
    assert second != first[1]
    assert wire.ask(POST, first[1]).code_text == "4.04" and wire.ask(POST, second).code_text == "2.04"
    assert len(server.json("device", "list")["devices"]) == 1


def test_oma_102_registration_update(server, wire):
    _, location = joins(wire, *REGISTERED, "lwm2m=1.1")
    assert wire.ask(POST, location, ["lt=600", "b=UQ"]).code_text == "2.04"
    wire.serve_until(lambda: (shown(server).get("lifetime_s"), shown(server).get("binding")) == (600, "UQ"), "the change", 60)
    moved = Wire(server)
    assert moved.ask(POST, location).code_text == "2.04"
    moved.serve_until(lambda: shown(server).get("address") == moved.address, "the new address", 60)
    assert wire.ask(POST, "rd/nobody").code_text == "4.04"


def test_oma_102_an_update_may_bring_objects(server, wire):
    """What has come is asked for, and what has gone is not any more."""
    _, location = joins(wire, *REGISTERED, "lwm2m=1.1", links=b"</1/0>,</3/0>")
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    asked = []
    serve = wire.serve
    wire.serve = lambda message: (asked.append(message.path), serve(message))
    assert wire.ask(POST, location, [], [(CONTENT_FORMAT, uint(LINK))], b"</1/0>,</3/0>,</5/0>").code_text == "2.04"
    wire.serve_until(lambda: "/5/0/5" in asked, "the new object to be read", 60)
    wire.serve_until(lambda: "/3/0/18" in asked, "the device to be read to its end", 60)
    asked.clear()
    assert wire.ask(POST, location, [], [(CONTENT_FORMAT, uint(LINK))], b"</1/0>,</3/0>").code_text == "2.04"
    wire.serve_until(lambda: "/3/0/18" in asked, "the device to be read anew", 60)
    assert not [path for path in asked if path.startswith("/5")]


def test_oma_102_an_update_may_end_queue_mode(start, tmp_path):
    server = ServerWithClock(start, tmp_path / "server")
    wire = Wire(server)
    _, location = joins(wire, "ep=client", "lt=3600", "lwm2m=1.0", "b=UQ")
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    assert wire.ask(POST, location, ["b=U"]).code_text == "2.04"
    server.time_passes(95)
    assert values(read_beside(server, wire, "/3/0/3")) == {"/3/0/3": "1.0.0"}


def test_oma_103_deregister(server, wire):
    _, location = joins(wire, *REGISTERED, "lwm2m=1.1")
    assert wire.ask(4, location).code_text == "2.02"
    until(lambda: shown(server).get("registered") is False)
    assert wire.ask(POST, location).code_text == "4.04"


def test_oma_104_registration_update_trigger(server, client):
    device = client(TEXT)
    server.kedge("device", "execute", "client", "/1/0/8")
    assert [asked[:2] for asked in device.asked if asked[0] == POST] == [(POST, "/1/0/8")]


def test_oma_105_discarded_register_update(server, wire):
    """What an Update of an unknown registration gets makes the client register anew, and that is taken."""
    assert wire.ask(POST, "rd/000000000000000000000000", ["lt=60"]).code_text == "4.04"
    assert joins(wire, *REGISTERED, "lwm2m=1.1")[0] == "2.01"


def test_oma_107_extending_the_lifetime(server, wire):
    _, location = joins(wire, "ep=client", "lt=10", "lwm2m=1.1")
    assert wire.ask(POST, location, ["lt=300"]).code_text == "2.04"
    wire.serve_until(lambda: shown(server).get("lifetime_s") == 300, "the new lifetime", 60)
    short = Wire(server)
    assert joins(short, "ep=short", "lt=10", "lwm2m=1.1")[0] == "2.01"
    until(lambda: json.loads(server.kedge("--json", "device", "show", "short", check=False).stdout or "{}")
          .get("registered") is False)
    assert shown(server)["registered"] is True


@pytest.mark.parametrize("queries, binding", [(("lwm2m=1.0", "b=UQ"), "UQ"), (("lwm2m=1.1", "b=U", "Q"), "UQ")])
def test_oma_108_turning_on_queue_mode(server, wire, queries, binding):
    assert joins(wire, "ep=client", "lt=300", *queries)[0] == "2.01"
    wire.serve_until(lambda: shown(server).get("binding") == binding, "the binding", 60)


@pytest.mark.parametrize("queries", [("lwm2m=1.0", "b=UQ"), ("lwm2m=1.1", "b=U", "Q")])
def test_oma_109_behaviour_in_queue_mode(start, tmp_path, queries):
    """Awake for 93 seconds after it has said something, then asleep until it says something again."""
    server = ServerWithClock(start, tmp_path / "server")
    wire = Wire(server)
    _, location = joins(wire, "ep=client", "lt=3600", *queries)
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    server.time_passes(95)
    status, refused = operate(server, {"operation": "read", "path": "/3/0/3", "timeout_s": 1})
    assert status == 409 and "sleeps" in json.dumps(refused)
    assert wire.receive(1) is None
    answers = []  # of what waits for it
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "read", "path": "/3/0/3", "timeout_s": 60})))
    asking.start()
    assert wire.receive(1) is None
    assert wire.ask(POST, location).code_text == "2.04"
    wire.serve_until(lambda: answers, "the answer", 60)
    asking.join(60)
    assert answers[0][0] == 200 and values(answers[0][1]) == {"/3/0/3": "1.0.0"}


# ---- device management ----

def test_oma_201_querying_in_plain_text(server, client):
    client(TEXT)
    assert values(read(server, "/3/0/0")) == {"/3/0/0": look("/3/0/0")}


def test_oma_203_querying_in_tlv(server, client):
    client(TLV)
    assert read(server, "/3/0")["content_format"] == TLV


def test_oma_204_querying_in_json(server, client):
    client(SENML_JSON)
    assert values(read(server, "/3/0"))["/3/0/6/1"] == 5


def set_and_read(server, client, form):
    device = client(form)
    write(server, "/1/0/1", 60)
    _, path, used, _, payload = [asked for asked in device.asked if asked[0] == PUT][-1]
    assert (path, used) == ("/1/0/1", form)
    assert decode(form, path, payload) == {"/1/0/1": {TEXT: "60", TLV: b"\x3c"}.get(form, 60)}


def test_oma_205_setting_in_plain_text(server, client):
    set_and_read(server, client, TEXT)


def test_oma_215_setting_in_tlv(server, client):
    set_and_read(server, client, TLV)


def test_oma_220_setting_in_json(server, client):
    set_and_read(server, client, SENML_JSON)


def test_oma_211_querying_in_cbor(server, client):
    client(CBOR)
    assert values(read(server, "/3/0/9")) == {"/3/0/9": 100}


def test_oma_212_setting_in_cbor(server, client):
    set_and_read(server, client, CBOR)


def test_oma_221_attempt_on_security(server, client):
    device = client(TLV)
    device.read = lambda message, path, value: device.reply(message, "4.01")
    assert read(server, "/0/0")["code"] == "4.01"
    assert server.kedge("device", "read", "client", "/0/0", check=False).returncode == 1


def test_oma_222_reading_an_object(server, client):
    client(TLV)
    assert values(read(server, "/3"))["/3/0/3"] == "1.0.0"


def test_oma_223_reading_an_object_instance(server, client):
    client(TLV)
    assert values(read(server, "/3/0"))["/3/0/3"] == "1.0.0"


def test_oma_224_reading_a_resource(server, client):
    client(TLV)
    assert values(read(server, "/3/0/3")) == {"/3/0/3": "1.0.0"}


def test_oma_225_reading_a_resource_instance(server, client):
    client(TLV)
    assert values(read(server, "/3/0/6/1")) == {"/3/0/6/1": 5}


SERVER_OBJECT = [{"path": "/1/0/1", "value": 60}, {"path": "/1/0/6", "value": True}]


def test_oma_226_partial_update_of_an_instance(server, client):
    device = client(TLV)
    operate(server, {"operation": "write_partial", "path": "/1/0", "values": SERVER_OBJECT})
    assert [asked[:3] for asked in device.asked if asked[0] == POST] == [(POST, "/1/0", TLV)]


def test_oma_227_replacing_an_instance(server, client):
    device = client(TLV)
    operate(server, {"operation": "write", "path": "/1/0", "values": SERVER_OBJECT})
    assert [asked[:3] for asked in device.asked if asked[0] == PUT] == [(PUT, "/1/0", TLV)]


def test_oma_228_writing_a_resource_instance(server, client):
    device = client(SENML_CBOR)
    write(server, "/2/0/2/1", 5)
    _, path, form, _, payload = [asked for asked in device.asked if asked[0] == PUT][-1]
    assert decode(form, path, payload) == {"/2/0/2/1": 5}


def test_oma_229_read_composite(server, client):
    device = client(SENML_CBOR)
    answer = server.json("device", "read", "client", "/3/0/3", "/5", "/3/0/6/1")
    assert values(answer) == {"/3/0/3": "1.0.0", "/3/0/6/1": 5, "/5/0/3": 0, "/5/0/5": 0}
    assert [asked[1] for asked in device.asked if asked[0] == FETCH] == [""]


def test_oma_230_write_composite(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "write", "client", "/1/0/1", "60", "/3/0/14", "+01:00")
    [payload] = [asked[4] for asked in device.asked if asked[0] == IPATCH]
    assert decode(SENML_CBOR, "", payload) == {"/1/0/1": 60, "/3/0/14": "+01:00"}


def test_oma_231_querying_in_senml_json(server, client):
    client(SENML_JSON)
    assert read(server, "/3/0")["content_format"] == SENML_JSON


def test_oma_232_querying_in_senml_cbor(server, client):
    client(SENML_CBOR)
    assert read(server, "/3/0")["content_format"] == SENML_CBOR


def test_oma_233_setting_in_senml_cbor(server, client):
    set_and_read(server, client, SENML_CBOR)


def test_oma_234_setting_in_senml_json(server, client):
    set_and_read(server, client, SENML_JSON)


def test_oma_235_read_composite_of_the_root(server, client):
    device = client(SENML_CBOR)
    device.fetch = lambda message: device.reply(message, "2.05", SENML_CBOR, cbor2.dumps([{0: "/3/0/3", 3: "1.0.0"}]))
    status, answer = operate(server, {"operation": "read_composite", "paths": ["/"]})
    assert (status, values(answer)) == (200, {"/3/0/3": "1.0.0"})
    [payload] = [asked[4] for asked in device.asked if asked[0] == FETCH]
    assert cbor2.loads(payload) == [{0: "/"}]


def test_oma_236_read_composite_of_what_is_partly_there(server, client):
    device = client(SENML_CBOR)
    device.fetch = lambda message: device.reply(message, "2.05", SENML_CBOR, cbor2.dumps([{0: "/3/0/3", 3: "1.0.0"}]))
    assert values(server.json("device", "read", "client", "/3/0/3", "/3/0/99")) == {"/3/0/3": "1.0.0"}


def test_oma_237_querying_without_accept(server, client):
    """A client that has not what is asked for is asked for what it likes."""
    device = client(LWM2M_CBOR)
    assert read(server, "/3/0")["content_format"] == LWM2M_CBOR
    assert device.asked[-1][:2] == (GET, "/3/0")


def test_oma_241_executable_reboot(server, client):
    device = client(TEXT)
    server.kedge("device", "execute", "client", "/3/0/4")
    assert (POST, "/3/0/4", None, {}, b"") in device.asked


def test_oma_256_write_operation_failure(server, client):
    device = client(TEXT)
    device.change = lambda message, path, form: device.reply(message, "4.05")
    refused = server.kedge("device", "write", "client", "/3/0/0", "x", check=False)
    assert refused.returncode == 1 and "4.05" in refused.stderr


def test_oma_257_write_composite_failure(server, client):
    device = client(SENML_CBOR)
    device.change = lambda message, path, form: device.reply(message, "4.04")
    assert server.kedge("device", "write", "client", "/1/0/1", "60", "/9/9/9", "1", check=False).returncode == 1


def test_oma_260_discover(server, client):
    client(TLV)
    assert server.json("device", "discover", "client", "/3")["links"][0] == {"target": "/3/0", "attributes": "pmin=10"}


def test_oma_261_write_attributes(server, client):
    device = client(TLV)
    assert operate(server, {"operation": "write_attributes", "path": "/3/0/9", "attributes": "pmin=5&pmax=15&gt=50"})[0] == 200
    assert device.asked[-1][:4] == (PUT, "/3/0/9", None, {"pmin": "5", "pmax": "15", "gt": "50"})


def discovers(device, server, depth, links):
    """Asks what is below /3, and how the device was asked; `links` are what it says."""
    device.discover = lambda message: device.reply(message, "2.05", LINK, links)
    found = server.json("device", "discover", "client", "/3", "--depth", str(depth))["links"]
    assert device.asked[-1][:4] == (GET, "/3", None, {"depth": str(depth)})
    return {link["target"]: link["attributes"] for link in found}


def test_oma_264_discover_to_a_depth_of_1(server, client):
    device = client(SENML_CBOR, version="1.2")
    assert discovers(device, server, 1, b"</3>;pmin=1;pmax=10,</3/0>") == {"/3": "pmin=1;pmax=10", "/3/0": ""}
    server.kedge("device", "attributes", "client", "/3/0", "pmax=200")
    assert device.asked[-1][:4] == (PUT, "/3/0", None, {"pmax": "200"})
    assert discovers(device, server, 1, b"</3>;pmin=1;pmax=10,</3/0>;pmax=200")["/3/0"] == "pmax=200"


def test_oma_266_discover_to_a_depth_of_3(server, client):
    device = client(SENML_CBOR, version="1.2")
    assert discovers(device, server, 2, b"</3>;pmin=1;pmax=10,</3/0>,</3/0/7>;dim=2")["/3/0/7"] == "dim=2"
    for path, attributes in (("/3", ["pmin=10", "pmax=200"]), ("/3/0/7", ["lt=1", "gt=6", "st=1"]), ("/3/0/7/1", ["gt=8"])):
        server.kedge("device", "attributes", "client", path, *attributes)
        assert device.asked[-1][:4] == (PUT, path, None, dict(one.split("=") for one in attributes))
    found = discovers(device, server, 3, b"</3/0>;pmin=10;pmax=200,</3/0/7>;dim=2;lt=1;gt=6;st=1,</3/0/7/0>,</3/0/7/1>;gt=8")
    assert found == {"/3/0": "pmin=10;pmax=200", "/3/0/7": "dim=2;lt=1;gt=6;st=1", "/3/0/7/0": "", "/3/0/7/1": "gt=8"}


def test_oma_202_querying_in_opaque(server, client):
    device = client(OPAQUE, wait=False)
    device.read = lambda message, path, value: device.reply(message, "2.05", OPAQUE, bytes(range(9)))
    answer = read(server, "/5/0/0")
    assert answer["values"] == [{"path": "/5/0/0", "type": "opaque", "value": base64.b64encode(bytes(range(9))).decode()}]


def test_oma_210_setting_in_opaque(server, client):
    device = client(OPAQUE, wait=False)
    server.kedge("device", "write", "client", "/5/0/0", base64.b64encode(b"\0\xff").decode())
    assert [asked for asked in device.asked if asked[0] == PUT] == [(PUT, "/5/0/0", OPAQUE, {}, b"\0\xff")]


def created(device):
    _, path, form, _, payload = [asked for asked in device.asked if asked[0] == POST][-1]
    return path, decode(form, path, payload)


def test_oma_270_creating_an_instance(server, client):
    device = client(TLV)
    device.change = lambda message, path, form: device.reply(message, "2.01")
    assert server.json("device", "create", "client", "/1", "/1/1/0", "102", "/1/1/1", "60")["code"] == "2.01"
    assert created(device) == ("/1", {"/1/1/0": b"\x66", "/1/1/1": b"\x3c"})


def test_oma_271_creating_resource_instances(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "write", "client", "--update", "/2/0/2", "/2/0/2/0", "1", "/2/0/2/7", "15")
    assert created(device) == ("/2/0/2", {"/2/0/2/0": 1, "/2/0/2/7": 15})


def test_oma_280_a_read_composite_that_succeeds(server, client):
    client(SENML_CBOR)
    answer = server.json("device", "read", "client", "/3/0/3", "/3/0/6/1", "/3303/0")
    assert values(answer) == {"/3/0/3": "1.0.0", "/3/0/6/1": 5, "/3303/0/5700": 21.5, "/3303/0/5701": "Cel"}


def test_oma_281_a_read_composite_that_succeeds_in_part(server, client):
    device = client(SENML_CBOR)
    device.fetch = lambda message: device.reply(message, "2.05", SENML_CBOR, composite(device.objects, "/3/0/3", "/3/0/9"))
    assert values(server.json("device", "read", "client", "/3/0/3", "/3/0/4", "/3/0/9")) == {"/3/0/3": "1.0.0", "/3/0/9": 100}


def test_oma_290_deleting_an_instance(server, client):
    device = client(TLV)
    assert server.json("device", "delete", "client", "/1/1")["code"] == "2.02"
    assert device.asked[-1][:2] == (DELETE, "/1/1")


# ---- the list ----

def test_the_list_in_the_documents_is_that_of_the_tests():
    """A row without a test, and a test without a row, wherever it stands."""
    section = (ROOT / "docs" / "lwm2m.md").read_text().split("## OMA's enabler tests")[1]
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    assert len({number for number, _, _ in rows}) == len(rows), "an id is there twice"
    tests = [(file.name, name) for file in pathlib.Path(__file__).parent.glob("test_*.py")
             for name in re.findall(r"^def (test_oma_\d+_\w+)", file.read_text(), re.MULTILINE)]
    assert len(set(tests)) == len(tests), "a test hides another one of its name"
    named = {name.split("_")[2] for _, name in tests}
    assert named == {number for number, _, covered in rows if covered.startswith("yes")}
    assert all(covered.startswith(("yes", "no: ")) for _, _, covered in rows)
