"""What the command line of kedge-sign takes, and what it does when the system refuses."""
import hashlib
import json
import os
import random
import resource
import signal
import stat
import subprocess
import time

import pytest
import suit_oracle
from conftest import CLASS, VENDOR, Keys, make_package, program
from signing import DONE, SYSTEM, USAGE, Terminal, create, create_with_key, mixed_image, refused, sign


@pytest.mark.parametrize("command", ["keygen", "create", "verify", "inspect", "extract"])
def test_every_command_explains_itself(command):
    done = sign(command, "--help")
    assert done.returncode == DONE and done.stdout.startswith(f"usage: kedge-sign {command} ")
    assert command in sign("--help").stdout


def test_the_program_has_a_version():
    done = sign("--version")
    assert done.returncode == DONE and done.stdout.startswith("kedge-sign ")


def test_command_lines_that_make_no_sense_are_usage_errors(tmp_path, keys):
    package = make_package(tmp_path, keys, "1.0.0", 1)
    image = tmp_path / "image"
    image.write_bytes(b"x")
    good = {"--payload": image, "--vendor": VENDOR, "--class": CLASS, "--version": "1.0.0", "--sequence": 1,
            "--key": keys.private, "--output": tmp_path / "out"}

    def line(*extra, **changes):
        options = good | {"--" + name: value for name, value in changes.items()}
        return ["create", *(word for pair in options.items() if pair[1] is not None for word in pair), *extra]

    assert sign(*line()).returncode == DONE
    cases = [[], ["unknown"], ["prepare"], ["--unknown"], ["verify", package], ["verify", "--trust", keys.public],
             ["verify", "--trust", keys.public, package, package], ["verify", "--unknown", package], ["inspect"],
             ["inspect", package, "--trust", keys.public], ["extract", package], ["keygen"], ["extract", package, "--output"],
             ["verify", "--tru", keys.public, package], ["verify", f"--tru={keys.public}", package],
             ["keygen", "--alg", "rsa", "--out", tmp_path / "a", "--public", tmp_path / "b", "--no-password"],
             ["keygen", "--alg", "ed25519", "--out", tmp_path / "a", "--public", tmp_path / "b", "--no-password",
              "--password-file", image]]
    cases += [line(**{name.strip("-"): None}) for name in good]
    cases += [line(sequence=wrong) for wrong in ("-1", "1.5", "x", "", "9223372036854775808", "99999999999999999999")]
    cases += [line(vendor=""), line(vendor="v" * 128), line("--class", ""), line("--compress", "lzma"),
              line("--deliver", "post"), line("--attach", "virus=x"), line("--attach", "sbom"),
              line("--attach", f"sbom={image}", "--attach", f"sbom={image}"), line("--attach", f"sbom={image}"),
              line("--vendor-uuid", "x"), line("--hardware", ""), line("--min-version", "1"), line("--slot-size", "0"),
              line("--min-version", "2.0.0", "--max-version", "1.0.0"), line("--deliver", "payload", "--hardware", "A"), line("--key", keys.private),
              line("--sequence", 2), line("extra"), line("--text", "t" * 4097)]
    for case in cases:
        refused(USAGE, *case)
    for name in ("a", "b"):
        assert not (tmp_path / name).exists()


def test_text_that_is_not_utf8_is_a_usage_error(tmp_path, keys):
    create(tmp_path, b"x", key=keys.private)
    done = subprocess.run([program("kedge-sign"), "create", "--payload", tmp_path / "image.bin", "--vendor", VENDOR,
                           "--class", CLASS, "--version", "1.0.0", "--sequence", "1", "--key", keys.private,
                           "--output", tmp_path / "o", "--text", b"\xff\xfe"], capture_output=True, check=False)
    assert done.returncode == USAGE and b"--text" in done.stderr


def test_at_most_eight_keys_sign(tmp_path):
    eight = [Keys(tmp_path, f"k{i}") for i in range(9)]
    words = [word for keys in eight[:8] for word in ("--key", keys.private)]
    path = create(tmp_path, b"x", *words)
    assert len(suit_oracle.check(path.read_bytes(), [suit_oracle.load_public(k.public) for k in eight]).signed_by) == 8
    trust = [word for keys in eight[:8] for word in ("--trust", keys.public)]
    assert sign("verify", *trust, "--require", 8, path).returncode == DONE
    path.unlink()
    assert create_with_key(tmp_path, eight[8].private, *words).returncode == USAGE


# ---- what the system refuses ----

def test_files_that_cannot_be_read_are_system_errors(tmp_path, keys):
    package = make_package(tmp_path, keys, "1.0.0", 1)
    absent = tmp_path / "absent"
    refused(SYSTEM, "verify", "--trust", keys.public, absent, says="absent")
    refused(SYSTEM, "verify", "--trust", keys.public, tmp_path, says="directory")
    refused(SYSTEM, "inspect", absent, says="absent")
    refused(SYSTEM, "extract", absent, "--output", tmp_path / "o")
    refused(SYSTEM, "extract", package, "--output", tmp_path / "no" / "folder", says="folder")
    refused(SYSTEM, "extract", package, "--output", tmp_path)
    # Nothing may take the place of a device or a pipe.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused(SYSTEM, "extract", package, "--output", pipe, says="pipe")
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert create_with_key(tmp_path, absent).returncode == SYSTEM
    assert create_with_key(tmp_path, keys.private, "--attach", f"sbom={absent}").returncode == SYSTEM


def test_an_image_that_is_no_file_or_is_empty_is_refused(tmp_path, keys):
    (tmp_path / "empty").touch()
    common = ["--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0", "--sequence", 1, "--key", keys.private,
              "--output", tmp_path / "out"]
    refused(SYSTEM, "create", "--payload", tmp_path / "absent", *common)
    refused(SYSTEM, "create", "--payload", tmp_path, *common)
    refused(USAGE, "create", "--payload", tmp_path / "empty", *common, says="empty")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("compress", ["none", "zlib"])
def test_a_full_disk_leaves_nothing_behind_and_the_old_file_as_it_was(tmp_path, keys, compress):
    output = create(tmp_path, b"old", key=keys.private)
    before = output.read_bytes()
    (tmp_path / "image.bin").write_bytes(mixed_image(300000))
    files = sorted(tmp_path.iterdir())

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    refused(SYSTEM, "create", "--payload", tmp_path / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version",
            "1.0.0", "--sequence", 1, "--key", keys.private, "--compress", compress, "--output", output,
            says="File too large", preexec_fn=limit)
    assert sorted(tmp_path.iterdir()) == files
    assert output.read_bytes() == before
    big = create(tmp_path, mixed_image(300000), key=keys.private, output="big.suit")
    refused(SYSTEM, "extract", big, "--output", tmp_path / "image", preexec_fn=limit)
    assert not (tmp_path / "image").exists()


def test_output_that_nobody_can_read_is_a_system_error(tmp_path, keys):
    path = make_package(tmp_path, keys, "1.0.0", 1)
    for command in (["inspect", path], ["inspect", "--json", path], ["verify", "--trust", keys.public, path], ["--help"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run([program("kedge-sign"), *map(str, command)], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
        assert done.returncode == SYSTEM and "standard output" in done.stderr


def test_no_file_that_is_read_is_overwritten(tmp_path, keys):
    before = keys.private.read_bytes()
    image = tmp_path / "image.bin"
    link = tmp_path / "link"
    link.symlink_to(image)
    for output in (image, link, keys.private):
        done = create_with_key(tmp_path, keys.private, "--output", output)
        assert done.returncode == USAGE, "--output is given twice"
        path = output
        refused(USAGE, "create", "--payload", image, "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
                "--sequence", 1, "--key", keys.private, "--output", path, says="choose another name")
    assert keys.private.read_bytes() == before and image.read_bytes() == b"x"
    package = make_package(tmp_path, keys, "1.0.0", 1)
    content = package.read_bytes()
    refused(USAGE, "extract", package, "--output", package, says="choose another name")
    assert package.read_bytes() == content


def create_in_the_middle(tmp_path, keys, **how):
    """A create that has a temporary file open, and what was in the folder before."""
    image = tmp_path / "image.bin"
    image.write_bytes(random.Random(1).randbytes(1 << 20) * 48)
    files = sorted(tmp_path.iterdir())
    process = subprocess.Popen([program("kedge-sign"), "create", "--payload", image, "--vendor", VENDOR, "--class", CLASS,
                                "--version", "1.0.0", "--sequence", "1", "--key", keys.private, "--output",
                                tmp_path / "out.suit"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **how)
    deadline = time.monotonic() + 60
    while sorted(tmp_path.iterdir()) == files and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    return process, files


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_an_interrupted_create_leaves_nothing_behind(tmp_path, keys, number):
    no_core = lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    process, files = create_in_the_middle(tmp_path, keys, preexec_fn=no_core)
    process.send_signal(number)
    assert process.wait(60) == -number
    assert sorted(tmp_path.iterdir()) == files


def test_a_create_that_was_told_to_ignore_a_hangup_goes_on(tmp_path, keys):
    process, _ = create_in_the_middle(tmp_path, keys, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    assert process.wait(60) == DONE
    assert sign("verify", "--trust", keys.public, tmp_path / "out.suit").returncode == DONE


def test_create_tells_machines_what_it_made(tmp_path, keys):
    done = create_with_key(tmp_path, keys.private, "--json")
    made = json.loads(done.stdout)
    data = (tmp_path / "out.suit").read_bytes()
    package = suit_oracle.check(data)
    assert made["manifest_digest"] == package.manifest_digest.hex()
    assert made["package_size"] == len(data)
    assert made["signed_by"] == [key_id.hex() for key_id in package.key_ids]


def test_a_long_task_shows_its_progress_on_a_terminal_only(tmp_path, keys):
    image = tmp_path / "image.bin"
    piece = mixed_image(1 << 20)
    with open(image, "wb") as out:  # so much that no machine is done before progress shows
        for _ in range(200):
            out.write(piece)
    options = ["create", "--payload", image, "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0", "--sequence", 1,
               "--key", keys.private, "--output", tmp_path / "out.suit"]
    terminal = Terminal(*options)
    assert os.waitstatus_to_exitcode(terminal.status()) == DONE
    assert b"compressing:" in terminal.shown
    assert sign(*options).stderr == ""


def test_sever_and_extract_tell_machines_what_they_wrote(tmp_path, keys):
    made = json.loads(create_with_key(tmp_path, keys.private, "--text", "for people", "--json").stdout)
    whole, severed, image = tmp_path / "out.suit", tmp_path / "severed.suit", tmp_path / "image"
    identity = {name: made[name] for name in ("manifest_digest", "version", "sequence")}
    said = json.loads(sign("sever", whole, "--output", severed, "--json").stdout)
    # With the text go its key in the map (one byte) and the head of its byte string (two).
    removed = whole.stat().st_size - severed.stat().st_size - 3
    assert said == identity | {"output": str(severed), "removed_text_size": removed} and removed > 10
    said = json.loads(sign("extract", severed, "--output", image, "--json").stdout)
    assert said == identity | {"output": str(image), "image_size": image.stat().st_size,
                               "image_digest": hashlib.sha256(image.read_bytes()).hexdigest()}
    said = json.loads(sign("sever", severed, "--output", severed, "--json").stdout)
    assert said["removed_text_size"] == 0


@pytest.mark.parametrize("words", [["--password", "hunter2"], ["--password=hunter2"], ["--passphrase=hunter2"],
                                   ["--no-password=hunter2"]])
def test_an_option_of_a_wrong_name_is_named_and_its_value_is_not_repeated(tmp_path, words):
    name = words[0].partition("=")[0]
    done = refused(USAGE, "keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "p", *words, says=name)
    assert "hunter2" not in done.stderr


def test_a_name_that_json_cannot_hold_is_refused_and_not_left_out(tmp_path, keys):
    package = make_package(tmp_path, keys, "1.0.0", 1)
    odd = os.fsencode(tmp_path) + b"/odd-\xff.suit"
    with open(odd, "wb") as file:
        file.write(package.read_bytes())
    assert sign_bytes("verify", "--trust", keys.public, odd).returncode == DONE
    for words in (["verify", "--json", "--trust", keys.public, odd], ["inspect", "--json", odd],
                  ["diff", "--json", package, odd],
                  ["prepare", "--public", keys.public, "--output", odd, create(tmp_path, b"x", "--unsigned")]):
        done = sign_bytes(*words)
        assert done.returncode == USAGE and b"UTF-8" in done.stderr and done.stdout == b"", (words, done)
    assert sorted(path for path in os.listdir(os.fsencode(tmp_path)) if path.startswith(b"odd")) == [b"odd-\xff.suit"]


def sign_bytes(*words):
    return subprocess.run([program("kedge-sign"), *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
