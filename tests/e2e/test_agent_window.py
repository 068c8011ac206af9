"""Whom a package is for beyond vendor and class: the version that runs, and the hardware revision."""
import pytest
from agent_kit import BIG_IMAGE, DOWNLOADED, ENDPOINT, IDLE, agent, peer
from conftest import CLASS, VENDOR, make_package, program, run

UPDATE = ("1.1.0", 6, BIG_IMAGE, "--compress", "none")


@pytest.mark.parametrize("options,reason", [
    (["--min-version", "1.0.1"], "version"), (["--max-version", "0.9.9"], "version"),
    (["--min-version", "1.0.1-rc.1", "--max-version", "2.0.0"], "version"),
    (["--hardware", "A"], "hardware"), (["--hardware", "b"], "hardware"), (["--hardware", "BB"], "hardware"),
])
def test_a_package_that_is_not_for_this_device_is_result_6_before_the_bulk_of_it(agent, peer, tmp_path, keys, options, reason):
    one = agent("--hardware", "B")
    spare_before = (one.state / "slot1.img").read_bytes()
    package = make_package(tmp_path, keys, *UPDATE, *options).read_bytes()
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.wait_for(lambda: peer.blocks_asked, 60, "the download")
    peer.poll(ENDPOINT, "/5/0/3", IDLE)
    assert peer.read(ENDPOINT, "/5/0/5") == "6"
    assert reason in peer.read(ENDPOINT, "/26241/0/0")
    assert max(peer.blocks_asked) <= 2
    assert (one.state / "slot1.img").read_bytes() == spare_before


def test_a_package_that_names_this_device_is_taken(agent, peer, tmp_path, keys):
    agent("--hardware", "B")
    package = make_package(tmp_path, keys, *UPDATE, "--min-version", "1.0.0", "--max-version", "1.0.0", "--hardware", "A",
                           "--hardware", "B").read_bytes()
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)


def test_the_factory_asks_for_the_hardware_and_for_no_version(tmp_path, keys):
    package = make_package(tmp_path, keys, "1.0.0", 1, b"x", "--hardware", "B", "--min-version", "0.9.0")
    install = [program("kedge-agent"), "install-factory", "--state", tmp_path / "state", "--trust", keys.public, "--vendor",
               VENDOR, "--class", CLASS]
    for wrong in ([], ["--hardware", "A"]):
        done = run(*install, *wrong, package)
        assert done.returncode == 1 and "another hardware revision (Update Result 6)" in done.stderr, done.stderr
    done = run(*install, "--hardware", "B", package)
    assert done.returncode == 0, done.stderr


def test_the_server_takes_such_a_package_too(server, tmp_path, keys):
    server.kedge("trust", "add", "--name", "release", keys.public)
    package = make_package(tmp_path, keys, "1.1.0", 2, b"x" * 100, "--hardware", "B", "--min-version", "1.0.0")
    server.kedge("package", "upload", package)
