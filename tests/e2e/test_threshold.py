"""The same threshold everywhere: kedge-sign verify, the server and the device ask for N different keys."""
import pytest
from conftest import CLASS, VENDOR, Keys, Server, make_package, program, run, wait_until
from signing import DONE, POLICY, create, mixed_image, refused, sign
from test_update import assert_versions


@pytest.fixture
def three(tmp_path):
    return [Keys(tmp_path, name, algorithm) for name, algorithm in
            (("first", "ed25519"), ("second", "esp256"), ("third", "ed25519"))]


@pytest.fixture
def strict_server(start, tmp_path, three) -> Server:
    """A server that trusts all three keys and asks for two of them."""
    server = Server(start, tmp_path / "server", "--require", "2")
    for pair in three:
        server.kedge("trust", "add", "--name", pair.private.stem, pair.public)
    return server


def trusts(keys):
    return [word for pair in keys for word in ("--trust", pair.public)]


def also_by(package, pair):
    done = sign("sign", "--key", pair.private, "--output", package, package)
    assert done.returncode == DONE, done.stderr
    return package


def test_the_server_asks_for_as_many_keys_as_it_was_told(strict_server, three, tmp_path):
    package = make_package(tmp_path, three[0], "1.1.0", 2)
    refused_upload = strict_server.kedge("package", "upload", package, check=False)
    assert refused_upload.returncode == 1
    assert "1 of the trusted keys signed it, and kedged asks for 2" in refused_upload.stderr
    outsider = Keys(tmp_path, "outsider")
    also_by(package, outsider)
    assert strict_server.kedge("package", "upload", package, check=False).returncode == 1
    assert strict_server.json("package", "list")["packages"] == []
    also_by(package, three[1])
    strict_server.kedge("package", "upload", package)
    assert len(strict_server.json("package", "list")["packages"]) == 1


@pytest.mark.parametrize("number", ["0", "9", "-1", "two", "1x", ""])
def test_a_server_is_told_a_number_that_can_be(tmp_path, number):
    done = run(program("kedged"), "--data", tmp_path / "d", "--check-config", f"--require={number}")
    assert done.returncode == 2 and "require" in done.stderr
    (tmp_path / "config").write_text(f"data = {tmp_path / 'd'}\nrequire = 2\n")
    assert run(program("kedged"), "--config", tmp_path / "config", "--check-config").returncode == 0


def test_device_and_server_and_signer_agree(strict_server, start, three, tmp_path):
    """Factory firmware, then an update, both by two of three; by one of three the device takes neither."""
    state, identity = tmp_path / "device", ["--vendor", VENDOR, "--class", CLASS, *trusts(three), "--require", "2"]
    factory = make_package(tmp_path, three[0], "1.0.0", 1)
    install = [program("kedge-agent"), "install-factory", "--state", state, *identity, factory]
    refused(POLICY, "verify", "--require", 2, *trusts(three), factory)
    done = run(*install)
    assert done.returncode != 0 and "not signed by a trusted key" in done.stderr
    also_by(factory, three[2])
    assert sign("verify", "--require", 2, *trusts(three), factory).returncode == DONE
    done = run(*install)
    assert done.returncode == 0, done.stderr

    update = also_by(make_package(tmp_path, three[0], "1.1.0", 2), three[1])
    strict_server.kedge("package", "upload", update)
    package = strict_server.json("package", "list")["packages"][0]["id"]
    start(program("kedge-boot"), "--state", state, *trusts(three), "--require", "2", "--", program("kedge-agent"), "--server",
          strict_server.coap_uri, "--endpoint", "strict", "--state", state, *identity, "--health-command", "true")
    wait_until(lambda: [d for d in strict_server.json("device", "list")["devices"] if d["version"] == "1.0.0"], 60, "the device")
    strict_server.kedge("rollout", "create", "--name", "r", "--package", package, "--all", "--soak", "0", "--start")
    strict_server.kedge("rollout", "watch", "1", timeout=240)
    assert_versions(strict_server, {"strict": "1.1.0"})


def test_a_device_that_asks_for_more_than_the_server_refuses_with_result_5(server, start, three, tmp_path):
    state, identity = tmp_path / "device", ["--vendor", VENDOR, "--class", CLASS, *trusts(three), "--require", "2"]
    factory = also_by(make_package(tmp_path, three[0], "1.0.0", 1), three[1])
    done = run(program("kedge-agent"), "install-factory", "--state", state, *identity, factory)
    assert done.returncode == 0, done.stderr
    server.kedge("trust", "add", "--name", "first", three[0].public)
    server.kedge("package", "upload", make_package(tmp_path, three[0], "1.1.0", 2))
    package = server.json("package", "list")["packages"][0]["id"]
    start(program("kedge-boot"), "--state", state, *trusts(three), "--require", "2", "--", program("kedge-agent"), "--server",
          server.coap_uri, "--endpoint", "strict", "--state", state, *identity, "--health-command", "true")
    wait_until(lambda: [d for d in server.json("device", "list")["devices"] if d["version"] == "1.0.0"], 60, "the device")
    server.kedge("rollout", "create", "--name", "r", "--package", package, "--all", "--soak", "0", "--start")
    server.kedge("rollout", "watch", "1", check=False, timeout=240)
    deployment, = server.json("rollout", "show", "1", "--devices")["deployments"]
    assert deployment["state"] in ("failed", "rejected") and deployment["update_result"] == 5
    assert [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"]


def test_a_device_is_not_told_a_threshold_that_nothing_can_reach(tmp_path, three):
    factory = create(tmp_path, mixed_image(1000), key=three[0].private)
    done = run(program("kedge-agent"), "install-factory", "--state", tmp_path / "device", "--vendor", VENDOR, "--class", CLASS,
               "--trust", three[0].public, "--trust", three[0].public, "--require", "2", factory)
    assert done.returncode == 2 and "different keys" in done.stderr
