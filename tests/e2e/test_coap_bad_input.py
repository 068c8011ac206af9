"""The server's CoAP side against what it should not be sent, and against foreign clients.

Each test sends something that cannot be right from a raw socket, or speaks through libcoap's own
coap-client, and then shows that the server refused it clearly, lost nothing, and carries on."""
import hashlib
import random
import shutil
import socket
import sqlite3
import time

import pytest

from conftest import CLASS, VENDOR, make_package, run, wait_until
from lwm2m_peer import (ACK, BLOCK2, CON, CONTENT_FORMAT, DELETE, ETAG, GET, LINK, LOCATION_PATH, NON, POST, PUT, RST,
                        SIZE2, TEXT, TLV, URI_PATH, URI_QUERY, Message, code, decode, uint)
from wire import LINKS, Wire

CLIENTS = ["coap-client-notls", "coap-client-gnutls", "coap-client-openssl"]


@pytest.fixture
def wire(server) -> Wire:
    return Wire(server)


def devices(server) -> dict:
    return {d["endpoint"]: d for d in server.json("device", "list")["devices"]}


def version_of(server, name: str) -> str:
    """What the server knows the device to run; "" before it knows the device."""
    return devices(server).get(name, {}).get("version") or ""


def carries_on(server, name: str = "afterwards"):
    """A device that comes now is served as ever."""
    device = Wire(server)
    device.registered(name)
    known = device.serve_until(lambda: version_of(server, name) and devices(server)[name], name)
    assert (known["vendor"], known["class"], known["version"]) == (VENDOR, CLASS, "1.0.0")
    assert server.process.process.poll() is None, server.process.log


@pytest.fixture
def file_of(server, keys, tmp_path):
    """A package on the server: the bytes that devices are served, and their path."""
    package = make_package(tmp_path, keys, "1.1.0", 2, random.Random(7).randbytes(150_000))
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", package)
    file = next((server.data / "fw").iterdir())
    data = file.read_bytes()
    assert hashlib.sha256(data).hexdigest() == file.name
    carries_on(server, "downloads-here")  # without a device at their host, nobody could
    return data, f"fw/{file.name}"


# ---- malformed datagrams ----

HEAD = bytes([0x40, GET, 0x12, 0x34])
RESET = bytes([0x70, 0, 0x12, 0x34])


@pytest.mark.parametrize("datagram, reaction", [
    (b"", None),
    (b"\x40", None),
    (b"\x40\x01\x12", None),
    (b"\x80\x01\x12\x34", None),                             # version 2: ignored (RFC 7252, section 3)
    (b"\x49\x01\x12\x34123456789", RESET),                   # a token of 9 bytes
    (b"\x48\x01\x12\x34123", RESET),                         # a token cut short
    (HEAD + b"\xb4rd", RESET),                               # an option cut short
    (HEAD + b"\xf0", RESET),                                 # the reserved delta
    (HEAD + b"\xbf", RESET),                                 # the reserved length
    (HEAD + b"\xb2rd\xff", RESET),                           # a marker without a payload
    (HEAD + b"\xed\xff\xff" + b"\xe0\xff\xff", RESET),       # an option number beyond 65535
    (HEAD + b"\xb0" + b"\x00" * 64, RESET),                  # 65 options
    (b"\x40\x00\x12\x34x", RESET),                           # an empty message that is not empty
    (b"\x40\x25\x12\x34", RESET),                            # a code of a reserved class
    (b"\x50\x01\x12\x34\xb4rd", None),                       # non-confirmable: dropped
    (b"\x60\x02\x12\x34\xb2rd", None),                       # a request as an acknowledgement
    (b"\x40\x45\x12\x34\xffhello", None),                    # an answer that nobody asked for
    (HEAD + b"\xff" + b"x" * 1500, None),                    # longer than any message
    (HEAD + b"\xff" + b"x" * 60000, None),
], ids=lambda value: None if value is None else value[:8].hex() or "empty")
def test_a_malformed_datagram_is_reset_or_dropped(server, wire, datagram, reaction):
    wire.send(datagram)
    if reaction is None:
        assert wire.receive(0.2) is None
    else:
        wire.socket.settimeout(60)
        assert wire.socket.recv(100) == reaction
    carries_on(server)


def test_random_datagrams_and_damaged_registers_do_no_harm(server, wire):
    draw = random.Random(11)
    good = Message(CON, POST, 1, b"tok", [(URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK)), (URI_QUERY, b"ep=damaged"),
                                          (URI_QUERY, b"lt=300"), (URI_QUERY, b"lwm2m=1.1")], LINKS).encode()
    for i in range(3000):
        if i % 2:
            wire.send(draw.randbytes(draw.randrange(1, 200)))
        else:
            damaged = bytearray(good)
            for _ in range(draw.randrange(1, 4)):
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
            wire.send(bytes(damaged[:draw.randrange(1, len(damaged) + 1)]))
        if i % 50 == 0:
            while wire.receive(0.01) is not None:
                pass
    carries_on(server)


@pytest.mark.parametrize("options, answer", [
    ([(9, b"?")], "4.02"), ([(65001, b"")], "4.02"), ([(35, b"coap://elsewhere/")], "4.02"),
    ([(65000, b"?")], "4.04"), ([(258, b"")], "4.04"),
])
def test_an_unknown_critical_option_is_4_02_and_an_elective_one_is_ignored(wire, options, answer):
    assert wire.ask(GET, "nothing/here", options=options).code_text == answer


@pytest.mark.parametrize("option", [(1, b""), (1, b"etag"), (5, b"")], ids=["exists", "of an ETag", "does not exist"])
def test_a_condition_on_what_has_no_etag_is_4_02(server, wire, option):
    refusal = wire.ask(POST, "rd", ["ep=x", "lt=60", "lwm2m=1.1"], [option, (CONTENT_FORMAT, uint(LINK))], LINKS)
    assert refusal.code_text == "4.02"
    assert wire.ask(GET, "nothing/here", options=[option]).code_text == "4.02"
    assert devices(server) == {}


def test_a_request_that_comes_twice_is_answered_twice_and_done_once(server, wire):
    request = Message(CON, POST, 0x4711, b"twice", [
        (URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK)), (URI_QUERY, b"ep=twice"), (URI_QUERY, b"lt=300"),
        (URI_QUERY, b"lwm2m=1.1")], LINKS).encode()
    answers = []
    for _ in range(3):
        wire.send(request)
        while True:
            message = wire.receive()
            if message.is_request:
                wire.serve(message)
            else:
                answers.append(message)
                break
    assert [a.code_text for a in answers] == ["2.01"] * 3
    assert len({tuple(a.all(LOCATION_PATH)) for a in answers}) == 1
    wire.serve_until(lambda: devices(server), "the device")
    assert list(devices(server)) == ["twice"]


# ---- answers that are none ----

def test_answers_with_a_wrong_token_or_id_or_from_a_stranger_count_for_nothing(server, wire):
    wire.registered("honest")
    question = wire.receive()
    assert question.is_request and question.path == "/5/0"
    stranger = Wire(server)
    lie = Message(ACK, code("2.05"), question.message_id, question.token, [(CONTENT_FORMAT, b"")], b"liar")
    stranger.send(lie.encode())
    wire.send(Message(ACK, code("2.05"), question.message_id, b"wrongtok", lie.options, b"liar").encode())
    wire.send(Message(ACK, code("2.05"), question.message_id ^ 1, question.token, lie.options, b"liar").encode())
    wire.send(Message(CON, code("2.05"), 0x7777, b"wrongtok", lie.options, b"liar").encode())
    while (reset := wire.receive()).is_request:
        pass  # the question once more
    assert (reset.kind, reset.message_id) == (RST, 0x7777)
    wire.serve(question)
    known = wire.serve_until(lambda: version_of(server, "honest") and devices(server)["honest"], "honest")
    assert known["vendor"] == VENDOR
    carries_on(server)


@pytest.mark.parametrize("value_format, value", [
    (TLV, b""), (TLV, b"\xc8"), (TLV, b"\xc8\x03\xff" + b"x" * 20), (TLV, b"\xd8\x03\xff\xff\xff" + b"x"),
    (TLV, b"\xc3\x03ab"), (TLV, b"\x08\x00\x06\xc8\x03\x40abc"), (TEXT, b"1.\x000"), (TEXT, b"\xff\xfe"),
    (TEXT, b"v" * 300), (60, b"\x65abc"), (60, b"\x9f"), (65535, b"anything"),
], ids=lambda value: str(value) if isinstance(value, int) else value[:8].hex() or "empty")
def test_a_version_that_cannot_be_read_is_none(server, wire, value_format, value):
    wire.values["/3/0/3"] = value
    wire.value_format = value_format
    wire.registered("strange")
    wire.serve_until(lambda: "device strange is a" in server.process.log, "the device to be asked")
    assert version_of(server, "strange") == ""
    carries_on(server)


def test_a_device_that_answers_endlessly_in_blocks_is_cut_off(server, wire):
    wire.registered("endless")
    blocks, last_id = 0, None
    while (request := wire.receive(60 if blocks < 65 else 2)) is not None and request.path == "/5/0":
        if request.message_id == last_id:
            continue  # it has come again before it was answered
        last_id = request.message_id
        number = (request.number(BLOCK2) or 0) >> 4
        assert number == blocks
        reply = Message(ACK, code("2.05"), request.message_id, request.token,
                        [(CONTENT_FORMAT, b""), (BLOCK2, uint(number << 4 | 8 | 6))], b"x" * 1024)
        wire.send(reply.encode())
        blocks += 1
    assert blocks == 65  # 64 KiB, and the one that was too much
    carries_on(server)


# ---- registrations ----

@pytest.mark.parametrize("queries, answer", [
    (["ep=" + "n" * 129, "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=", "lt=60", "lwm2m=1.1"], "4.00"),
    (["lt=60", "lwm2m=1.1"], "4.00"),
    ([b"ep=\xff\xff", "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=a\nb", "lt=60", "lwm2m=1.1"], "4.00"),
    ([b"ep=a\x00b", "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=\x9b31m", "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=\u202eevil", "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=a\u2028b", "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=x", "ep=y", "lt=60", "lwm2m=1.1"], "4.00"),
    (["ep=x", "lt=soon", "lwm2m=1.1"], "4.00"),
    (["ep=x", "lt=99999999999", "lwm2m=1.1"], "4.00"),
    (["ep=x", "lt=60"], "4.00"),
    (["ep=x", "lt=60", "lwm2m=9.9"], "4.12"),
    (["ep=x", "lt=60", "lwm2m=1.1", "b=?"], "4.00"),
])
def test_a_register_that_cannot_be_is_refused_with_a_reason(server, wire, queries, answer):
    refusal = wire.ask(POST, "rd", queries, [(CONTENT_FORMAT, uint(LINK))], LINKS)
    assert refusal.code_text == answer
    assert refusal.payload.decode()
    assert devices(server) == {}


@pytest.mark.parametrize("links, options, answer", [
    (b"</3/0", [(CONTENT_FORMAT, uint(LINK))], "4.00"),
    (b"</3/0>;a=\"", [(CONTENT_FORMAT, uint(LINK))], "4.00"),
    (b"\x00\x01", [(CONTENT_FORMAT, uint(LINK))], "4.00"),
    (b",".join([b"</>"] * 257), [(CONTENT_FORMAT, uint(LINK))], "4.00"),
    (LINKS, [(CONTENT_FORMAT, uint(TLV))], "4.15"),
    # a block that is not as large as it says, and the first one of a body that is too large
    (LINKS, [(CONTENT_FORMAT, uint(LINK)), (27, uint(0 << 4 | 8 | 2))], "4.00"),
    (LINKS, [(CONTENT_FORMAT, uint(LINK)), (27, uint(0 << 4 | 8 | 1)), (60, uint(65537))], "4.13"),
    (LINKS, [(CONTENT_FORMAT, uint(LINK)), (27, uint(1 << 4 | 8 | 6))], "4.08"),
])
def test_links_that_cannot_be_are_refused(server, wire, links, options, answer):
    assert wire.ask(POST, "rd", ["ep=x", "lt=60", "lwm2m=1.1"], options, links).code_text == answer
    assert devices(server) == {}


def test_a_name_of_128_bytes_is_taken(server, wire):
    wire.registered("n" * 128)
    wire.serve_until(lambda: "n" * 128 in devices(server), "the device")


def test_a_second_device_that_claims_a_live_name_wins_and_is_audited(server, wire):
    place = wire.registered("claimed")
    wire.serve_until(lambda: version_of(server, "claimed"), "the first one")
    second = Wire(server)
    second.values["/3/0/3"] = b"6.6.6"
    other_place = second.registered("claimed")
    second.serve_until(lambda: version_of(server, "claimed") == "6.6.6", "the second one")
    assert devices(server)["claimed"]["address"] == second.address
    # The first one's registration is void; it finds out and may claim the name back.
    assert wire.ask(POST, place).code_text == "4.04"
    assert second.ask(POST, other_place).code_text == "2.04"
    audit = [a for a in server.json("audit", "list")["audit"] if a["what"] == "device.conflict"]
    assert [(a["subject"], a["before"], a["after"]) for a in audit] == [("claimed", wire.address, second.address)]


def test_a_name_that_is_fought_for_fills_no_audit_log(server, wire):
    rivals = [wire, Wire(server)]
    began = time.monotonic()
    for i in range(1_300):
        rivals[i % 2].registered("claimed")
    took_s = time.monotonic() - began
    said = "device claimed was registered from"
    wait_until(lambda: server.process.log.count(said) == 1_299, 60, "all of it to be said")
    assert server.process.stop() == 0  # what waits is stored
    with sqlite3.connect(f"file:{server.data}/kedged.db?mode=ro", uri=True) as database:
        stored, = database.execute("SELECT count(*) FROM audit WHERE what = 'device.conflict'").fetchone()
    assert 1_000 <= stored <= 1_000 + 10 * (took_s + 1)


def test_a_lifetime_expires_and_an_update_keeps_it(server, wire):
    # No machine is so busy that nothing is done for that long: one of the two is to be kept.
    place = wire.registered("brief", lifetime_s=15)
    kept = Wire(server)
    kept_place = kept.registered("kept", lifetime_s=15)
    wire.serve_until(lambda: kept.ask(POST, kept_place).code_text == "2.04" and version_of(server, "brief"), "the device")
    deadline = time.monotonic() + 60
    while devices(server)["brief"]["registered"]:
        assert time.monotonic() < deadline, "it never expired"
        assert kept.ask(POST, kept_place).code_text == "2.04"
    assert devices(server)["kept"]["registered"]
    assert wire.ask(POST, place).code_text == "4.04"
    server.process.wait_for("device brief is gone: its lifetime expired")


def test_a_device_that_de_registers_is_gone_and_comes_back(server, wire):
    place = wire.registered("leaving")
    wire.serve_until(lambda: version_of(server, "leaving"), "the device")
    assert wire.ask(DELETE, place).code_text == "2.02"
    wait_until(lambda: not devices(server)["leaving"]["registered"], 60, "it to be gone")
    assert wire.ask(DELETE, place).code_text == "4.04"
    assert wire.ask(POST, place).code_text == "4.04"
    wire.registered("leaving")
    wire.serve_until(lambda: devices(server)["leaving"]["registered"], "it to be back")


@pytest.mark.parametrize("method, path, answer", [
    (POST, "rd/ffffffffffffffffffffffff", "4.04"), (DELETE, "rd/ffffffffffffffffffffffff", "4.04"),
    (POST, "rd/1", "4.04"), (POST, "rd/a/b", "4.04"), (GET, "rd", "4.05"), (PUT, "rd/1", "4.05"),
    (GET, "", "4.04"), (GET, "fw", "4.04"), (GET, "fw/..", "4.04"), (GET, "fw/" + "0" * 64, "4.04"),
    (GET, "fw/" + "0" * 63 + "/", "4.04"), (POST, "bs", "4.04"), (7, "3/0", "4.04"),
])
def test_what_is_not_there_is_refused(server, wire, method, path, answer):
    assert wire.ask(method, path).code_text == answer
    carries_on(server)


def test_names_of_files_reach_no_other_file(server, wire, file_of):
    _, path = file_of
    digest = path.split("/")[1]
    for segments in (["fw", f"../fw/{digest}"], ["fw", "../admin.token"], ["fw", digest.upper()],
                     ["fw", digest, ""], ["fw", digest[:-1] + "\0"], ["fw", "%2e%2e"]):
        wire.next_id = (wire.next_id + 1) % 0x10000
        wire.send(Message(CON, GET, wire.next_id, b"t", [(URI_PATH, s.encode()) for s in segments]).encode())
        assert wire.receive().code_text == "4.04", segments


# ---- downloads ----

def blocks_of(wire, path, first: int = 0, exponent: int = 6):
    """The answers to one request for each block from `first` on."""
    number = first
    while True:
        answer = wire.ask(GET, path, options=[(BLOCK2, uint(number << 4 | exponent))])
        assert answer.code_text == "2.05"
        assert answer.number(BLOCK2) == number << 4 | (answer.number(BLOCK2) & 8) | exponent
        yield answer
        if not answer.number(BLOCK2) & 8:
            return
        number += 1


@pytest.mark.parametrize("exponent", [2, 6])
def test_every_block_is_the_right_bytes(wire, file_of, exponent):
    data, path = file_of
    answers = list(blocks_of(wire, path, exponent=exponent))
    assert b"".join(a.payload for a in answers) == data
    assert len({tuple(a.all(ETAG)) for a in answers}) == 1
    assert answers[0].number(SIZE2) == len(data)
    assert all(len(a.payload) == 16 << exponent for a in answers[:-1])


def test_a_download_goes_on_from_any_block_and_not_beyond_the_end(wire, file_of):
    data, path = file_of
    first = len(data) // 1024 - 3
    assert b"".join(a.payload for a in blocks_of(wire, path, first)) == data[first * 1024:]
    beyond = (len(data) + 1023) // 1024
    for number in (beyond, 0xFFFFF):
        assert wire.ask(GET, path, options=[(BLOCK2, uint(number << 4 | 6))]).code_text == "4.00"
    assert wire.ask(GET, path, options=[(BLOCK2, uint(7))]).code_text == "4.00"  # RFC 7959 section 2.2
    assert wire.ask(GET, path, options=[(BLOCK2, b"\1\2\3\4")]).code_text == "4.02"
    etag = wire.ask(GET, path).all(ETAG)[0]
    assert wire.ask(GET, path, options=[(ETAG, etag)]).code_text == "2.03"
    assert wire.ask(GET, path, kind=NON).kind == NON
    assert wire.ask(PUT, path).code_text == "4.05"


@pytest.mark.parametrize("value, answer", [(b"\x07", "4.00"), (b"\0\0\0\x06", "4.02")])
def test_a_body_in_blocks_of_no_size_is_refused(wire, value, answer):
    block1 = 27
    refusal = wire.ask(POST, "rd", ["ep=a", "lwm2m=1.1"], [(CONTENT_FORMAT, uint(LINK)), (block1, value)], b"</3/0>")
    assert refusal.code_text == answer


@pytest.mark.parametrize("client", CLIENTS[1:])
def test_a_client_that_is_new_begins_at_block_2907(server, keys, tmp_path, client):
    package = make_package(tmp_path, keys, "1.1.0", 2, random.Random(7).randbytes(3_000_000), "--compress", "none")
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", package)
    file = next((server.data / "fw").iterdir())
    data, path = file.read_bytes(), f"fw/{file.name}"
    carries_on(server, "downloads-here")
    # The first thing that its address asks; what came before it is somebody else's.
    first = Wire(server).ask(GET, path, options=[(BLOCK2, uint(2907 << 4 | 6))])
    assert (first.code_text, first.payload) == ("2.05", data[2907 * 1024:2908 * 1024])
    assert first.number(BLOCK2) == 2907 << 4 | 8 | 6
    rest = b"".join(answer.payload for answer in blocks_of(Wire(server), path, 2907))
    assert rest == data[2907 * 1024:]
    out = tmp_path / "block"
    done = run(client, "-b", "2907,1024", "-o", out, f"{server.coap_uri}/{path}", timeout=60)
    assert done.returncode == 0, done.stderr
    assert out.read_bytes() == first.payload


def test_a_package_that_is_deleted_in_mid_download_is_gone(server, wire, file_of):
    data, path = file_of
    assert wire.ask(GET, path).payload == data[:1024]
    package, = server.json("package", "list")["packages"]
    server.kedge("package", "delete", package["id"])
    assert wire.ask(GET, path, options=[(BLOCK2, uint(1 << 4 | 6))]).code_text == "4.04"


@pytest.mark.parametrize("client", CLIENTS)
def test_libcoap_downloads_it_byte_for_byte(server, file_of, tmp_path, client):
    data, path = file_of
    assert shutil.which(client), f"{client} is missing: scripts/setup installs libcoap3-bin"
    for size in (1024, 64):
        out = tmp_path / f"out-{size}"
        done = run(client, "-b", size, "-o", out, f"{server.coap_uri}/{path}", timeout=60)
        assert done.returncode == 0, done.stderr
        assert out.read_bytes() == data


@pytest.mark.parametrize("client", CLIENTS)
def test_libcoap_gets_the_block_that_it_names(server, file_of, tmp_path, client):
    """coap-client 4.3.1 fetches the one block when it is told to begin in the middle."""
    data, path = file_of
    for number in (1, 100, len(data) // 1024):
        out = tmp_path / f"block-{number}"
        done = run(client, "-b", f"{number},1024", "-o", out, f"{server.coap_uri}/{path}", timeout=60)
        assert done.returncode == 0, done.stderr
        assert out.read_bytes() == data[number * 1024:(number + 1) * 1024]


@pytest.mark.parametrize("client", CLIENTS)
def test_libcoap_is_told_what_it_cannot_have(server, client):
    done = run(client, f"{server.coap_uri}/fw/{'0' * 64}")
    assert "4.04" in done.stdout + done.stderr
    done = run(client, "-O", "65001,0x00", f"{server.coap_uri}/rd")
    assert "4.02" in done.stdout + done.stderr


def test_libcoap_registers_and_de_registers(server):
    query = "?ep=foreign&lt=300&lwm2m=1.1&b=U"
    done = run(CLIENTS[0], "-m", "post", "-t", "40", "-e", "</3/0>", "-v", "7", f"{server.coap_uri}/rd{query}")
    assert done.returncode == 0 and "2.01" in done.stdout + done.stderr
    wait_until(lambda: "foreign" in devices(server), 60, "the device")
    done = run(CLIENTS[0], "-m", "post", "-t", "40", "-e", "</3/0>",
               f"{server.coap_uri}/rd?ep={'n' * 129}&lt=300&lwm2m=1.1")
    assert "4.00" in done.stdout + done.stderr
    assert list(devices(server)) == ["foreign"]


def test_registrations_go_on_while_many_download(server, file_of):
    """Twenty devices pull at once, block by block, while others register: nobody waits for another."""
    data, path = file_of
    pulling = [Wire(server) for _ in range(20)]
    streams = [blocks_of(wire, path) for wire in pulling]
    got = [b""] * len(streams)
    for turn in range(10):
        for i, stream in enumerate(streams):
            got[i] += next(stream).payload
        if turn in (2, 7):
            carries_on(server, f"beside-{turn}")
    assert got == [data[:10 * 1024]] * len(streams)
