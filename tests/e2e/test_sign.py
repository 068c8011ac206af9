"""Packages made by kedge-sign, checked by an oracle that shares no code with it; verify, inspect, extract."""
import json
import os
import pathlib

import pytest
import suit_oracle
from conftest import CLASS, VENDOR, Keys, make_package
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from signing import DONE, INVALID, POLICY, PROVENANCE, SBOM, USAGE, create, mixed_image, refused, sign

GOLDEN = pathlib.Path(__file__).parent / "golden"


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
    sbom, prov, notes = SBOM, PROVENANCE, b"what is new"
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


@pytest.mark.parametrize("size", [150000, 3_000_000])
def test_extract_gives_the_image_back(tmp_path, keys, size):
    image = mixed_image(size)
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
    payload = data.rindex(b"#firmware") + 9  # the first one is the manifest's URI
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
    (folder / "sbom").write_bytes(SBOM)
    image = folder / "image.bin"
    image.write_bytes(bytes(range(256)) * 400)
    done = sign("create", "--payload", image, "--vendor", VENDOR, "--class", CLASS, "--version", "2.0.1-rc.3",
                "--sequence", 42, "--compress", "none", "--text", "Better \x1b[31mcolours", "--attach",
                f"sbom={folder / 'sbom'}", "--min-version", "1.9.0", "--max-version", "2.0.1", "--hardware", "A",
                "--hardware", "B2", "--key", first, "--key", second, "--output", "golden.suit", cwd=folder)
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


def test_a_command_that_no_package_may_have_is_refused_by_its_name(tmp_path):
    import cbor2
    import hashlib
    shared = cbor2.dumps([20, {1: bytes(16), 2: bytes(16)}, 1, 15, 2, 15])
    for command, name in ((21, "directive-fetch (21) in install"),
                          (4, "condition-use-before (4) in install"),
                          (99, "unknown command (99) in install")):
        install = cbor2.dumps([20, {21: "#firmware"}, command, 2])
        manifest = cbor2.dumps({1: 1, 2: 3, 3: cbor2.dumps({2: [[b"\x00"]], 4: shared}),
                                7: cbor2.dumps([3, 15]), 20: install})
        digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest)).digest()])
        path = tmp_path / "foreign.suit"
        path.write_bytes(cbor2.dumps(cbor2.CBORTag(107, {
            2: cbor2.dumps([digest]), 3: manifest, "#firmware": b"x"})))
        refused(INVALID, "inspect", path, says=name)
        assert name in json.loads(sign("inspect", "--json", path).stdout)["reason"]


VECTORS = pathlib.Path(__file__).resolve().parents[3] / "shared" / "vectors" / "suit"


@pytest.mark.parametrize("name,shows", [
    ("example0.signed", "directive-invoke: a Kedge device refuses this command"),
    ("example2.signed-full", "uri: http://example.com/very/long/path/to/file/file.bin"),
    ("example3.signed", "unless the slot holds (not known) with (not known)"),
    ("example3.signed", "directive-try-each: runs the first of its sequences whose conditions hold"),
    ("example5.signed", "directive-set-component-index: chooses what the steps below are about"),
])
def test_inspect_shows_the_examples_of_the_draft(name, shows):
    path = VECTORS / f"{name}.suit"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    done = refused(INVALID, "inspect", path, says="manifest")
    assert shows in done.stdout and "vendor-identifier: fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe" in done.stdout
