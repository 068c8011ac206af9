"""The agent's downloads by HTTP, from a server that is scripted to misbehave in each way."""
import gzip
import pathlib
import time

import pytest

from agent_kit import BIG_IMAGE, DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, agent, peer, state_of, update
from conftest import make_package, wait_until
from lwm2m_peer import BLOCK1, GET, OPAQUE, PUT, TLV, tlv, uint
from web_server import Answer, WebServer


@pytest.fixture
def web(update):
    server = WebServer()
    server.files["/fw/package"] = update
    yield server
    server.close()


def offer(peer, web, path: str = "/fw/package"):
    assert peer.write(ENDPOINT, "/5/0/1", web.uri + path) == "2.04"


def arrives(peer, version: str = "1.1.0", timeout: float = 60):
    wait_until(lambda: peer.read(ENDPOINT, "/5/0/3") != DOWNLOADING, timeout, "the end of the download")
    assert state_of(peer) == (DOWNLOADED, "0"), peer.read(ENDPOINT, "/26241/0/0")
    assert peer.read(ENDPOINT, "/5/0/7") == version


def fails(peer, result: int, words: str, timeout: float = 60):
    peer.poll(ENDPOINT, "/5/0/5", str(result), timeout)
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert words in peer.read(ENDPOINT, "/26241/0/0")


def and_the_next_one_works(peer, web):
    web.hook = lambda request: None
    offer(peer, web)
    arrives(peer)
    assert peer.read(ENDPOINT, "/26241/0/0") == ""


def once(web, faulty):
    """The first request that comes is answered by faulty(what would be right), the others are right."""
    web.hook = lambda request: faulty(web.proper(request)) if len(web.requests) == 1 else None


def changed(answer: Answer, **what) -> Answer:
    for name, value in what.items():
        setattr(answer, name, value)
    return answer


# ---- as it should be

def test_a_package_comes_in_one_request_that_asks_for_no_encoding(agent, peer, web, update):
    agent()
    offer(peer, web)
    arrives(peer)
    request, = web.requests
    assert request.target == "/fw/package" and "range" not in request.fields and "if-range" not in request.fields
    assert request.fields["accept-encoding"] == "identity"
    assert request.fields["host"] == f"127.0.0.1:{web.port}"


@pytest.mark.parametrize("how", ["chunked", "until the connection ends"])
def test_a_length_that_is_not_told_is_no_fault(agent, peer, web, how):
    agent()
    once(web, lambda answer: changed(answer, length=None, chunked=how == "chunked"))
    offer(peer, web)
    arrives(peer)
    assert len(web.requests) == 1


# ---- a connection that is lost, a server that stalls

def test_it_goes_on_where_each_connection_broke_off(agent, peer, web, update):
    agent()
    web.hook = lambda request: changed(web.proper(request), cut=40000) if request.offset < 200000 else None
    offer(peer, web)
    arrives(peer)
    assert web.offsets == list(range(0, 200001, 40000))
    assert all(request.fields["if-range"] == '"one"' for request in web.requests[1:])


def test_a_connection_that_ends_in_the_head_is_only_a_loss(agent, peer, web):
    agent()
    heads = [b"", b"HTTP/1.1 200 OK\r\nETag: \"on", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", b"SSH-2.0-x\r\n"]
    web.hook = lambda request: heads[len(web.requests) - 1] if len(web.requests) <= len(heads) else None
    offer(peer, web)
    arrives(peer)
    assert web.offsets == [0] * (len(heads) + 1)


def test_a_server_that_goes_silent_is_left_and_asked_for_the_rest(agent, peer, web):
    """The connection stands, and nothing comes: after half a minute another one is made."""
    agent()
    once(web, lambda answer: changed(answer, stall=50000))
    offer(peer, web)
    arrives(peer, timeout=120)
    assert web.offsets == [0, 50000]


def test_without_progress_it_ends_with_result_4_and_says_where(agent, peer, web):
    agent("--download-patience", "8")
    web.hook = lambda request: changed(web.proper(request), stall=50000)
    offer(peer, web)
    fails(peer, 4, "no new block for 8 s, at byte 50000")
    and_the_next_one_works(peer, web)


def test_nobody_at_the_port_is_result_4_and_the_next_update_works(agent, peer, web):
    agent("--download-patience", "8")
    gone = WebServer()
    gone.close()
    assert peer.write(ENDPOINT, "/5/0/1", f"{gone.uri}/fw/package") == "2.04"
    fails(peer, 4, "no new block for 8 s, at byte 0: Failed to connect")
    and_the_next_one_works(peer, web)


def test_a_name_that_nobody_knows_is_result_4(agent, peer, web):
    agent("--download-patience", "8")
    assert peer.write(ENDPOINT, "/5/0/1", "http://no-such-host.invalid/fw/package") == "2.04"
    fails(peer, 4, "no-such-host.invalid")
    and_the_next_one_works(peer, web)


def test_a_server_that_restarts_in_mid_download_is_survived(agent, peer, web, update):
    agent()
    web.hook = lambda request: changed(web.proper(request), cut=100000) if len(web.requests) == 1 else b""  # it is ending
    offer(peer, web)
    peer.wait_for(lambda: web.requests, 60, "the download")
    web.close()
    again = WebServer(port=web.port)
    try:
        again.files.update(web.files)
        arrives(peer)
        assert again.offsets == [100000]
    finally:
        again.close()


# ---- a server without ranges, and one that has others

@pytest.mark.parametrize("etag", ['"one"', None, 'W/"one"'])
def test_a_server_without_ranges_begins_anew(agent, peer, web, update, etag):
    agent()
    web.etags["/fw/package"] = etag
    web.hook = lambda request: Answer(200, update, {"ETag": etag} if etag else {},
                                      cut=100000 if len(web.requests) == 1 else None)
    offer(peer, web)
    arrives(peer)
    # Without a tag that says it is the same, no part of it is asked for.
    assert web.offsets == [0, 100000 if etag == '"one"' else 0]


def test_a_server_without_ranges_that_always_breaks_off_is_given_up(agent, peer, web, update):
    agent()
    web.hook = lambda request: Answer(200, update, {"ETag": '"one"'}, cut=100000)
    offer(peer, web)
    fails(peer, 4, "from the beginning each time")
    assert len(web.requests) == 5, "what came, and three new beginnings, the last of which broke off too"
    and_the_next_one_works(peer, web)


@pytest.mark.parametrize("range_of_it", [
    "bytes 99999-{last}/{size}", "bytes 100001-{last}/{size}", "bytes 0-{last}/{size}", "bytes 100000-{last}/9",
    "bytes 100000-{last}", "lines 1-2/3", None])
def test_a_part_that_was_not_asked_for_is_not_taken(agent, peer, web, update, range_of_it):
    agent()

    def wrong(request):
        answer = web.proper(request)
        if len(web.requests) == 1:
            return changed(answer, cut=100000)
        if request.offset and range_of_it is None:
            del answer.fields["Content-Range"]
        elif request.offset:
            answer.fields["Content-Range"] = range_of_it.format(last=len(update) - 1, size=len(update))
        return answer

    web.hook = wrong
    offer(peer, web)
    arrives(peer)
    assert web.offsets == [0, 100000, 0]


@pytest.mark.parametrize("status", [412, 416])
def test_a_range_that_is_refused_begins_anew(agent, peer, web, status):
    agent()
    web.hook = lambda request: (changed(web.proper(request), cut=100000) if len(web.requests) == 1
                                else Answer(status, fields={"Content-Range": "bytes */5"}) if request.offset else None)
    offer(peer, web)
    arrives(peer)
    assert web.offsets == [0, 100000, 0]


@pytest.mark.parametrize("honest", [True, False])
def test_another_package_in_mid_download_begins_anew(agent, peer, web, tmp_path, keys, honest):
    """An honest server answers If-Range with the whole; one that is not, with a part of another entity tag."""
    agent()
    other = make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE[::-1], "--compress", "none").read_bytes()

    def swapped(request):
        if len(web.requests) == 1:
            answer = changed(web.proper(request), cut=100000)
            web.files["/fw/package"], web.etags["/fw/package"] = other, '"two"'
            return answer
        if request.offset and not honest:
            return Answer(206, other[request.offset:], {
                "ETag": '"two"', "Content-Range": f"bytes {request.offset}-{len(other) - 1}/{len(other)}"})
        return None

    web.hook = swapped
    offer(peer, web)
    arrives(peer, "1.2.0")
    assert web.offsets == ([0, 100000] if honest else [0, 100000, 0])


def test_a_package_that_changes_for_ever_is_given_up(agent, peer, web):
    agent()

    def changing(request):
        web.etags["/fw/package"] = f'"{len(web.requests)}"'
        return changed(web.proper(request), cut=50000)

    web.hook = changing
    offer(peer, web)
    fails(peer, 4, "keeps changing")
    and_the_next_one_works(peer, web)


# ---- refusals, redirects

@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_what_cannot_be_had_is_result_7_at_once(agent, peer, web, status):
    agent()
    web.hook = lambda request: Answer(status, b"<html>no</html>" * 1000, {"WWW-Authenticate": 'Basic realm="x"'})
    offer(peer, web)
    fails(peer, 7, f"the server answered {status}")
    assert len(web.requests) == 1
    and_the_next_one_works(peer, web)


def test_a_busy_server_is_asked_again_when_it_says(agent, peer, web):
    agent()
    times = []

    def busy(request):
        times.append(time.monotonic())
        return Answer(503, b"later", {"Retry-After": "3"}) if len(times) == 1 else None

    web.hook = busy
    offer(peer, web)
    arrives(peer)
    assert len(times) == 2 and times[1] - times[0] >= 3


def test_devices_that_a_server_turned_away_do_not_come_back_at_once(agent, peer, web):
    """Each pause is spread over half of itself. That five of them in a row add up to less than a quarter of a second
    has a chance of one in 100,000."""
    agent()
    times = []

    def busy(request):
        times.append(time.monotonic())
        return Answer(503) if len(times) <= 5 else None

    web.hook = busy
    offer(peer, web)
    arrives(peer, timeout=90)
    assert times[5] - times[0] > 0.5 + 1 + 2 + 4 + 8 + 0.25


def test_a_server_that_wants_longer_than_the_patience_is_result_4_at_once(agent, peer, web):
    agent()
    web.hook = lambda request: Answer(503, fields={"Retry-After": "7200"})
    offer(peer, web)
    fails(peer, 4, "the server answered 503 and is not to be asked for 7200 s")
    assert len(web.requests) == 1
    and_the_next_one_works(peer, web)


def test_a_redirect_is_followed_and_may_be_relative(agent, peer, web, update):
    agent()
    web.files["/cdn/there"] = update
    web.hook = lambda request: {
        "/fw/package": Answer(302, b"x" * 5000, {"Location": "../cdn/here?a=b"}),
        "/cdn/here?a=b": Answer(308, fields={"Location": f"{web.uri}/cdn/there#part"})}.get(request.target)
    offer(peer, web)
    arrives(peer)
    assert [request.target for request in web.requests] == ["/fw/package", "/cdn/here?a=b", "/cdn/there"]


@pytest.mark.parametrize("location, result, words", [
    ("file:///etc/hostname", 9, "another protocol"), ("ftp://127.0.0.1/x", 9, "another protocol"),
    ("coap://127.0.0.1/x", 9, "another protocol"), ("/fw/package", 7, "again and again"),
    ("http://user:word@127.0.0.1/x", 7, "not valid"), ("x" * 3000, 7, "not valid"), (None, 7, "answered 302")])
def test_a_redirect_that_must_not_be_followed_is_not(agent, peer, web, location, result, words):
    agent()
    web.hook = lambda request: Answer(302, fields={"Location": location} if location else {})
    offer(peer, web)
    fails(peer, result, words)
    assert len(web.requests) == (6 if location == "/fw/package" else 1)
    and_the_next_one_works(peer, web)


# ---- bad answers

@pytest.mark.parametrize("what, result, words", [
    ("encoded", 6, "encoded"), ("empty", 5, ""), ("another thing", 6, ""), ("cut", 5, "ends too early"),
    ("too large", 2, "more than a package for this slot"), ("status 204", 7, "204")])
def test_a_body_that_is_no_package_ends_with_its_result(agent, peer, web, update, what, result, words):
    agent(slot_size=524288)
    web.hook = lambda request: {
        "encoded": Answer(200, gzip.compress(update), {"Content-Encoding": "gzip"}), "empty": Answer(200),
        "another thing": Answer(200, b"#!/bin/sh\n" * 9000), "cut": Answer(200, update[:200000]),
        "too large": Answer(200, update, length=1 << 40), "status 204": Answer(204, length=None)}[what]
    offer(peer, web)
    fails(peer, result, words)
    assert len(web.requests) == 1
    and_the_next_one_works(peer, web)


def test_a_head_without_end_is_left_and_told(agent, peer, web):
    agent("--download-patience", "8")
    web.hook = lambda request: b"HTTP/1.1 200 OK\r\n" + b"X-More: and more\r\n" * 5000
    offer(peer, web)
    fails(peer, 4, "the head of the answer does not end")
    and_the_next_one_works(peer, web)


# ---- what it may cost

def test_the_budget_counts_what_came_for_nothing(agent, peer, web, update):
    made = agent("--download-budget", str(len(update) + 50000))
    web.hook = lambda request: Answer(200, update, {"ETag": '"one"'}, cut=100000)
    offer(peer, web)
    fails(peer, 4, f"more than its budget of {len(update) + 50000}")
    assert made.status()["result"] == 4
    and_the_next_one_works(peer, web)


def test_the_budget_holds_for_coap_and_for_pushed_packages(agent, peer, update):
    agent("--download-budget", "100000")
    assert peer.offer(ENDPOINT, update) == "2.04"
    fails(peer, 4, "more than its budget of 100000")
    assert max(peer.blocks_asked) == 100000 // 1024
    for number in range(len(update) // 1024):
        message = peer.make_request(PUT, "/5/0/0", update[number * 1024:][:1024], content_format=OPAQUE)
        message.options.append((BLOCK1, uint(number << 4 | 8 | 6)))
        answer = peer.exchange(ENDPOINT, message).code_text
        if answer != "2.31":
            break
    assert (number, answer) == (100000 // 1024, "4.00")
    fails(peer, 4, "more than its budget of 100000")


# ---- beside it

def test_the_device_says_by_which_protocols_it_downloads(agent, peer):
    agent()
    answer = peer.request(ENDPOINT, GET, "/5/0/8", accept=TLV)
    (_, resource, values), = tlv(answer.payload)
    by_https = [b"\3"] if pathlib.Path("/etc/ssl/certs/ca-certificates.crt").exists() else []
    assert resource == 8 and [value for _, _, value in tlv(values)] == [b"\0", b"\2", *by_https]


def test_the_server_is_answered_while_a_download_stalls(agent, peer, web):
    agent()
    web.hook = lambda request: changed(web.proper(request), stall=50000)
    offer(peer, web)
    peer.wait_for(lambda: web.requests, 60, "the download")
    assert state_of(peer) == (DOWNLOADING, "0")
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    assert state_of(peer) == (IDLE, "10")
    and_the_next_one_works(peer, web)


def test_an_agent_that_is_told_to_end_in_mid_download_ends(agent, peer, web):
    made = agent()
    web.hook = lambda request: changed(web.proper(request), stall=50000)
    offer(peer, web)
    peer.wait_for(lambda: web.requests, 60, "the download")
    assert made.process.stop() == 0
    web.hook = lambda request: None
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    arrives(peer)
