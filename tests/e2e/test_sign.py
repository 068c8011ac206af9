"""kedge-sign as release engineers use it; its packages are checked by an oracle that shares no code with it."""
import json
import os
import pathlib
import pty
import random
import resource
import select
import signal
import stat
import subprocess
import time

import pytest
import suit_oracle
from conftest import CLASS, VENDOR, Keys, make_package, program, run
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

DONE, INVALID, USAGE, POLICY, KEY, SYSTEM = range(6)
GOLDEN = pathlib.Path(__file__).parent / "golden"


def sign(*args, **keywords) -> subprocess.CompletedProcess:
    return run(program("kedge-sign"), *args, **keywords)


def refused(status, *args, says: str = "", **keywords) -> subprocess.CompletedProcess:
    """Runs kedge-sign, which has to refuse with this exit status and say why on standard error."""
    done = sign(*args, **keywords)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert says in done.stderr, done.stderr
    assert done.stderr.startswith("kedge-sign: ")
    return done


def create(folder, image: bytes, *extra, key=None, output="made.suit", check=True):
    """Creates a package with every required option, and returns its path."""
    path = folder / "image.bin"
    path.write_bytes(image)
    done = sign("create", "--payload", path, "--vendor", VENDOR, "--class", CLASS, "--version", "1.2.3",
                "--sequence", "7", "--output", folder / output, *(["--key", key] if key else []), *extra)
    if check:
        assert done.returncode == DONE, done.stderr
    return folder / output


def mixed_image(size: int) -> bytes:
    """Some that compresses and some that does not, so that frames of both kinds occur."""
    random_half = random.Random(4711).randbytes(size // 2)
    return (random_half + b"compresses well " * (size // 16 + 1))[:size]


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("correct horse\nnot this line\n")
    return path


# ---- packages, as the oracle sees them ----

@pytest.mark.parametrize("algorithm", ["ed25519", "esp256"])
@pytest.mark.parametrize("compress", ["none", "zlib"])
@pytest.mark.parametrize("size", [1, 32767, 32768, 32769, 200000])
def test_the_oracle_verifies_the_package_and_each_frame_of_its_chain(tmp_path, algorithm, compress, size):
    keys = Keys(tmp_path, algorithm=algorithm)
    image = mixed_image(size)
    path = create(tmp_path, image, "--compress", compress, key=keys.private)
    public = suit_oracle.load_public(keys.public)
    package = suit_oracle.check(path.read_bytes(), [public])
    assert package.signed_by == [public]
    assert package.image == image
    assert len(package.frames) == -(-size // 32768)
    if compress == "none":
        assert all(kind == 0 for kind, _ in package.frames)
    if compress == "zlib" and size == 200000:
        assert {kind for kind, _ in package.frames} == {0, 1}


def test_every_parameter_says_what_the_options_said(tmp_path, keys):
    sbom, prov, notes = b'{"bomFormat": "CycloneDX"}', b"", b"what is new"
    for name, content in (("s", sbom), ("p", prov), ("n", notes)):
        (tmp_path / name).write_bytes(content)
    path = create(tmp_path, b"firmware" * 100, "--text", "Größer und schöner", "--deliver", "payload",
                  "--attach", f"notes={tmp_path / 'n'}", "--attach", f"sbom={tmp_path / 's'}",
                  "--attach", f"prov={tmp_path / 'p'}", key=keys.private)
    package = suit_oracle.check(path.read_bytes())
    parameters = package.parameters
    assert package.manifest[2] == 7
    assert package.manifest[6] == b"\x83\x01\x02\x03"
    assert parameters[1] == suit_oracle.vendor_uuid(VENDOR)
    assert parameters[2] == suit_oracle.class_uuid(VENDOR, CLASS)
    assert parameters[14] == 800
    assert parameters[-258] == 1
    assert package.attachments == {"#prov": prov, "#sbom": sbom, "#notes": notes}
    assert package.text == {"en": {1: "Größer und schöner", (b"\x00",): {2: CLASS, 3: VENDOR, 6: "1.2.3"}}}
    assert sign("verify", "--trust", keys.public, path).returncode == DONE


@pytest.mark.parametrize("version,parts", [("0.0.0", [0, 0, 0]), ("10.20.30", [10, 20, 30]), ("1.2.3-rc.1", [1, 2, 3, -1, 1]),
                                           ("1.2.3-beta", [1, 2, 3, -2]), ("1.2.3-alpha.4", [1, 2, 3, -3, 4])])
def test_versions_are_written_as_integers(tmp_path, keys, version, parts):
    import cbor2
    path = make_package(tmp_path, keys, version, 1)
    assert cbor2.loads(suit_oracle.check(path.read_bytes()).manifest[6]) == parts


@pytest.mark.parametrize("version", ["1", "1.2", "1.2.3.4", "v1.2.3", "1.2.3+build", "1.2.3-gamma", "01.2.3", "", "1.2.-3"])
def test_a_version_that_suit_cannot_express_is_a_usage_error(tmp_path, keys, version):
    (tmp_path / "image").write_bytes(b"x")
    refused(USAGE, "create", "--payload", tmp_path / "image", "--vendor", VENDOR, "--class", CLASS, "--version", version,
            "--sequence", 1, "--key", keys.private, "--output", tmp_path / "out", says="--version")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("compress", ["none", "zlib"])
def test_the_same_inputs_give_the_same_bytes(tmp_path, compress):
    ed, ec_keys = Keys(tmp_path, "ed"), Keys(tmp_path, "ec", "esp256")
    made = [create(tmp_path, mixed_image(100000), "--compress", compress, "--key", ed.private, "--key", ec_keys.private,
                   output=f"{i}.suit").read_bytes() for i in range(2)]
    assert made[0] == made[1]


def test_extract_gives_the_image_back(tmp_path, keys):
    image = mixed_image(150000)
    path = create(tmp_path, image, key=keys.private)
    done = sign("extract", path, "--output", tmp_path / "back")
    assert done.returncode == DONE, done.stderr
    assert (tmp_path / "back").read_bytes() == image


# ---- verify ----

def test_verify_says_who_signed_and_who_did_not(tmp_path, keys):
    other = Keys(tmp_path, "other")
    path = make_package(tmp_path, keys, "1.0.0", 1)
    done = sign("verify", "--trust", other.public, "--trust", keys.public, path)
    assert done.returncode == DONE, done.stderr
    lines = done.stdout.splitlines()
    assert any("  signed by" in line and str(keys.public) in line for line in lines)
    assert any("not signed by" in line and str(other.public) in line for line in lines)
    result = json.loads(sign("verify", "--json", "--trust", other.public, "--trust", keys.public, path).stdout)
    assert result["valid"] and result["reason"] is None
    assert [signer["file"] for signer in result["signed_by"]] == [str(keys.public)]


def test_verify_refuses_what_no_trusted_key_signed(tmp_path, keys):
    other = Keys(tmp_path, "other")
    path = make_package(tmp_path, keys, "1.0.0", 1)
    done = refused(INVALID, "verify", "--trust", other.public, path, says="trusted")
    key_id = suit_oracle.check(path.read_bytes()).key_ids[0].hex()
    assert key_id in done.stderr
    done = sign("verify", "--json", "--trust", other.public, path)
    assert done.returncode == INVALID
    assert json.loads(done.stdout)["valid"] is False and "trusted" in json.loads(done.stdout)["reason"]


def test_two_signers_and_how_many_are_required(tmp_path):
    ed, ec_keys, stranger = Keys(tmp_path, "ed"), Keys(tmp_path, "ec", "esp256"), Keys(tmp_path, "stranger")
    path = create(tmp_path, b"x" * 1000, "--key", ed.private, "--key", ec_keys.private)
    trust = ["--trust", ed.public, "--trust", ec_keys.public, "--trust", stranger.public]
    publics = [suit_oracle.load_public(k.public) for k in (ed, ec_keys, stranger)]
    assert suit_oracle.check(path.read_bytes(), publics).signed_by == publics[:2]
    assert sign("verify", *trust, path).returncode == DONE
    assert sign("verify", *trust, "--require", 2, path).returncode == DONE
    refused(POLICY, "verify", *trust, "--require", 3, path, says="--require asks for 3")
    refused(INVALID, "verify", "--trust", stranger.public, path)
    refused(POLICY, "verify", "--trust", ed.public, "--trust", stranger.public, "--require", 2, path)
    # One key given twice is still one signer.
    refused(POLICY, "verify", "--trust", ed.public, "--trust", ed.public, "--require", 2, path)
    for wrong in ("0", "4", "two", "-1", ""):
        refused(USAGE, "verify", *trust, "--require", wrong, path, says="--require")


def test_a_development_key_counts_only_by_name(tmp_path, keys):
    development = Keys(tmp_path, "dev", "ed25519", "--development")
    for file in (development.private, development.public):
        lines = file.read_text().splitlines()
        assert lines[0] == "KEDGE DEVELOPMENT KEY: not for production" and lines[1].startswith("-----BEGIN")
    path = create(tmp_path, b"x", key=development.private)
    refused(POLICY, "verify", "--trust", development.public, path, says="development")
    assert sign("verify", "--allow-development-keys", "--trust", development.public, path).returncode == DONE
    # It does not fill up a number either, but does no harm beside a release key.
    path = create(tmp_path, b"x", "--key", development.private, "--key", keys.private)
    trust = ["--trust", development.public, "--trust", keys.public]
    assert sign("verify", *trust, path).returncode == DONE
    refused(POLICY, "verify", *trust, "--require", 2, path, says="development")
    assert sign("verify", *trust, "--require", 2, "--allow-development-keys", path).returncode == DONE


def damaged_copies(data: bytes):
    """One bit flipped in every fourth byte of the head, and in many places of the payload."""
    payload = data.index(b"#firmware") + 9
    places = list(range(0, payload + 80, 4)) + [payload + i * (len(data) - payload) // 40 for i in range(40)]
    for place in [*places, len(data) - 1]:
        copy = bytearray(data)
        copy[place] ^= 1 << place % 8
        yield place, bytes(copy)


@pytest.mark.parametrize("compress", ["none", "zlib"])
def test_a_package_damaged_anywhere_is_refused(tmp_path, keys, compress):
    (tmp_path / "notes").write_text("release notes")
    good = create(tmp_path, mixed_image(70000), "--compress", compress, "--text", "words",
                  "--attach", f"notes={tmp_path / 'notes'}", key=keys.private).read_bytes()
    path = tmp_path / "damaged.suit"
    for place, copy in damaged_copies(good):
        path.write_bytes(copy)
        done = sign("verify", "--trust", keys.public, path)
        assert done.returncode == INVALID, f"byte {place}: {done.returncode} {done.stdout}{done.stderr}"
        assert done.stderr.startswith(f"kedge-sign: {path}: ")


def test_a_damaged_payload_is_refused_by_extract_and_inspect_too(tmp_path, keys):
    good = create(tmp_path, mixed_image(70000), key=keys.private).read_bytes()
    path = tmp_path / "damaged.suit"
    path.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    refused(INVALID, "extract", path, "--output", tmp_path / "image", says="frame")
    assert not (tmp_path / "image").exists()
    refused(INVALID, "inspect", path, says="payload")
    assert json.loads(sign("inspect", "--json", path).stdout)["whole"] is False
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith(".")) == []


def test_cut_empty_longer_and_foreign_files_are_refused(tmp_path, keys):
    good = create(tmp_path, b"y" * 40000, "--compress", "none", key=keys.private).read_bytes()
    path = tmp_path / "bad.suit"
    cases = [b"", b"\x00", b"\xff", b"not a package at all", good[:1], good[:2], good[:100], good[:600],
             good[: len(good) // 2], good[:-1], good + b"\x00", good + good]
    for content in cases:
        path.write_bytes(content)
        for command in (["verify", "--trust", keys.public], ["inspect"], ["extract", "--output", tmp_path / "image"]):
            refused(INVALID, *command, path, says=str(path))
    path.write_bytes(b"")
    refused(INVALID, "verify", "--trust", keys.public, path, says="empty")
    assert not (tmp_path / "image").exists()


# ---- inspect ----

def fixed_key(folder, name, key):
    path = folder / name
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                       serialization.NoEncryption()))
    return path


def golden_package(folder):
    """A package that is the same on every machine."""
    first = fixed_key(folder, "first.pem", ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
    second = fixed_key(folder, "second.pem", ec.derive_private_key(0x4711, ec.SECP256R1()))
    (folder / "sbom").write_text("{}")
    image = folder / "image.bin"
    image.write_bytes(bytes(range(256)) * 400)
    done = sign("create", "--payload", image, "--vendor", VENDOR, "--class", CLASS, "--version", "2.0.1-rc.3",
                "--sequence", 42, "--compress", "none", "--text", "Better \x1b[31mcolours", "--attach",
                f"sbom={folder / 'sbom'}", "--key", first, "--key", second, "--output", "golden.suit", cwd=folder)
    assert done.returncode == DONE, done.stderr
    return folder / "golden.suit"


@pytest.mark.parametrize("form,options", [("txt", []), ("json", ["--json"])])
def test_inspect_shows_what_a_device_will_do_as_in_the_golden_file(tmp_path, form, options):
    golden_package(tmp_path)
    done = sign("inspect", *options, "golden.suit", cwd=tmp_path)
    assert done.returncode == DONE, done.stderr
    golden = GOLDEN / f"inspect.{form}"
    if os.environ.get("KEDGE_WRITE_GOLDEN"):
        golden.write_text(done.stdout)
    assert done.stdout == golden.read_text()


def test_the_golden_package_is_what_the_oracle_says(tmp_path):
    """The digests in the golden file are not only ours."""
    package = suit_oracle.check(golden_package(tmp_path).read_bytes())
    golden = json.loads((GOLDEN / "inspect.json").read_text())
    assert golden["manifest_digest"] == package.manifest_digest.hex()
    assert [s["key_id"] for s in golden["signatures"]] == [key_id.hex() for key_id in package.key_ids]
    assert golden["payload"]["frames"] == len(package.frames)
    assert golden["image"]["size"] == len(package.image)


def test_inspect_needs_no_key_and_says_that_it_checked_none(tmp_path, keys):
    path = make_package(tmp_path, keys, "1.0.0", 1)
    keys.public.unlink()
    keys.private.unlink()
    done = sign("inspect", path)
    assert done.returncode == DONE
    assert "who signed is not known here" in done.stdout


def test_inspect_explains_the_bare_delivery(tmp_path, keys):
    path = create(tmp_path, b"x" * 500, "--deliver", "payload", key=keys.private)
    assert "a device is sent 500, the bare image" in sign("inspect", path).stdout
    assert json.loads(sign("inspect", "--json", path).stdout)["device_size"] == 500


def test_inspect_shows_an_envelope_of_others_and_says_that_it_is_none_of_ours(tmp_path):
    import cbor2
    import hashlib
    shared = cbor2.dumps([20, {1: bytes(16), 2: bytes(16)}, 1, 15, 2, 15])
    manifest = cbor2.dumps({1: 1, 2: 3, 3: cbor2.dumps({2: [[b"\x00"]], 4: shared}),
                            20: cbor2.dumps([20, {21: "http://example.com/file.bin"}, 21, 2, 3, 15])})
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
    path = tmp_path / "foreign.suit"
    path.write_bytes(cbor2.dumps(cbor2.CBORTag(107, {2: cbor2.dumps([digest]), 3: manifest})))
    done = refused(INVALID, "inspect", path, says="manifest")
    assert "directive-fetch: a Kedge device refuses this command" in done.stdout
    assert "uri: http://example.com/file.bin" in done.stdout


# ---- keys ----

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


def test_an_ec_private_key_file_is_refused_with_the_command_that_converts_it(tmp_path):
    plain, sec1 = tmp_path / "plain.pem", tmp_path / "sec1.pem"
    run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", plain)
    run("openssl", "ec", "-in", plain, "-out", sec1)
    assert "BEGIN EC PRIVATE KEY" in sec1.read_text()
    done = create_with_key(tmp_path, sec1)
    assert done.returncode == KEY and "openssl pkcs8 -topk8" in done.stderr


def create_with_key(folder, key, *extra, **keywords):
    (folder / "image.bin").write_bytes(b"x")
    return sign("create", "--payload", folder / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
                "--sequence", 1, "--key", key, "--output", folder / "out.suit", *extra, **keywords)


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


def test_a_private_key_without_its_public_key_is_not_left_behind(tmp_path):
    refused(SYSTEM, "keygen", "--alg", "ed25519", "--out", tmp_path / "k", "--public", tmp_path / "no" / "p",
            "--no-password")
    assert list(tmp_path.iterdir()) == []


class Terminal:
    """kedge-sign on a terminal of its own."""

    def __init__(self, *args):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(program("kedge-sign"), ["kedge-sign", *map(str, args)])
        self.shown = b""

    def wait_for(self, text: bytes, timeout: float = 20):
        deadline = time.monotonic() + timeout
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.terminal, 4096)
                except OSError:
                    break
        assert text in self.shown, self.shown

    def answer(self, question: bytes, text: bytes):
        self.wait_for(question)
        self.shown = self.shown[self.shown.index(question) + len(question):]
        os.write(self.terminal, text + b"\n")

    def status(self) -> int:
        while True:
            try:
                got = os.read(self.terminal, 4096)
            except OSError:
                break
            self.shown += got
            if not got:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return status


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


# ---- what the command line takes ----

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
             ["keygen", "--alg", "rsa", "--out", tmp_path / "a", "--public", tmp_path / "b", "--no-password"],
             ["keygen", "--alg", "ed25519", "--out", tmp_path / "a", "--public", tmp_path / "b", "--no-password",
              "--password-file", image]]
    cases += [line(**{name.strip("-"): None}) for name in good]
    cases += [line(sequence=wrong) for wrong in ("-1", "1.5", "x", "", "9223372036854775808", "99999999999999999999")]
    cases += [line(vendor=""), line(vendor="v" * 128), line("--class", ""), line("--compress", "lzma"),
              line("--deliver", "post"), line("--attach", "virus=x"), line("--attach", "sbom"),
              line("--attach", f"sbom={image}", "--attach", f"sbom={image}"), line("--key", keys.private),
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
    refused(SYSTEM, "extract", package, "--output", "/dev/full", says="/dev/full")
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)
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


def test_an_interrupted_create_leaves_nothing_behind(tmp_path, keys):
    image = tmp_path / "image.bin"
    image.write_bytes(random.Random(1).randbytes(1 << 20) * 48)
    files = sorted(tmp_path.iterdir())
    process = subprocess.Popen([program("kedge-sign"), "create", "--payload", image, "--vendor", VENDOR, "--class", CLASS,
                                "--version", "1.0.0", "--sequence", "1", "--key", keys.private, "--output",
                                tmp_path / "out.suit"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 20
    while sorted(tmp_path.iterdir()) == files and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == -signal.SIGINT
    assert sorted(tmp_path.iterdir()) == files


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
    image.write_bytes(mixed_image(1 << 20) * 40)
    options = ["create", "--payload", image, "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0", "--sequence", 1,
               "--key", keys.private, "--output", tmp_path / "out.suit"]
    terminal = Terminal(*options)
    assert os.waitstatus_to_exitcode(terminal.status()) == DONE
    assert b"compressing:" in terminal.shown
    assert sign(*options).stderr == ""
