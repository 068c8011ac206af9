"""OMA's enabler tests of object 5, Firmware Update, 751 to 780."""
import re

from conftest import make_package
from field_device import FieldDevice, NEW, ended, known, roll_out
from lwm2m_client import decode, operate, until, values
from lwm2m_peer import POST, PUT, TEXT, TLV
from oma_kit import observe, read


def begin_update(server, keys, tmp_path, device):
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
    package = server.json("package", "list")["packages"][0]["id"]
    server.kedge("rollout", "create", "--name", "oma", "--package", package, "--all", "--error-sample", "0", "--start")
    until(lambda: any(asked[:2] == (PUT, "/5/0/1") for asked in device.asked))


def deployment(server):
    return server.json("rollout", "show", "1", "--devices")["deployments"][0]


def test_oma_751_querying_the_readable_resources(server, client):
    client(TLV)
    assert values(read(server, "/5/0")) == {"/5/0/3": 0, "/5/0/5": 0}


def test_oma_755_setting_the_package(server, client):
    device = client(TLV)
    server.kedge("device", "write", "client", "/5/0/0", "AA==")
    assert decode(TLV, "/5/0/0", device.asked[-1][4]) == {"/5/0/0": b"\0"}


def test_oma_756_setting_the_package_uri(server, client, keys, tmp_path):
    device = client(TLV, TEXT)
    begin_update(server, keys, tmp_path, device)
    assert re.fullmatch(rf"coap://127\.0\.0\.1:{server.coap_port}/fw/[0-9a-f]{{64}}", device.objects[5][1])


def test_oma_760_observing_state_with_attributes(server, client):
    device = client(TLV)
    operate(server, {"operation": "write_attributes", "path": "/5/0/3", "attributes": "pmin=2&pmax=10"})
    assert device.asked[-1][3] == {"pmin": "2", "pmax": "10"}
    result = observe(server, 2, operation="observe", path="/5/0/3")
    until(lambda: "/5/0/3" in device.observed)
    device.notify("/5/0/3", 1, 2)
    assert [values(one) for one in result()["notifications"]] == [{"/5/0/3": 1}]


def updated(server, keys, tmp_path, device):
    """The file that the device was given, once all of its update has succeeded."""
    device.begin()
    try:
        known(server)
        roll_out(server, keys, make_package(tmp_path, keys, NEW, 2))
        assert ended(server, device)["state"] == "succeeded"
        known(server, version=NEW)
    finally:
        device.end()
    assert device.executes == 1 and device.downloaded
    return device.given


def test_oma_770_success_by_coap(server, keys, tmp_path):
    assert updated(server, keys, tmp_path, FieldDevice(server)).startswith("coap://")


def test_oma_771_success_by_another_way(server, keys, tmp_path):
    assert updated(server, keys, tmp_path, FieldDevice(server, protocols=(2,))).startswith("http://")


def test_oma_772_execute_without_a_package(server, client):
    device = client(TLV)
    device.change = lambda message, path, form: device.reply(message, "4.05")
    refused = server.kedge("device", "execute", "client", "/5/0/2", check=False)
    assert refused.returncode == 1 and "4.05" in refused.stderr
    assert values(read(server, "/5/0")) == {"/5/0/3": 0, "/5/0/5": 0}


def fails_with(server, client, keys, tmp_path, result, state):
    device = client(TLV, TEXT)
    begin_update(server, keys, tmp_path, device)
    device.objects[5].update({3: 0, 5: result})
    until(lambda: deployment(server)["state"] in ("rejected", "failed", "timed_out", "canceled"))
    ended = deployment(server)
    assert (ended["state"], ended["update_result"]) == (state, result)


def test_oma_773_not_enough_storage(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 2, "rejected")


def test_oma_774_out_of_memory(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 3, "failed")


def test_oma_775_connection_lost(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 4, "failed")


def test_oma_776_integrity_check_failure(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 5, "rejected")


def test_oma_777_unsupported_package_type(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 6, "rejected")


def test_oma_778_invalid_uri(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 7, "rejected")


def test_oma_780_unsupported_protocol(server, client, keys, tmp_path):
    fails_with(server, client, keys, tmp_path, 9, "rejected")


def test_oma_779_installation_fails(server, client, keys, tmp_path):
    device = client(TLV, TEXT)
    begin_update(server, keys, tmp_path, device)
    device.objects[5].update({3: 2, 5: 0})
    until(lambda: any(asked[:2] == (POST, "/5/0/2") for asked in device.asked))
    device.objects[5].update({3: 2, 5: 8})
    until(lambda: deployment(server)["state"] == "failed")
    assert deployment(server)["update_result"] == 8
