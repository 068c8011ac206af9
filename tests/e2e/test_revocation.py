"""A certificate that is revoked while the server runs."""
import signal

import pytest
from conftest import wait_until
from lwm2m_peer import code
from openssl_device import openssl_device  # noqa: F401 (a fixture)
from test_dtls import CLIENTS, Authority, CertifiedServer, authority, device_of, register_uri, show

LIST_READ, LIST_REFUSED = r"--coaps-crl was read again", r"--coaps-crl is not taken, the former list counts"


def reload(server, pattern: str):
    """Has the list read again, and waits until the log says once more what came of it."""
    def said():
        return sum(pattern in line for line in server.process.lines)
    before = said()
    server.process.process.send_signal(signal.SIGHUP)
    wait_until(lambda: said() > before, 60, pattern)


def test_a_revoked_certificate_loses_its_association_at_once_and_gets_no_new_one(start, tmp_path, authority, openssl_device):
    issued = {name: authority.issue(name) for name in ("dev", "other")}
    certified = CertifiedServer(start, tmp_path / "server", authority)
    clients = {name: openssl_device(f"127.0.0.1:{certified.coaps_port}", "-cert", file, "-key", key, "-CAfile", authority.file)
               for name, (key, file, _) in issued.items()}
    for name, one in clients.items():
        one.register(name)
        wait_until(lambda name=name: device_of(certified, name).get("registered"), 60, f"{name} registered")

    def gets_in(foreign, wait_s: int = 3) -> bool:
        key, file, _ = issued["dev"]
        return "c:2.01" in show(foreign, register_uri(certified, "dev"), "-c", file, "-j", key, "-C", authority.file, wait=wait_s)

    authority.revoke(issued["dev"][2])
    reload(certified, LIST_READ)
    clients["dev"].process.wait(60)  # it was told that its association is over
    wait_until(lambda: not device_of(certified, "dev")["registered"], 60, "dev de-registered")
    assert not any(gets_in(foreign) for foreign in CLIENTS)
    certified.process.wait_for(r"not known\): .*certificate")
    # Whom the list does not name goes on by the association that it has.
    assert clients["other"].process.poll() is None
    assert clients["other"].ask(clients["other"].location).code == code("2.04")
    assert device_of(certified, "other")["registered"]

    # A list that is none changes nothing, and neither does the list of somebody else's CA.
    good = certified.crl_file.read_bytes()
    for wrong in (b"", good[:len(good) // 2], Authority(tmp_path, "foreign").revoke().read_bytes()):
        certified.crl_file.write_bytes(wrong)
        reload(certified, LIST_REFUSED)
    assert not gets_in(CLIENTS[0])

    authority.revoke()
    reload(certified, LIST_READ)
    assert gets_in(CLIENTS[0], 60)
    assert clients["other"].process.poll() is None


def test_a_list_that_the_ca_has_not_signed_is_refused_at_the_start(start, tmp_path, authority):
    certified = CertifiedServer(start, tmp_path / "server", authority)
    certified.kill()
    certified.crl_file.write_bytes(Authority(tmp_path, "foreign").revoke().read_bytes())
    with pytest.raises(AssertionError):
        certified.begin()
    assert "--coaps-crl" in certified.process.log


def test_a_list_that_is_out_of_date_is_taken_and_refuses_everybody(start, tmp_path, authority):
    key, file, _ = authority.issue("dev")
    certified = CertifiedServer(start, tmp_path / "server", authority)
    authority.revoke(days=(-30, -2))
    reload(certified, LIST_READ)
    certified.kill()
    certified.begin()
    said = show(CLIENTS[0], register_uri(certified, "dev"), "-c", file, "-j", key, "-C", authority.file, wait=3)
    assert "c:2.01" not in said
    certified.process.wait_for(r"not known\): .*certificate")


def test_without_a_list_there_is_nothing_to_read_again_and_the_server_goes_on(server):
    reload(server, "there is no --coaps-crl to be read again")
    assert server.json("device", "list")["devices"] == []
