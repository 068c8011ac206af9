"""A public key in every form that others ask for, compared with what python3-cryptography makes of it."""
import json
import re
import subprocess

import cbor2
import pytest
import suit_oracle
from conftest import Keys, run
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from signing import DONE, KEY, USAGE, refused, sign


@pytest.fixture(params=["ed25519", "esp256"])
def pair(request, tmp_path):
    return Keys(tmp_path, "pair", request.param)


def key_id(key) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(suit_oracle.spki(key))
    return digest.finalize()


def form(name, path, *extra) -> bytes:
    from conftest import program
    done = subprocess.run([program("kedge-sign"), "pubkey", "--format", name, *extra, path], capture_output=True, timeout=60)
    assert done.returncode == DONE, done.stderr
    return done.stdout


def raw(key) -> bytes:
    if isinstance(key, ec.EllipticCurvePublicKey):
        return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def test_every_form_says_the_same_key_whichever_file_it_came_from(tmp_path, pair):
    key = suit_oracle.load_public(pair.public)
    for file in (pair.public, pair.private):
        assert form("pem", file) == pair.public.read_bytes()
        assert form("der", file) == suit_oracle.spki(key)
        assert form("hex", file) == raw(key).hex().encode() + b"\n"
        said = json.loads(form("json", file))
        assert said["key_id"] == key_id(key).hex()
        assert said["short_id"] == said["key_id"][:16] and not said["development"]

        encoded = form("cose", file)
        cose = cbor2.loads(encoded)
        assert cbor2.dumps(cose, canonical=True) == encoded
        assert cose[2] == key_id(key)
        if isinstance(key, ec.EllipticCurvePublicKey):
            assert (cose[1], cose[3], cose[-1]) == (2, -9, 1) and b"\x04" + cose[-2] + cose[-3] == raw(key)
        else:
            assert (cose[1], cose[3], cose[-1]) == (1, -19, 6) and cose[-2] == raw(key) and -3 not in cose


def test_the_c_arrays_compile_and_hold_the_key_and_its_id(tmp_path, pair):
    key = suit_oracle.load_public(pair.public)
    (tmp_path / "key.c").write_bytes(form("c", pair.public, "--name", "release_key"))
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "key.c"\nint main(void)\n{\n'
        "    fwrite(release_key, 1, sizeof release_key, stdout);\n"
        "    fwrite(release_key_id, 1, sizeof release_key_id, stdout);\n    return 0;\n}\n")
    made = run("cc", "-Wall", "-Wextra", "-Werror", "-o", tmp_path / "main", tmp_path / "main.c")
    assert made.returncode == 0, made.stderr
    printed = subprocess.run([tmp_path / "main"], capture_output=True, timeout=60).stdout
    assert printed == suit_oracle.spki(key) + key_id(key)


def test_a_development_key_keeps_its_mark(tmp_path):
    keys = Keys(tmp_path, "dev", "ed25519", "--development")
    assert b"DEVELOPMENT" in form("pem", keys.private) and b"DEVELOPMENT" in form("c", keys.private)
    assert json.loads(form("json", keys.public))["development"]


def test_the_output_is_a_file_or_a_stream_and_names_are_identifiers(tmp_path, pair):
    target = tmp_path / "key.der"
    assert sign("pubkey", "--format", "der", "--output", target, pair.public).returncode == DONE
    assert target.read_bytes() == form("der", pair.public)
    for name in ("", "1st", "a-b", "x" * 65, "a;system()"):
        refused(USAGE, "pubkey", "--format", "c", "--name", name, pair.public, says="identifier")
    refused(USAGE, "pubkey", "--format", "der2", pair.public, says="--format")
    (tmp_path / "text").write_text("no key")
    refused(KEY, "pubkey", tmp_path / "text")


def test_the_key_id_is_the_one_that_signatures_and_verify_name(tmp_path, pair):
    from signing import create
    package = create(tmp_path, b"x" * 100, key=pair.private)
    said = json.loads(form("json", pair.public))["key_id"]
    assert suit_oracle.check(package.read_bytes()).key_ids == [bytes.fromhex(said)]
    assert re.search(said, sign("verify", "--trust", pair.public, package).stdout)
