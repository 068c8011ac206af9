"""IPv6, by clients that are not ours: Debian's coap-client without security, openssl with it."""
import hashlib
import random
import re
import subprocess

import pytest

from conftest import free_port, make_package, needs_ipv6, wait_until
from openssl_device import openssl_device  # noqa: F401 (a fixture)
from test_dtls import CLIENTS, SecureServer, agent, ask, seen_at, text_key
from test_swarm import keys_of_a_fleet, swarm  # noqa: F401 (a fixture)
from test_update import deployments, registered, upload


pytestmark = needs_ipv6


class ServerOf6(SecureServer):
    """A kedged that serves devices at [::1] alone."""

    def listeners(self) -> list[str]:
        self.coap_uri, self.coaps_uri = f"coap://[::1]:{self.coap_port}", f"coaps://[::1]:{self.coaps_port}"
        return ["--coap", f"[::1]:{self.coap_port}", "--coaps", f"[::1]:{self.coaps_port}"]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_client_registers_and_downloads_by_ipv6(start, keys, device, tmp_path, client):
    """Where a device answers, too: nothing is served to a host that only ever registered (docs/strangers.md)."""
    server = ServerOf6(start, tmp_path / "server")
    upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    digest = server.json("package", "list")["packages"][0]["device_digest"]
    assert "4.01" in ask(client, f"{server.coap_uri}/fw/{digest}", None, None, "get", 60)
    assert "c:2.01" in ask(client, f"{server.coap_uri}/rd?ep=dev&lt=300&lwm2m=1.1&b=U")
    seen_at(server, "dev", "[::1]:")
    device("answers", keys, make_package(tmp_path, keys, "1.0.0", 1), server.coap_uri)
    registered(server, 1)
    got = tmp_path / "got"
    ask(client, f"{server.coap_uri}/fw/{digest}", None, None, "get", 60, "-o", str(got))
    assert hashlib.sha256(got.read_bytes()).hexdigest() == digest


@pytest.mark.parametrize("suite", ["PSK-AES128-CCM8", "PSK-AES128-CBC-SHA256"])
def test_openssl_registers_by_ipv6_and_dtls(start, tmp_path, openssl_device, suite):  # noqa: F811
    # coap-client puts the address into server_name, where none may be (RFC 6066 section 3): GnuTLS refuses it.
    server = ServerOf6(start, tmp_path / "server")
    key = text_key(server, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    device = openssl_device(f"[::1]:{server.coaps_port}", "-noservername", "-psk_identity", "its-identity", "-psk", key,
                            "-cipher", f"{suite}:@SECLEVEL=0")
    device.register("dev")
    seen_at(server, "dev", "coaps://[::1]:")


def test_an_agent_goes_through_a_whole_update_by_ipv6_and_dtls(start, keys, device, tmp_path):
    server = ServerOf6(start, tmp_path / "server")
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2))
    key = server.enroll(tmp_path, ("dev", "its identity"))["dev"]
    one = agent(device, server, tmp_path, keys, factory, "dev", "its identity", key, health="true")
    assert registered(server, 1)[0]["address"].startswith("coaps://[::1]:")
    server.kedge("rollout", "create", "--name", "six", "--package", package, "--all", "--start")
    server.kedge("rollout", "watch", "1", timeout=120)
    assert deployments(server)["dev"]["state"] == "succeeded"
    assert one.status()["version"] == "1.1.0"


class ServerOfBoth(SecureServer):
    """A kedged that serves devices by IPv4 and IPv6, with security and without."""

    def listeners(self) -> list[str]:
        self.coap6_port, self.coaps6_port = free_port(), free_port()
        return ["--coap", f"127.0.0.1:{self.coap_port},[::1]:{self.coap6_port}",
                "--coaps", f"127.0.0.1:{self.coaps_port},[::1]:{self.coaps6_port}"]


def test_one_server_takes_devices_of_both_families_through_an_update(start, keys, tmp_path, swarm):  # noqa: F811
    server = ServerOfBoth(start, tmp_path / "server")
    four, six, secure = server.coap_uri, f"coap://[::1]:{server.coap6_port}", server.coaps_uri
    secure_six = f"coaps://[::1]:{server.coaps6_port}"
    server.process.wait_for(re.escape(f"devices at {four} and {six} and {secure} and {secure_six}, "))
    file = keys_of_a_fleet(tmp_path, 4, "--prefix", "secure-")
    server.kedge("device", "enroll", "--psk-file", file)
    key = text_key(server, tmp_path, "dev", "its-identity", "a-key-of-its-own")
    fleets = [swarm(four, 4, "--prefix", "four-", "--reboot-time", 0.2),
              swarm(six, 4, "--prefix", "six-", "--reboot-time", 0.2),
              swarm(secure, 4, "--psk-file", file, "--reboot-time", 0.2)]
    package = upload(server, keys, make_package(tmp_path, keys, "1.1.0", 2, random.Random(1).randbytes(20000)))
    wait_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]].count("1.0.0") == 12, 60)
    server.kedge("rollout", "create", "--name", "both", "--package", package, "--all", "--start")
    server.kedge("rollout", "watch", "1", timeout=120)
    assert [one.end()["updated"] for one in fleets] == [4, 4, 4]
    session = subprocess.run(
        ["openssl", "s_client", "-dtls1_2", "-connect", f"[::1]:{server.coaps6_port}", "-noservername", "-psk_identity",
         "its-identity", "-psk", key, "-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"], input="", capture_output=True,
        text=True, timeout=60)
    assert "Cipher is PSK-AES128-CCM8" in session.stdout
