"""Operations on devices by `kedge device` and the API, in every data format that a client may know."""
import base64
import signal
import struct
import threading
import time

import cbor2
import pytest
from conftest import make_package
from lwm2m_client import (CBOR, DEVICE, FETCH, IPATCH, JSON, LWM2M_CBOR, OPAQUE, SENML_CBOR, SENML_JSON, Background, Client, decode, encode,
                          leaves, look, operate, slashed, until, values)
from lwm2m_peer import (ACK, BLOCK1, CONTENT_FORMAT, DELETE, GET, LINK, LOCATION_PATH, POST, PUT, RST, TEXT, TLV, Message, code, uint)
from shims import ServerWithClock


# ---- reading ----

@pytest.mark.parametrize("formats", [(TLV, TEXT), (SENML_JSON,), (SENML_CBOR,), (SENML_CBOR, CBOR), (JSON, TEXT),
                                     (LWM2M_CBOR, CBOR)], ids=str)
def test_an_instance_is_read_in_whichever_format_the_client_knows(server, client, formats):
    client(*formats)
    status, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert status == 200 and answer["code"] == "2.05" and answer["content_format"] == formats[0]
    assert values(answer) == {slashed(ids): value for ids, value in leaves((3, 0), DEVICE)}


@pytest.mark.parametrize("form", [TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
@pytest.mark.parametrize("path", ["/3/0/3", "/3/0/9", "/3/0/6/1"])
def test_a_resource_is_read_in_whichever_format_the_client_knows(server, client, form, path):
    client(form)
    status, answer = operate(server, {"operation": "read", "path": path})
    assert (status, answer["code"]) == (200, "2.05")
    assert values(answer) == {path: look(path)}


@pytest.mark.parametrize("form", [TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
def test_a_string_of_no_bytes_is_read(server, client, form):
    device = client(form)
    device.objects[3][3] = ""
    assert operate(server, {"operation": "read", "path": "/3/0/3"})[1]["values"] == [
        {"path": "/3/0/3", "type": "string", "value": ""}]


@pytest.mark.parametrize("form", [CBOR, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
def test_a_float_of_an_object_that_nobody_knows_is_read_by_the_type_that_the_format_tells(server, client, form):
    client(form)
    _, answer = operate(server, {"operation": "read", "path": "/3303/0/5700"})
    assert answer["values"] == [{"path": "/3303/0/5700", "type": "float", "value": 21.5}]


def test_tlv_of_an_object_that_nobody_knows_is_shown_as_its_bytes(server, client):
    client(TLV)
    _, answer = operate(server, {"operation": "read", "path": "/3303/0"})
    shown = {record["path"]: (record["type"], base64.b64decode(record["value"])) for record in answer["values"]}
    assert shown == {"/3303/0/5700": ("opaque", struct.pack("!d", 21.5)), "/3303/0/5701": ("opaque", b"Cel")}


def test_read_prints_a_table_and_a_refusal_fails(server, client):
    client(SENML_CBOR)
    shown = server.kedge("device", "read", "client", "/3/0/9").stdout
    assert shown.splitlines()[-1].split() == ["/3/0/9", "integer", "100"]
    refused = server.kedge("device", "read", "client", "/3/0/99", check=False)
    assert refused.returncode == 1
    assert "4.04: not so" in refused.stderr


def test_several_paths_are_read_in_one_request(server, client):
    device = client(SENML_CBOR)
    answer = server.json("device", "read", "client", "/3/0/3", "/5/0")
    assert values(answer) == {"/3/0/3": "1.0.0", "/5/0/3": 0, "/5/0/5": 0}
    [(method, path, form, _, payload)] = [asked for asked in device.asked if asked[0] == FETCH]
    assert (path, form) == ("", SENML_CBOR)
    assert decode(form, "", payload) == {"/3/0/3": None, "/5/0": None}


def test_discover_shows_the_links(server, client):
    client(TLV)
    assert server.json("device", "discover", "client", "/3")["links"] == [
        {"target": "/3/0", "attributes": "pmin=10"}, {"target": "/3/0/3", "attributes": ""},
        {"target": "/3/0/6", "attributes": "dim=2"}]


# ---- writing ----

def last(device, method):
    asked = [one for one in device.asked if one[0] == method]
    return asked[-1]


@pytest.mark.parametrize("form", [TEXT, CBOR, TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
@pytest.mark.parametrize("path, given, sent, in_tlv", [
    ("/5/0/1", "coap://x/\u00e4\"y", "coap://x/\u00e4\"y", "coap://x/\u00e4\"y".encode()),
    ("/5/0/11", 2, 2, b"\x02"),
    ("/3/0/13", -300, -300, b"\xfe\xd4"),
    ("/3303/0/5700", 21.25, 21.25, struct.pack("!d", 21.25)),
])
def test_a_resource_is_written_in_whichever_format_the_client_knows(server, client, form, path, given, sent, in_tlv):
    device = client(form, wait=False)
    status, answer = operate(server, {"operation": "write", "path": path, "values": [{"path": path, "value": given}]})
    assert (status, answer["code"]) == (200, "2.04")
    _, where, used, _, payload = last(device, PUT)
    assert (where, used) == (path, form)
    assert decode(form, path, payload) == {path: in_tlv if form == TLV else str(sent) if form == TEXT else sent}


@pytest.mark.parametrize("form", [OPAQUE, CBOR, TLV, SENML_JSON, SENML_CBOR, LWM2M_CBOR])
def test_opaque_bytes_are_written_in_whichever_format_the_client_knows(server, client, form):
    device = client(form, wait=False)
    secret = bytes(range(250, 256)) + b"\0"
    server.kedge("device", "write", "client", "/5/0/0", base64.b64encode(secret).decode())
    _, _, used, _, payload = last(device, PUT)
    sent = decode(form, "/5/0/0", payload)["/5/0/0"]
    if form == SENML_JSON:
        assert "=" not in sent
        sent = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
    assert (used, sent) == (form, secret)


@pytest.mark.parametrize("form", [TLV, SENML_JSON, SENML_CBOR, JSON, LWM2M_CBOR])
@pytest.mark.parametrize("operation, method, path", [("write", PUT, "/1/0"), ("write_partial", POST, "/1/0"),
                                                     ("create", POST, "/1")])
def test_several_resources_are_written_in_one_payload(server, client, form, operation, method, path):
    device = client(form, wait=False)
    instance = 7 if operation == "create" else 0
    given = [{"path": f"/1/{instance}/6", "value": True}, {"path": f"/1/{instance}/1", "value": 86400}]
    assert operate(server, {"operation": operation, "path": path, "values": given})[1]["code"] == "2.04"
    _, where, used, _, payload = last(device, method)
    assert (where, used) == (path, form)
    expected = {f"/1/{instance}/1": 86400, f"/1/{instance}/6": True}
    if form == TLV:
        expected = {f"/1/{instance}/1": b"\x00\x01\x51\x80", f"/1/{instance}/6": b"\x01"}
    assert decode(form, path, payload) == expected


def test_a_composite_write_carries_all_paths(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "write", "client", "/5/0/11", "1", "/1/0/1", "60")
    _, where, used, _, payload = last(device, IPATCH)
    assert (where, used) == ("", SENML_CBOR)
    assert decode(used, "", payload) == {"/1/0/1": 60, "/5/0/11": 1}


def test_execute_delete_and_attributes_reach_the_device(server, client):
    device = client(TLV)
    server.kedge("device", "execute", "client", "/5/0/2")
    assert last(device, POST) == (POST, "/5/0/2", None, {}, b"")
    operate(server, {"operation": "delete", "path": "/1/3"})
    assert last(device, DELETE)[1] == "/1/3"
    operate(server, {"operation": "write_attributes", "path": "/5/0/3", "attributes": "pmin=2&pmax=10"})
    assert last(device, PUT)[1:] == ("/5/0/3", None, {"pmin": "2", "pmax": "10"}, b"")


def test_what_changes_a_device_is_in_the_audit_log(server, client):
    client(TEXT)
    server.kedge("device", "execute", "client", "/3/0/4")
    server.kedge("device", "read", "client", "/3/0/3")
    entries = [e for e in server.json("audit", "list")["audit"] if e["subject"] == "client"]
    assert ("device.execute", "/3/0/4") in [(e["what"], e["after"]) for e in entries]
    assert not [e for e in entries if e["what"] == "device.read"]


def test_an_instance_is_created_and_deleted_by_the_command_line(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "create", "client", "/1", "/1/7/1", "60", "/1/7/6", "1")
    _, where, form, _, payload = last(device, POST)
    assert (where, form, decode(form, where, payload)) == ("/1", SENML_CBOR, {"/1/7/1": 60, "/1/7/6": True})
    server.kedge("device", "delete", "client", "/1/7")
    assert last(device, DELETE)[1] == "/1/7"
    assert server.kedge("device", "create", "client", "/1", "/1/7/1", check=False).returncode == 2


def test_an_instance_whose_number_the_device_chooses_is_told(server, client):
    device = client(TLV)
    device.change = lambda message, path, form: device.send(
        Message(ACK, code("2.01"), message.message_id, message.token, [(LOCATION_PATH, b"3303"), (LOCATION_PATH, b"4")]).encode())
    shown = server.kedge("device", "create", "client", "/3303")
    assert shown.stdout.split() == ["2.01", "/3303/4"]
    assert last(device, POST)[1:] == ("/3303", None, {}, b"")
    assert server.json("device", "create", "client", "/3303")["created"] == "/3303/4"


def test_resources_of_an_instance_are_replaced_or_updated_by_the_command_line(server, client):
    device = client(TLV)
    server.kedge("device", "write", "client", "--update", "/1/0", "/1/0/1", "60", "/1/0/6", "0")
    assert last(device, POST)[1:3] == ("/1/0", TLV)
    server.kedge("device", "write", "client", "--replace", "/1/0", "/1/0/1", "60", "/1/0/6", "0")
    _, where, form, _, payload = last(device, PUT)
    assert (where, decode(form, where, payload)) == ("/1/0", {"/1/0/1": b"\x3c", "/1/0/6": b"\0"})
    assert server.kedge("device", "write", "client", "--replace", "/1/0", "--update", "/1/0", "/1/0/1", "60",
                        check=False).returncode == 2


def test_attributes_are_written_by_the_command_line(server, client):
    device = client(TLV)
    server.kedge("device", "attributes", "client", "/3/0/9", "pmin=5", "pmax=15", "gt=50.5", "lt=10", "st=2", "epmin=1",
                 "epmax=60", "edge=1", "con=0", "hqmax=5")
    assert last(device, PUT)[1:] == ("/3/0/9", None, {"pmin": "5", "pmax": "15", "gt": "50.5", "lt": "10", "st": "2", "epmin": "1",
                                                      "epmax": "60", "edge": "1", "con": "0", "hqmax": "5"}, b"")
    server.kedge("device", "attributes", "client", "/3/0/9", "pmin", "gt")
    assert last(device, PUT)[3] == {"pmin": "", "gt": ""}


# ---- what does not fit into one message ----

class TakesBlocks:
    """Puts the blocks of what is written to a device together, and answers the last one as if it were the whole."""

    def __init__(self, device, exponent=6, refuses=None):
        self.device, self.exponent, self.refuses = device, exponent, refuses
        self.whole, self.body, self.blocks = device.serve, b"", []
        device.serve = self.serve

    def serve(self, message):
        block = message.number(BLOCK1)
        if not message.is_request or block is None:
            self.whole(message)
            return
        number, more, exponent = block >> 4, block >> 3 & 1, block & 7
        self.blocks.append((number, exponent))
        refused = "4.15" if message.number(CONTENT_FORMAT) not in self.device.formats else self.refuses(self) if self.refuses else None
        if refused:
            self.device.reply(message, refused, payload=b"not this")
            return
        assert len(self.body) >= number << (exponent + 4)
        self.body = self.body[:number << (exponent + 4)] + message.payload
        if more:
            said = uint(number << 4 | 8 | min(exponent, self.exponent))
            self.device.send(Message(ACK, code("2.31"), message.message_id, message.token, [(BLOCK1, said)]).encode())
            return
        message.payload = self.body
        self.whole(message)


@pytest.mark.parametrize("form", [OPAQUE, CBOR, TLV, SENML_JSON, SENML_CBOR, LWM2M_CBOR])
def test_opaque_bytes_of_several_messages_are_written_in_blocks(server, client, form):
    device = client(form, wait=False)
    taken = TakesBlocks(device)
    config = bytes(i * 7 % 256 for i in range(5000))
    server.kedge("device", "write", "client", "/5/0/0", base64.b64encode(config).decode())
    _, where, used, _, payload = last(device, PUT)
    sent = decode(form, "/5/0/0", payload)["/5/0/0"]
    if form == SENML_JSON:
        sent = base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4))
    assert (where, used, sent) == ("/5/0/0", form, config)
    assert len(taken.blocks) >= 5


@pytest.mark.parametrize("operation, method, path", [("write", PUT, "/1/0"), ("write_partial", POST, "/1/0"), ("create", POST, "/1"),
                                                     ("write_composite", IPATCH, "")])
def test_many_values_are_written_in_blocks(server, client, operation, method, path):
    device = client(SENML_CBOR, wait=False)
    taken = TakesBlocks(device)
    given = {f"/1/0/{i}": f"{i} " + "x" * 200 for i in range(100, 140)}
    body = {"operation": operation, "values": [{"path": where, "value": value} for where, value in given.items()]}
    status, answer = operate(server, {**body, "path": path} if path else body)
    assert (status, answer["code"]) == (200, "2.04"), answer
    _, where, used, _, payload = last(device, method)
    assert (where, decode(used, "", payload)) == (path, given)
    assert len(taken.blocks) >= 8


def test_a_device_may_want_smaller_blocks_and_a_refusal_is_told(server, client):
    device = client(OPAQUE, wait=False)
    taken = TakesBlocks(device, exponent=4)
    config = bytes(i * 7 % 256 for i in range(2048))
    given = base64.b64encode(config).decode()
    server.kedge("device", "write", "client", "/5/0/0", given)
    assert last(device, PUT)[4] == config
    assert taken.blocks == [(0, 6), *((number, 4) for number in range(4, 8))]
    taken.refuses = lambda at: "4.01" if len(at.blocks) > 7 else None
    refused = server.kedge("device", "write", "client", "/5/0/0", given, check=False)
    assert refused.returncode == 1 and "4.01: not this" in refused.stderr


# ---- answers that do not fit into one message ----

@pytest.mark.parametrize("exponent", [0, 2, 6])
def test_a_composite_answer_comes_in_blocks(server, client, exponent):
    device = client(SENML_CBOR)
    device.objects[3303] = {number: number * 7.5 for number in range(200)}
    device.block_exponent = exponent
    answer = server.json("device", "read", "client", "/3303/0", "/3/0/3")
    assert values(answer) == {"/3/0/3": "1.0.0", **{f"/3303/0/{number}": number * 7.5 for number in range(200)}}
    asked = [payload for method, _, _, _, payload in device.asked if method == FETCH]
    assert len(asked) > 1 and all(one == asked[0] for one in asked)


@pytest.mark.parametrize("form", [SENML_CBOR, TLV])
def test_an_instance_comes_in_blocks(server, client, form):
    device = client(form)
    device.objects[3303] = {number: number * 7.5 for number in range(200)}
    device.block_exponent = 2
    assert len(values(operate(server, {"operation": "read", "path": "/3303/0"})[1])) == 200


# ---- observing ----

def test_observe_shows_each_notification_and_ends_the_observation(server, client):
    device = client(SENML_CBOR)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "observe", "path": "/5/0/3", "count": 3, "timeout_s": 60, "cancel": "reset"})))
    asking.start()
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    device.notify("/5/0/3", 2, 3)
    asking.join(70)
    [(status, answer)] = answers
    assert status == 200 and values(answer) == {"/5/0/3": 0}
    assert [values(n) for n in answer["notifications"]] == [{"/5/0/3": 1}, {"/5/0/3": 2}]
    device.notify("/5/0/3", 3, 4)
    until(lambda: device.resets == 1)


def test_an_observation_is_ended_by_a_request_or_by_a_reset(server, client):
    device = client(SENML_CBOR)
    server.json("device", "observe", "client", "/5/0/3", "--count", "1")
    until(lambda: device.cancelled)
    server.json("device", "observe", "client", "/5/0/5", "--count", "1", "--cancel", "reset")
    server.kedge("device", "read", "client", "/3/0/9")  # it is past whatever else would have come
    assert [path for path, _ in device.cancelled] == ["/5/0/3"] and list(device.observed) == ["/5/0/5"]
    device.notify("/5/0/5", 1, 2)
    until(lambda: device.resets == 1)
    wrong = server.kedge("device", "observe", "client", "/5/0/5", "--cancel", "never", check=False)
    assert wrong.returncode == 1 and "cancel" in wrong.stderr
    assert operate(server, {"operation": "read", "path": "/5/0/3", "cancel": "reset"})[1]["field"] == "cancel"


def test_an_observation_of_a_device_that_sleeps_is_ended_without_a_word(start, tmp_path):
    server = ServerWithClock(start, tmp_path / "server")
    device = Client(server, (SENML_CBOR,))
    assert device.ask(POST, "rd", ["ep=client", "lt=3600", "lwm2m=1.1", "Q"], [(CONTENT_FORMAT, uint(LINK))],
                      b"</3/0>,</5/0>").code_text == "2.01"
    background = Background(device)
    until(lambda: '"version": "1.0.0"' in server.kedge("--json", "device", "show", "client", check=False).stdout)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "observe", "path": "/5/0/3", "count": 5, "timeout_s": 60})))
    asking.start()
    until(lambda: "/5/0/3" in device.observed)
    server.kedge("device", "read", "client", "/3/0/9")  # the first value is past
    server.time_passes(95)
    refused = server.kedge("device", "read", "client", "/3/0/9", "--timeout", "1", check=False)
    assert refused.returncode == 1 and "sleeps" in refused.stderr
    asking.join(90)
    background.end()
    assert answers[0][0] == 200 and answers[0][1]["notifications"] == []
    assert device.receive(1) is None and device.cancelled == []
    device.notify("/5/0/3", 1, 2)
    assert device.receive(60).kind == RST


def test_several_paths_are_observed_by_the_command_line_in_one_observation(server, client):
    device = client(SENML_CBOR)
    answer = server.json("device", "observe", "client", "/5/0/3", "/3/0/9", "--count", "1")
    assert values(answer) == {"/5/0/3": 0, "/3/0/9": 100}
    until(lambda: device.cancelled)
    fetched = [(path, payload) for method, path, _, _, payload in device.asked if method == FETCH]
    assert len(fetched) == 2 and fetched[0] == fetched[1], "it is ended by the paths that began it"


@pytest.mark.parametrize("exponent", [0, 6])
def test_values_that_are_observed_may_come_in_blocks(server, client, exponent):
    """The first ones, and each notification: the device goes on being observed."""
    device = client(SENML_CBOR)
    device.objects[3303] = {number: number * 7.5 for number in range(150)}
    device.block_exponent = exponent
    blocks = -(-len(encode(SENML_CBOR, "/3303/0", device.objects[3303])) // (16 << exponent))
    asked, answers = len(device.asked), []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "observe", "path": "/3303/0", "count": 3, "timeout_s": 60})))
    asking.start()
    until(lambda: len(device.asked) >= asked + blocks)
    for number in (2, 3):  # each when the one before is whole, which it would take the place of
        asked = len(device.asked)
        device.objects[3303][0] = float(number)
        device.notify("/3303/0", device.objects[3303], number)
        until(lambda: len(device.asked) >= asked + blocks - 1)  # noqa: B023
    asking.join(90)
    [(status, answer)] = answers
    assert status == 200 and len(values(answer)) == 150
    assert [values(one)["/3303/0/0"] for one in answer["notifications"]] == [2.0, 3.0]
    assert all(len(values(one)) == 150 for one in answer["notifications"])
    until(lambda: device.cancelled)


def test_an_observation_of_nothing_new_ends_with_its_time(server, client):
    client(TEXT)
    answer = server.json("device", "observe", "client", "/5/0/3", "--timeout", "5")
    assert values(answer) == {"/5/0/3": 0} and answer["notifications"] == []


# ---- what cannot be ----

def test_a_device_that_is_not_there_or_silent_is_told_apart(server):
    assert operate(server, {"operation": "read", "path": "/3/0"}, "nobody")[0] == 404
    mute = Client(server, (TEXT,))
    mute.joins("mute")
    status, answer = operate(server, {"operation": "read", "path": "/3/0/0", "timeout_s": 1}, "mute")
    assert (status, answer["code"]) == (504, "timeout")


@pytest.mark.parametrize("body, field", [
    ({"operation": "sing", "path": "/3/0"}, "operation"),
    ({"path": "/3/0"}, "operation"),
    ({"operation": "read", "path": "3//0"}, "path"),
    ({"operation": "read", "path": "/3/0", "values": [{"path": "/3/0/0", "value": "x"}]}, "values"),
    ({"operation": "read", "path": "/3/0", "paths": ["/3/0/0"]}, "paths"),
    ({"operation": "read", "path": "/"}, "path"),
    ({"operation": "write", "path": "/3/0/0"}, "values"),
    ({"operation": "write", "path": "/3/0", "values": [{"path": "/3/0", "value": "x"}]}, "values"),
    ({"operation": "read_composite"}, "paths"),
    ({"operation": "read_composite", "path": "/3/0", "paths": ["/3/0/0"]}, "path"),
    ({"operation": "read_composite", "paths": ["/3/0/0", "/3/0/0"]}, "paths"),
    ({"operation": "write", "path": "/5/0/3", "values": [{"path": "/5/0/3", "value": "much"}]}, "values[0].value"),
    ({"operation": "write", "path": "/5/0/3", "values": [{"path": "/5/0/3", "value": 1, "type": "x"}]}, "values[0].type"),
    ({"operation": "write", "path": "/5/0", "values": [{"path": "/5/0/3"}]}, "values[0].value"),
    ({"operation": "write", "path": "/5/0", "values": [{"path": "/3/0/3", "value": "x"}]}, "values"),
    ({"operation": "write_composite", "values": [{"path": "/5/0/3", "value": 1}, {"path": "/5/0/3", "value": 2}]}, "values"),
    ({"operation": "execute", "path": "/5/0"}, "path"),
    ({"operation": "read", "path": "/3/0", "arguments": "x"}, "arguments"),
    ({"operation": "write_attributes", "path": "/3/0"}, "attributes"),
    ({"operation": "read", "path": "/3/0", "timeout_s": 61}, "timeout_s"),
], ids=str)
def test_a_request_that_cannot_be_is_refused_and_not_sent(server, client, body, field):
    device = client(TEXT)
    before = len(device.asked)
    status, answer = operate(server, body)
    assert status == 400
    assert answer.get("field") == field
    assert len(device.asked) == before


@pytest.mark.parametrize("arguments, words", [
    (("read", "client", "/3/0/x"), '"/3/0/x" is no path'),
    (("read", "client", "/3/0/3", "/3/0/3"), "/3/0/3 is there twice"),
    (("execute", "client", "/3/0"), "execute takes a resource, like /3/0/4, not /3/0"),
    (("create", "client", "/3/0"), "create takes an object"),
    (("write", "client", "/3/0", "5"), "/3/0 is no resource"),
    (("write", "client", "/3/0/13", "noon"), "/3/0/13 takes a time: seconds since 1970"),
    (("write", "client", "/1/0/6", "perhaps"), "/1/0/6 takes a boolean: true or false"),
    (("write", "client", "/5/0/0", "no base64"), "/5/0/0 takes opaque bytes, in Base64"),
    (("read", "client", "/3/0/99"), "the device answered 4.04: not so (it has no such object, instance or resource)"),
], ids=str)
def test_what_is_wrong_is_said_by_its_path(server, client, arguments, words):
    client(TLV, TEXT, OPAQUE)
    refused = server.kedge("device", *arguments, check=False)
    assert refused.returncode == 1 and words in refused.stderr, refused.stderr


def test_what_is_too_large_even_for_blocks_is_refused_and_not_sent(server, client):
    device = client(OPAQUE, wait=False)
    for size, words in ((87380, "the request is too large: values make 64 KiB at most"),
                        (87396, "/5/0/0 takes opaque bytes, in Base64 with padding, of at most 64 KiB")):
        refused = server.kedge("device", "write", "client", "/5/0/0", "A" * size, check=False)
        assert refused.returncode == 1 and words in refused.stderr, refused.stderr[:400]
    assert not [asked for asked in device.asked if asked[1] == "/5/0/0"]


@pytest.mark.parametrize("path, given, sent", [("/3/0/13", "-300", "-300"), ("/1/0/6", "true", "1"), ("/1/0/6", "false", "0")])
def test_a_value_is_written_on_the_command_line_as_it_is_shown(server, client, path, given, sent):
    device = client(TEXT)
    server.kedge("device", "write", "client", path, given)
    assert last(device, PUT)[1:] == (path, TEXT, {}, sent.encode())


def test_an_answer_that_cannot_be_read_is_shown_as_it_came(server, client):
    device = client(SENML_CBOR)
    device.read = lambda message, path, value: device.reply(message, "2.05", SENML_CBOR, b"\x81\xa2\x00")
    status, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert status == 200 and answer["problem"] and base64.b64decode(answer["payload"]) == b"\x81\xa2\x00"


def test_a_record_of_another_object_makes_an_answer_none(server, client):
    device = client(SENML_CBOR)
    device.read = lambda message, path, value: device.reply(
        message, "2.05", SENML_CBOR, cbor2.dumps([{0: "/5/0/3", 2: 3}]))
    _, answer = operate(server, {"operation": "read", "path": "/3/0"})
    assert answer["values"] == [] and answer["problem"]


def test_the_server_ends_at_once_though_a_device_is_waited_for(server, client):
    device = client(TEXT)
    device.read = lambda message, path, value: None
    answers = []
    asking = threading.Thread(target=lambda: answers.append(
        operate(server, {"operation": "read", "path": "/3/0/9", "timeout_s": 60})))
    asking.start()
    until(lambda: (GET, "/3/0/9") in [asked[:2] for asked in device.asked])
    begun = time.monotonic()
    server.process.process.send_signal(signal.SIGTERM)
    asking.join(30)
    assert answers and answers[0][0] == 503
    assert time.monotonic() - begun < 30


# ---- who knows only some formats is taken through an update all the same ----

@pytest.mark.parametrize("formats", [(CBOR, SENML_CBOR, LWM2M_CBOR), (TLV, TEXT), (SENML_JSON,), (LWM2M_CBOR,)], ids=str)
@pytest.mark.parametrize("lists", [True, False])
def test_a_client_with_few_formats_gets_its_package_uri(server, client, keys, tmp_path, formats, lists):
    root = f'</>;rt="oma.lwm2m";ct="{" ".join(str(f) for f in formats)}",'.encode() if lists else b""
    device = client(*formats, links=root + b"</3/0>,</5/0>", version="1.2")
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    package = server.json("package", "list")["packages"][0]["id"]
    server.kedge("rollout", "create", "--name", "few", "--package", package, "--all", "--start")
    until(lambda: any(asked[:2] == (PUT, "/5/0/1") for asked in device.asked))
    _, path, form, _, payload = last(device, PUT)
    uri = decode(form, path, payload)["/5/0/1"]
    assert (uri.decode() if isinstance(uri, bytes) else uri).startswith("coap://127.0.0.1:")
