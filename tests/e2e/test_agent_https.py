"""The agent's downloads by HTTPS: which certificates it takes, and which never."""
import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent_kit import ENDPOINT, IDLE, Agent, agent, assert_downloads, peer, state_of, update
from conftest import make_package, program
from lwm2m_client import SENML_CBOR, decode
from lwm2m_peer import GET, OPAQUE, PUT
from shims import WallClock, preloaded
from test_agent_downloads import anonymous_kib
from test_agent_http import and_the_next_one_works, arrives, changed, fails, offer
from test_dtls import Authority, authority
from test_tls import Secured
from test_update import upload
from web_server import Answer, WebServer


@pytest.fixture
def secured(authority, update):
    """secured(...) is a server by HTTPS with a certificate made that way."""
    made = []

    def make(by=authority, chain=None, **how) -> WebServer:
        key, certificate, _ = by.issue(f"web-{len(made)}", ExtendedKeyUsageOID.SERVER_AUTH, **how)
        if chain is not None:
            certificate.write_bytes(certificate.read_bytes() + chain.read_bytes())
        made.append(WebServer(certificate, key))
        made[-1].files["/fw/package"] = update
        return made[-1]
    yield make
    for server in made:
        server.close()


def test_a_package_comes_by_https_and_memory_stays_small(agent, peer, secured, authority):
    made, web = agent("--download-ca", authority.file), secured()
    work = []
    web.hook = lambda request: (work.append(anonymous_kib(made.process.process.pid)), None)[1]
    offer(peer, web)
    arrives(peer)
    after = anonymous_kib(made.process.process.pid)
    print(f"anonymous memory: {work} KiB when asked, {after} KiB after it")


def test_a_systems_store_of_cas_takes_no_more_memory_than_one(agent, peer, secured, authority, tmp_path):
    if any(word in str(program("kedge-agent")) for word in ("asan", "emulated")):
        pytest.skip("sanitizers and emulators need memory of their own")
    store = tmp_path / "store.pem"
    others = [Authority(tmp_path, f"other-{number}").file.read_bytes() for number in range(200)]
    too_long = b"-----BEGIN CERTIFICATE-----\n" + b"QUJD" * 10000 + b"\n-----END CERTIFICATE-----\n"
    store.write_bytes(b"# a comment\n" + b"# name\n".join(others) + too_long + authority.file.read_bytes())
    made, web, work = agent("--download-ca", store), secured(), []
    web.hook = lambda request: (work.append(anonymous_kib(made.process.process.pid)), None)[1]
    offer(peer, web)
    arrives(peer)
    assert work and max(work) <= 4096, work


def test_a_ca_of_the_name_of_one_that_is_believed_is_another(agent, peer, secured, authority, tmp_path):
    (tmp_path / "false").mkdir()
    agent("--download-ca", authority.file, "--download-patience", "3")
    web = secured(by=Authority(tmp_path / "false", authority.name))
    offer(peer, web)
    fails(peer, 4, "the server's certificate")
    assert web.requests == []
    and_the_next_one_works(peer, secured())


def test_a_certificate_for_clients_is_none_for_a_server(agent, peer, secured, authority, update):
    key, certificate, _ = authority.issue("client", ExtendedKeyUsageOID.CLIENT_AUTH)
    web = WebServer(certificate, key)
    web.files["/fw/package"] = update
    try:
        agent("--download-ca", authority.file, "--download-patience", "3")
        offer(peer, web)
        fails(peer, 4, "the server's certificate")
        assert web.requests == []
    finally:
        web.close()
    and_the_next_one_works(peer, secured())


@pytest.mark.parametrize("shown", [True, False], ids=["shown", "kept-back"])
def test_a_ca_between_leads_to_one_that_is_believed_when_it_is_shown(agent, peer, secured, tmp_path, shown):
    root, between = Authority(tmp_path, "root", path_length=1), Authority(tmp_path, "between")
    between.subordinate_to(root)
    agent("--download-ca", root.file, "--download-patience", "3")
    web = secured(by=between, chain=between.file if shown else None)
    offer(peer, web)
    if shown:
        arrives(peer)
    else:
        fails(peer, 4, "no CA that this device believes")
        assert web.requests == []
        and_the_next_one_works(peer, secured(by=between, chain=between.file))


@pytest.mark.parametrize("what, words", [
    ("another CA", "no CA that this device believes"), ("another host", "does not match"),
    ("out of date", "out of date by this device's clock"), ("not yet", "not valid yet by this device's clock")])
def test_a_certificate_that_is_not_right_is_result_4_with_its_reason(agent, peer, secured, authority, tmp_path, what,
                                                                     words):
    agent("--download-ca", authority.file, "--download-patience", "3")
    wrong = secured(**{"another CA": {"by": Authority(tmp_path, "other")}, "another host": {"hosts": ["other.example"]},
                       "out of date": {"days": (-9, -2)}, "not yet": {"days": (2, 9)}}[what])
    offer(peer, wrong)
    fails(peer, 4, words)
    assert wrong.requests == [], "not even the path was told"
    and_the_next_one_works(peer, secured())


@pytest.mark.parametrize("how", ["cut", "stall"])
def test_it_goes_on_where_a_connection_by_https_broke_off(agent, peer, secured, authority, how):
    """Each new connection is by TLS again, with the certificate looked at again."""
    agent("--download-ca", authority.file)
    web = secured()
    web.hook = lambda request: changed(web.proper(request), **{how: 50000}) if len(web.requests) == 1 else None
    offer(peer, web)
    arrives(peer, timeout=120)
    assert web.offsets == [0, 50000] and web.requests[1].fields["if-range"] == '"one"'


def test_a_certificate_that_is_another_one_in_mid_download_is_not_gone_on_with(agent, peer, secured, authority, tmp_path):
    agent("--download-ca", authority.file, "--download-patience", "10")
    web = secured()
    web.hook = lambda request: changed(web.proper(request), cut=50000) if len(web.requests) == 1 else b""  # it is ending
    key, certificate, _ = Authority(tmp_path, "other").issue("web-other", ExtendedKeyUsageOID.SERVER_AUTH)
    offer(peer, web)
    peer.wait_for(lambda: web.requests, 60, "the download")
    web.close()
    other = WebServer(certificate, key, web.port)
    try:
        other.files.update(web.files)
        fails(peer, 4, "no CA that this device believes")
        assert other.requests == []
    finally:
        other.close()
    and_the_next_one_works(peer, secured())


@pytest.mark.parametrize("how", ["cancel", "empty_uri", "nul_package"])
def test_a_download_by_https_is_canceled_in_mid_body(agent, peer, secured, authority, how):
    agent("--download-ca", authority.file)
    web = secured()
    web.hook = lambda request: changed(web.proper(request), stall=50000)
    offer(peer, web)
    peer.wait_for(lambda: web.requests, 60, "the download")
    assert {"cancel": lambda: peer.execute(ENDPOINT, "/5/0/10"), "empty_uri": lambda: peer.write(ENDPOINT, "/5/0/1", ""),
            "nul_package": lambda: peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text
            }[how]() == "2.04"
    assert state_of(peer) == (IDLE, "10" if how == "cancel" else "0")
    and_the_next_one_works(peer, web)
    assert web.offsets == [0, 0]


def test_a_device_without_cas_refuses_https_and_takes_another_way(start, peer, tmp_path, keys, secured, update):
    web = secured()
    Agent(preloaded(start, "no_cas_shim", tmp_path), tmp_path, keys, peer.uri)
    peer.registered(ENDPOINT)
    protocols = peer.request(ENDPOINT, GET, "/5/0/8", accept=SENML_CBOR)
    assert sorted(decode(SENML_CBOR, "", protocols.payload).values()) == [0, 2], "coap and http"
    assert peer.write(ENDPOINT, "/5/0/1", web.uri + "/fw/package") == "4.00"
    assert state_of(peer) == (IDLE, "9") and web.requests == []
    assert_downloads(peer, update)


def test_no_redirect_leads_out_of_https(agent, peer, secured, authority, update):
    agent("--download-ca", authority.file)
    web, plain = secured(), WebServer()
    plain.files["/fw/package"] = update
    try:
        web.hook = lambda request: Answer(302, fields={"Location": plain.uri + "/fw/package"})
        offer(peer, web)
        fails(peer, 9, "from https to http")
        assert plain.requests == []
        plain.hook = lambda request: Answer(302, fields={"Location": web.uri + "/fw/package"})
        web.hook = lambda request: None
        offer(peer, plain)
        arrives(peer)
    finally:
        plain.close()


@pytest.mark.parametrize("year, words", [(1970, "not valid yet by this device's clock, which says 1970-0"),
                                         (2099, "out of date by this device's clock, which says 2099-0")])
def test_a_clock_that_is_wrong_is_named_and_once_it_is_set_the_update_works(start, peer, tmp_path, keys, secured, authority,
                                                                            year, words):
    clock, web = WallClock(start, tmp_path), secured()
    clock.set_year(year)
    Agent(clock.start, tmp_path, keys, peer.uri, "--download-ca", authority.file, "--download-patience", "3")
    peer.registered(ENDPOINT)
    offer(peer, web)
    fails(peer, 4, words)
    assert web.requests == []
    clock.set_year(None)
    and_the_next_one_works(peer, web)


@pytest.mark.parametrize("by", ["http", "https"])
def test_a_package_comes_from_kedged_itself(start, agent, peer, tmp_path, keys, by):
    server = Secured(start, tmp_path / "server")
    upload(server, keys, make_package(tmp_path, keys, "1.1.0", 6))
    package, = server.json("package", "list")["packages"]
    agent("--download-ca", server.certificate)
    base = server.http_url if by == "http" else server.https_url
    assert peer.write(ENDPOINT, "/5/0/1", f"{base}/fw/{package['device_digest']}") == "2.04"
    arrives(peer)
