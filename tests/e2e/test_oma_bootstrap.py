"""OMA's enabler tests of bootstrapping (LightweightM2M-1.1-int-0 to 9), as far as they look at the server.

docs/lwm2m.md lists the ids with what is covered and what is not; test_oma_enabler.py holds the list to these names.
"""
import threading

import pytest
from bootstrap_device import BootstrapServer, PlainDevice, SecureDevice, registers
from conftest import wait_until
from lwm2m_client import SENML_CBOR
from lwm2m_peer import ACK, DELETE, GET, POST, PUT, Message, code
from test_bootstrap_certificates import CertifiedServer, checks, registers_by_certificate
from test_dtls import Authority


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def registered(server, endpoint) -> bool:
    return any(d["endpoint"] == endpoint and d["registered"] for d in server.json("device", "list")["devices"])


def test_oma_0_client_initiated_bootstrap(server):
    server.kedge("device", "enroll", "client", "--bootstrap", "--no-security")
    device = PlainDevice(server, "client")
    account = device.bootstrap()
    assert (POST, "/bs", None) == device.steps[-1]
    registers(server, account, "client")
    wait_until(lambda: registered(server, "client"), 60, "the registration")


def test_oma_1_client_initiated_bootstrap_with_a_pre_shared_key(server, tmp_path):
    device = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"), formats=(SENML_CBOR,))
    account = device.bootstrap(f"pct={SENML_CBOR}")
    assert (account.mode, len(account.key), account.uri) == (0, 16, f"coaps://127.0.0.1:{server.coaps_port}")
    registers(server, account, "client")
    wait_until(lambda: registered(server, "client"), 60, "the registration")


def test_oma_2_client_initiated_bootstrap_with_a_certificate(start, tmp_path):
    """It proves itself by a certificate, and is given another one to register by."""
    authority = Authority(tmp_path)
    server = CertifiedServer(start, tmp_path / "certified", authority)
    factory_key, factory, _ = authority.issue("factory-client")
    key_file, file, certificate = authority.issue("client")
    server.kedge("device", "enroll", "client", "--bootstrap", "--certificate-name", "factory-client",
                 "--give-certificate", file, "--give-private-key", key_file)
    account = SecureDevice(server, "client", certificate=(factory, factory_key)).bootstrap()
    checks(account, server, certificate, key_file)
    registers_by_certificate(server, tmp_path, account, "client")
    wait_until(lambda: registered(server, "client"), 60, "the registration")


def test_oma_4_bootstrap_delete(server, tmp_path):
    """What the device had of another server is deleted; its account with the bootstrap server is not asked for."""
    device = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"))
    assert any(77 in account.values() for account in device.accounts.values())
    device.bootstrap()
    assert [step[1] for step in device.steps if step[0] == DELETE] == ["/0", "/1"]
    assert not any(77 in account.values() for account in [*device.accounts.values(), *device.servers.values()])


def test_oma_5_server_initiated_bootstrap(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "client")
    former = SecureDevice(server, "client", factory).bootstrap()
    wire = registers(server, former, "client")
    executed, ended = [], threading.Event()

    def serve():
        while not ended.is_set():
            message = wire.receive(0.05)
            if message is None or not message.is_request:
                continue
            if (message.code, message.path) == (POST, "/1/0/9"):
                executed.append(message)
                wire.send(Message(ACK, code("2.04"), message.message_id, message.token).encode())
            else:
                wire.serve_once(message)
    background = threading.Thread(target=serve)
    background.start()
    try:
        wait_until(lambda: registered(server, "client"), 60, "the registration")
        server.kedge("device", "bootstrap", "client")
    finally:
        ended.set()
        background.join(30)
    assert len({message.message_id for message in executed}) == 1
    account = SecureDevice(server, "client", factory).bootstrap()
    assert account.key != former.key
    registers(server, account, "client")
    server.traced("client", "adopted", count=2)


def test_oma_6_bootstrap_sequence(server, tmp_path):
    """A device without an account of its own asks the bootstrap server, and each step follows the one before."""
    device = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"))
    device.bootstrap()
    assert [step[:2] for step in device.steps] == [
        (GET, "/"), (DELETE, "/0"), (DELETE, "/1"), (PUT, "/0/1"), (PUT, "/1/0"), (GET, "/1/0"), (POST, "/bs")]
    server.traced("client", "finished")
    events = [event for event, _ in server.trace("client")]
    assert events[1:] == ["requested", "issued", "discovered", "deleted", "deleted", "written", "written", "read", "finished"]


def test_oma_8_bootstrap_read(server, tmp_path):
    device = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"), version="1.1")
    device.bootstrap()
    assert (GET, "/1/0", None) in device.steps
    assert server.traced("client", "read", words="as written")


def test_oma_9_bootstrap_and_configuration_consistency(server, tmp_path):
    """A device that answers 4.06 to Finish is given everything once more."""
    device = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"))
    refusals = ["4.06"]
    device.answers = {(POST, "/bs"): lambda _: refusals.pop() if refusals else ""}
    account = device.bootstrap()
    assert [step[:2] for step in device.steps].count((POST, "/bs")) == 2
    assert [step[:2] for step in device.steps].count((PUT, "/0/1")) == 2
    registers(server, account, "client")
    wait_until(lambda: registered(server, "client"), 60, "the registration")


def test_oma_12_bootstrap_pack(server, tmp_path):
    device = SecureDevice(server, "client", server.enroll_factory(tmp_path, "client"))
    account = device.take_pack(SENML_CBOR)
    assert (account.mode, len(account.key), account.uri) == (0, 16, f"coaps://127.0.0.1:{server.coaps_port}")
    registers(server, account, "client")
    wait_until(lambda: registered(server, "client"), 60, "the registration")
