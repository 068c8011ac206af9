"""OMA's enabler tests of security (401 to 403) and of the objects 1, 3 and 16, as far as they look at the server."""
import pytest
from conftest import run
from field_device import NEW, FieldDevice, known
from lwm2m_client import SENML_CBOR, decode, operate, until, values
from lwm2m_peer import DELETE, POST, PUT, TEXT, TLV
from oma_kit import observe, read, shown
from test_dtls import CLIENTS, CertifiedServer, ask, authority, register_uri, secure, seen_at, show, text_key

_ = (authority, secure)  # fixtures

SERVER_OBJECT = {0: 101, 1: 300, 2: 1, 3: 60, 6: 1, 7: "U"}


# ---- security ----

def test_oma_401_a_pre_shared_key(secure, tmp_path):
    key = text_key(secure, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    assert "c:2.01" in ask(CLIENTS[0], register_uri(secure, "dev"), "its-identity", key)
    seen_at(secure, "dev")


def test_oma_402_a_certificate(start, tmp_path, authority):
    key, certificate, _ = authority.issue("dev")
    certified = CertifiedServer(start, tmp_path / "server", authority)
    assert "c:2.01" in show(CLIENTS[0], register_uri(certified, "dev"), "-c", certificate, "-j", key, "-C", authority.file)
    seen_at(certified, "dev")


def test_oma_403_a_certificate_for_another_host(start, tmp_path, authority):
    """The device breaks off by itself: what it is shown is good for the host that the server is, and for no other."""
    key, certificate, _ = authority.issue("dev")
    certified = CertifiedServer(start, tmp_path / "server", authority)

    def shakes_hands(host):
        done = run("openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{certified.coaps_port}", "-cert", certificate,
                   "-key", key, "-CAfile", authority.file, "-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0",
                   "-verify_hostname", host, "-verify_return_error")
        return done.returncode == 0, done.stdout + done.stderr
    assert shakes_hands("localhost")[0]
    good, said = shakes_hands("server-fail.example.com")
    assert not good and "hostname mismatch" in said.lower(), said
    assert not certified.json("device", "list")["devices"]
    assert "c:2.01" in show(CLIENTS[0], register_uri(certified, "dev"), "-c", certificate, "-j", key, "-C", authority.file)


# ---- object 1, Server ----

def test_oma_551_access_to_the_server_object(server, client):
    device = client(SENML_CBOR)
    device.objects[1] = dict(SERVER_OBJECT)
    assert values(read(server, "/1/0")) == {f"/1/0/{number}": value for number, value in SERVER_OBJECT.items()}
    server.kedge("device", "write", "client", "/1/0/1", "60", "/1/0/6", "0", "/1/0/7", "U")
    device.change = lambda message, path, form: device.reply(message, "4.05")
    assert server.kedge("device", "write", "client", "/1/0/0", "7", check=False).returncode == 1
    assert server.kedge("device", "execute", "client", "/1/0/1", check=False).returncode == 1


class Obedient(FieldDevice):
    """Does what is executed on its objects 1 and 3."""

    def change(self, message, path, form):
        todo = {"/1/0/4": self.leave, "/1/0/8": self.update_it, "/3/0/4": self.reboot, "/3/0/5": self.leave}
        if message.code != POST or path not in todo:
            super().change(message, path, form)
            return
        self.reply(message, "2.04")
        self.todo.append(todo[path])

    def leave(self):
        assert self.ask(DELETE, self.location).code_text == "2.02"

    def update_it(self):
        assert self.ask(POST, self.location, ["lt=77"]).code_text == "2.04"


@pytest.fixture
def obedient(server):
    device = Obedient(server).begin()
    known(server)
    yield device
    device.end()
    assert device.fault is None, device.fault


def test_oma_555_disabling(server, obedient):
    server.kedge("device", "execute", "client", "/1/0/4")
    until(lambda: shown(server)["registered"] is False)


def test_oma_556_updating_the_registration(server, obedient):
    server.kedge("device", "execute", "client", "/1/0/8")
    until(lambda: shown(server)["lifetime_s"] == 77)


# ---- object 3, Device ----

def test_oma_651_access_to_the_device_object(server, client):
    device = client(SENML_CBOR)
    everything = values(read(server, "/3/0"))
    assert (everything["/3/0/0"], everything["/3/0/6/1"], everything["/3/0/13"]) == ("example.com", 5, 1367491215)
    server.kedge("device", "write", "client", "/3/0/14", "+01:00")
    _, path, form, _, payload = [asked for asked in device.asked if asked[0] == PUT][-1]
    assert decode(form, path, payload) == {"/3/0/14": "+01:00"}
    device.change = lambda message, path, form: device.reply(message, "4.05")
    assert server.kedge("device", "write", "client", "/3/0/0", "x", check=False).returncode == 1


def test_oma_652_querying_the_firmware_version(server, client):
    client(TEXT)
    assert server.json("device", "show", "client")["version"] == "1.0.0"
    assert values(read(server, "/3/0/3")) == {"/3/0/3": "1.0.0"}


def test_oma_655_rebooting(server, obedient):
    before = obedient.address
    server.kedge("device", "execute", "client", "/3/0/4")
    known(server, version=NEW)  # this one boots what it is said to have
    assert obedient.registers == ["2.01", "2.01"] and shown(server)["address"] != before


def test_oma_656_factory_reset(server, obedient):
    server.kedge("device", "execute", "client", "/3/0/5")
    until(lambda: shown(server)["registered"] is False)


def test_oma_657_error_codes(server, client):
    device = client(TLV)
    device.objects[3][11] = {0: 1, 1: 7}
    assert values(read(server, "/3/0/11")) == {"/3/0/11/0": 1, "/3/0/11/1": 7}
    server.kedge("device", "execute", "client", "/3/0/12")
    assert (POST, "/3/0/12", None, {}, b"") in device.asked


def test_oma_660_observing_the_device_object(server, client):
    device = client(SENML_CBOR)
    result = observe(server, 3, operation="observe", path="/3/0/9")
    until(lambda: "/3/0/9" in device.observed)
    device.notify("/3/0/9", 50, 2)
    device.notify("/3/0/9", 20, 3)
    assert [values(one) for one in result()["notifications"]] == [{"/3/0/9": 50}, {"/3/0/9": 20}]


def test_oma_661_observing_the_device_object_with_attributes(server, client):
    device = client(SENML_CBOR)
    server.kedge("device", "attributes", "client", "/3/0/9", "pmin=2", "pmax=10", "lt=20", "gt=80", "st=10")
    assert device.asked[-1][1:4] == ("/3/0/9", None, {"pmin": "2", "pmax": "10", "lt": "20", "gt": "80", "st": "10"})
    result = observe(server, 2, operation="observe", path="/3/0/9")
    until(lambda: "/3/0/9" in device.observed)
    device.notify("/3/0/9", 81, 2)
    assert [values(one) for one in result()["notifications"]] == [{"/3/0/9": 81}]


def refused_by_a_single_instance(server, client, command):
    device = client(TLV)
    device.change = lambda message, path, form: device.reply(message, "4.05")
    refused = server.kedge("device", *command, check=False)
    assert refused.returncode == 1 and "4.05" in refused.stderr
    assert shown(server)["version"] == "1.0.0"


def test_oma_680_creating_an_instance_of_the_device_object(server, client):
    refused_by_a_single_instance(server, client, ("create", "client", "/3", "/3/1/0", "x"))


def test_oma_685_deleting_an_instance_of_the_device_object(server, client):
    refused_by_a_single_instance(server, client, ("delete", "client", "/3/0"))


# ---- object 16, Portfolio ----

def test_oma_1630_creating_an_instance_of_the_portfolio_object(server, client):
    device = client(SENML_CBOR)
    device.change = lambda message, path, form: device.reply(message, "2.01")
    names = [f"/16/0/0/{number}" for number in range(4)]
    pairs = [word for name in names for word in (name, "id-" + name[-1])]
    assert server.json("device", "create", "client", "/16", *pairs, "--type", "string")["code"] == "2.01"
    _, path, form, _, payload = [asked for asked in device.asked if asked[0] == POST][-1]
    assert (path, decode(form, path, payload)) == ("/16", {name: "id-" + name[-1] for name in names})
    device.objects[16] = {0: {number: f"id-{number}" for number in range(4)}}
    assert values(read(server, "/16/0")) == {name: "id-" + name[-1] for name in names}


def test_oma_1635_deleting_an_instance_of_the_portfolio_object(server, client):
    device = client(SENML_CBOR)
    assert operate(server, {"operation": "delete", "path": "/16/0"})[1]["code"] == "2.02"
    assert device.asked[-1][:2] == (DELETE, "/16/0")
    assert read(server, "/16/0")["code"] == "4.04"
