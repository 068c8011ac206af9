"""What the agent does not take: packages, URIs, command lines, state folders."""
import json
import pathlib

import pytest

from agent_kit import BIG_IMAGE, DOWNLOADED, ENDPOINT, IDLE, Agent, agent, flip, peer, state_of
from conftest import CLASS, VENDOR, Keys, make_package, program, run
from lwm2m_peer import BLOCK1, OPAQUE, PUT, uint


# ---- refusals ----

def refused_packages(folder, keys):
    """(package, Update Result) by name."""
    def make(*extra, sequence=6, who=keys, **keywords):
        name = keywords.pop("name")
        return make_package(folder, who, "1.1.0", sequence, BIG_IMAGE[:100000], "--compress", "none", *extra,
                            name=f"{name}.suit", **keywords).read_bytes()
    good = make(name="good")
    stranger = Keys(folder, "stranger")
    development = Keys(folder, "development", "ed25519", "--development")
    return {
        "good": (good, None),
        "a_payload_bit": (flip(good, len(good) // 2), 5),
        "the_last_byte": (flip(good, len(good) - 1), 5),
        "the_signature": (flip(good, good.index(b"\xd2\x84") + 40), 5),
        "cut": (good[:len(good) // 2], 5),
        "cut_in_the_head": (good[:100], 5),
        "trailing": (good + b"\0", 5),
        "unknown_key": (make(who=stranger, name="unknown"), 5),
        "development_key": (make(who=development, name="dev"), 5),
        "other_vendor": (make(vendor="example.org", name="vendor"), 6),
        "other_class": (make(class_name="board-b", name="class"), 6),
        "older_sequence": (make(sequence=4, name="older"), 6),
        "no_package": (b"#!/bin/sh\n" * 500, 6),
        "too_big": (make_package(folder, keys, "1.1.0", 6, BIG_IMAGE * 2, "--compress", "none",
                                 name="big.suit").read_bytes(), 2),
    }


REFUSED = ["a_payload_bit", "the_last_byte", "the_signature", "cut", "cut_in_the_head", "trailing", "unknown_key",
           "development_key", "other_vendor", "other_class", "older_sequence", "no_package", "too_big"]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packages")
    keys = Keys(folder)
    return keys, refused_packages(folder, keys)


@pytest.mark.parametrize("what", REFUSED)
def test_a_package_that_must_not_run_is_refused_with_its_result(start, tmp_path, peer, packages, what):
    keys, made = packages
    package, result = made[what]
    one = Agent(start, tmp_path, keys, peer.uri, slot_size=262144)
    peer.registered(ENDPOINT)
    spare_before = (one.state / "slot1.img").read_bytes()
    assert peer.offer(ENDPOINT, package) == "2.04"
    peer.wait_for(lambda: peer.blocks_asked, 60, "the download")
    peer.poll(ENDPOINT, "/5/0/3", IDLE)
    assert peer.read(ENDPOINT, "/5/0/5") == str(result)
    assert peer.read(ENDPOINT, "/26241/0/0")
    assert peer.execute(ENDPOINT, "/5/0/2") == "4.05"
    assert peer.read(ENDPOINT, "/3/0/3") == "1.0.0"
    status = one.status()
    assert (status["state"], status["result"]) == ("idle", result) and status["reason"]
    if what in ("the_signature", "unknown_key", "development_key", "other_vendor", "other_class", "older_sequence",
                "no_package", "too_big", "cut_in_the_head"):
        assert max(peer.blocks_asked) <= 2, "known from the manifest, before the bulk of the data"
        assert (one.state / "slot1.img").read_bytes() == spare_before, "flash changed before it was authentic"
    # Nothing of it lasts: the good one is taken afterwards, and the reason is gone.
    assert peer.offer(ENDPOINT, made["good"][0], "fw/good") == "2.04"
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED)
    assert (peer.read(ENDPOINT, "/5/0/5"), peer.read(ENDPOINT, "/26241/0/0")) == ("0", "")


def test_a_development_key_counts_where_it_is_allowed(start, tmp_path, peer):
    development = Keys(tmp_path, "development", "ed25519", "--development")
    refused = run(program("kedge-agent"), "install-factory", "--state", tmp_path / "fresh", "--trust",
                  development.public, "--vendor", VENDOR, "--class", CLASS,
                  make_package(tmp_path, development, "1.0.0", 1))
    assert refused.returncode == 1 and "Update Result 5" in refused.stderr
    allowed = run(program("kedge-agent"), "install-factory", "--state", tmp_path / "fresh", "--trust",
                  development.public, "--vendor", VENDOR, "--class", CLASS, "--allow-development-keys",
                  make_package(tmp_path, development, "1.0.0", 1))
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.parametrize("uri, result", [
    ("not a uri", 7), ("coap://", 7), ("coap:///fw", 7), ("coap://user@host/fw", 7), ("coap://host:0/fw", 7),
    ("fw/package", 7), ("coap://host/fw#part", 7), ("http://", 7),
    ("http:///fw", 7), ("https://user@host/fw", 7), ("http://host:0/fw", 7), ("https://host:65536/", 7), ("ftp://host/fw", 9),
    ("coap+tcp://host/fw", 9), ("coaps://127.0.0.1/fw", 9)])
def test_a_uri_that_cannot_be_taken_is_4_00_with_its_result(agent, peer, uri, result):
    agent()
    assert peer.write(ENDPOINT, "/5/0/1", uri) == "4.00"
    assert state_of(peer) == (IDLE, str(result))
    assert peer.read(ENDPOINT, "/26241/0/0")


def test_a_file_that_is_not_there_is_result_7(agent, peer):
    agent()
    assert peer.write(ENDPOINT, "/5/0/1", f"{peer.uri}/fw/missing") == "2.04"
    peer.poll(ENDPOINT, "/5/0/5", "7")
    assert peer.read(ENDPOINT, "/5/0/3") == IDLE
    assert "4.04" in peer.read(ENDPOINT, "/26241/0/0")


def test_a_device_that_only_pulls_takes_no_pushed_package(agent, peer):
    agent("--delivery", "pull")
    assert peer.read(ENDPOINT, "/5/0/9") == "0"
    message = peer.make_request(PUT, "/5/0/0", b"x" * 1024, content_format=OPAQUE)
    message.options.append((BLOCK1, uint(0 << 4 | 8 | 6)))
    assert peer.exchange(ENDPOINT, message).code_text == "4.05"
    assert peer.request(ENDPOINT, PUT, "/5/0/0", b"x", content_format=OPAQUE).code_text == "4.05"
    assert peer.request(ENDPOINT, PUT, "/5/0/0", b"\0", content_format=OPAQUE).code_text == "2.04"
    assert state_of(peer) == (IDLE, "0")


# ---- the command line ----

def test_usage_errors_are_2_and_name_the_option(tmp_path, keys):
    whole = ["--server", "coap://127.0.0.1:1", "--endpoint", "e", "--state", str(tmp_path), "--trust",
             str(keys.public), "--vendor", VENDOR, "--class", CLASS]
    for missing in range(0, len(whole), 2):
        done = run(program("kedge-agent"), *whole[:missing], *whole[missing + 2:])
        assert done.returncode == 2 and whole[missing] in done.stderr, done.stderr
    for extra, named in ((["--lifetime", "1"], "--lifetime"), (["--lifetime", "x"], "--lifetime"),
                         (["--delivery", "post"], "--delivery"),
                         (["--require", "2"], "--require"), (["--nonsense"], "--nonsense"),
                         (["--psk-identity", "i"], "--psk-identity"), (["--psk-file", "/none"], "--psk-file"),
                         (["surplus"], "surplus"), (["--config", "/none"], "/none"), (["--endpoint"], "--endpoint"),
                         (["--endpoint", ""], "--endpoint"), (["--endpoint", "a\nb"], "--endpoint"),
                         (["--endpoint", "x" * 129], "--endpoint"), (["--server", "http://h"], "http://h"),
                         (["--server", "coaps://h"], "coaps"), (["--trust", "/none.pem"], "/none.pem")):
        done = run(program("kedge-agent"), *whole, *extra)
        assert done.returncode == 2 and named in done.stderr, (extra, done.stderr)


@pytest.mark.parametrize("arguments, words", [
    ([], "--state DIR is missing"),
    (["--state", "here"], "--trust PUB.pem is missing"),
    (["--state", "here", "--trust", "key.pem"], "behind --"),
    (["--nonsense"], "--nonsense is not an option; see kedge-boot --help"),
    (["--state"], "--state needs a value; see kedge-boot --help"),
    (["--trial-limit", "0"], "--trial-limit 0: not a number from 1 to"),
    (["--trial-limit", "99999999999999999999"], "not a number from 1 to"),
    (["--require", "one"], "--require one: not a number"),
    (["--state", "here"] + ["--trust", "key.pem"] * 17, "more than 16 keys"),
])
def test_the_bootloader_says_what_is_wrong_with_its_command_line(arguments, words):
    done = run(program("kedge-boot"), *arguments)
    assert done.returncode == 2 and words in done.stderr


def test_help_and_version_are_0_and_the_guide_names_every_option():
    guide = (pathlib.Path(__file__).parents[2] / "docs" / "agent.md").read_text()
    for command in ([], ["install-factory"], ["status"]):
        done = run(program("kedge-agent"), *command, "--help")
        assert done.returncode == 0 and done.stderr == ""
        for word in done.stdout.split():
            if word.startswith("--"):
                assert f"`{word}" in guide, f"docs/agent.md says nothing of {word}"
    assert run(program("kedge-agent"), "--version").stdout.startswith("kedge-agent ")


def test_a_configuration_file_does_what_options_do_and_they_win(start, tmp_path, keys, peer):
    factory = make_package(tmp_path, keys, "1.0.0", 1)
    config = tmp_path / "agent.conf"
    config.write_text(f"# a device\nserver = {peer.uri}\nendpoint = from-the-file\nstate = {tmp_path / 'state'}\n"
                      f"trust = {keys.public}\nvendor = {VENDOR}\nclass = {CLASS}\nlifetime = 77\n"
                      "allow-development-keys = false\n")
    done = run(program("kedge-agent"), "install-factory", "--config", config, factory)
    assert done.returncode == 0, done.stderr
    start(program("kedge-agent"), "--config", config, "--endpoint", "from-the-line")
    assert peer.registered("from-the-line").query["lt"] == "77"
    for wrong in ("lifetime = 0", "no-such-option = 1", "json = true", "[section]\nendpoint = e", "endpoint",
                  "verbose = perhaps"):
        config.write_text(wrong + "\n")
        done = run(program("kedge-agent"), "--config", config)
        assert done.returncode == 2 and str(config) in done.stderr, (wrong, done.stderr)


def test_factory_firmware_is_installed_once_and_only_when_it_is_right(tmp_path, packages):
    keys, made = packages
    state = tmp_path / "state"
    install = [program("kedge-agent"), "install-factory", "--state", state, "--trust", keys.public, "--vendor", VENDOR,
               "--class", CLASS, "--slot-size", "262144"]
    package = tmp_path / "package.suit"
    for what in REFUSED:
        if what == "older_sequence":
            continue  # nothing is older than nothing
        package.write_bytes(made[what][0])
        done = run(*install, package)
        assert done.returncode == 1 and f"Update Result {made[what][1]}" in done.stderr, (what, done.stderr)
        assert run(program("kedge-agent"), "status", "--state", state).returncode == 1
    package.write_bytes(made["good"][0])
    assert run(*install, package).returncode == 0
    status = json.loads(run(program("kedge-agent"), "status", "--json", "--state", state).stdout)
    assert (status["state"], status["result"], status["version"], status["slot"]) == ("idle", 0, "1.1.0", 0)
    again = run(*install, package)
    assert again.returncode == 1 and "already" in again.stderr
    assert run(*install, tmp_path / "none.suit").returncode == 1


def test_without_firmware_neither_agent_nor_status_run(tmp_path, keys):
    common = ["--state", tmp_path / "none"]
    done = run(program("kedge-agent"), "status", *common)
    assert done.returncode == 1 and "none" in done.stderr
    done = run(program("kedge-agent"), *common, "--server", "coap://127.0.0.1:1", "--endpoint", "e", "--trust",
               keys.public, "--vendor", VENDOR, "--class", CLASS)
    assert done.returncode == 1 and "install-factory" in done.stderr
    assert not (tmp_path / "none").exists()


def test_one_agent_at_a_time_has_the_state_folder(agent, keys):
    made = agent()
    second = run(*made.command)
    assert second.returncode == 1 and "another agent" in second.stderr
