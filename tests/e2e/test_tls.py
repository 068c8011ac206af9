"""HTTPS: asked by openssl and curl, which are not ours, and by kedge."""
import base64
import concurrent.futures
import contextlib
import datetime
import hashlib
import ipaddress
import json
import os
import re
import signal
import socket
import ssl
import stat
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from conftest import Server, make_package, program, run, wait_until


class Secured(Server):
    """A kedged that serves HTTPS beside HTTP."""

    def __init__(self, start_process, data, *extra):
        super().__init__(start_process, data, "--https", "127.0.0.1:0", *extra)

    @property
    def https_url(self) -> str:
        return self.process.wait_for(r"ready: .* and (https://\S+)$")[1]

    @property
    def https_port(self) -> int:
        return int(self.https_url.rsplit(":", 1)[1])

    @property
    def certificate(self):
        return self.data / "tls.crt"

    @property
    def fingerprint(self) -> str:
        return self.process.wait_for(r"--fingerprint (sha256//\S+)")[1]

    def ask(self, *options, check: bool = True):
        """kedge over HTTPS; nothing of the environment says whom to trust."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("KEDGE_")}
        done = run(program("kedge"), "--server", self.https_url, "--token-file", self.token_file, *options, env=environment)
        if check:
            assert done.returncode == 0, done.stderr
        return done


@pytest.fixture
def secured(start, tmp_path) -> Secured:
    return Secured(start, tmp_path / "server")


def curl(*args):
    return run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", *args)


def s_client(server, *args):
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{server.https_port}", *args)


# ---- certificates made here

def key_pem(key) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def sign(key, subject: str, issuer_key, issuer: str, ca: bool, days: float = 40) -> bytes:
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (x509.CertificateBuilder().subject_name(name(subject)).issuer_name(name(issuer)).public_key(key.public_key())
               .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=9))
               .not_valid_after(now + datetime.timedelta(days=days)).add_extension(x509.BasicConstraints(ca, None), True))
    if not ca:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    return builder.sign(issuer_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class Authority:
    """A root and an intermediate CA; what a server shows is the leaf with the intermediate."""

    def __init__(self, folder):
        self.folder, self.root_key, self.middle_key = folder, *(ec.generate_private_key(ec.SECP256R1()) for _ in "ab")
        self.root = folder / "root.pem"
        self.root.write_bytes(sign(self.root_key, "root", self.root_key, "root", True))
        self.middle = sign(self.middle_key, "middle", self.root_key, "root", True)

    def issue(self, stem: str, key=None, days: float = 40):
        key = key or ec.generate_private_key(ec.SECP256R1())
        chain, key_file = self.folder / f"{stem}.crt", self.folder / f"{stem}.key"
        chain.write_bytes(sign(key, stem, self.middle_key, "middle", False, days) + self.middle)
        key_file.write_bytes(key_pem(key))
        return chain, key_file


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


# ---- the server's own certificate

def public_key_hash(certificate: bytes) -> str:
    spki = x509.load_pem_x509_certificate(certificate).public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return "sha256//" + base64.b64encode(hashlib.sha256(spki).digest()).decode()


def test_the_first_start_makes_a_certificate_that_openssl_and_curl_take(secured):
    assert stat.S_IMODE((secured.data / "tls.key").stat().st_mode) == 0o600
    assert run("openssl", "verify", "-CAfile", secured.certificate, "-purpose", "sslserver",
               secured.certificate).returncode == 0
    shown = s_client(secured, "-CAfile", secured.certificate, "-verify_return_error", "-verify_ip", "127.0.0.1")
    assert shown.returncode == 0 and "Verify return code: 0" in shown.stdout
    wait_until(lambda: json.loads(curl("--cacert", secured.certificate, secured.https_url + "/healthz").stdout)["status"] == "ready",
               20, "the server to be ready")
    localhost = ["--resolve", f"localhost:{secured.https_port}:127.0.0.1", f"https://localhost:{secured.https_port}/healthz"]
    assert curl("--cacert", secured.certificate, *localhost).returncode == 0
    assert curl(secured.https_url + "/healthz").returncode == 60  # nobody trusts it unasked
    certificate = x509.load_pem_x509_certificate(secured.certificate.read_bytes())
    assert certificate.serial_number.bit_length() in range(120, 128)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert certificate.not_valid_after - datetime.datetime.utcnow() > datetime.timedelta(days=3600)


def test_the_fingerprint_that_is_logged_is_that_of_the_key(secured):
    fingerprint = secured.fingerprint
    assert fingerprint == public_key_hash(secured.certificate.read_bytes())
    pinned = ["--insecure", "--pinnedpubkey"]
    assert curl(*pinned, fingerprint, secured.https_url + "/healthz").returncode == 0
    assert curl(*pinned, "sha256//" + base64.b64encode(bytes(32)).decode(), secured.https_url).returncode == 90


def test_the_certificate_stays_and_the_key_outlives_it(secured):
    before, fingerprint = secured.certificate.read_bytes(), secured.fingerprint
    secured.process.stop()
    secured.begin()
    assert secured.certificate.read_bytes() == before
    secured.process.stop()
    secured.certificate.unlink()
    secured.begin()
    assert secured.certificate.read_bytes() != before
    assert secured.fingerprint == fingerprint
    secured.ask("--fingerprint", fingerprint, "device", "list")


# ---- versions and suites

@pytest.mark.parametrize("version, works", [("-tls1", False), ("-tls1_1", False), ("-tls1_2", True), ("-tls1_3", True)])
def test_only_tls_1_2_and_1_3_are_spoken(secured, version, works):
    shown = s_client(secured, version, "-cipher", "ALL:@SECLEVEL=0", "-CAfile", secured.certificate)
    assert (shown.returncode == 0) == works
    assert bool(re.search(r"Cipher is (?!\(NONE\))", shown.stdout)) == works


@pytest.mark.parametrize("suite, works", [
    ("ECDHE-ECDSA-AES128-GCM-SHA256", True), ("ECDHE-ECDSA-AES128-CCM8", True), ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
    ("AES128-GCM-SHA256", False), ("AES128-SHA256", False), ("ECDHE-ECDSA-NULL-SHA", False), ("AECDH-AES128-SHA", False),
    ("PSK-AES128-GCM-SHA256", False)])
def test_suites_have_ephemeral_keys_and_a_certificate(secured, suite, works):
    shown = s_client(secured, "-tls1_2", "-cipher", f"{suite}:@SECLEVEL=0", "-psk", "00112233")
    assert (f"Cipher is {suite}" in shown.stdout) == works


def test_without_tls_nothing_is_answered_at_the_port_of_https(secured):
    with socket.create_connection(("127.0.0.1", secured.https_port), 30) as bare:
        bare.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/" not in bare.recv(1000)
    secured.ask("--ca-file", secured.certificate, "device", "list")


def test_clients_that_never_finish_the_handshake_hold_nobody_up(secured):
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with contextlib.ExitStack() as stack:
        for i in range(400):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", secured.https_port), 60))
            client.sendall(hello[:i % (len(hello) + 1)])
        secured.ask("--ca-file", secured.certificate, "device", "list")
    secured.ask("--ca-file", secured.certificate, "device", "list")


# ---- a certificate that is given

@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_a_given_certificate_is_shown_with_its_chain(start, tmp_path, authority, kind):
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else None
    chain, key_file = authority.issue("given", key)
    server = Secured(start, tmp_path / "server", "--tls-cert", chain, "--tls-key", key_file)
    shown = s_client(server, "-CAfile", authority.root, "-verify_return_error", "-showcerts")
    assert shown.returncode == 0 and shown.stdout.count("BEGIN CERTIFICATE") == 2
    assert json.loads(server.ask("--json", "--ca-file", authority.root, "device", "list").stdout) == {"devices": []}
    assert not server.certificate.exists()
    assert "fingerprint" not in server.process.log


def test_a_renewed_certificate_is_shown_after_sighup_and_a_broken_one_is_not(start, tmp_path, authority):
    (chain, key_file), (renewed_chain, renewed_key) = authority.issue("now"), authority.issue("later")
    server = Secured(start, tmp_path / "server", "--tls-cert", chain, "--tls-key", key_file)

    def shown() -> bytes:
        return ssl.get_server_certificate(("127.0.0.1", server.https_port)).encode()

    first = chain.read_bytes()
    assert shown() in first
    context = ssl.create_default_context(cafile=authority.root)
    with socket.create_connection(("127.0.0.1", server.https_port), 60) as plain, \
            context.wrap_socket(plain, server_hostname="127.0.0.1") as old:
        chain.write_text("broken")
        server.process.process.send_signal(signal.SIGHUP)
        server.process.wait_for("former certificate of --https counts: .*now.crt")
        assert shown() in first
        chain.write_bytes(renewed_chain.read_bytes())
        key_file.write_bytes(renewed_key.read_bytes())
        server.process.process.send_signal(signal.SIGHUP)
        server.process.wait_for("the certificate of --https was read again")
        assert shown() in renewed_chain.read_bytes() and shown() not in first
        old.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")  # goes on with what it began with
        assert old.recv(15) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("days, told", [(-1, "error .*given.crt has expired"), (10.5, "warning .*given.crt expires in 10 days"),
                                        (31, None)])
def test_the_end_of_a_certificate_is_told_in_time(start, tmp_path, authority, days, told):
    chain, key_file = authority.issue("given", days=days)
    server = Secured(start, tmp_path / "server", "--tls-cert", chain, "--tls-key", key_file)
    assert bool(told and re.search(told, server.process.log)) == bool(told)
    assert told or "expire" not in server.process.log


def check(*options):
    return run(program("kedged"), "--data", "nowhere", "--check-config", *options)


def test_files_that_do_not_go_together_are_refused_by_name(tmp_path, authority, start):
    chain, key_file = authority.issue("one")
    other_chain, other_key = authority.issue("two")
    nonsense, unsorted = tmp_path / "nonsense", tmp_path / "unsorted"
    nonsense.write_text("no PEM")
    unsorted.write_bytes(authority.middle + chain.read_bytes())
    https = ["--https", "127.0.0.1:0"]
    assert check(*https, "--tls-cert", chain, "--tls-key", key_file).returncode == 0
    for cert, key, told in [(chain, other_key, "two.key: not the key"), (nonsense, key_file, "nonsense"),
                            (chain, nonsense, "nonsense"), (chain, tmp_path / "absent", "absent"),
                            (tmp_path / "absent", key_file, "absent"), (unsorted, key_file, "unsorted")]:
        done = check(*https, "--tls-cert", cert, "--tls-key", key)
        assert done.returncode == 2 and told in done.stderr, (told, done.stderr)
        begun = run(program("kedged"), "--data", tmp_path / "data", *https, "--tls-cert", cert, "--tls-key", key)
        assert begun.returncode == 1 and told in begun.stderr
    assert "go together" in check(*https, "--tls-cert", chain).stderr
    assert "go together" in check(*https, "--tls-key", key_file).stderr
    assert "--https" in check("--tls-cert", chain, "--tls-key", key_file).stderr


def test_https_alone_leaves_no_plain_http(start, tmp_path):
    process = start(program("kedged"), "--data", tmp_path / "data", "--https", "127.0.0.1:0")
    ready = process.wait_for(r"ready: .* API at (.*)$")[1]
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+", ready)


def test_plain_http_beyond_loopback_needs_to_be_asked_for_and_https_does_not(tmp_path):
    for address in ("0.0.0.0:8080", ":8080", "192.0.2.1:8080", "[::]:8080"):
        refused = check("--http", address)
        assert refused.returncode == 2 and "--insecure-http" in refused.stderr and "--https" in refused.stderr
        assert check("--http", address, "--insecure-http").returncode == 0
        assert check("--https", address).returncode == 0


# ---- kedge

def test_kedge_trusts_a_ca_file_or_a_fingerprint_and_nothing_else(secured, tmp_path, authority):
    fingerprint = secured.fingerprint
    zeros = "sha256//" + base64.b64encode(bytes(32)).decode()
    for trust in (["--ca-file", secured.certificate], ["--fingerprint", fingerprint],
                  ["--ca-file", secured.certificate, "--fingerprint", fingerprint]):
        secured.ask(*trust, "device", "list")
    for trust in ([], ["--ca-file", authority.root], ["--fingerprint", zeros],
                  ["--ca-file", authority.root, "--fingerprint", fingerprint],
                  ["--ca-file", secured.certificate, "--fingerprint", zeros]):
        refused = secured.ask(*trust, "device", "list", check=False)
        assert refused.returncode == 3 and "not known to be the server" in refused.stderr, (trust, refused.stderr)
    for wrong in ("sha256//", fingerprint[:-1], fingerprint + "=", fingerprint.removeprefix("sha256//"), "/etc/passwd",
                  fingerprint + ";" + zeros):
        assert secured.ask("--fingerprint", wrong, "device", "list", check=False).returncode == 2, wrong
    assert secured.ask("--ca-file", tmp_path / "absent", "device", "list", check=False).returncode == 2
    plain = run(program("kedge"), "--server", secured.http_url, "--token-file", secured.token_file, "--fingerprint",
                fingerprint, "device", "list")
    assert plain.returncode == 2 and "https://" in plain.stderr


def test_kedge_takes_whom_to_trust_from_the_environment(secured):
    environment = {**os.environ, "KEDGE_SERVER": secured.https_url, "KEDGE_TOKEN_FILE": str(secured.token_file)}
    for more in ({"KEDGE_CA_FILE": str(secured.certificate)}, {"KEDGE_FINGERPRINT": secured.fingerprint}):
        assert run(program("kedge"), "device", "list", env={**environment, **more}).returncode == 0


def test_the_token_does_not_reach_a_server_with_another_key(authority, tmp_path):
    chain, key_file = authority.issue("impostor")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, key_file)
    token, heard = tmp_path / "token", []
    token.write_text("secret-token\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            connection, _ = listener.accept()
            with connection:
                try:
                    with context.wrap_socket(connection, server_side=True) as tls:
                        heard.append(tls.recv(10000))
                except (ssl.SSLError, OSError) as error:
                    heard.append(str(error).encode())
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        done = run(program("kedge"), "--server", "https://127.0.0.1:{}".format(listener.getsockname()[1]), "--token-file",
                   token, "--fingerprint", "sha256//" + base64.b64encode(bytes(32)).decode(), "device", "list")
        thread.join(60)
    assert done.returncode == 3 and len(heard) == 1
    assert b"secret-token" not in heard[0] and b"GET" not in heard[0]


# ---- downloads

def test_ranges_come_over_https_side_by_side(secured, keys, tmp_path):
    trust = ["--ca-file", secured.certificate]
    secured.ask(*trust, "trust", "add", "--name", "release", keys.public)
    secured.ask(*trust, "package", "upload", make_package(tmp_path, keys, "1.1.0", 2, os.urandom(2_000_000)))
    package, = json.loads(secured.ask(*trust, "--json", "package", "list").stdout)["packages"]
    url, size, parts = f"{secured.https_url}/fw/{package['device_digest']}", package["device_size"], 16
    bounds = [size * i // parts for i in range(parts + 1)]

    def fetch(i: int) -> bytes:
        file = tmp_path / f"part-{i}"
        done = curl("--cacert", secured.certificate, "--range", f"{bounds[i]}-{bounds[i + 1] - 1}", "--output", file,
                    "--write-out", "%{http_code}", url)
        assert done.stdout == "206", done.stderr
        return file.read_bytes()

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        whole = b"".join(pool.map(fetch, range(parts)))
    assert hashlib.sha256(whole).hexdigest() == package["device_digest"]
