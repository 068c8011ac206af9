"""CoAP over DTLS: Debian's clients of two TLS libraries, our agent, and those who should not get in."""
import hashlib
import json
import os
import secrets
import socket
import subprocess
import time
import urllib.request

import pytest

from conftest import Server, free_port, make_package, wait_until
from test_update import deployments, registered, upload, versions

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


def ask(client, uri, identity=None, key=None, method="post", wait=4, *extra) -> str:
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


# ---- who gets in ----

@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_client_registers_with_its_key_and_under_its_name_only(secure, tmp_path, client):
    key = text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    text_key(secure, tmp_path, "other", "other-identity", "the-other's-key!")
    assert "c:2.01" in ask(client, register_uri(secure, "dev"), "its-identity", key)
    assert device_of(secure, "dev")["address"].startswith("coaps://127.0.0.1:")
    refused = ask(client, register_uri(secure, "other"), "its-identity", key)
    assert "4.00" in refused and "c:2.01" not in refused
    assert device_of(secure, "other") == {}


@pytest.mark.parametrize("client", CLIENTS)
def test_a_wrong_key_and_an_unknown_identity_reach_nothing(secure, tmp_path, client):
    text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    wrong = "another-key-here".encode().hex()
    for identity in ("its-identity", "nobody"):
        said = ask(client, register_uri(secure, "dev"), identity, wrong, wait=2)
        assert "c:2.01" not in said and "c:4." not in said
    assert device_of(secure, "dev") == {}
    secure.process.wait_for("nobody is enrolled by its identity")


def test_who_has_no_key_cannot_be_a_device_that_has_one(secure, tmp_path):
    text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    refused = ask(CLIENTS[0], register_uri(secure, "dev", "coap"))
    assert "4.00" in refused and "c:2.01" not in refused
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
    assert "c:2.01" in ask(client, register_uri(secure, "dev"), "its-identity", key, "post", 4, "-p", str(port))
    assert time.monotonic() - begun < 4
    assert device_of(secure, "dev")["address"] == f"coaps://127.0.0.1:{port}"


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
    assert set(versions(secure).values()) == {"1.1.0"}
    assert all(d["state"] == "succeeded" for d in deployments(secure).values())
    assert [one.status()["version"] for one in agents] == ["1.1.0"] * 3


def test_a_download_by_a_foreign_client_is_the_file(secure, keys, tmp_path):
    key = text_key(secure, tmp_path, "dev", "id", "a-key-of-its-own")
    upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2))
    digest = secure.json("package", "list")["packages"][0]["device_digest"]
    got = tmp_path / "got"
    ask(CLIENTS[0], f"{secure.coaps_uri}/fw/{digest}", "id", key, "get", 20, "-o", str(got))
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
    secure.process.wait_for(r"\(dev\): made an association", timeout=25)
    assert time.monotonic() - begun < 20
    wait_until(lambda: device_of(secure, "dev")["registered"] and device_of(secure, "dev")["address"] != before, 20,
               "the device at its new address")
    secure.kedge("rollout", "create", "--name", "after", "--package", package, "--all", "--start")
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert versions(secure) == {"dev": "1.1.0"}


def test_a_server_that_is_killed_in_mid_download_brings_it_to_its_end(secure, keys, device, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(secure, keys, make_package(tmp_path, keys, "1.1.0", 2, os.urandom(6 << 20), "--compress", "none"))
    key = secure.enroll(tmp_path, ("dev", "id"))["dev"]
    one = agent(device, secure, tmp_path, keys, factory, "dev", "id", key, health="true")
    registered(secure, 1)
    secure.kedge("rollout", "create", "--name", "cut", "--package", package, "--all", "--start")
    wait_until(lambda: one.status()["state"] == "downloading", 20, "the download")
    secure.kill()
    secure.begin()
    secure.process.wait_for(r"\(dev\): made an association", timeout=30)
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert versions(secure) == {"dev": "1.1.0"}


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
    while time.monotonic() < until:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for i in range(100):
                noise = bytes([20 + i % 6]) + b"\xfe\xfd\x00" + os.urandom(60)
                stranger.sendto(client_hello(os.urandom) if i % 2 else noise, ("127.0.0.1", secure.coaps_port))
                sent += 1
        time.sleep(0.005)
    assert sent > 1000
    secure.kedge("rollout", "watch", "1", timeout=120)
    assert versions(secure) == {"dev": "1.1.0"}


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
        answers.append(urllib.request.urlopen(request, timeout=10).read().decode())
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
    assert json.loads(urllib.request.urlopen(request, timeout=10).read())["credentials"] == []


def test_an_identity_of_another_endpoint_is_a_conflict_that_changes_nothing(secure, tmp_path):
    secure.enroll(tmp_path, ("one", "id"))
    file = tmp_path / "rows.csv"
    file.write_text("two,id-two," + "11" * 16 + "\nthree,id," + "22" * 16 + "\n")
    done = secure.kedge("device", "enroll", "--psk-file", file, check=False)
    assert done.returncode == 1 and "another endpoint" in done.stderr
    audit = [entry["subject"] for entry in secure.json("audit", "list")["audit"] if entry["what"] == "credentials.put"]
    assert audit == ["one"]
