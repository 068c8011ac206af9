"""OMA's enabler tests of the reporting interface, 301 to 313."""
import threading

import cbor2
import pytest
from lwm2m_client import FETCH, LWM2M_CBOR, SENML_CBOR, SENML_JSON, decode, operate, until, values
from lwm2m_peer import CON, CONTENT_FORMAT, DELETE, GET, LINK, POST, PUT, TLV, URI_PATH, URI_QUERY, Message, uint
from oma_kit import REGISTERED, composite, joins, observe, shown
from wire import Wire


@pytest.fixture
def wire(server):
    return Wire(server)


def test_oma_301_observation_and_notification(server, client):
    device = client(SENML_CBOR)
    result = observe(server, 2, operation="observe", path="/5/0/3")
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    assert [values(one) for one in result()["notifications"]] == [{"/5/0/3": 1}]


def test_oma_301_an_observation_is_void_once_the_device_registers_again(server, client):
    device = client(SENML_CBOR)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "observe", "path": "/5/0/3", "count": 3, "timeout_s": 60})))
    asking.start()
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    request = Message(CON, POST, 4321, b"anew", [(URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK)), (URI_QUERY, b"ep=client"),
                                                 (URI_QUERY, b"lt=300"), (URI_QUERY, b"lwm2m=1.1")], b"</3/0>,</5/0>")
    device.send(request.encode())
    asking.join(60)
    status, answer = answers[0]
    assert status == 200 and [values(one) for one in answer["notifications"]] == [{"/5/0/3": 1}]
    device.notify("/5/0/3", 2, 3)
    until(lambda: device.resets == 1)


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


def parameters(device, method):
    return [queries for how, path, _, queries, _ in device.asked if (how, path) == (method, "/3/0/6")]


def test_oma_312_observe_with_attributes_as_parameters(server, client):
    device = client(SENML_CBOR, version="1.2")
    result = observe(server, 2, operation="observe", path="/3/0/6", attributes="pmin=5&pmax=15")
    until(lambda: "/3/0/6" in device.observed)
    device.notify("/3/0/6", {0: 1, 1: 6}, 2)
    answer = result()
    assert values(answer) == {"/3/0/6/0": 1, "/3/0/6/1": 5}
    assert [values(one) for one in answer["notifications"]] == [{"/3/0/6/0": 1, "/3/0/6/1": 6}]
    until(lambda: device.cancelled)
    # It is ended by the request that began it (RFC 7641 section 3.6), parameters and all.
    assert parameters(device, GET) == [{"pmin": "5", "pmax": "15"}] * 2


def test_oma_313_parameters_of_an_observation_before_written_attributes(server, client):
    device = client(SENML_CBOR, version="1.2")
    server.kedge("device", "attributes", "client", "/3/0/6", "pmin=5", "pmax=60")
    answer = server.json("device", "observe", "client", "/3/0/6", "--attributes", "pmin=5,pmax=10", "--count", "1")
    assert values(answer) == {"/3/0/6/0": 1, "/3/0/6/1": 5}
    assert parameters(device, PUT) == [{"pmin": "5", "pmax": "60"}]
    assert parameters(device, GET)[0] == {"pmin": "5", "pmax": "10"}
