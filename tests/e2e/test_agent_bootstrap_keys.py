"""The agent and kedged's bootstrap server: with each kind of credential, given each kind of account, by IPv4 and IPv6, with a
credential that is wrong, and killed in the middle of it."""
import random
import time

import pytest
from test_agent_bootstrap import (ENDPOINT, BootstrappedAgent, BootstrappedDevice, bootstrap_uri, by_factory_key, registered,
                                  server)
from test_agent_keys import public_key_of
from test_bootstrap_certificates import CertifiedServer, authority, give_certificate
from test_dtls import write_key
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from bootstrap_device import BootstrapServer
from conftest import make_package, needs_ipv6, wait_until
from test_update import assert_versions, deployments, upload


@pytest.fixture
def certified(start, tmp_path, authority) -> CertifiedServer:
    return CertifiedServer(start, tmp_path / "server", authority)


def is_updated(server, keys, start, folder, uri, *proof) -> BootstrappedDevice:
    factory = make_package(folder, keys, "1.0.0", 1)
    package = upload(server, keys, make_package(folder, keys, "1.1.0", 2))
    one = BootstrappedDevice(start, folder, ENDPOINT, keys, factory, uri, *map(str, proof), health="true")
    registered(server, ENDPOINT)
    server.kedge("rollout", "create", "--name", "first", "--package", package, "--all", "--start")
    server.kedge("rollout", "watch", "1", timeout=240)
    assert [d["state"] for d in deployments(server).values()] == ["succeeded"]
    assert_versions(server, {ENDPOINT: "1.1.0"})
    return one


def test_by_certificate_it_gets_a_key(certified, authority, keys, start, tmp_path):
    certified.kedge("device", "enroll", ENDPOINT, "--bootstrap", "--certificate-name", "factory-cn")
    key, certificate, _ = authority.issue("factory-cn")
    is_updated(certified, keys, start, tmp_path, bootstrap_uri(certified), "--private-key", key, "--certificate", certificate,
               "--server-ca", authority.file)


def test_by_raw_public_key_it_gets_a_key(certified, keys, start, tmp_path):
    private = write_key(tmp_path / "factory.key", ec.generate_private_key(ec.SECP256R1()))
    certified.kedge("device", "enroll", ENDPOINT, "--bootstrap", "--public-key", public_key_of(tmp_path, private))
    is_updated(certified, keys, start, tmp_path, bootstrap_uri(certified), "--private-key", private,
               "--server-public-key", public_key_of(tmp_path, certified.key_file))


def with_key_file(folder, factory) -> list:
    file = folder / "factory.key"
    file.write_text(factory[1].hex() + "\n")
    return ["--psk-identity", factory[0], "--psk-file", file]


def test_by_a_key_it_gets_a_certificate_and_its_key(certified, keys, start, tmp_path):
    """The server's certificate is known by itself (Certificate Usage 3), not by its CA."""
    factory, _, _ = give_certificate(certified, tmp_path, ENDPOINT)
    is_updated(certified, keys, start, tmp_path, bootstrap_uri(certified), *with_key_file(tmp_path, factory))


def test_by_a_certificate_it_gets_another_for_the_key_that_it_has(certified, authority, keys, start, tmp_path):
    key, certificate, _ = authority.issue(ENDPOINT)
    certified.kedge("device", "enroll", ENDPOINT, "--bootstrap", "--certificate-name", ENDPOINT, "--give-certificate",
                    certificate)
    one = is_updated(certified, keys, start, tmp_path, bootstrap_uri(certified), "--private-key", key, "--certificate",
                     certificate, "--server-ca", authority.file)
    assert b"PRIVATE" not in (one.state / "agent.account").read_bytes()


@needs_ipv6
def test_it_is_bootstrapped_and_updated_by_ipv6(keys, start, tmp_path):
    class ServerOf6(BootstrapServer):
        def listeners(self):
            return [part.replace("127.0.0.1:", "[::1]:") for part in super().listeners()]
    server = ServerOf6(start, tmp_path / "server")
    one = is_updated(server, keys, start, tmp_path, bootstrap_uri(server, "[::1]"), *by_factory_key(server, tmp_path, ENDPOINT))
    assert one.status()["message"] == f"registered with coaps://[::1]:{server.coaps_port}"


def test_an_unknown_credential_is_told_and_tried_again_with_pauses(server, keys, start, tmp_path):
    proof = by_factory_key(server, tmp_path, "urn:dev:another")
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(server), "--psk-identity", "nobody", *proof[2:],
                            endpoint=ENDPOINT)

    def refusals():
        return one.process.log.count("it does not take this device's credential, or this device not its")
    wait_until(lambda: refusals() >= 2, 60, "two attempts")
    wait_until(lambda: "no account from coaps://" in one.status()["message"] and "credential" in one.status()["message"], 60,
               "the status")
    server.kedge("device", "enroll", ENDPOINT, "--bootstrap", "--identity", "nobody", "--psk-file", proof[3])
    registered(server, ENDPOINT, 120)


def test_a_credential_of_another_device_is_refused_in_words(server, keys, start, tmp_path):
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(server), *by_factory_key(server, tmp_path, "urn:dev:another"),
                            endpoint=ENDPOINT)
    one.process.wait_for("the request was answered 4.00: is this endpoint enrolled there, and with this credential?")
    assert "registered with" not in one.process.log


def test_a_download_goes_on_with_the_account_that_took_the_place_of_the_old_one(server, keys, start, tmp_path):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    noise = random.Random(1).randbytes(3_000_000)
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2, noise, "--compress", "none"))
    one = BootstrappedDevice(start, tmp_path, ENDPOINT, keys, factory, bootstrap_uri(server),
                             *by_factory_key(server, tmp_path, ENDPOINT), health="true")
    registered(server, ENDPOINT)
    server.kedge("rollout", "create", "--name", "first", "--package", package, "--all", "--start")
    one.process.wait_for("downloading: ")
    server.kedge("device", "bootstrap", ENDPOINT, check=False)
    server.kedge("rollout", "watch", "1", timeout=240)
    assert_versions(server, {ENDPOINT: "1.1.0"})


def test_killed_at_any_moment_of_it_a_device_still_has_an_account(server, keys, start, tmp_path):
    chance = random.Random(7)
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(server), *by_factory_key(server, tmp_path, ENDPOINT),
                            endpoint=ENDPOINT)
    one.process.wait_for("registered with coaps")
    for _ in range(6):
        server.kedge("device", "bootstrap", ENDPOINT, check=False)
        time.sleep(chance.uniform(0, 0.05))
        one.kill()
        one.begin()
        one.process.wait_for("registered with coaps")
        assert "asking for another account" not in one.process.log


def test_another_certificate_of_the_server_is_not_believed_until_the_bootstrap_server_has_given_it(
        certified, authority, keys, start, tmp_path):
    factory, _, _ = give_certificate(certified, tmp_path, ENDPOINT)
    one = BootstrappedAgent(start, tmp_path, keys, bootstrap_uri(certified), *with_key_file(tmp_path, factory),
                            "--lifetime", "4", endpoint=ENDPOINT)
    one.process.wait_for("registered with coaps")
    account = (one.state / "agent.account").read_bytes()
    one.kill()
    certified.kill()
    certified.key_file, certified.certificate_file, certified.certificate = authority.issue(
        "renewed", ExtendedKeyUsageOID.SERVER_AUTH)
    certified.begin()
    one.begin()
    one.process.wait_for("does not take this device's credential, or this device not its")
    assert "registered with coaps" not in one.process.log.replace("not registered with", "")
    # Five times that, and it asks for another account.
    one.process.wait_for("has not taken this device 5 times: asking for another account", timeout=120)
    one.process.wait_for("registered with coaps", timeout=120)
    assert (one.state / "agent.account").read_bytes() != account
