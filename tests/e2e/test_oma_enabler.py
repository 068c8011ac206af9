"""OMA's enabler tests (LightweightM2M-1.1-int-NNN, firmware 751 to 780 of 1.0), as far as they look at the server.

docs/lwm2m.md lists the ids with what is covered and what is not; the last test here holds the list to the names of
these tests. The device is scripted; what only the client can show is its part, and is not repeated here.
"""
import base64
import json
import pathlib
import re
import threading

import cbor2
import pytest
from conftest import ROOT, make_package
from lwm2m_client import (CBOR, FETCH, IPATCH, LWM2M_CBOR, OPAQUE, SENML_CBOR, SENML_JSON, decode, leaves, look, operate,
                          slashed, until, values)
from lwm2m_peer import (CONTENT_FORMAT, DELETE, GET, LINK, LOCATION_PATH, OBSERVE, POST, PUT, TEXT, TLV, uint)
from wire import Wire

REGISTERED = ["ep=client", "lt=300", "b=U"]


def joins(wire, *queries, links=b"</1/0>,</3/0>,</5/0>"):
    answer = wire.ask(POST, "rd", [*queries], [(CONTENT_FORMAT, uint(LINK))], links)
    return answer.code_text, "/".join(part.decode() for part in answer.all(LOCATION_PATH))


def shown(server):
    return json.loads(server.kedge("--json", "device", "show", "client", check=False).stdout or "{}")


@pytest.fixture
def wire(server):
    return Wire(server)


# ---- registration ----

@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_oma_101_register(server, wire, version):
    assert joins(wire, *REGISTERED, f"lwm2m={version}")[0] == "2.01"
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    device = shown(server)
    assert (device["registered"], device["lifetime_s"], device["binding"], device["lwm2m_version"]) == (True, 300, "U", version)
    assert joins(Wire(server), "ep=other", "lt=300", "lwm2m=2.0")[0] == "4.12"


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
    _, location = joins(wire, "ep=client", "lt=1", "lwm2m=1.1")
    assert wire.ask(POST, location, ["lt=300"]).code_text == "2.04"
    wire.serve_until(lambda: shown(server).get("lifetime_s") == 300, "the new lifetime", 60)
    short = Wire(server)
    assert joins(short, "ep=short", "lt=1", "lwm2m=1.1")[0] == "2.01"
    until(lambda: json.loads(server.kedge("--json", "device", "show", "short", check=False).stdout or "{}")
          .get("registered") is False)
    assert shown(server)["registered"] is True


@pytest.mark.parametrize("queries, binding", [(("lwm2m=1.0", "b=UQ"), "UQ"), (("lwm2m=1.1", "b=U", "Q"), "UQ")])
def test_oma_108_turning_on_queue_mode(server, wire, queries, binding):
    assert joins(wire, "ep=client", "lt=300", *queries)[0] == "2.01"
    wire.serve_until(lambda: shown(server).get("binding") == binding, "the binding", 60)


# ---- device management ----

def read(server, path, **more):
    status, answer = operate(server, {"operation": "read", "path": path, **more})
    assert status == 200
    return answer


def test_oma_201_querying_in_plain_text(server, client):
    client(TEXT)
    assert values(read(server, "/3/0/0")) == {"/3/0/0": look("/3/0/0")}


def test_oma_203_querying_in_tlv(server, client):
    client(TLV)
    assert read(server, "/3/0")["content_format"] == TLV


def test_oma_204_querying_in_json(server, client):
    client(SENML_JSON)
    assert values(read(server, "/3/0"))["/3/0/6/1"] == 5


def write(server, path, value):
    assert operate(server, {"operation": "write", "path": path, "values": [{"path": path, "value": value}]})[1]["code"] == "2.04"


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


def test_oma_202_querying_in_opaque(server, client):
    device = client(OPAQUE, wait=False)
    device.read = lambda message, path, value: device.reply(message, "2.05", OPAQUE, bytes(range(9)))
    answer = read(server, "/5/0/0")
    assert answer["values"] == [{"path": "/5/0/0", "type": "opaque", "value": base64.b64encode(bytes(range(9))).decode()}]


def test_oma_210_setting_in_opaque(server, client):
    device = client(OPAQUE, wait=False)
    server.kedge("device", "write", "client", "/5/0/0", base64.b64encode(b"\0\xff").decode())
    assert device.asked[-1] == (PUT, "/5/0/0", OPAQUE, {}, b"\0\xff")


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


# ---- reporting ----

def observe(server, count, **body):
    answers = []
    asking = threading.Thread(target=lambda: answers.append(operate(server, {"count": count, "timeout_s": 60, **body})))
    asking.start()

    def result():
        asking.join(90)
        return answers[0][1]
    return result


def test_oma_301_observation_and_notification(server, client):
    device = client(SENML_CBOR)
    result = observe(server, 2, operation="observe", path="/5/0/3")
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    assert [values(one) for one in result()["notifications"]] == [{"/5/0/3": 1}]


def test_oma_302_cancel_by_reset(server, client):
    device = client(SENML_CBOR)
    observe(server, 1, operation="observe", path="/5/0/3", cancel="reset")()
    device.notify("/5/0/3", 1, 2)
    until(lambda: device.resets == 1)
    assert device.cancelled == []


def test_oma_303_cancel_by_a_request(server, client):
    device = client(SENML_CBOR)
    observe(server, 1, operation="observe", path="/5/0/3", cancel="request")()
    until(lambda: device.cancelled)
    assert [path for path, _ in device.cancelled] == ["/5/0/3"] and device.observed == {}
    assert device.resets == 0


def composite(objects, *paths):
    """What a device says of these paths, in SenML CBOR; what it does not have is left out."""
    leaf = [(ids, value) for path in paths if (there := look(path, objects)) is not None
            for ids, value in leaves(tuple(int(p) for p in path.split("/") if p), there)]
    return cbor2.dumps([{0: slashed(ids), 3 if isinstance(value, str) else 2: value} for ids, value in leaf])


def changes_while_observed(server, device, paths, change):
    """The values before, and those that are notified once `change` is made."""
    device.fetch = lambda message: device.reply(message, "2.05", SENML_CBOR, composite(device.objects, *paths),
                                                device.watch(message, "", SENML_CBOR))
    result = observe(server, 2, operation="observe_composite", paths=list(paths))
    until(lambda: "" in device.observed)
    change()
    device.notify_bytes("", composite(device.objects, *paths), 2)
    answer = result()
    return values(answer), values(answer["notifications"][0])


def test_oma_304_observe_composite(server, client):
    device = client(SENML_CBOR)
    before, after = changes_while_observed(server, device, ["/5/0/3", "/3/0/9"], lambda: device.objects[5].update({3: 2}))
    assert (before, after) == ({"/5/0/3": 0, "/3/0/9": 100}, {"/5/0/3": 2, "/3/0/9": 100})


def test_oma_305_cancel_a_composite_observation(server, client):
    device = client(SENML_CBOR)
    observe(server, 1, operation="observe_composite", paths=["/5/0/3", "/3/0/9"])()
    until(lambda: device.cancelled)
    begun, ended = [asked for asked in device.asked if asked[0] == FETCH]
    assert begun == ended and device.observed == {}


def test_oma_308_observe_composite_and_creating_an_instance(server, client):
    device = client(SENML_CBOR, TLV)

    def create():
        server.kedge("device", "create", "client", "/3303", "/3303/0/5701", "Cel")
        _, where, form, _, payload = [asked for asked in device.asked if asked[0] == POST][-1]
        assert (where, list(decode(form, where, payload))) == ("/3303", ["/3303/0/5701"])
        device.objects[3303] = {5701: "Cel"}
    del device.objects[3303]
    before, after = changes_while_observed(server, device, ["/3303/0", "/3/0/9"], create)
    assert (before, after) == ({"/3/0/9": 100}, {"/3/0/9": 100, "/3303/0/5701": "Cel"})


def test_oma_309_observe_composite_and_deleting_an_instance(server, client):
    device = client(SENML_CBOR)

    def delete():
        server.kedge("device", "delete", "client", "/3303/0")
        assert [asked[1] for asked in device.asked if asked[0] == DELETE] == ["/3303/0"]
        del device.objects[3303]
    before, after = changes_while_observed(server, device, ["/3303/0", "/3/0/9"], delete)
    assert (before, after) == ({"/3/0/9": 100, "/3303/0/5700": 21.5, "/3303/0/5701": "Cel"}, {"/3/0/9": 100})


def test_oma_310_observe_composite_and_changing_attributes(server, client):
    device = client(SENML_CBOR)

    def change():
        server.kedge("device", "attributes", "client", "/3", "pmax=5")
        assert device.asked[-1][:4] == (PUT, "/3", None, {"pmax": "5"})
    before, after = changes_while_observed(server, device, ["/5/0/3", "/3/0/9"], change)
    assert before == after == {"/5/0/3": 0, "/3/0/9": 100}


@pytest.mark.parametrize("form, payload", [(SENML_JSON, b'[{"n":"/5/0/3","v":1}]'),
                                           (SENML_CBOR, cbor2.dumps([{-2: "/5/0/", 0: "3", 2: 1}])),
                                           (LWM2M_CBOR, cbor2.dumps({5: {0: {3: 1}}}))])
def test_oma_306_send(server, wire, form, payload):
    assert wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(form))], payload=payload).code_text == "4.04"
    joins(wire, *REGISTERED, "lwm2m=1.1")
    assert wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(form))], payload=payload).code_text == "2.04"
    assert wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(form))], payload=payload[:-1]).code_text == "4.00"


def test_oma_307_muting_send(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "write", "client", "/1/0/23", "1", "--type", "boolean")
    [(_, path, form, _, payload)] = [asked for asked in device.asked if asked[0] == PUT]
    assert decode(form, path, payload) == {"/1/0/23": True}


def test_oma_311_send_of_several_objects(server, wire):
    """What it says of State and Result is taken, and what else it says does no harm."""
    joins(wire, *REGISTERED, "lwm2m=1.1")
    wire.serve_until(lambda: shown(server).get("version") == "1.0.0", "the device", 60)
    payload = cbor2.dumps([{-2: "/1/0/", 0: "1", 2: 86400}, {-2: "/3/0/11/", 0: "0", 2: 0}, {-2: "/5/0/", 0: "3", 2: 1}])
    assert wire.ask(POST, "dp", options=[(CONTENT_FORMAT, uint(SENML_CBOR))], payload=payload).code_text == "2.04"
    assert shown(server)["version"] == "1.0.0"


# ---- firmware update, 751 to 780 ----

def begin_update(server, keys, tmp_path, device):
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    package = server.json("package", "list")["packages"][0]["id"]
    server.kedge("rollout", "create", "--name", "oma", "--package", package, "--all", "--error-sample", "0", "--start")
    until(lambda: any(asked[:2] == (PUT, "/5/0/1") for asked in device.asked))


def deployment(server):
    return server.json("rollout", "show", "1", "--devices")["deployments"][0]


def test_oma_751_querying_the_readable_resources(server, client):
    client(TLV)
    assert values(read(server, "/5/0")) == {"/5/0/3": 0, "/5/0/5": 0}


def test_oma_755_setting_the_package(server, client):
    device = client(TLV)
    server.kedge("device", "write", "client", "/5/0/0", "AA==")
    assert decode(TLV, "/5/0/0", device.asked[-1][4]) == {"/5/0/0": b"\0"}


def test_oma_756_setting_the_package_uri(server, client, keys, tmp_path):
    device = client(TLV, TEXT)
    begin_update(server, keys, tmp_path, device)
    assert re.fullmatch(rf"coap://127\.0\.0\.1:{server.coap_port}/fw/[0-9a-f]{{64}}", device.objects[5][1])


def test_oma_760_observing_state_with_attributes(server, client):
    device = client(TLV)
    operate(server, {"operation": "write_attributes", "path": "/5/0/3", "attributes": "pmin=2&pmax=10"})
    assert device.asked[-1][3] == {"pmin": "2", "pmax": "10"}
    result = observe(server, 2, operation="observe", path="/5/0/3")
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    assert [values(one) for one in result()["notifications"]] == [{"/5/0/3": 1}]


def test_oma_772_execute_without_a_package(server, client):
    device = client(TLV)
    device.change = lambda message, path, form: device.reply(message, "4.05")
    refused = server.kedge("device", "execute", "client", "/5/0/2", check=False)
    assert refused.returncode == 1 and "4.05" in refused.stderr
    assert values(read(server, "/5/0")) == {"/5/0/3": 0, "/5/0/5": 0}


def fails_with(server, client, keys, tmp_path, result, state):
    device = client(TLV, TEXT)
    begin_update(server, keys, tmp_path, device)
    device.objects[5].update({3: 0, 5: result})
    until(lambda: deployment(server)["state"] in ("rejected", "failed", "timed_out", "canceled"))
    ended = deployment(server)
    assert (ended["state"], ended["update_result"]) == (state, result)


def test_oma_773_not_enough_storage(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 2, "rejected")


def test_oma_774_out_of_memory(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 3, "failed")


def test_oma_775_connection_lost(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 4, "failed")


def test_oma_776_integrity_check_failure(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 5, "rejected")


def test_oma_777_unsupported_package_type(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 6, "rejected")


def test_oma_778_invalid_uri(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 7, "rejected")


def test_oma_780_unsupported_protocol(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 9, "rejected")


def test_oma_779_installation_fails(server, client, keys, tmp_path):
    device = client(TLV, TEXT)
    begin_update(server, keys, tmp_path, device)
    device.objects[5].update({3: 2, 5: 0})
    until(lambda: any(asked[:2] == (POST, "/5/0/2") for asked in device.asked))
    device.objects[5].update({3: 2, 5: 8})
    until(lambda: deployment(server)["state"] == "failed")
    assert deployment(server)["update_result"] == 8


# ---- the list ----

def test_the_list_in_the_documents_is_that_of_these_tests():
    section = (ROOT / "docs" / "lwm2m.md").read_text().split("## OMA's enabler tests")[1]
    rows = dict(re.findall(r"^\| (\d+) \| [^|]+ \| ([^|]+) \|$", section, re.MULTILINE))
    listed = {number for number, covered in rows.items() if covered.startswith("yes")}
    files = pathlib.Path(__file__).parent.glob("test_oma_*.py")
    named = {n for file in files for n in re.findall(r"^def test_oma_(\d+)_", file.read_text(), re.MULTILINE)}
    assert named == listed
    assert all(covered.startswith(("yes", "no: ")) for covered in rows.values())
