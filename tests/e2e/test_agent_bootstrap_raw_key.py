"""An account by raw public key, which a foreign bootstrap server gives with the device's key in it."""
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from agent_kit import ENDPOINT
from conftest import make_package
from test_agent_bootstrap import BootstrappedDevice
from test_agent_bootstrap_bad import boss
from test_agent_keys import certified
from test_dtls import authority, write_public
from test_update import assert_versions, registered, upload

DER, INFO = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
PKCS8, PLAIN = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
URI, BOOTSTRAP, MODE, PUBLIC, SERVER_PUBLIC, SECRET, SHORT_ID, RAW = 0, 1, 2, 3, 4, 5, 10, 1


def raw_account(server, key, server_key) -> dict:
    return {URI: server.coaps_uri, BOOTSTRAP: 0, MODE: RAW, PUBLIC: key.public_key().public_bytes(DER, INFO),
            SERVER_PUBLIC: server_key.public_bytes(DER, INFO), SECRET: key.private_bytes(DER, PKCS8, PLAIN),
            SHORT_ID: 1}


def give(boss, account: dict) -> str:
    """The code of the first answer that is not good, or of Finish."""
    boss.asked()
    boss.account = lambda **changed: account
    boss.give_account()
    return boss.finish()


def test_it_registers_and_is_updated_by_the_raw_public_key_it_was_given(boss, certified, start, tmp_path, keys):
    key = ec.generate_private_key(ec.SECP256R1())
    certified.kedge("device", "enroll", ENDPOINT, "--public-key", write_public(tmp_path / "dev.pub", key))
    server_key = serialization.load_pem_private_key(certified.key_file.read_bytes(), None).public_key()
    one = BootstrappedDevice(start, tmp_path, ENDPOINT, keys, make_package(tmp_path, keys, "1.0.0", 1), boss.uri,
                             health="true")
    assert give(boss, raw_account(certified, key, server_key)) == "2.04"
    registered(certified, 1)
    assert (one.state / "agent.account").stat().st_mode & 0o777 == 0o600
    package = upload(certified, keys, make_package(tmp_path, keys, "1.1.0", 2))
    certified.kedge("rollout", "create", "--name", "raw", "--package", package, "--all", "--start")
    certified.kedge("rollout", "watch", "1", timeout=240)
    assert_versions(certified, {ENDPOINT: "1.1.0"})


def test_a_server_that_does_not_have_the_key_of_the_account_is_not_spoken_to(boss, certified, start, tmp_path, keys):
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    certified.kedge("device", "enroll", ENDPOINT, "--public-key", write_public(tmp_path / "dev.pub", key))
    one = BootstrappedDevice(start, tmp_path, ENDPOINT, keys, make_package(tmp_path, keys, "1.0.0", 1), boss.uri,
                             health="true")
    assert give(boss, raw_account(certified, key, other.public_key())) == "2.04"
    one.process.wait_for("does not take this device's credential, or this device not its", timeout=120)
    assert not [d for d in certified.json("device", "list")["devices"] if d["registered"]]
