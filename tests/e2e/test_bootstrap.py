"""The bootstrap server: who is bootstrapped, what it is given, and what becomes of those whose bootstrapping fails."""
import threading

import pytest
from bootstrap_device import BootstrapServer, PlainDevice, SecureDevice, registers
from conftest import wait_until
from dtls_wire import HandshakeFailed, SecureWire
from lwm2m_client import LWM2M_CBOR, SENML_CBOR, SENML_JSON
from lwm2m_peer import DELETE, GET, LINK, POST, PUT, TLV


@pytest.fixture
def server(start, tmp_path) -> BootstrapServer:
    return BootstrapServer(start, tmp_path / "server")


def shown(server, endpoint) -> dict:
    return next((d for d in server.json("device", "list")["devices"] if d["endpoint"] == endpoint), {})


# ---- the whole way ----

def test_a_device_is_bootstrapped_and_registers_with_the_key_that_it_was_given(server, tmp_path):
    factory = server.enroll_factory(tmp_path, "dev")
    device = SecureDevice(server, "dev", factory)
    account = device.bootstrap()
    assert (account.mode, len(account.key), account.lifetime, account.binding) == (0, 16, 86400, "U")
    assert account.key != factory[1] and account.server_key == b""
    assert [step[:2] for step in device.steps] == [
        (GET, "/"), (DELETE, "/0"), (DELETE, "/1"), (PUT, "/0/1"), (PUT, "/1/0"), (GET, "/1/0"), (POST, "/bs")]
    registers(server, account, "dev")
    wait_until(lambda: shown(server, "dev").get("registered"), 60, "the device")
    server.traced("dev", "adopted", words=account.identity.decode())
    assert [event for event, _ in server.trace("dev")] == [
        "put", "requested", "issued", "discovered", "deleted", "deleted", "written", "written", "read", "finished", "adopted"]
