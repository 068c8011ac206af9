"""Reading packages: diagnostic notation, diff, sever."""
import hashlib
import json

import cbor2
import cbor_diagnostic
import pytest
import suit_oracle
from conftest import Keys
from cryptography.hazmat.primitives import serialization
from signing import DONE, INVALID, SBOM, SYSTEM, USAGE, create, mixed_image, refused, sign
from suit_forge import parts, seal, with_payload


@pytest.mark.parametrize("options", [[], ["--text", 'quote " slash \\ Ä \x1b[31m \x85'],
                                     ["--min-version", "1.0.0-rc.1", "--hardware", "A"]])
def test_diagnostic_notation_stands_for_exactly_the_bytes(tmp_path, keys, options):
    second = Keys(tmp_path, "second", "esp256")
    path = create(tmp_path, mixed_image(700), "--compress", "none", "--key", second.private, *options, key=keys.private)
    done = sign("inspect", "--diag", path)
    assert done.returncode == DONE, done.stderr
    assert cbor2.dumps(cbor_diagnostic.parse(done.stdout), canonical=True) == path.read_bytes()
    assert done.stdout.startswith("107({\n  2: <<[<<[-16, h'")
    assert "\x1b" not in done.stdout and "\x85" not in done.stdout


def test_long_byte_strings_are_named_by_size_and_digest(tmp_path, keys):
    path = create(tmp_path, mixed_image(70000), key=keys.private)
    payload = cbor2.loads(path.read_bytes()).value["#firmware"]
    shown = sign("inspect", "--diag", path).stdout
    assert f"h'' / {len(payload)} bytes, SHA-256 {hashlib.sha256(payload).hexdigest()} /" in shown


def test_diagnostic_notation_of_what_is_no_package(tmp_path):
    cases = [(b"\x83\x01\x20\xf5", "[1, -1, true]"), (b"\x3b" + b"\xff" * 8, "-18446744073709551616"),
             (b"\xa1\x80\xf6", "{\n  []: null\n}"), (b"\x42\x81\x01", "<<[1]>>"), (b"\x42\x81\x81", "h'8181'")]
    path = tmp_path / "file"
    for content, notation in cases:
        path.write_bytes(content)
        done = refused(INVALID, "inspect", "--diag", path, says="no package")
        assert done.stdout == notation + "\n"
    deep = b"\x00"
    for _ in range(12):
        deep = cbor2.dumps([deep])
    path.write_bytes(deep)
    assert refused(INVALID, "inspect", "--diag", path).stdout.count("<<") == 8
    for content in (b"", b"\x9f\xff", b"\x1b\x00", b"\x18\x01", b"\x81" * 20 + b"\x00", b"\x00\x00"):
        path.write_bytes(content)
        assert refused(INVALID, "inspect", "--diag", path).stdout == ""
    refused(USAGE, "inspect", "--diag", "--json", path, says="not both")


def test_one_byte_is_not_bytes(tmp_path, keys):
    path = create(tmp_path, b"x", key=keys.private)
    image = tmp_path / "image.out"
    for told in (sign("verify", "--trust", keys.public, path).stdout, sign("inspect", path).stdout,
                 sign("extract", path, "--output", image).stdout):
        assert "1 byte" in told and " 1 bytes" not in told, told


@pytest.mark.parametrize("size,fits", [(2**30, True), (2**30 + 1, False)])
def test_inspect_says_when_a_package_is_too_large_for_coap(tmp_path, keys, size, fits):
    """The manifest says the size; so that it need not be there, the payload is not, and inspect says that too."""
    members, manifest = parts(create(tmp_path, b"x" * 10, "--deliver", "payload", key=keys.private))
    manifest = with_payload(manifest, members["#firmware"], size)
    key = serialization.load_pem_private_key(keys.private.read_bytes(), None)
    path = tmp_path / "large.suit"
    path.write_bytes(seal(members, cbor2.dumps(manifest, canonical=True), key))
    shown = refused(INVALID, "inspect", path, says="payload").stdout
    assert ("1 GiB" in shown) is not fits
    told = json.loads(refused(INVALID, "inspect", "--json", path).stdout)
    assert told["device_size"] == size and told["fits_coap"] is fits


# ---- diff ----

def test_diff_names_what_differs_and_nothing_else(tmp_path, keys):
    (tmp_path / "sbom").write_bytes(SBOM)
    old = create(tmp_path, b"x" * 100, key=keys.private, output="old.suit")
    new = create(tmp_path, b"y" * 120, "--hardware", "A", "--text", "words", "--attach", f"sbom={tmp_path / 'sbom'}",
                 key=keys.private, output="new.suit")
    told = json.loads(sign("diff", "--json", old, new).stdout)
    fields = {difference["field"]: (difference.get("a"), difference.get("b")) for difference in told["differences"]}
    assert fields["image.size"] == (100, 120)
    assert fields["hardware[0]"] == (None, "A")
    assert fields["description"] == (None, "words")
    assert fields["image.digest"] == (hashlib.sha256(b"x" * 100).hexdigest(), hashlib.sha256(b"y" * 120).hexdigest())
    assert "attachments[0]" in fields and "manifest_digest" in fields
    assert not {"version", "sequence", "vendor.uuid", "delivery", "file", "steps"} & set(fields)
    lines = sign("diff", old, new).stdout.splitlines()
    assert "image.size: 100 -> 120" in lines and "hardware[0]: (none) -> A" in lines
    assert len(lines) == len(fields)


def test_diff_of_a_package_with_itself_finds_nothing(tmp_path, keys):
    path = create(tmp_path, b"x" * 100, key=keys.private)
    assert json.loads(sign("diff", "--json", path, path).stdout)["differences"] == []
    assert "say the same" in sign("diff", path, path).stdout


def test_diff_refuses_what_is_not_whole(tmp_path, keys):
    good = create(tmp_path, b"x" * 100, key=keys.private)
    bad = tmp_path / "bad.suit"
    bad.write_bytes(good.read_bytes()[:-1])
    refused(INVALID, "diff", good, bad, says=str(bad))
    refused(INVALID, "diff", bad, good, says=str(bad))
    refused(SYSTEM, "diff", good, tmp_path / "absent", says="absent")
    refused(USAGE, "diff", good, says="B.suit")
    refused(USAGE, "diff", good, good, good)


# ---- sever ----

def test_sever_removes_the_text_and_the_signature_still_verifies(tmp_path, keys):
    (tmp_path / "sbom").write_bytes(SBOM)
    path = create(tmp_path, mixed_image(70000), "--text", "secret plans", "--attach", f"sbom={tmp_path / 'sbom'}",
                  key=keys.private)
    before = suit_oracle.check(path.read_bytes())
    done = sign("sever", path, "--output", tmp_path / "severed.suit")
    assert done.returncode == DONE, done.stderr
    severed = tmp_path / "severed.suit"
    public = suit_oracle.load_public(keys.public)
    after = suit_oracle.check(severed.read_bytes(), [public])
    assert after.signed_by == [public] and after.manifest_digest == before.manifest_digest
    assert after.text is None and before.text is not None
    assert (after.image, after.attachments) == (before.image, before.attachments)
    assert b"secret plans" not in severed.read_bytes()
    assert sign("verify", "--trust", keys.public, severed).returncode == DONE
    # Once more changes nothing, and the file itself may be the output.
    again = sign("sever", severed, "--output", severed)
    assert again.returncode == DONE and "it has no text" in again.stdout
    assert sign("sever", path, "--output", path).returncode == DONE
    assert path.read_bytes() == severed.read_bytes()


def test_sever_refuses_what_is_not_whole(tmp_path, keys):
    path = create(tmp_path, b"x" * 100, "--text", "words", key=keys.private)
    path.write_bytes(path.read_bytes().replace(b"words", b"swords"[:5]))
    refused(INVALID, "sever", path, "--output", tmp_path / "o", says="text")
    assert not (tmp_path / "o").exists()
