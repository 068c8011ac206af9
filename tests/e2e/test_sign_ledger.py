"""The ledger: one line for each signature, chained, locked, and never ahead of or behind the truth by a crash."""
import calendar
import concurrent.futures
import fcntl
import hashlib
import json
import os
import pathlib
import re
import resource
import subprocess
import time

import pytest
import suit_oracle
from conftest import Keys, program, wait_until
from signing import DONE, INVALID, POLICY, SYSTEM, USAGE, create, create_with_key, refused, sign

LINE = re.compile(
    rb'(\{"entry":(\d+),"previous":"([0-9a-f]{64})","time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)","who":"([^"\\]*)",'
    rb'"key":"(file|token|elsewhere)","key_id":"([0-9a-f]{64})","manifest_digest":"([0-9a-f]{64})",'
    rb'"version":"([^"]*)","sequence":(\d+)),"hash":"([0-9a-f]{64})"\}\n')


def ledger_of(pair):
    return pair.private.with_name(pair.private.name + ".ledger")


def read(path):
    """Checks the whole chain from the format's description, and returns the lines' groups."""
    lines, previous = [], b"0" * 64
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True), 1):
        match = LINE.fullmatch(line)
        assert match, line
        assert int(match[2]) == number and match[3] == previous
        assert hashlib.sha256(match[1]).hexdigest().encode() == match[11]
        assert isinstance(json.loads(line), dict)
        previous = match[11]
        lines.append(match)
    return lines


def grown(tmp_path, keys, count):
    """A ledger of `count` lines."""
    for number in range(count):
        create(tmp_path, b"image %d" % number, key=keys.private)
    return ledger_of(keys)


def test_every_signature_is_a_line_beside_its_key(tmp_path, keys):
    before = int(time.time())
    second = Keys(tmp_path, "second", "esp256")
    package = create(tmp_path, b"one", "--key", second.private, key=keys.private)
    unsigned = create(tmp_path, b"two", "--unsigned", output="two.suit")
    assert sign("sign", "--key", keys.private, "--output", unsigned, unsigned).returncode == DONE
    stored = create(tmp_path, b"three", "--compress", "none", key=keys.private, output="three.suit")

    lines = read(ledger_of(keys))
    packages = [suit_oracle.check(path.read_bytes()) for path in (package, unsigned, stored)]
    assert [line[8].decode() for line in lines] == [made.manifest_digest.hex() for made in packages]
    assert all(line[7].decode() == packages[0].key_ids[0].hex() for line in lines)
    assert [(line[9], line[10], line[6]) for line in lines] == [(b"1.2.3", b"7", b"file")] * 3
    assert all(line[5].decode().endswith("@" + os.uname().nodename) for line in lines)
    times = [calendar.timegm(time.strptime(line[4].decode(), "%Y-%m-%dT%H:%M:%SZ")) for line in lines]
    assert all(before <= when <= time.time() for when in times)
    line, = read(ledger_of(second))
    assert line[8] == lines[0][8] and line[7].decode() == packages[0].key_ids[1].hex()


def test_the_time_is_the_clock_s_whatever_the_build_pretends(tmp_path, keys):
    done = create_with_key(tmp_path, keys.private, env={**os.environ, "SOURCE_DATE_EPOCH": "1"})
    assert done.returncode == DONE, done.stderr
    assert not read(ledger_of(keys))[0][4].startswith(b"1970")


def test_show_and_verify_say_what_is_in_it(tmp_path, keys):
    ledger = grown(tmp_path, keys, 3)
    shown = sign("ledger", "show", ledger)
    assert shown.returncode == DONE and len(shown.stdout.splitlines()) == 3
    assert "version 1.2.3, sequence 7" in shown.stdout
    entries = json.loads(sign("ledger", "show", "--json", ledger).stdout)
    assert entries == [json.loads(line) for line in ledger.read_text().splitlines()]
    said = sign("ledger", "verify", ledger)
    assert said.returncode == DONE and entries[-1]["hash"] in said.stdout
    report = json.loads(sign("ledger", "verify", "--json", ledger).stdout)
    assert (report["whole"], report["lines"], report["head"]) == (True, 3, entries[-1]["hash"])
    for words in (["ledger"], ["ledger", "forget", ledger], ["ledger", "--help"]):
        refused(USAGE, *words, says="ledger is followed by show or verify")
    refused(USAGE, "ledger", "show", says="KEY.pem.ledger")
    assert "usage: kedge-sign ledger show" in sign("ledger", "show", "--help").stdout
    refused(SYSTEM, "ledger", "verify", tmp_path / "absent")
    refused(SYSTEM, "ledger", "show", tmp_path)


def test_a_broken_chain_is_found_and_named(tmp_path, keys):
    ledger = grown(tmp_path, keys, 4)
    lines = ledger.read_bytes().splitlines(keepends=True)
    changed = re.sub(rb'"sequence":7', b'"sequence":8', lines[1])
    forged = LINE.fullmatch(lines[1])[1].replace(b'"sequence":7', b'"sequence":8')
    forged += b',"hash":"' + hashlib.sha256(forged).hexdigest().encode() + b'"}\n'
    cases = [
        ([lines[0], changed, *lines[2:]], 2, "was changed"),
        ([lines[0], forged, *lines[2:]], 3, "does not follow"),
        ([lines[0], *lines[2:]], 2, "does not follow"),
        (lines[1:], 1, "does not follow"),
        ([lines[0], lines[2], lines[1], lines[3]], 2, "does not follow"),
        ([lines[0], lines[0], *lines[1:]], 2, "does not follow"),
        ([*lines[:3], lines[3][:-1]], 4, "has no end"),
        ([*lines[:3], lines[3][:100]], 4, "has no end"),
        ([*lines, b"\n"], 5, "no line of a ledger"),
        ([*lines[:2], b"x" * 5000 + b"\n", *lines[2:]], 3, "no line of a ledger"),
        ([lines[0].replace(b'"entry"', b' "entry"'), *lines[1:]], 1, "no line of a ledger"),
        ([lines[0].replace(b"\n", b"\r\n"), *lines[1:]], 1, "no line of a ledger"),
    ]
    broken = tmp_path / "broken"
    for content, number, says in cases:
        broken.write_bytes(b"".join(content))
        refused(INVALID, "ledger", "verify", broken, says=f"line {number}: ")
        shown = refused(INVALID, "ledger", "show", broken, says=says)
        assert len(shown.stdout.splitlines()) == number - 1
        report = json.loads(refused(INVALID, "ledger", "verify", "--json", broken).stdout)
        assert not report["whole"] and report["lines"] == number - 1 and says in report["reason"]


def test_every_changed_byte_is_found(tmp_path, keys):
    ledger = grown(tmp_path, keys, 2)
    data = ledger.read_bytes()
    broken = tmp_path / "broken"
    for offset in range(0, len(data), 7):
        broken.write_bytes(data[:offset] + bytes([data[offset] ^ 1]) + data[offset + 1:])
        refused(INVALID, "ledger", "verify", broken)


def test_lines_cut_off_at_the_end_are_found_by_whoever_kept_the_head(tmp_path, keys):
    ledger = grown(tmp_path, keys, 2)
    early = json.loads(sign("ledger", "verify", "--json", ledger).stdout)["head"]
    grown(tmp_path, keys, 2)
    late = json.loads(sign("ledger", "verify", "--json", ledger).stdout)["head"]
    for head in (early, late):
        assert sign("ledger", "verify", "--contains", head, ledger).returncode == DONE
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:3]))
    assert sign("ledger", "verify", ledger).returncode == DONE
    assert sign("ledger", "verify", "--contains", early, ledger).returncode == DONE
    refused(INVALID, "ledger", "verify", "--contains", late, ledger, says="cut off")
    refused(USAGE, "ledger", "verify", "--contains", "abc", ledger, says="64 hex digits")


def test_nothing_is_appended_to_what_is_no_whole_ledger(tmp_path, keys):
    ledger = grown(tmp_path, keys, 2)
    good = ledger.read_bytes()
    lines = good.splitlines(keepends=True)
    (tmp_path / "made.suit").unlink()
    for content in (b"not a ledger", b"not a ledger\n", good + b"x", good + b"\n", good.replace(b'"sequence":7', b'"sequence":9'),
                    good + lines[0][:50], good + b"{", os.urandom(5000), b"\0" * 3000):
        if content == good + b"{":
            continue  # which is how the next line begins: below
        ledger.write_bytes(content)
        done = create_with_key(tmp_path, keys.private)
        assert done.returncode == POLICY and "does not end as a ledger does" in done.stderr, (content, done.stderr)
        assert ledger.read_bytes() == content
        assert not (tmp_path / "out.suit").exists()


@pytest.mark.parametrize("lines_before", [0, 2])
def test_a_line_that_a_power_cut_left_unfinished_is_replaced(tmp_path, keys, lines_before):
    ledger = grown(tmp_path, keys, lines_before)
    good = ledger.read_bytes() if lines_before else b""
    create(tmp_path, b"next", key=keys.private)
    line = ledger.read_bytes()[len(good):]
    # The last is longer than the line that comes in its place.
    for unfinished in (line[:1], line[:5], line[:40], line[:100], line[:-1], line[:120] + b"x" * 800):
        ledger.write_bytes(good + unfinished)
        refused(INVALID, "ledger", "verify", ledger, says="has no end")
        done = create_with_key(tmp_path, keys.private)
        assert done.returncode == DONE and "never finished" in done.stderr
        assert len(read(ledger)) == lines_before + 1 and ledger.read_bytes().startswith(good)


def test_without_its_line_no_package_is_given_out(tmp_path, keys):
    ledger = grown(tmp_path, keys, 12)
    before = ledger.read_bytes()
    cases = [["--ledger", tmp_path / "no" / "ledger"], ["--ledger", tmp_path]]
    for extra in cases:
        done = create_with_key(tmp_path, keys.private, *extra)
        assert done.returncode == SYSTEM and "ledger" in done.stderr

    def full_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, len(before) + 100))

    done = create_with_key(tmp_path, keys.private, preexec_fn=full_disk)
    assert done.returncode == SYSTEM and "write the ledger" in done.stderr, done.stderr
    assert not (tmp_path / "out.suit").exists()
    assert ledger.read_bytes() == before, "a line that does not fit leaves nothing behind"
    assert create_with_key(tmp_path, keys.private).returncode == DONE
    assert len(read(ledger)) == 13


def test_a_line_is_durable_before_the_package_has_its_name(tmp_path, keys):
    """Seen in the order of the system calls: write, fsync of the ledger, then rename."""
    if subprocess.run(["which", "strace"], capture_output=True).returncode != 0:
        pytest.skip("strace is not installed")
    (tmp_path / "image.bin").write_bytes(b"x")
    trace = tmp_path / "trace"
    done = subprocess.run(
        ["strace", "-o", trace, "-y", "-e", "trace=pwrite64,write,fsync,rename,renameat2", program("kedge-sign"), "create",
         "--payload", tmp_path / "image.bin", "--vendor", "example.com", "--class", "a", "--version", "1.0.0", "--sequence",
         "1", "--key", keys.private, "--output", tmp_path / "out.suit"], capture_output=True, text=True, timeout=60)
    if done.returncode != 0 and "ptrace" in done.stderr:
        pytest.skip("the system lets nobody trace")
    assert done.returncode == DONE, done.stderr
    calls = trace.read_text().splitlines()
    written = next(i for i, call in enumerate(calls) if "write" in call and ".ledger>" in call)
    synced = next(i for i, call in enumerate(calls) if call.startswith("fsync") and ".ledger>" in call)
    named = next(i for i, call in enumerate(calls) if call.startswith("rename") and "out.suit" in call)
    assert written < synced < named


def test_many_signers_at_once_make_one_chain(tmp_path, keys):
    folders = [tmp_path / str(i) for i in range(24)]
    for folder in folders:
        folder.mkdir()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda folder: create_with_key(folder, keys.private), folders))
    assert all(one.returncode == DONE for one in done), [one.stderr for one in done]
    assert len(read(ledger_of(keys))) == 24


def test_a_signer_waits_for_another_one_s_line(tmp_path, keys):
    ledger = grown(tmp_path, keys, 1)
    (tmp_path / "made.suit").unlink()
    (tmp_path / "image.bin").write_bytes(b"x")
    with ledger.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        waiting = subprocess.Popen(
            [program("kedge-sign"), "create", "--payload", tmp_path / "image.bin", "--vendor", "example.com", "--class", "a",
             "--version", "1.0.0", "--sequence", "1", "--key", keys.private, "--output", tmp_path / "made.suit"],
            stdout=subprocess.DEVNULL)
        try:
            wait_until(lambda: re.search(rf"-> FLOCK .* {waiting.pid} ", pathlib.Path("/proc/locks").read_text()), 60,
                       "the signer to ask for the lock")
            assert not (tmp_path / "made.suit").exists() and len(read(ledger)) == 1
        finally:
            fcntl.flock(other, fcntl.LOCK_UN)
            assert waiting.wait(60) == DONE
    assert (tmp_path / "made.suit").exists() and len(read(ledger)) == 2


def test_several_keys_may_share_a_ledger(tmp_path, keys):
    second = Keys(tmp_path, "second", "esp256")
    shared = tmp_path / "all.ledger"
    create(tmp_path, b"x", "--key", second.private, "--ledger", shared, key=keys.private)
    assert len({line[7] for line in read(shared)}) == 2
    assert not ledger_of(keys).exists() and not ledger_of(second).exists()
    assert len(read(shared)) == 2


def test_no_ledger_is_replaced_by_a_package(tmp_path, keys):
    package = create(tmp_path, b"x", key=keys.private)
    other, shared = Keys(tmp_path, "other"), tmp_path / "shared.ledger"
    unsigned = create(tmp_path, b"y", "--unsigned", output="unsigned.suit")
    assert sign("sign", "--key", other.private, "--ledger", shared, "--output", package, package).returncode == DONE
    words = ["create", "--payload", tmp_path / "image.bin", "--vendor", "v", "--class", "c", "--version", "1.0.0", "--sequence", 1]
    for extra, ledger in ((["--key", keys.private], ledger_of(keys)), (["--key", other.private, "--ledger", shared], shared)):
        before = ledger.read_bytes()
        refused(USAGE, *words, *extra, "--output", ledger, says="choose another name")
        refused(USAGE, "sign", *extra, "--output", ledger, unsigned, says="choose another name")
        assert ledger.read_bytes() == before


def test_a_ledger_that_cannot_stand_beside_the_key_may_stand_elsewhere(tmp_path, keys):
    ledger_of(keys).mkdir()
    done = create_with_key(tmp_path, keys.private)
    assert done.returncode == SYSTEM and "--ledger FILE" in done.stderr
    assert not (tmp_path / "out.suit").exists()
    assert create_with_key(tmp_path, keys.private, "--ledger", tmp_path / "l").returncode == DONE
    assert len(read(tmp_path / "l")) == 1
