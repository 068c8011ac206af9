"""Packages that are pushed: to the agent by a foreign server, and by kedged, over good and bad networks."""
import os
import signal
import socket
import time

import pytest

from agent_kit import BIG_IMAGE, DOWNLOADED, DOWNLOADING, ENDPOINT, IDLE, agent, flip, peer, state_of, update
from bad_network import BadNetwork
from conftest import CLASS, VENDOR, Server, free_port, make_package, run, wait_until
from lwm2m_peer import BLOCK1, CON, CONTENT_FORMAT, LINK, OPAQUE, POST, PUT, URI_PATH, URI_QUERY, Message, uint
from test_dtls import SecureServer
from test_update import assert_versions, deployments, registered, upload

SIZE1, REQUEST_TAG = 60, 292


class Push:
    """One body, and the blocks of it that a foreign server sends to the agent."""

    def __init__(self, peer, body: bytes, szx: int = 6, tag: bytes | None = b"", endpoint: str = ENDPOINT):
        self.peer, self.body, self.szx, self.endpoint = peer, body, szx, endpoint
        self.tag = os.urandom(8) if tag == b"" else tag
        self.size = 16 << szx
        self.count = -(-len(body) // self.size)

    def message(self, number: int):
        payload = self.body[number * self.size:(number + 1) * self.size]
        more = number + 1 < self.count
        message = self.peer.make_request(PUT, "/5/0/0", payload, content_format=OPAQUE)
        message.options.append((BLOCK1, uint(number << 4 | more << 3 | self.szx)))
        if number == 0:
            message.options.append((SIZE1, uint(len(self.body))))
        if self.tag is not None:
            message.options.append((REQUEST_TAG, self.tag))
        return message

    def block(self, number: int):
        """Sends one block; returns the answer, whose Block1 says which block it answers."""
        answer = self.peer.exchange(self.endpoint, self.message(number))
        said = answer.number(BLOCK1)
        assert (said >> 4, said & 7) == (number, self.szx)
        assert bool(said & 8) == (answer.code_text == "2.31")
        return answer.code_text

    def blocks(self, first: int, last: int):
        for number in range(first, last):
            assert self.block(number) == ("2.31" if number + 1 < self.count else "2.04")

    def whole(self):
        self.blocks(0, self.count)


def assert_downloaded(peer):
    assert state_of(peer) == (DOWNLOADED, "0")
    assert peer.read(ENDPOINT, "/5/0/7") == "1.1.0"


# ---- the agent, with a foreign server ----


def test_the_agent_takes_a_pushed_package_block_by_block(agent, peer, update):
    agent()
    assert peer.read(ENDPOINT, "/5/0/9") == "2"
    push = Push(peer, update)
    state = peer.observe(ENDPOINT, "/5/0/3")
    push.blocks(0, 1)
    assert state_of(peer) == (DOWNLOADING, "0")
    push.blocks(1, push.count)
    assert_downloaded(peer)
    peer.wait_for(lambda: state.values == [IDLE, DOWNLOADING, DOWNLOADED], what="the notifications")
    # The package is the same as a downloaded one to everything that follows.
    assert peer.read(ENDPOINT, "/5/0/1") == ""
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"


@pytest.mark.parametrize("szx", [2, 5])
def test_blocks_may_be_of_any_size(agent, peer, tmp_path, keys, szx):
    agent()
    package = make_package(tmp_path, keys, "1.1.0", 6, os.urandom(9000), "--compress", "none").read_bytes()
    Push(peer, package, szx).whole()
    assert_downloaded(peer)


def test_blocks_that_come_again_are_answered_and_not_taken_again(agent, peer, update):
    agent()
    push = Push(peer, update)
    push.blocks(0, 3)
    # The same datagram, and the same block in a new request: as after a loss and a give-up.
    message = push.message(2)
    for _ in range(2):
        peer._answers.pop(message.token, None)
        peer.send(ENDPOINT, message)
        assert peer.wait_for(lambda: peer._answers.get(message.token), what="an answer").code_text == "2.31"
    push.blocks(0, 3)
    push.blocks(3, push.count)
    assert_downloaded(peer)
    assert push.block(push.count - 1) == "2.04"
    assert_downloaded(peer)


def test_blocks_out_of_place_are_incomplete_and_the_push_begins_anew(agent, peer, update):
    agent()
    push = Push(peer, update)
    assert push.block(1) == "4.08"
    assert state_of(peer) == (IDLE, "0")
    push.blocks(0, 5)
    assert push.block(6) == "4.08"
    assert Push(peer, update).block(5) == "4.08"  # of another body, by its tag
    Push(peer, update).whole()
    assert_downloaded(peer)


def test_without_request_tags_a_first_block_begins_anew(agent, peer, update):
    agent()
    push = Push(peer, update, tag=None)
    push.blocks(0, 20)
    push.whole()
    assert_downloaded(peer)


@pytest.mark.parametrize("damage, result", [
    (lambda package: flip(package, 30), "5"),                   # the signature: within the first block
    (lambda package: flip(package, len(package) - 100000), "5"),  # a frame, in mid-push
    (lambda package: package[:-1], "5"),                          # the end is missing
    (lambda package: package + b"x", "5")])
def test_what_is_not_authentic_is_refused_at_the_block_that_shows_it(agent, peer, update, damage, result):
    agent()
    push = Push(peer, damage(update))
    codes = []
    for number in range(push.count):
        codes.append(push.block(number))
        if codes[-1] != "2.31":
            break
    assert codes[-1] == "4.00"
    assert state_of(peer) == (IDLE, result)
    assert peer.read(ENDPOINT, "/26241/0/0") != ""
    # And the next one is taken.
    Push(peer, update).whole()
    assert_downloaded(peer)


@pytest.mark.parametrize("what, result", [(b"#!/bin/sh\n" * 900, "6"), (b"\0" * 9000, "6")])
def test_what_is_no_package_is_refused_at_its_first_block(agent, peer, update, what, result):
    agent()
    assert Push(peer, what).block(0) == "4.00"
    assert state_of(peer) == (IDLE, result)
    Push(peer, update).whole()
    assert_downloaded(peer)


def test_a_package_that_does_not_fit_is_refused_by_4_13(agent, peer, update):
    agent(slot_size=131072)
    push = Push(peer, update)
    code = next(code for code in map(push.block, range(push.count)) if code != "2.31")
    assert code == "4.13"
    assert state_of(peer) == (IDLE, "2")


def test_a_reset_in_mid_push_takes_it_back(agent, peer, update):
    agent()
    push = Push(peer, update)
    for reset in (lambda: peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text,
                  lambda: peer.write(ENDPOINT, "/5/0/1", "")):
        push.blocks(0, 5)
        assert reset() == "2.04"
        assert state_of(peer) == (IDLE, "0")
        assert push.block(5) == "4.08"
    push.whole()
    assert_downloaded(peer)
    assert Push(peer, update).block(0) == "4.00"  # not over a package that waits
    assert_downloaded(peer)


def test_a_reset_that_comes_again_in_mid_push_is_only_answered_again(agent, peer, update):
    agent()
    reset = peer.make_request(PUT, "/5/0/0", b"\0", content_format=OPAQUE)
    assert peer.exchange(ENDPOINT, reset).code_text == "2.04"
    push = Push(peer, update)
    push.blocks(0, 40)
    peer.send(ENDPOINT, reset)
    assert peer.wait_for(lambda: peer._answers.pop(reset.token, None), what="an answer").code_text == "2.04"
    assert state_of(peer) == (DOWNLOADING, "0")
    push.blocks(40, push.count)
    assert_downloaded(peer)


def test_push_and_pull_do_not_mix(agent, peer, update):
    agent()
    push = Push(peer, update)
    push.blocks(0, 5)
    assert peer.offer(ENDPOINT, update) == "4.00"
    push.blocks(5, push.count)
    assert_downloaded(peer)


def test_an_agent_that_takes_pushed_packages_only_refuses_a_uri(agent, peer, update):
    agent("--delivery", "push")
    assert peer.read(ENDPOINT, "/5/0/9") == "1"
    assert peer.offer(ENDPOINT, update) == "4.00"
    assert state_of(peer) == (IDLE, "9")
    Push(peer, update).whole()
    assert_downloaded(peer)


def test_a_push_that_goes_quiet_is_given_up(agent, peer, update):
    agent("--download-patience", "6")
    Push(peer, update).blocks(0, 5)
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
    assert peer.read(ENDPOINT, "/5/0/5") == "4"
    assert "no new block for 6 s, at byte 5120" in peer.read(ENDPOINT, "/26241/0/0")


def test_an_agent_that_was_killed_in_mid_push_asks_for_all_of_it_again(agent, peer, update):
    made = agent()
    push = Push(peer, update)
    push.blocks(0, 50)
    made.kill()
    made.begin()
    peer.wait_for_event("register", ENDPOINT, 2)
    assert state_of(peer) == (DOWNLOADING, "0")
    assert push.block(50) == "4.08"
    Push(peer, update).whole()
    assert_downloaded(peer)


# ---- kedged and the agent ----


def roll_out(server, package, *options):
    server.kedge("rollout", "create", "--name", "pushed", "--package", package, "--all", "--soak", "1", *options,
                 "--start")


def assert_pushed(server, count: int):
    server.kedge("rollout", "watch", "1", timeout=300)
    assert_versions(server, dict.fromkeys(deployments(server), "1.1.0"))
    by_endpoint = deployments(server)
    assert len(by_endpoint) == count
    for one in by_endpoint.values():
        assert one["state"] == "succeeded"
        assert one["bytes_done"] == one["bytes_total"] > 0


@pytest.fixture
def packages(tmp_path, keys):
    return (make_package(tmp_path, keys, "1.0.0", 1),
            make_package(tmp_path, keys, "1.1.0", 2, BIG_IMAGE, "--compress", "none"))


def test_kedged_pushes_a_package_through_a_whole_update(server, keys, device, packages):
    factory, image = packages
    package = upload(server, keys, image)
    made = [device(f"pushed-{i}", keys, factory, server.coap_uri, "--delivery", "push", health="true")
            for i in range(2)]
    registered(server, 2)
    roll_out(server, package)
    assert_pushed(server, 2)
    for one in made:
        one.process.wait_for("downloading: 50 %")
        assert "GET" not in one.process.log
        assert one.status()["version"] == "1.1.0"


def test_a_push_is_no_faster_than_it_may_be(start, keys, device, packages, tmp_path):
    factory, image = packages
    seconds = 6
    server = Server(start, tmp_path / "server", "--push-rate", str(image.stat().st_size // seconds))
    package = upload(server, keys, image)
    made = device("paced", keys, factory, server.coap_uri, "--delivery", "push", health="true")
    registered(server, 1)
    begun = time.monotonic()
    roll_out(server, package)
    made.process.wait_for("downloading: 90 %")
    assert time.monotonic() - begun > 0.9 * seconds - 0.5
    assert_pushed(server, 1)


@pytest.fixture
def network():
    """network(port, ...) is a bad one in front of that port."""
    networks = []

    def make(*args, **keywords) -> BadNetwork:
        networks.append(BadNetwork(*args, **keywords))
        return networks[-1]
    yield make
    for one in networks:
        one.close()


@pytest.fixture
def slow(network):
    """slow(port): each datagram takes up to 40 ms, so that there is a middle of the push."""
    return lambda port: network(port, seed=7, lost=0, repeated=0, delayed=1, delay_s=0.04)


def test_kedged_pushes_over_a_network_that_loses_repeats_and_reorders(server, keys, device, tmp_path, network):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    image = make_package(tmp_path, keys, "1.1.0", 2, BIG_IMAGE[:30000], "--compress", "none")
    package = upload(server, keys, image)
    bad = network(server.coap_port, seed=7, lost=0.05)
    device("far-away", keys, factory, bad.uri, "--delivery", "push", health="true")
    registered(server, 1)
    roll_out(server, package)
    assert_pushed(server, 1)
    assert bad.counts["lost"] > 0 and bad.counts["repeated"] > 0


def test_kedged_pushes_by_dtls(start, keys, device, packages, tmp_path):
    factory, image = packages
    secure = SecureServer(start, tmp_path / "server", only=True)
    package = upload(secure, keys, image)
    made = enrolled(secure, keys, device, factory, tmp_path, secure.coaps_uri)
    roll_out(secure, package)
    assert_pushed(secure, 1)
    made.process.wait_for("downloading: 50 %")


def enrolled(secure, keys, device, factory, folder, uri):
    """A device with a key of its own, registered."""
    key = secure.enroll(folder, ("secret", "identity-1"))["secret"]
    file = folder / "secret.psk"
    file.write_text(key + "\n")
    made = device("secret", keys, factory, uri, "--delivery", "push", "--psk-identity", "identity-1",
                  "--psk-file", file, health="true")
    registered(secure, 1)
    return made


def test_an_agent_that_is_killed_in_mid_push_ends_on_the_new_version(server, keys, device, packages, slow):
    factory, image = packages
    package = upload(server, keys, image)
    made = device("restarted", keys, factory, slow(server.coap_port).uri, "--delivery", "push", health="true")
    registered(server, 1)
    roll_out(server, package)
    made.process.wait_for("downloading: 10 %")
    made.process.stop(signal.SIGKILL)
    made.begin()
    made.process.wait_for("waiting for it again")
    assert_pushed(server, 1)


def test_a_device_whose_address_changes_in_mid_push_gets_the_rest(server, keys, device, packages, slow):
    factory, image = packages
    package = upload(server, keys, image)
    road = slow(server.coap_port)
    made = device("moved", keys, factory, road.uri, "--delivery", "push", health="true")
    registered(server, 1)
    roll_out(server, package)
    made.process.wait_for("downloading: 10 %")
    road.rebind()
    assert_pushed(server, 1)
    # It was gone on with, and not begun anew.
    assert len([line for line in made.process.lines if "downloading: 10 %" in line]) == 1


def test_a_killed_server_pushes_the_package_anew(server, keys, device, packages, slow):
    factory, image = packages
    package = upload(server, keys, image)
    made = device("left", keys, factory, slow(server.coap_port).uri, "--delivery", "push", health="true")
    registered(server, 1)
    roll_out(server, package)
    made.process.wait_for("downloading: 10 %")
    server.kill()
    server.begin()
    assert_pushed(server, 1)
    assert len([line for line in made.process.lines if "downloading: 10 %" in line]) == 2


def test_a_device_by_dtls_sees_by_itself_that_the_server_that_pushed_was_killed(start, keys, device, packages,
                                                                                 tmp_path, slow):
    factory, image = packages
    secure = SecureServer(start, tmp_path / "server", only=True)
    package = upload(secure, keys, image)
    uri = slow(secure.coaps_port).uri.replace("coap://", "coaps://")
    made = enrolled(secure, keys, device, factory, tmp_path, uri)
    roll_out(secure, package)
    made.process.wait_for("downloading: 10 %")
    secure.kill()
    secure.begin()
    assert_pushed(secure, 1)


def test_an_aborted_rollout_takes_back_what_was_pushed(server, keys, device, packages, slow):
    factory, image = packages
    package = upload(server, keys, image)
    made = device("kept", keys, factory, slow(server.coap_port).uri, "--delivery", "push", health="true")
    registered(server, 1)
    roll_out(server, package)
    made.process.wait_for("downloading: 10 %")
    server.kedge("rollout", "abort", "1")
    wait_until(lambda: made.status()["state"] == "idle", 60, "the device to be idle again")
    assert (made.status()["result"], made.status()["version"]) == (10, "1.0.0")  # Cancel, which it has
    assert deployments(server)["kept"]["state"] == "canceled"


# ---- kedged and Debian's coap-server ----


class CoapServer:
    """Debian's coap-server as a device that only keeps what is put there; the test is its firmware."""

    def __init__(self, start, folder, server, *extra):
        self.port, self._folder, self._kedged = free_port(), folder, server
        start("coap-server-gnutls", "-A", "127.0.0.1", "-p", str(self.port), "-d", "20", *extra)
        wait_until(lambda: "2.04" in (put := self.put("/3/0/3", "1.0.0")) or "2.01" in put, 60, "coap-server")
        for path, text in (("/3/0/0", VENDOR), ("/3/0/1", CLASS), ("/5/0/3", "0"), ("/5/0/5", "0"), ("/5/0/9", "1")):
            self.put(path, text)

    def _ask(self, *args):
        return run("coap-client-gnutls", "-v", "6", "-B", "60", *args)

    def put(self, path: str, text: str) -> str:
        done = self._ask("-m", "put", "-t", "0", "-e", text, f"coap://127.0.0.1:{self.port}{path}")
        return done.stdout + done.stderr

    def get(self, path: str) -> bytes:
        file = self._folder / "got"
        file.unlink(missing_ok=True)
        self._ask("-m", "get", "-o", file, f"coap://127.0.0.1:{self.port}{path}")
        return file.read_bytes() if file.exists() else b""

    def register(self, endpoint: str):
        """From its own port, for which both sockets say that they share it."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as beside:
            beside.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            beside.bind(("127.0.0.1", self.port))
            options = [(URI_PATH, b"rd"), (CONTENT_FORMAT, uint(LINK))]
            options += [(URI_QUERY, query) for query in (f"ep={endpoint}".encode(), b"lwm2m=1.1", b"b=U")]
            request = Message(CON, POST, 1, b"reg", options, b"</3/0>,</5/0>")
            beside.sendto(request.encode(), ("127.0.0.1", self._kedged.coap_port))


@pytest.mark.parametrize("loss", [(), ("-l", "40,60,61,90")], ids=["", "some of its answers lost"])
def test_debians_coap_server_gets_every_byte(server, keys, start, packages, tmp_path, loss):
    _, image = packages
    package = upload(server, keys, image)
    foreign = CoapServer(start, tmp_path, server, *loss)
    foreign.register("foreign")
    registered(server, 1)
    roll_out(server, package)
    [file] = (server.data / "fw").glob("*")
    wanted = file.read_bytes()
    wait_until(lambda: foreign.get("/5/0/0") == wanted, 60, "the package to be there")
    foreign.put("/5/0/3", "2")
    wait_until(lambda: deployments(server)["foreign"]["state"] in ("downloaded", "installing"), 60, "State 2 to be seen")
    assert deployments(server)["foreign"]["bytes_done"] == len(wanted)


def test_a_package_that_the_device_refuses_is_reported_with_its_result(server, keys, device, packages, tmp_path):
    factory, _ = packages
    package = upload(server, keys, make_package(tmp_path, keys, "1.2.0", 0))  # below the device's floor
    device("refuses", keys, factory, server.coap_uri, "--delivery", "push", health="true")
    registered(server, 1)
    roll_out(server, package)
    server.kedge("rollout", "watch", "1", check=False, timeout=120)
    one = deployments(server)["refuses"]
    assert (one["state"], one["update_result"]) == ("rejected", 6)
    assert "Result 6" in one["reason"]
