"""Signing elsewhere: prepare, openssl as the elsewhere, attach."""
import hashlib
import json

import cbor2
import pytest
import suit_oracle
from conftest import run
from cryptography.hazmat.primitives.asymmetric import utils
from signing import DONE, INVALID, POLICY, SYSTEM, USAGE, create, mixed_image, refused, sign


class Offline:
    """A key that only openssl has."""

    def __init__(self, folder, algorithm):
        self.algorithm, self.private, self.public = algorithm, folder / "offline.key", folder / "offline.pub"
        kind = ["ed25519"] if algorithm == "ed25519" else ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
        assert run("openssl", "genpkey", "-algorithm", *kind, "-out", self.private).returncode == 0
        assert run("openssl", "pkey", "-in", self.private, "-pubout", "-out", self.public).returncode == 0

    def sign(self, name, signature):
        how = ["-rawin", "-in", f"{name}.tbs"] if self.algorithm == "ed25519" else \
            ["-in", f"{name}.sha256", "-pkeyopt", "digest:sha256"]
        done = run("openssl", "pkeyutl", "-sign", "-inkey", self.private, *how, "-out", signature)
        assert done.returncode == 0, done.stderr


@pytest.fixture(params=["ed25519", "esp256"])
def offline(request, tmp_path):
    return Offline(tmp_path, request.param)


@pytest.fixture
def prepared(tmp_path, offline):
    package = create(tmp_path, mixed_image(70_000), "--unsigned", output="unsigned.suit")
    done = sign("prepare", "--public", offline.public, "--output", tmp_path / "job", package)
    assert done.returncode == DONE, done.stderr
    return package


def attach(tmp_path, offline, package, signature, *extra, output="signed.suit"):
    return ["attach", "--public", offline.public, "--signature", signature, "--output", tmp_path / output, *extra, package]


def test_what_is_prepared_is_exactly_what_is_signed(tmp_path, offline, prepared):
    digest_bytes = cbor2.loads(cbor2.loads(prepared.read_bytes()).value[2])[0]
    context, header, external, payload = cbor2.loads((tmp_path / "job.tbs").read_bytes())
    key_id = hashlib.sha256(suit_oracle.spki(suit_oracle.load_public(offline.public))).digest()
    assert (context, external, payload) == ("Signature1", b"", digest_bytes)
    assert cbor2.loads(header) == {1: -19 if offline.algorithm == "ed25519" else -9, 4: key_id}
    digest = hashlib.sha256((tmp_path / "job.tbs").read_bytes()).digest()
    assert (tmp_path / "job.sha256").read_bytes() == digest
    described = json.loads((tmp_path / "job.json").read_text())
    assert described["manifest_digest"] == suit_oracle.check(prepared.read_bytes()).manifest_digest.hex()
    assert (described["key_id"], described["algorithm"]) == (key_id.hex(), offline.algorithm)
    assert (described["version"], described["sequence"], described["to_be_signed_sha256"]) == ("1.2.3", 7, digest.hex())
    again = sign("prepare", "--json", "--public", offline.public, "--output", tmp_path / "job", prepared)
    assert json.loads(again.stdout) == described


def test_openssl_signs_and_attach_takes_it(tmp_path, offline, prepared):
    signature = tmp_path / "job.sig"
    offline.sign(tmp_path / "job", signature)
    done = sign(*attach(tmp_path, offline, prepared, signature, "--json"))
    assert done.returncode == DONE, done.stderr
    assert json.loads(done.stdout)["signatures"] == 1
    key = suit_oracle.load_public(offline.public)
    assert suit_oracle.check((tmp_path / "signed.suit").read_bytes(), [key]).signed_by == [key]
    assert sign("verify", "--trust", offline.public, tmp_path / "signed.suit").returncode == DONE
    # A second time it counts for nothing.
    refused(POLICY, *attach(tmp_path, offline, tmp_path / "signed.suit", signature, output="o"), says="already")
    refused(POLICY, "prepare", "--public", offline.public, "--output", tmp_path / "p", tmp_path / "signed.suit")
    assert not (tmp_path / "o").exists() and not (tmp_path / "p.tbs").exists()


def test_an_ecdsa_signature_is_taken_raw_as_well(tmp_path):
    offline = Offline(tmp_path, "esp256")
    package = create(tmp_path, b"x" * 100, "--unsigned", output="unsigned.suit")
    sign("prepare", "--public", offline.public, "--output", tmp_path / "job", package)
    offline.sign(tmp_path / "job", tmp_path / "der")
    r, s = utils.decode_dss_signature((tmp_path / "der").read_bytes())
    (tmp_path / "raw").write_bytes(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    for name in ("der", "raw"):
        assert sign(*attach(tmp_path, offline, package, tmp_path / name, output=f"{name}.suit")).returncode == DONE
    assert (tmp_path / "der.suit").read_bytes() == (tmp_path / "raw.suit").read_bytes()


def test_a_signature_that_does_not_verify_is_refused(tmp_path, offline, prepared):
    good = tmp_path / "job.sig"
    offline.sign(tmp_path / "job", good)
    bytes_ = good.read_bytes()
    other = create(tmp_path, b"another image", "--unsigned", output="other.suit")
    cases = {"empty": b"", "cut": bytes_[:-1], "longer": bytes_ + b"\0", "zeros": bytes(64), "text": b"x" * 64,
             "long": bytes(300)}
    cases |= {f"bit{i}": bytes_[:i] + bytes([bytes_[i] ^ 1]) + bytes_[i + 1:] for i in range(len(bytes_))}
    for name, content in cases.items():
        wrong = tmp_path / "wrong"
        wrong.write_bytes(content)
        refused(INVALID, *attach(tmp_path, offline, prepared, wrong, output="o"), says="is no signature of this package")
        assert not (tmp_path / "o").exists(), name
    refused(INVALID, *attach(tmp_path, offline, other, good, output="o"), says="is no signature of this package")
    refused(SYSTEM, *attach(tmp_path, offline, prepared, tmp_path / "absent", output="o"))
    assert not (tmp_path / "o").exists()


def test_another_key_s_signature_is_refused(tmp_path, offline, prepared, keys):
    signature = tmp_path / "job.sig"
    offline.sign(tmp_path / "job", signature)
    refused(INVALID, "attach", "--public", keys.public, "--signature", signature, "--output", tmp_path / "o", prepared)
    assert not (tmp_path / "o").exists()


def test_a_signature_from_elsewhere_joins_others_and_is_recorded_where_asked(tmp_path, offline, keys):
    package = create(tmp_path, b"x" * 100, key=keys.private)
    assert sign("prepare", "--public", offline.public, "--output", tmp_path / "job", package).returncode == DONE
    offline.sign(tmp_path / "job", tmp_path / "job.sig")
    ledger = tmp_path / "releases.ledger"
    done = sign(*attach(tmp_path, offline, package, tmp_path / "job.sig", "--ledger", ledger))
    assert done.returncode == DONE, done.stderr
    signed = tmp_path / "signed.suit"
    assert sign("verify", "--require", 2, "--trust", keys.public, "--trust", offline.public, signed).returncode == DONE
    entry, = json.loads(sign("ledger", "show", "--json", ledger).stdout)
    assert entry["key"] == "elsewhere" and entry["version"] == "1.2.3"
    refused(USAGE, "attach", "--public", offline.public, "--signature", tmp_path / "job.sig", "--output",
            tmp_path / "job.sig", package, says="choose another name")
