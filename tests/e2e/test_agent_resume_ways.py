"""A download that was cut short goes on where it was, by whichever protocol it came, and whoever was cut."""
import collections
import itertools
import re
import select
import signal
import socket
import threading

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent_kit import BIG_IMAGE, ENDPOINT, IDLE, agent, peer, state_of, update  # noqa: F401
from conftest import Server, free_port, make_package, wait_until
from dtls_front import DtlsFront
from lwm2m_peer import ETAG
from test_agent import PSK, with_key
from test_agent_http import changed
from test_agent_registration import Registers
from test_agent_resume import FRAME, IMAGE_OFFSET, OFFSET, URI, assert_completes, damage, kept
from test_dtls import authority  # noqa: F401
from test_update import deployments, upload
from web_server import Answer, WebServer

BLOCK = 1024


class ByCoap:
    """What the peer serves, and from which bytes on it was asked for."""

    def __init__(self, peer, package: bytes, uri: str):
        self.peer, self.uri = peer, f"{uri}/fw/package"
        peer.files["fw/package"] = package

    def stall(self, offset: int):
        self.peer.block_hook = lambda number, reply: reply if number < offset // BLOCK else None

    def go_on(self):
        self.peer.block_hook = lambda number, reply: reply

    def reached(self, offset: int) -> bool:
        return offset // BLOCK in self.peer.blocks_asked

    def forget(self):
        self.peer.forget_blocks()

    def went_on_at(self, offset: int) -> bool:
        """All that was asked for begins there, in whole blocks."""
        return min(self.peer.blocks_asked) == self.peer.blocks_asked[0] == offset // BLOCK

    def began_anew(self) -> bool:
        return 0 in self.peer.blocks_asked

    def serve(self, package: bytes):
        self.peer.files["fw/package"] = package

    def tag_anew(self):
        def tagged(number, reply):
            reply.options = [(o, b"another" if o == ETAG else value) for o, value in reply.options]
            return reply
        self.peer.block_hook = tagged


class ByHttp:
    """The same of a web server."""

    def __init__(self, web: WebServer, package: bytes):
        self.web, self.uri, self.began_whole = web, f"{web.uri}/fw/package", False
        web.files["/fw/package"] = package

    def stall(self, offset: int):
        self.web.hook = lambda request: changed(self.web.proper(request), stall=offset - request.offset)

    def go_on(self):
        self.web.hook = lambda request: None

    def reached(self, offset: int) -> bool:
        return bool(self.web.requests)

    def forget(self):
        self.web.requests.clear()

    def went_on_at(self, offset: int) -> bool:
        return self.web.offsets == [offset] and self.web.requests[0].fields["if-range"] == '"one"'

    def began_anew(self) -> bool:
        """It asked for everything, or was given everything because the tag that it has is not that one's."""
        etag = self.web.etags.get("/fw/package", '"one"')
        return any(r.offset == 0 or r.fields["if-range"] != etag for r in self.web.requests)

    def serve(self, package: bytes):
        self.web.files["/fw/package"] = package
        self.tag_anew()

    def tag_anew(self):
        self.web.etags["/fw/package"] = '"two"'
        self.go_on()


@pytest.fixture(params=["coap", "coaps", "http", "https"])
def way(request, agent, peer, update, tmp_path, authority):
    """(an agent, where its package comes from), by each protocol."""
    servers = []
    if request.param == "coaps":
        front = DtlsFront(peer, free_port(), PSK)
        yield agent(*with_key(tmp_path), server_uri=front.uri), ByCoap(peer, update, front.uri)
        front.stop()
    elif request.param == "coap":
        yield agent(), ByCoap(peer, update, peer.uri)
    elif request.param == "http":
        servers.append(WebServer())
        yield agent(), ByHttp(servers[0], update)
        servers[0].close()
    else:
        key, certificate, _ = authority.issue("web", ExtendedKeyUsageOID.SERVER_AUTH)
        servers.append(WebServer(certificate, key))
        yield agent("--download-ca", authority.file), ByHttp(servers[0], update)
        servers[0].close()


def cut(made, peer, source, offset: int = 120000, how: int = signal.SIGKILL) -> dict:
    """Lets the download come to `offset`, and ends the agent there; what it kept."""
    source.stall(offset)
    assert peer.write(ENDPOINT, "/5/0/1", source.uri) == "2.04"
    wait_until(lambda: source.reached(offset) and kept(made), what="the download to come that far")
    made.process.stop(how)
    point = kept(made)
    assert point[URI] == source.uri and point[IMAGE_OFFSET] >= FRAME and point[IMAGE_OFFSET] % FRAME == 0
    assert point[OFFSET] <= offset
    source.forget()
    peer.forget()
    return point


def test_after_kill_9_what_was_there_is_not_asked_for_again(way, peer):
    made, source = way
    point = cut(made, peer, source)
    source.go_on()
    made.begin()
    assert_completes(made, peer, BIG_IMAGE)
    assert source.went_on_at(point[OFFSET])


def test_the_power_may_go_again_while_it_goes_on(way, peer):
    """Twice: each time further than before."""
    made, source = way
    first = cut(made, peer, source, 60000)
    source.stall(200000)
    made.begin()
    wait_until(lambda: kept(made)[OFFSET] > first[OFFSET], what="a later point to be kept")
    made.kill()
    second = kept(made)
    assert source.went_on_at(first[OFFSET])
    source.forget()
    peer.forget()
    source.go_on()
    made.begin()
    assert_completes(made, peer, BIG_IMAGE)
    assert source.went_on_at(second[OFFSET])


def test_another_entity_tag_is_another_package(way, peer):
    made, source = way
    cut(made, peer, source)
    source.tag_anew()
    made.begin()
    assert_completes(made, peer, BIG_IMAGE)
    assert source.began_anew()


def test_another_package_at_the_same_place_replaces_it(way, peer, keys, tmp_path):
    made, source = way
    cut(made, peer, source)
    source.go_on()
    source.serve(make_package(tmp_path, keys, "1.2.0", 7, BIG_IMAGE[::-1], "--compress", "none").read_bytes())
    made.begin()
    assert_completes(made, peer, BIG_IMAGE[::-1], "1.2.0")
    assert source.began_anew()


@pytest.fixture
def askers(peer):
    """The addresses from which each path was asked for."""
    found = collections.defaultdict(set)
    peer.request_hook = lambda message, address: found[message.path].add(address)
    return found


@pytest.mark.parametrize("way", ["coap", "coaps"], indirect=True)
def test_it_goes_on_by_the_session_that_it_registers_by(way, peer, askers):
    """A fleet that comes back after a power cut makes one handshake for each device, and not two."""
    made, source = way
    point = cut(made, peer, source)
    askers.clear()
    source.go_on()
    made.begin()
    assert_completes(made, peer, BIG_IMAGE)
    assert source.went_on_at(point[OFFSET])
    assert askers["/fw/package"] == {peer.find(ENDPOINT).address}


@pytest.mark.parametrize("way", ["coap", "coaps"], indirect=True)
def test_it_goes_on_where_the_server_does_not_take_the_device(way, peer, askers):
    """By a session of its own: to be refused as a device says nothing of what can be fetched."""
    made, source = way
    point = cut(made, peer, source)
    seen = Registers(peer, itertools.repeat("4.03"))
    askers.clear()
    source.go_on()
    made.begin()
    made.process.wait_for("state downloaded", 120)
    assert source.went_on_at(point[OFFSET])
    assert len(askers["/fw/package"]) == 1 and askers["/rd"] and askers["/fw/package"].isdisjoint(askers["/rd"])
    seen.refusals = iter(())
    assert_completes(made, peer, BIG_IMAGE)


@pytest.mark.parametrize("how", ["bit", "frame digest", "slot"])
def test_what_is_damaged_costs_a_beginning(way, peer, how):
    made, source = way
    cut(made, peer, source)
    damage(made, how)
    source.go_on()
    made.begin()
    assert_completes(made, peer, BIG_IMAGE)
    assert source.began_anew()


@pytest.mark.parametrize("other", ["port", "path", "query"])
def test_only_the_very_uri_is_gone_on_with(agent, peer, update, other):
    """The same bytes under the same tag, elsewhere: nobody says that they are the same."""
    made, first, second = agent("--download-patience", "5"), WebServer(), WebServer()
    try:
        source = ByHttp(first, update)
        second.files["/fw/package"] = first.files["/fw/again"] = update
        source.stall(120000)
        assert peer.write(ENDPOINT, "/5/0/1", source.uri) == "2.04"
        peer.poll(ENDPOINT, "/5/0/3", IDLE, 60)
        assert state_of(peer) == (IDLE, "4") and kept(made)[URI] == source.uri
        source.go_on()
        source.forget()
        uri = {"port": f"{second.uri}/fw/package", "path": f"{first.uri}/fw/again", "query": source.uri + "?a=b"}[other]
        assert peer.write(ENDPOINT, "/5/0/1", uri) == "2.04"
        assert_completes(made, peer, BIG_IMAGE)
        assert first.offsets + second.offsets == [0]
    finally:
        first.close()
        second.close()


@pytest.mark.parametrize("status", [412, 416])
def test_a_part_that_is_refused_after_a_restart_begins_anew(agent, peer, update, status):
    web = WebServer()
    try:
        made, source = agent(), ByHttp(web, update)
        cut(made, peer, source)
        web.hook = lambda request: Answer(status, fields={"Content-Range": "bytes */5"}) if request.offset else None
        made.begin()
        assert_completes(made, peer, BIG_IMAGE)
        assert len(web.requests) == 2 and web.offsets[0] > 0 and web.offsets[1] == 0
    finally:
        web.close()


# ---- the whole system ----

class RangeRelay:
    """Stands between devices and the web server of kedged: keeps the heads of requests, and lets only so many bytes
    through to the device (None: all), until the connection ends."""

    def __init__(self, server_port: int):
        self.heads: list[str] = []
        self.allowance: int | None = None
        self.held = threading.Event()
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.uri = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ending = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self):
        self._ending = True
        self._thread.join()
        self._listener.close()

    @property
    def offsets(self) -> list:
        ranges = [re.search(r"(?im)^range: bytes=(\d+)-", head) for head in self.heads]
        return [int(found[1]) if found else 0 for found in ranges]

    def _accept(self):
        self._listener.settimeout(0.1)
        while not self._ending:
            try:
                device = self._listener.accept()[0]
            except TimeoutError:
                continue
            threading.Thread(target=self._relay, args=(device,), daemon=True).start()

    def _relay(self, device):
        with device:
            try:
                with socket.create_connection(("127.0.0.1", self._server_port)) as server:
                    self._pass(device, server)
            except OSError:
                pass  # nobody there, or one of them has died: the other end is closed with this one

    def _pass(self, device, server):
        passed = 0
        while not self._ending:
            holding = self.allowance is not None and passed >= self.allowance
            if holding:
                self.held.set()
            ready = select.select([device] if holding else [device, server], [], [], 0.05)[0]
            if holding and self._ended(server):
                return
            if device in ready:
                if not (bytes_in := device.recv(65536)):
                    return
                self.heads.append(bytes_in.decode("latin-1"))
                server.sendall(bytes_in)
            if server in ready:
                room = 65536 if self.allowance is None else self.allowance - passed
                if not (bytes_out := server.recv(min(65536, room))):
                    return
                device.sendall(bytes_out)
                passed += len(bytes_out)

    @staticmethod
    def _ended(server) -> bool:
        """What the kernel knows of a server that was killed, with bytes of it still unread."""
        state = server.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
        return state != 1  # TCP_ESTABLISHED


@pytest.fixture
def fleet(start, keys, tmp_path, device):
    """A server, a device of it, and what stands between them."""
    port = free_port(socket.SOCK_STREAM)
    relay = RangeRelay(port)
    server = Server(start, tmp_path / "server", "--download-base-url", relay.uri, http_port=port)
    factory = make_package(tmp_path, keys, "1.0.0", 1, b"factory " * 500)
    made = device("boat", keys, factory, server.coap_uri, "--verbose", health="true")
    yield server, made, relay
    relay.close()


@pytest.mark.parametrize("who", ["the device", "the server", "both"])
def test_whoever_dies_the_rollout_ends_and_no_byte_is_fetched_that_was_there(fleet, keys, tmp_path, who):
    server, made, relay = fleet
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2, BIG_IMAGE * 2, "--compress", "none"))
    wait_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"],
               what="the device to be known")
    relay.allowance = 300000
    server.kedge("rollout", "create", "--name", "cut", "--package", package, "--all", "--start")
    wait_until(lambda: relay.held.is_set() and kept(made), what="the download to come that far")
    if who != "the server":
        made.process.stop(signal.SIGKILL)  # kedge-boot, and its agent with it
    point = kept(made)
    if who != "the device":
        server.kill()
        server.begin()
    relay.allowance = None
    if who != "the server":
        made.begin()
    server.kedge("rollout", "watch", "1", timeout=180)
    assert deployments(server)["boat"]["state"] == "succeeded"
    assert made.status()["version"] == "1.1.0"
    assert relay.offsets[0] == 0 and len(relay.offsets) == 2
    if who == "the server":  # the agent lives, and knows every byte that it was given
        assert relay.offsets[1] > 290000
    else:
        assert relay.offsets[1] == point[OFFSET] >= FRAME


# ---- what it costs, restarts included ----

@pytest.fixture
def untagged(update):
    """A web server of whose files nothing can be kept, so that each beginning costs everything again."""
    server = WebServer()
    server.files["/fw/package"], server.etags["/fw/package"] = update, None
    server.hook = lambda request: changed(server.proper(request), stall=100000)
    yield server
    server.close()


def costs(made, beginnings: int, web):
    """Waits until so many beginnings have cost what the server gives of each."""
    made.process.wait_for("downloading: 30 %")
    assert web.offsets == [0] * beginnings


def test_a_device_that_crashes_again_and_again_comes_to_the_end_of_its_budget(agent, peer, untagged):
    made = agent("--download-budget", "250000")
    assert peer.write(ENDPOINT, "/5/0/1", untagged.uri + "/fw/package") == "2.04"
    for beginnings in (1, 2):
        costs(made, beginnings, untagged)
        made.kill()
        peer.forget()
        made.begin()
    peer.registered(ENDPOINT)
    peer.poll(ENDPOINT, "/5/0/5", "4", 60)
    assert state_of(peer) == (IDLE, "4")
    assert "more than its budget of 250000" in peer.read(ENDPOINT, "/26241/0/0")
    assert untagged.offsets == [0, 0, 0], "the third beginning was the one too many"


def test_the_next_update_has_a_budget_of_its_own(agent, peer, untagged):
    made = agent("--download-budget", "300000")
    assert peer.write(ENDPOINT, "/5/0/1", untagged.uri + "/fw/package") == "2.04"
    costs(made, 1, untagged)
    made.kill()
    peer.forget()
    made.begin()
    peer.registered(ENDPOINT)
    made.process.wait_for("downloading: 30 %")
    assert peer.execute(ENDPOINT, "/5/0/10") == "2.04"
    untagged.hook = lambda request: None
    assert peer.write(ENDPOINT, "/5/0/1", untagged.uri + "/fw/package") == "2.04"
    assert_completes(made, peer, BIG_IMAGE)


def test_a_restart_in_good_order_forfeits_nothing(agent, peer, untagged, update):
    """Twice 100,000 bytes and the whole of it are all that it may cost, to a few blocks."""
    made = agent("--download-budget", str(2 * 100000 + len(update) + 2000))
    assert peer.write(ENDPOINT, "/5/0/1", untagged.uri + "/fw/package") == "2.04"
    for beginnings in (1, 2):
        costs(made, beginnings, untagged)
        assert made.process.stop() == 0
        peer.forget()
        if beginnings == 2:
            untagged.hook = lambda request: None
        made.begin()
    assert_completes(made, peer, BIG_IMAGE)
