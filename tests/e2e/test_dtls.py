"""CoAP over DTLS: Debian's clients of two TLS libraries, our agent, and those who should not get in."""
import datetime
import hashlib
import ipaddress
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from conftest import Server, free_port, make_package, program, run, wait_until
from test_update import assert_versions, deployments, registered, upload

CLIENTS = ["coap-client-gnutls", "coap-client-openssl"]


class SecureServer(Server):
    """A kedged that serves by DTLS, and without it too unless `only` that."""

    def __init__(self, start_process, data, only: bool = False):
        self.only, self.coaps_port = only, free_port()
        self.coaps_uri = f"coaps://127.0.0.1:{self.coaps_port}"
        super().__init__(start_process, data)

    def listeners(self) -> list[str]:
        return ([] if self.only else super().listeners()) + ["--coaps", f"127.0.0.1:{self.coaps_port}"]

    def enroll(self, folder, *rows) -> dict[str, str]:
        """Enrols (endpoint, identity) pairs from one CSV file; returns each endpoint's key as hex."""
        keys = {endpoint: secrets.token_hex(16) for endpoint, _ in rows}
        file = folder / "enrolment.csv"
        file.write_text("".join(f"{endpoint},{identity},{keys[endpoint]}\n" for endpoint, identity in rows))
        self.kedge("device", "enroll", "--psk-file", file)
        return keys


@pytest.fixture
def secure(start, tmp_path) -> SecureServer:
    return SecureServer(start, tmp_path / "server")


def ask(client, uri, identity=None, key=None, method="post", wait=60, *extra) -> str:
    """What Debian's client says that it got: the code of a refusal, or what came."""
    # PSKs of these clients are texts, so keys for them are made of hex digits of ASCII.
    proof = [] if identity is None else ["-u", identity, "-k", bytes.fromhex(key).decode("ascii")]
    done = subprocess.run([client, "-v", "6", "-m", method, "-B", str(wait), *proof, *extra, uri],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=wait + 20)
    return done.stdout + done.stderr


def text_key(server, folder, endpoint, identity, text) -> str:
    file = folder / f"{endpoint}.psk"
    file.write_text(text.encode().hex() + "\n")
    server.kedge("device", "enroll", endpoint, "--identity", identity, "--psk-file", file)
    return text.encode().hex()


def register_uri(server, endpoint, scheme="coaps") -> str:
    base = server.coaps_uri if scheme == "coaps" else server.coap_uri
    return f"{base}/rd?ep={endpoint}&lt=300&lwm2m=1.1&b=U"


def agent(device, server, folder, keys, factory, endpoint, identity, key, *extra, **keywords):
    file = folder / f"{endpoint}.agent-psk"
    file.write_text(key + "\n")
    return device(endpoint, keys, factory, server.coaps_uri, "--psk-identity", identity, "--psk-file", file, *extra,
                  **keywords)


def device_of(server, endpoint) -> dict:
    return next((d for d in server.json("device", "list")["devices"] if d["endpoint"] == endpoint), {})


def seen_at(server, endpoint, address="coaps://127.0.0.1:"):
    """Waits until the device is stored as registered from there: its 2.01 comes before."""
    wait_until(lambda: device_of(server, endpoint).get("address", "").startswith(address), 60, f"{endpoint} at {address}")


# ---- who gets in ----

@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_client_registers_with_its_key_and_under_its_name_only(secure, tmp_path, client):
    key = text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    text_key(secure, tmp_path, "other", "other-identity", "the-other's-key!")
    assert "c:2.01" in ask(client, register_uri(secure, "dev"), "its-identity", key)
    seen_at(secure, "dev")
    refused = ask(client, register_uri(secure, "other"), "its-identity", key)
    assert "4.00" in refused and "c:2.01" not in refused
    assert device_of(secure, "other") == {}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_key_and_an_unknown_identity_reach_nothing(secure, tmp_path, client):
    text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    wrong = "another-key-here".encode().hex()
    for identity, wait in (("its-identity", 2), ("nobody", 60)):  # who is nobody is told so
        said = ask(client, register_uri(secure, "dev"), identity, wrong, wait=wait)
        assert "c:2.01" not in said and "c:4." not in said
    assert device_of(secure, "dev") == {}
    secure.process.wait_for("nobody is enrolled by its identity")


def test_who_has_no_key_cannot_be_a_device_that_has_one(secure, tmp_path):
    text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    for _ in range(2):
        refused = ask(CLIENTS[0], register_uri(secure, "dev", "coap"))
        assert "4.00" in refused and "c:2.01" not in refused
        secure.kill()
        secure.begin()  # who is enrolled is known from the start
    assert "c:2.01" in ask(CLIENTS[0], register_uri(secure, "free", "coap"))


@pytest.mark.parametrize("client", CLIENTS)
def test_a_device_that_restarts_on_its_port_gets_in_at_once(secure, tmp_path, client):
    key = text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    port = free_port()
    proof = ["-u", "its-identity", "-k", "a-key-of-its-own", "-p", str(port)]
    # An observation keeps the client there until it is killed, so that it says no goodbye.
    first = subprocess.Popen([client, "-m", "get", "-s", "60", "-B", "60", *proof, f"{secure.coaps_uri}/nothing"],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        secure.process.wait_for(rf"127\.0\.0\.1:{port} \(dev\): made an association")
    finally:
        first.kill()
        first.wait()
    begun = time.monotonic()
    assert "c:2.01" in ask(client, register_uri(secure, "dev"), "its-identity", key, "post", 15, "-p", str(port))
    assert time.monotonic() - begun < 15
    seen_at(secure, "dev", f"coaps://127.0.0.1:{port}")


def test_a_key_that_is_replaced_or_taken_away_opens_nothing(secure, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    agent(device, secure, tmp_path, keys, factory, "dev", "id", key, "--lifetime", "20", health="true")
    registered(secure, 1)
    new_key = text_key(secure, tmp_path, "dev", "id", "a-key-of-its-own")
    secure.process.wait_for("device dev is gone: its credentials were replaced or removed")
    assert "c:2.01" in ask(CLIENTS[0], register_uri(secure, "dev"), "id", new_key)
    secure.kedge("device", "unenroll", "dev")
    assert "c:2.01" not in ask(CLIENTS[0], register_uri(secure, "dev"), "id", new_key, wait=2)
    assert secure.kedge("device", "unenroll", "dev", check=False).returncode == 1


# ---- updates ----

def test_a_whole_update_goes_by_dtls_where_there_is_nothing_else(start, keys, device, tmp_path):
    secure = SecureServer(start, tmp_path / "server", only=True)
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2))
    psks = secure.enroll(tmp_path, *[(f"d{i}", f"identity {i}") for i in range(3)])
    agents = [agent(device, secure, tmp_path, keys, factory, f"d{i}", f"identity {i}", psks[f"d{i}"], health="true")
              for i in range(3)]
    registered(secure, 3)
    secure.kedge("rollout", "create", "--name", "secure", "--package", package, "--all", "--start")
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert_versions(secure, dict.fromkeys(psks, "1.1.0"))
    assert all(d["state"] == "succeeded" for d in deployments(secure).values())
    assert [one.status()["version"] for one in agents] == ["1.1.0"] * 3


@pytest.mark.parametrize("client", CLIENTS)
def test_a_download_by_a_foreign_client_is_the_file(secure, keys, tmp_path, client):
    key = text_key(secure, tmp_path, "dev", "id", "a-key-of-its-own")
    upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2, os.urandom(100_000)))
    package, = secure.json("package", "list")["packages"]
    assert package["device_size"] > 100_000  # some hundred blocks
    got, digest = tmp_path / "got", package["device_digest"]
    ask(client, f"{secure.coaps_uri}/fw/{digest}", "id", key, "get", 60, "-o", str(got))
    assert hashlib.sha256(got.read_bytes()).hexdigest() == digest


def test_a_killed_server_is_found_again_after_two_unanswered_requests(secure, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2))
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    agent(device, secure, tmp_path, keys, factory, "dev", "id", key, "--lifetime", "8", health="true")
    before = registered(secure, 1)[0]["address"]
    secure.kill()
    secure.begin()
    # Its next Update comes within 4 seconds, is given up within 9, and goes by a new association.
    begun = time.monotonic()
    secure.process.wait_for(r"\(dev\): made an association", timeout=60)
    assert time.monotonic() - begun < 45  # MAX_TRANSMIT_WAIT is 93
    wait_until(lambda: device_of(secure, "dev")["registered"] and device_of(secure, "dev")["address"] != before, 60,
               "the device at its new address")
    secure.kedge("rollout", "create", "--name", "after", "--package", package, "--all", "--start")
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert_versions(secure, {"dev": "1.1.0"})


def test_a_server_that_is_killed_in_mid_download_brings_it_to_its_end(secure, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2, os.urandom(6 << 20), "--compress", "none"))
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    one = agent(device, secure, tmp_path, keys, factory, "dev", "id", key, health="true")
    registered(secure, 1)
    secure.kedge("rollout", "create", "--name", "cut", "--package", package, "--all", "--start")
    one.process.wait_for("downloading: ")
    secure.kill()
    secure.begin()
    secure.process.wait_for(r"\(dev\): made an association", timeout=90)
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert_versions(secure, {"dev": "1.1.0"})


# ---- attacks ----

def client_hello(rng) -> bytes:
    body = (b"\xfe\xfd" + rng(32) + b"\x00\x00" + b"\x00\x02\xc0\xa8" + b"\x01\x00")
    handshake = b"\x01" + len(body).to_bytes(3, "big") + b"\x00\x00" + b"\x00" * 3 + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xff\x00\x00" + b"\x00" * 6 + len(handshake).to_bytes(2, "big") + handshake


def test_floods_of_hellos_and_of_noise_stop_no_update(secure, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2))
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    agent(device, secure, tmp_path, keys, factory, "dev", "id", key, health="true")
    registered(secure, 1)
    secure.kedge("rollout", "create", "--name", "flooded", "--package", package, "--all", "--start")
    until = time.monotonic() + 3
    sent = 0
    while time.monotonic() < until or sent <= 1000:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for i in range(100):
                noise = bytes([20 + i % 6]) + b"\xfe\xfd\x00" + os.urandom(60)
                stranger.sendto(client_hello(os.urandom) if i % 2 else noise, ("127.0.0.1", secure.coaps_port))
                sent += 1
        time.sleep(0.005)
    assert sent > 1000
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert_versions(secure, {"dev": "1.1.0"})


# ---- secrets ----

def test_no_key_is_in_a_log_an_answer_or_the_audit(secure, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    one = agent(device, secure, tmp_path, keys, factory, "dev", "id", key, health="true")
    registered(secure, 1)
    answers = [secure.kedge("--json", "device", "show", "dev").stdout, secure.kedge("--json", "audit", "list").stdout]
    for path in ("credentials", "devices", "audit"):
        request = urllib.request.Request(f"{secure.http_url}/api/v1/{path}",
                                         headers={"Authorization": f"Bearer {secure.token}"})
        answers.append(urllib.request.urlopen(request, timeout=60).read().decode())
    listed = json.loads(answers[2])["credentials"]
    assert [(c["endpoint"], c["identity"], c["kind"]) for c in listed] == [("dev", "id", "psk")]
    everything = "\n".join([*answers, secure.process.log, one.process.log])
    assert "dev" in everything
    for form in (key, key.upper(), bytes.fromhex(key).decode("latin1")):
        assert form not in everything
    assert (secure.data / "kedged.db").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("row, words", [
    ("dev,id,0011223344556677", None),
    ("dev,id,00112233445566", "16 to 128"),
    ("dev,id,00112233445566778", "hex"),
    ("dev,id,zz112233445566778899", "hex"),
    ("dev,id", "endpoint,identity,hexkey"),
    ("dev,id,00112233445566778899,more", "endpoint,identity,hexkey"),
    (",id,00112233445566778899", "endpoint"),
    ("d\x01v,id,00112233445566778899", "control"),
    ("dev," + "i" * 129 + ",00112233445566778899", "128"),
])
def test_a_row_that_cannot_be_is_refused_with_its_reason_and_without_its_key(secure, tmp_path, row, words):
    file = tmp_path / "rows.csv"
    file.write_text(row + "\n")
    done = secure.kedge("device", "enroll", "--psk-file", file, check=False)
    if words is None:
        assert done.returncode == 0 and "1 device enrolled" in done.stdout
        return
    assert done.returncode in (1, 2) and words in done.stderr
    assert "112233445566" not in done.stderr + secure.process.log
    request = urllib.request.Request(f"{secure.http_url}/api/v1/credentials",
                                     headers={"Authorization": f"Bearer {secure.token}"})
    assert json.loads(urllib.request.urlopen(request, timeout=60).read())["credentials"] == []


def test_an_identity_of_another_endpoint_is_a_conflict_that_changes_nothing(secure, tmp_path):
    secure.enroll(tmp_path, ("one", "id"))
    file = tmp_path / "rows.csv"
    file.write_text("two,id-two," + "11" * 16 + "\nthree,id," + "22" * 16 + "\n")
    done = secure.kedge("device", "enroll", "--psk-file", file, check=False)
    assert done.returncode == 1 and "another endpoint" in done.stderr
    audit = [entry["subject"] for entry in secure.json("audit", "list")["audit"] if entry["what"] == "credentials.put"]
    assert audit == ["one"]


# ---- certificates and raw public keys ----

class Authority:
    """A fleet's CA, what it has signed, and its revocation list, as PEM files."""

    def __init__(self, folder, name: str = "fleet", path_length: int = 0):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} CA")])
        self.certificate = self._sign(self.subject, self.key.public_key(),
                                      x509.BasicConstraints(ca=True, path_length=path_length))
        self.file = self._write(f"{name}-ca.pem", self.certificate)

    def subordinate_to(self, other: "Authority"):
        """Its certificate is one by the other CA from now on."""
        self.certificate = other._sign(self.subject, self.key.public_key(),
                                       x509.BasicConstraints(ca=True, path_length=0))
        self.file = self._write(f"{self.name}-ca.pem", self.certificate)

    def _write(self, name, thing):
        file = self.folder / name
        file.write_bytes(thing.public_bytes(serialization.Encoding.PEM))
        return file

    def _sign(self, subject, public_key, *extensions, days=(-1, 30)):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.subject).public_key(public_key)
                   .serial_number(x509.random_serial_number())
                   .not_valid_before(now + datetime.timedelta(days=days[0]))
                   .not_valid_after(now + datetime.timedelta(days=days[1])))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, common_name, purpose=ExtendedKeyUsageOID.CLIENT_AUTH, days=(-1, 30), hosts=None):
        """A key and a certificate, for this machine or for `hosts`: (key file, certificate file, certificate)."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        names = x509.SubjectAlternativeName(here if hosts is None else [x509.DNSName(host) for host in hosts])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        certificate = self._sign(subject, key.public_key(), x509.BasicConstraints(ca=False, path_length=None),
                                 x509.ExtendedKeyUsage([purpose]), names, days=days)
        file = self._write(f"{self.name}-{common_name}.pem", certificate)
        return write_key(self.folder / f"{self.name}-{common_name}.key", key), file, certificate

    def revoke(self, *certificates, days=(-1, 30)):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.subject)
                   .last_update(now + datetime.timedelta(days=days[0]))
                   .next_update(now + datetime.timedelta(days=days[1])))
        for certificate in certificates:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder().serial_number(certificate.serial_number).revocation_date(now).build())
        return self._write(f"{self.name}-crl.pem", builder.sign(self.key, hashes.SHA256()))


def write_key(file, key):
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
                                       serialization.NoEncryption()))
    return file


def write_public(file, key):
    file.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM,
                                                   serialization.PublicFormat.SubjectPublicKeyInfo))
    return file


class CertifiedServer(SecureServer):
    """One port for pre-shared keys, certificates of one CA and raw public keys."""

    def __init__(self, start_process, data, authority, *revoked):
        self.authority = authority
        self.key_file, self.certificate_file, _ = authority.issue("server", ExtendedKeyUsageOID.SERVER_AUTH)
        self.crl_file = authority.revoke(*revoked)
        super().__init__(start_process, data)

    def listeners(self):
        return super().listeners() + ["--coaps-key", str(self.key_file), "--coaps-cert", str(self.certificate_file),
                                      "--coaps-ca", str(self.authority.file), "--coaps-crl", str(self.crl_file)]


def show(client, uri, *proof, wait=60) -> str:
    done = subprocess.run([client, "-v", "6", "-m", "post", "-B", str(wait), *[str(p) for p in proof], uri],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=wait + 20)
    return done.stdout + done.stderr


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_certificate_of_the_fleet_is_an_endpoint_name(start, tmp_path, authority, client):
    key, certificate, _ = authority.issue("dev")
    certified = CertifiedServer(start, tmp_path / "server", authority)
    proof = ["-c", certificate, "-j", key, "-C", authority.file]
    assert "c:2.01" in show(client, register_uri(certified, "dev"), *proof)
    seen_at(certified, "dev")
    refused = show(client, register_uri(certified, "other"), *proof)
    assert "4.00" in refused and "c:2.01" not in refused
    # And the same port still takes keys.
    psk = text_key(certified, tmp_path, "with-a-key", "its-identity", "a-key-of-its-own")
    assert "c:2.01" in ask(client, register_uri(certified, "with-a-key"), "its-identity", psk)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("what", ["revoked", "of another CA", "expired", "for servers"])
def test_a_certificate_that_is_not_good_is_refused(start, tmp_path, authority, client, what):
    issuer = Authority(tmp_path, "foreign") if what == "of another CA" else authority
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if what == "for servers" else ExtendedKeyUsageOID.CLIENT_AUTH
    key, file, certificate = issuer.issue("dev", purpose, (-30, -2) if what == "expired" else (-1, 30))
    certified = CertifiedServer(start, tmp_path / "server", authority, *([certificate] if what == "revoked" else []))
    said = show(client, register_uri(certified, "dev"), "-c", file, "-j", key, "-C", authority.file)
    assert "c:2.01" not in said
    certified.process.wait_for(r"not known\): .*certificate")
    assert device_of(certified, "dev") == {}


def test_a_raw_public_key_is_the_endpoint_that_it_was_enrolled_for(start, tmp_path, authority):
    certified = CertifiedServer(start, tmp_path / "server", authority)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("dev", "stranger")}
    files = {}
    for name, key in keys.items():
        private = write_key(tmp_path / f"{name}.key", key)
        public = write_public(tmp_path / f"{name}.pub", key)
        both = tmp_path / f"{name}.rpk"
        both.write_bytes(public.read_bytes() + private.read_bytes())
        files[name] = both
    certified.kedge("device", "enroll", "dev", "--public-key", tmp_path / "dev.pub")
    assert "c:2.01" in show(CLIENTS[0], register_uri(certified, "dev"), "-M", files["dev"])
    seen_at(certified, "dev")
    refused = show(CLIENTS[0], register_uri(certified, "other"), "-M", files["dev"])
    assert "4.00" in refused and "c:2.01" not in refused
    assert "c:2.01" not in show(CLIENTS[0], register_uri(certified, "dev"), "-M", files["stranger"], wait=3)
    certified.kedge("device", "unenroll", "dev")
    assert "c:2.01" not in show(CLIENTS[0], register_uri(certified, "dev"), "-M", files["dev"], wait=3)


@pytest.mark.parametrize("options, words", [
    (["--coaps-key", "KEY"], "--coaps"),
    (["--coaps", "127.0.0.1:0", "--coaps-cert", "KEY", "--coaps-key", "KEY"], "go together"),
    (["--coaps", "127.0.0.1:0", "--coaps-cert", "KEY", "--coaps-ca", "KEY"], "--coaps-key"),
    (["--coaps", "127.0.0.1:0", "--coaps-key", "KEY", "--coaps-crl", "KEY"], "--coaps-ca"),
])
def test_options_that_do_not_fit_together_are_refused(tmp_path, options, words):
    done = run(program("kedged"), "--data", tmp_path / "data", "--check-config", *options)
    assert done.returncode == 2 and words in done.stderr


def test_a_file_that_is_no_key_is_named_as_the_reason(tmp_path):
    (tmp_path / "noise").write_text("this is no key\n")
    done = run(program("kedged"), "--data", tmp_path / "data", "--coaps", "127.0.0.1:0", "--http", "127.0.0.1:0",
               "--coaps-key", tmp_path / "noise")
    assert done.returncode == 1 and "--coaps-key" in done.stderr
