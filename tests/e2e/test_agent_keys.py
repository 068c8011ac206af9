"""The agent with a certificate and with raw public keys: whole updates, and servers that are not the right one."""
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from agent_kit import ENDPOINT, Agent
from conftest import make_package, program, run
from test_dtls import Authority, CertifiedServer, SecureServer, authority, write_key, write_public
from test_update import assert_versions, deployments, registered, upload


@pytest.fixture
def certified(start, tmp_path, authority) -> CertifiedServer:
    return CertifiedServer(start, tmp_path / "server", authority)


def by_certificate(authority, endpoint, server_ca=None) -> list:
    key, certificate, _ = authority.issue(endpoint)
    return ["--private-key", key, "--certificate", certificate, "--server-ca", server_ca or authority.file]


def public_key_of(folder, private_key_file):
    key = serialization.load_pem_private_key(private_key_file.read_bytes(), None)
    return write_public(folder / f"{private_key_file.name}.pub", key)


def by_raw_key(server, folder, endpoint, server_key=None) -> list:
    """Enrols a new key for the endpoint."""
    private = write_key(folder / f"{endpoint}.key", ec.generate_private_key(ec.SECP256R1()))
    server.kedge("device", "enroll", endpoint, "--public-key", public_key_of(folder, private))
    return ["--private-key", private, "--server-public-key", server_key or public_key_of(folder, server.key_file)]


def test_whole_updates_by_certificate_and_by_raw_key(certified, keys, device, tmp_path, authority):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(certified, keys, make_package(tmp_path, keys, "1.1.0", 2))
    proofs = {"by-certificate": by_certificate(authority, "by-certificate"),
              "by-raw-key": by_raw_key(certified, tmp_path, "by-raw-key")}
    agents = [device(name, keys, factory, certified.coaps_uri, *proof, health="true") for name, proof in proofs.items()]
    registered(certified, 2)
    certified.kedge("rollout", "create", "--name", "keys", "--package", package, "--all", "--start")
    certified.kedge("rollout", "watch", "1", timeout=240)
    assert {d["endpoint"]: d["state"] for d in deployments(certified).values()} == dict.fromkeys(proofs, "succeeded")
    assert_versions(certified, dict.fromkeys(proofs, "1.1.0"))
    assert [one.status()["version"] for one in agents] == ["1.1.0"] * 2


def never_registers(start, tmp_path, keys, server, *proof):
    made = Agent(start, tmp_path, keys, server.coaps_uri, *map(str, proof))
    made.process.wait_for("does not take this device's credential, or this device not its", timeout=120)
    assert "registered with" not in made.process.log.replace("not registered with", "")
    assert not [d for d in server.json("device", "list")["devices"] if d["endpoint"] == ENDPOINT and d["registered"]]


def test_a_server_of_another_ca_is_not_spoken_to(start, tmp_path, keys, certified, authority):
    other = Authority(tmp_path, "other")
    never_registers(start, tmp_path, keys, certified, *by_certificate(authority, ENDPOINT, server_ca=other.file))


def test_a_server_with_the_certificate_of_another_host_is_not_spoken_to(start, tmp_path, keys, authority):
    class Elsewhere(CertifiedServer):
        def __init__(self, start_process, data, authority):
            super().__init__(start_process, data, authority)

        def listeners(self):
            # A certificate of the same CA, for clients' names and not for this address.
            self.key_file, self.certificate_file, _ = authority.issue(
                "elsewhere", ExtendedKeyUsageOID.SERVER_AUTH, hosts=["elsewhere.example"])
            return super().listeners()
    never_registers(start, tmp_path, keys, Elsewhere(start, tmp_path / "server", authority),
                    *by_certificate(authority, ENDPOINT))


def test_a_server_with_another_raw_key_is_not_spoken_to(start, tmp_path, keys, certified):
    stranger = write_key(tmp_path / "stranger.key", ec.generate_private_key(ec.SECP256R1()))
    never_registers(start, tmp_path, keys, certified,
                    *by_raw_key(certified, tmp_path, ENDPOINT, server_key=public_key_of(tmp_path, stranger)))


@pytest.mark.parametrize("what", ["key", "certificate", "ca", "foreign certificate", "server key"])
def test_a_file_that_will_not_do_is_named(tmp_path, authority, what):
    (tmp_path / "noise").write_text("this is no key\n")
    key, certificate, _ = authority.issue("dev")
    other, _, _ = authority.issue("other")
    noise = str(tmp_path / "noise")
    proof, wrong = {
        "key": (["--private-key", noise, "--certificate", certificate, "--server-ca", authority.file], noise),
        "certificate": (["--private-key", key, "--certificate", noise, "--server-ca", authority.file], noise),
        "ca": (["--private-key", key, "--certificate", certificate, "--server-ca", noise], noise),
        "foreign certificate": (["--private-key", other, "--certificate", certificate, "--server-ca", authority.file],
                                str(certificate)),
        "server key": (["--private-key", key, "--server-public-key", noise], noise),
    }[what]
    done = run(program("kedge-agent"), "--server", "coaps://127.0.0.1", "--endpoint", "dev", "--state", tmp_path / "none",
               "--trust", tmp_path / "noise", "--vendor", "v.example", "--class", "c", *proof)
    assert done.returncode == 2 and wrong in done.stderr, done.stderr


@pytest.mark.parametrize("options", [
    ["--certificate", "C"], ["--private-key", "K"], ["--server-ca", "A", "--certificate", "C"],
    ["--server-public-key", "P"], ["--private-key", "K", "--certificate", "C"],
    ["--private-key", "K", "--certificate", "C", "--server-ca", "A", "--server-public-key", "P"],
    ["--psk-identity", "I", "--psk-file", "F", "--private-key", "K", "--server-public-key", "P"],
])
def test_half_a_proof_and_two_of_them_are_refused(tmp_path, options):
    done = run(program("kedge-agent"), "--server", "coaps://127.0.0.1", "--endpoint", "dev", "--state", tmp_path,
               "--trust", "T", "--vendor", "v.example", "--class", "c", *options)
    assert done.returncode == 2 and "proves itself in one way" in done.stderr
