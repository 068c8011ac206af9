"""The keys of kedge-sign: its own and openssl's, passwords, prompts, and what it does not take."""
import json
import os
import resource
import signal
import stat

import pytest
import suit_oracle
from conftest import CLASS, VENDOR, Keys, make_package, run
from signing import DONE, KEY, SYSTEM, USAGE, Terminal, create, create_with_key, refused, sign


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("correct horse\nnot this line\n")
    return path


@pytest.mark.parametrize("algorithm", ["ed25519", "esp256"])
def test_our_keys_load_in_openssl_and_its_keys_here(tmp_path, algorithm, password):
    ours = tmp_path / "ours.pem"
    done = sign("keygen", "--alg", algorithm, "--out", ours, "--public", tmp_path / "ours.pub", "--password-file", password)
    assert done.returncode == DONE, done.stderr
    assert "ENCRYPTED PRIVATE KEY" in ours.read_text()
    derived = run("openssl", "pkey", "-in", ours, "-passin", f"file:{password}", "-pubout")
    assert derived.returncode == 0, derived.stderr
    assert derived.stdout == (tmp_path / "ours.pub").read_text()

    kind = ["ed25519"] if algorithm == "ed25519" else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
    plain, locked, public = tmp_path / "plain.pem", tmp_path / "locked.pem", tmp_path / "theirs.pub"
    assert run("openssl", "genpkey", "-algorithm", *kind, "-out", plain).returncode == 0
    assert run("openssl", "pkcs8", "-topk8", "-in", plain, "-out", locked, "-passout", f"file:{password}").returncode == 0
    assert run("openssl", "pkey", "-in", plain, "-pubout", "-out", public).returncode == 0
    for key in (plain, locked):
        path = create(tmp_path, b"z" * 99, "--password-file", password, key=key)
        assert sign("verify", "--trust", public, path).returncode == DONE
        assert suit_oracle.check(path.read_bytes(), [suit_oracle.load_public(public)]).signed_by


@pytest.mark.parametrize("conversion", [["-scrypt"], ["-v2", "aes-128-cbc"], ["-v2prf", "hmacWithSHA1"]])
def test_another_encryption_is_refused_with_the_command_that_converts_it(tmp_path, password, conversion):
    plain, foreign = tmp_path / "plain.pem", tmp_path / "foreign.pem"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", plain)
    done = run("openssl", "pkcs8", "-topk8", *conversion, "-in", plain, "-out", foreign, "-passout", f"file:{password}")
    assert done.returncode == 0, done.stderr
    (tmp_path / "image.bin").write_bytes(b"x")
    command = ["create", "--payload", tmp_path / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
               "--sequence", 1, "--password-file", password, "--output", tmp_path / "out.suit"]
    said = refused(KEY, *command, "--key", foreign, says="openssl pkcs8 -topk8").stderr
    advice = said[said.index("openssl pkcs8"):].split()
    advice[advice.index("NEW.pem")] = str(tmp_path / "new.pem")
    # Two options that name one file would take its first and its second line.
    new_password = tmp_path / "new-password"
    new_password.write_text("correct horse")
    converted = run(*advice, "-passin", f"file:{password}", "-passout", f"file:{new_password}")
    assert converted.returncode == 0, converted.stderr
    assert sign(*command, "--key", tmp_path / "new.pem").returncode == DONE


@pytest.mark.parametrize("form", ["bare", "with its curve", "with a password"])
def test_an_ec_private_key_file_is_refused_with_the_command_that_converts_it(tmp_path, password, form):
    with_curve, sec1, new = tmp_path / "with-curve.pem", tmp_path / "sec1.pem", tmp_path / "new.pem"
    run("openssl", "ecparam", "-genkey", "-name", "prime256v1", "-out", with_curve)
    lock = ["-aes256", "-passout", f"file:{password}"] if form == "with a password" else []
    run("openssl", "ec", "-in", with_curve, *lock, "-out", sec1)
    key = with_curve if form == "with its curve" else sec1
    assert "BEGIN EC PRIVATE KEY" in key.read_text()
    done = create_with_key(tmp_path, key)
    assert done.returncode == KEY and "openssl pkcs8 -topk8" in done.stderr
    advice = done.stderr[done.stderr.index("openssl pkcs8"):].split()
    advice[advice.index("NEW.pem")] = str(new)
    new_password = tmp_path / "new-password"
    new_password.write_text("correct horse")
    converted = run(*advice, "-passin", f"file:{password}", "-passout", f"file:{new_password}")
    assert converted.returncode == 0, converted.stderr
    assert create_with_key(tmp_path, new, "--password-file", password).returncode == DONE


def test_what_is_no_private_key_is_refused_with_what_is_wanted(tmp_path, keys):
    for wrong in (keys.public, tmp_path / "password"):
        wrong.exists() or wrong.write_text("correct horse")
        done = create_with_key(tmp_path, wrong)
        assert done.returncode == KEY and "-----BEGIN PRIVATE KEY-----" in done.stderr


def test_keys_that_cannot_be_used_are_key_errors(tmp_path, keys, password):
    wrong = tmp_path / "wrong"
    wrong.write_text("incorrect horse\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "long").write_text("x" * 1025)
    locked = tmp_path / "locked.pem"
    sign("keygen", "--alg", "ed25519", "--out", locked, "--public", tmp_path / "l.pub", "--password-file", password)
    rsa = tmp_path / "rsa.pem"
    run("openssl", "genpkey", "-algorithm", "RSA", "-out", rsa)
    p384 = tmp_path / "p384.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", p384)
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    cases = [(locked, ["--password-file", wrong], "password is wrong"),
             (locked, ["--password-file", tmp_path / "empty"], "no password"),
             (locked, ["--password-file", tmp_path / "long"], "at most 1024 bytes"),
             (locked, [], "--password-file"), (keys.public, [], "no private key"), (rsa, [], ""), (p384, [], "P-256"),
             (garbage, [], "no private key")]
    for key, extra, says in cases:
        done = create_with_key(tmp_path, key, *extra, start_new_session=True)
        assert done.returncode == KEY, f"{key} {extra}: {done.returncode} {done.stderr}"
        assert says in done.stderr and "kedge-sign: " in done.stderr
    assert not (tmp_path / "out.suit").exists()
    assert create_with_key(tmp_path, locked, "--password-file", password).returncode == DONE


def test_a_password_file_for_each_key(tmp_path, password):
    second = tmp_path / "second"
    second.write_text("battery staple")
    for name, file in (("a", password), ("b", second)):
        sign("keygen", "--alg", "ed25519", "--out", tmp_path / f"{name}.pem", "--public", tmp_path / f"{name}.pub",
             "--password-file", file)
    both = ["--key", tmp_path / "b.pem"]
    done = create_with_key(tmp_path, tmp_path / "a.pem", *both, "--password-file", password, "--password-file", second)
    assert done.returncode == DONE, done.stderr
    assert create_with_key(tmp_path, tmp_path / "a.pem", *both, "--password-file", password).returncode == KEY
    done = create_with_key(tmp_path, tmp_path / "a.pem", "--password-file", password, "--password-file", second)
    assert done.returncode == USAGE


def test_a_password_comes_from_a_pin_source(tmp_path, password):
    locked = tmp_path / "locked.pem"
    environment = {**os.environ, "RELEASE_PIN": "correct horse\nnot this line"}
    done = sign("keygen", "--alg", "esp256", "--out", locked, "--public", tmp_path / "l.pub", "--pin-source", "env:RELEASE_PIN",
                env=environment)
    assert done.returncode == DONE and "ENCRYPTED" in locked.read_text(), done.stderr
    assert create_with_key(tmp_path, locked, "--pin-source", f"file:{password}").returncode == DONE
    assert create_with_key(tmp_path, locked, "--pin-source", "env:RELEASE_PIN", env=environment).returncode == DONE
    cases = [(KEY, ["--pin-source", "env:NOT_THERE"], "NOT_THERE"), (SYSTEM, ["--pin-source", "file:/not/there"], "/not/there"),
             (KEY, ["--pin-source", "env:EMPTY"], "holds no password"), (KEY, ["--pin-source", "env:WRONG"], "password is wrong"),
             (USAGE, ["--pin-source", f"file:{password}", "--password-file", password], "exclude")]
    for status, extra, says in cases:
        done = create_with_key(tmp_path, locked, *extra, env={**os.environ, "EMPTY": "", "WRONG": "incorrect horse"})
        assert done.returncode == status and says in done.stderr, done.stderr


def test_what_was_given_for_a_pin_source_by_mistake_is_not_repeated(tmp_path, keys):
    for command in (["create", "--payload", keys.public, "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
                     "--sequence", 1, "--key", keys.private, "--output", tmp_path / "o"],
                    ["keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "p"]):
        for mistake in ("hunter2", "pass:hunter2", "file:", "env:"):
            assert "hunter2" not in refused(USAGE, *command, "--pin-source", mistake, says="--pin-source").stderr
    assert not (tmp_path / "o").exists() and not (tmp_path / "k").exists()


def test_a_pin_source_file_is_not_replaced_by_the_package(tmp_path, password):
    locked = tmp_path / "locked.pem"
    sign("keygen", "--alg", "ed25519", "--out", locked, "--public", tmp_path / "l.pub", "--password-file", password)
    (tmp_path / "image.bin").write_bytes(b"x")
    refused(USAGE, "create", "--payload", tmp_path / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
            "--sequence", 1, "--key", locked, "--pin-source", f"file:{password}", "--output", password, says="choose another name")
    assert password.read_text().startswith("correct horse")


def test_trust_takes_public_keys_only(tmp_path, keys):
    path = make_package(tmp_path, keys, "1.0.0", 1)
    refused(KEY, "verify", "--trust", keys.private, path, says="public key")
    refused(SYSTEM, "verify", "--trust", tmp_path / "absent", path, says="absent")


def test_private_keys_are_for_their_owner_and_never_overwritten(tmp_path):
    old_umask = os.umask(0)
    try:
        keys = Keys(tmp_path)
    finally:
        os.umask(old_umask)
    assert stat.S_IMODE(keys.private.stat().st_mode) == 0o600
    before = keys.private.read_bytes(), keys.public.read_bytes()
    fresh = tmp_path / "fresh"
    for out, public in ((keys.private, fresh), (fresh, keys.public)):
        refused(SYSTEM, "keygen", "--alg", "ed25519", "--out", out, "--public", public, "--no-password", says="exists")
        assert not fresh.exists()
    assert (keys.private.read_bytes(), keys.public.read_bytes()) == before
    refused(USAGE, "keygen", "--alg", "ed25519", "--out", fresh, "--public", fresh, "--no-password", says="same file")


def test_a_key_without_a_password_is_said_aloud(tmp_path):
    done = sign("keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "p", "--no-password")
    assert done.returncode == DONE and "NOT protected by a password" in done.stderr


def test_keygen_tells_machines_what_it_made(tmp_path, password):
    done = sign("keygen", "--json", "--alg", "esp256", "--out", tmp_path / "k", "--public", tmp_path / "p", "--password-file",
                password)
    assert done.returncode == DONE, done.stderr
    made = json.loads(done.stdout)
    assert made == {"key_id": json.loads(sign("pubkey", "--format", "json", tmp_path / "p").stdout)["key_id"],
                    "algorithm": "esp256", "private_key": str(tmp_path / "k"), "public_key": str(tmp_path / "p"),
                    "encrypted": True, "development": False}


def test_a_private_key_without_its_public_key_is_not_left_behind(tmp_path):
    refused(SYSTEM, "keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "no" / "p",
            "--no-password")
    assert list(tmp_path.iterdir()) == []


def test_a_password_is_asked_for_twice_and_not_shown(tmp_path, password):
    terminal = Terminal("keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "p")
    terminal.answer(b"New password for", b"correct horse")
    terminal.answer(b"again: ", b"correct horse")
    assert os.waitstatus_to_exitcode(terminal.status()) == DONE
    assert b"horse" not in terminal.shown
    assert create_with_key(tmp_path, tmp_path / "k", "--password-file", password).returncode == DONE

    terminal = Terminal("keygen", "--alg", "ed25519", "--out", tmp_path / "k2", "--public", tmp_path / "p2")
    terminal.answer(b"New password for", b"one")
    terminal.answer(b"again: ", b"two")
    assert os.waitstatus_to_exitcode(terminal.status()) == KEY
    assert not (tmp_path / "k2").exists()


def test_an_interrupted_prompt_gives_the_terminal_its_echo_back(tmp_path):
    import termios
    terminal = Terminal("keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "p")
    terminal.wait_for(b"New password")
    before = termios.tcgetattr(terminal.terminal)[3] & termios.ECHO
    os.kill(terminal.pid, signal.SIGTERM)
    _, status = os.waitpid(terminal.pid, 0)
    after = termios.tcgetattr(terminal.terminal)[3] & termios.ECHO
    os.close(terminal.terminal)
    assert os.WTERMSIG(status) == signal.SIGTERM
    assert not before and after


def dumps_core(pid: int) -> bool:
    os.kill(pid, signal.SIGABRT)
    return os.WCOREDUMP(os.waitpid(pid, 0)[1])


def test_a_key_is_never_in_a_core_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASAN_OPTIONS", "disable_coredump=0")
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))  # which may be nothing
    try:
        other = os.posix_spawnp("sleep", ["sleep", "60"], os.environ)
        if not dumps_core(other):
            pytest.skip("this machine keeps no core files")
        terminal = Terminal("keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "p")
        terminal.wait_for(b"assword")
        assert not dumps_core(terminal.pid)
        os.close(terminal.terminal)
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, before)
