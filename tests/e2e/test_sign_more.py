"""More than one signature on a package: sign, verify --require, unsign; checked by the oracle."""
import json

import cbor2
import pytest
import suit_oracle
from conftest import Keys, make_package
from signing import DONE, INVALID, KEY, POLICY, SYSTEM, USAGE, create, mixed_image, refused, sign


@pytest.fixture
def three(tmp_path):
    return [Keys(tmp_path, name, algorithm) for name, algorithm in
            (("first", "ed25519"), ("second", "esp256"), ("third", "ed25519"))]


def trusts(keys):
    return [word for pair in keys for word in ("--trust", pair.public)]


def signers(path, keys):
    package = suit_oracle.check(path.read_bytes(), [suit_oracle.load_public(pair.public) for pair in keys])
    return len(package.signed_by), package


def key_id(pair) -> str:
    return json.loads(sign("pubkey", "--format", "json", pair.public).stdout)["key_id"]


def with_signatures(data: bytes, change) -> bytes:
    """The same package with the list of signatures as `change` makes it."""
    envelope = cbor2.loads(data)
    digest, *signatures = cbor2.loads(envelope.value[2])
    envelope.value[2] = cbor2.dumps([digest, *change(signatures)])
    return cbor2.dumps(envelope, canonical=True)


def test_sign_adds_signatures_and_changes_nothing_else(tmp_path, three):
    (tmp_path / "sbom").write_text('{"bomFormat": "CycloneDX", "specVersion": "1.5"}')
    made = create(tmp_path, mixed_image(100_000), "--text", "words", "--attach", f"sbom={tmp_path / 'sbom'}",
                  key=three[0].private)
    together = create(tmp_path, mixed_image(100_000), "--text", "words", "--attach", f"sbom={tmp_path / 'sbom'}",
                      *[word for pair in three[1:] for word in ("--key", pair.private)], key=three[0].private,
                      output="together.suit")
    later = tmp_path / "later.suit"
    done = sign("sign", "--key", three[1].private, "--key", three[2].private, "--output", later, made)
    assert done.returncode == DONE, done.stderr
    # Signatures are deterministic: it does not matter when they were made.
    assert later.read_bytes() == together.read_bytes()
    assert signers(later, three)[0] == 3
    assert with_signatures(later.read_bytes(), lambda s: s[:1]) == made.read_bytes()


def test_a_package_may_be_signed_in_place_and_first_of_all_later(tmp_path, three):
    package = create(tmp_path, b"x" * 5000, "--unsigned")
    assert signers(package, three)[0] == 0
    refused(INVALID, "verify", *trusts(three), package, says="not signed by a trusted key")
    for count, pair in enumerate(three, 1):
        said = sign("sign", "--json", "--key", pair.private, "--output", package, package)
        assert said.returncode == DONE, said.stderr
        report = json.loads(said.stdout)
        assert report["added"] == [key_id(pair)] and report["signatures"] == count
        assert signers(package, three)[0] == count
        assert sign("verify", "--require", count, *trusts(three), package).returncode == DONE
        if count < 3:
            refused(POLICY, "verify", "--require", count + 1, *trusts(three), package)


def test_either_a_key_or_unsigned(tmp_path, three):
    (tmp_path / "image.bin").write_bytes(b"x")
    assert create(tmp_path, b"x", check=False).exists() is False
    assert create(tmp_path, b"x", "--unsigned", key=three[0].private, check=False).exists() is False


def test_a_key_that_signed_twice_counts_once(tmp_path, three):
    once = create(tmp_path, b"x" * 100, key=three[0].private)
    twice = tmp_path / "twice.suit"
    twice.write_bytes(with_signatures(once.read_bytes(), lambda s: s * 2))
    assert len(suit_oracle.check(twice.read_bytes()).key_ids) == 2
    assert sign("verify", *trusts(three), twice).returncode == DONE
    refused(POLICY, "verify", "--require", 2, *trusts(three), twice, says="1 of the trusted keys")
    refused(POLICY, "verify", "--require", 2, *trusts(three[:1] * 2), twice, says="1 of the trusted keys")
    refused(POLICY, "sign", "--key", three[0].private, "--output", tmp_path / "o", once, says="already")
    assert not (tmp_path / "o").exists()


def test_unknown_signatures_do_no_harm(tmp_path, three):
    package = create(tmp_path, b"x" * 100, key=three[0].private)
    assert sign("sign", "--key", three[1].private, "--output", package, package).returncode == DONE
    for trusted in (three[:1], three[1:2]):
        assert sign("verify", *trusts(trusted), package).returncode == DONE
    refused(INVALID, "verify", *trusts(three[2:]), package, says="not signed by a trusted key")

    def with_strange_ones(signatures):
        header = cbor2.dumps({1: -999, 4: b"kid"}, canonical=True)
        foreign = cbor2.dumps(cbor2.CBORTag(18, [header, {}, None, b"\x01" * 70]))
        mac = cbor2.dumps(cbor2.CBORTag(17, [cbor2.dumps({1: 5}), {}, None, b"\x02" * 32]))
        wrong = cbor2.loads(signatures[0])
        wrong.value[3] = bytes(64)
        return [foreign, mac, cbor2.dumps(wrong), *signatures]

    strange = tmp_path / "strange.suit"
    strange.write_bytes(with_signatures(package.read_bytes(), with_strange_ones))
    assert sign("verify", "--require", 2, *trusts(three), strange).returncode == DONE
    # They are kept when another one is added or removed.
    assert sign("sign", "--key", three[2].private, "--output", strange, strange).returncode == DONE
    assert sign("verify", "--require", 3, *trusts(three), strange).returncode == DONE
    assert sign("unsign", "--key-id", key_id(three[1]), "--output", strange, strange).returncode == DONE
    envelope = cbor2.loads(strange.read_bytes())
    assert len(cbor2.loads(envelope.value[2])) == 1 + 3 + 2


def test_unsign_removes_the_signature_of_one_key(tmp_path, three):
    package = create(tmp_path, b"x" * 100, *[word for pair in three[1:] for word in ("--key", pair.private)],
                     key=three[0].private)
    whole = package.read_bytes()
    less = tmp_path / "less.suit"
    done = sign("unsign", "--json", "--key-id", key_id(three[1])[:8].upper(), "--output", less, package)
    assert done.returncode == DONE, done.stderr
    assert json.loads(done.stdout)["removed"] == [key_id(three[1])] and json.loads(done.stdout)["signatures"] == 2
    count, read = signers(less, three)
    assert count == 2 and bytes.fromhex(key_id(three[1])) not in read.key_ids
    assert package.read_bytes() == whole
    assert sign("sign", "--key", three[1].private, "--output", less, less).returncode == DONE
    assert signers(less, three)[0] == 3
    refused(INVALID, "unsign", "--key-id", "0" * 8, "--output", tmp_path / "o", package, says="no signature")
    for digits in ("abc", "g" * 8, "0" * 65, ""):
        refused(USAGE, "unsign", "--key-id", digits, "--output", tmp_path / "o", package, says="hex digits")
    assert not (tmp_path / "o").exists()
    for pair in three:
        last = sign("unsign", "--key-id", key_id(pair), "--output", less, less)
        assert last.returncode == DONE, last.stderr
    assert signers(less, three)[0] == 0 and "no signature left" in last.stderr


def test_digits_that_mean_two_keys_are_refused(tmp_path, three):
    package = create(tmp_path, b"x" * 100, key=three[0].private)

    def with_a_twin(signatures):
        twin = cbor2.loads(signatures[0])
        header = cbor2.loads(twin.value[0])
        header[4] = header[4][:8] + bytes(24)
        twin.value[0] = cbor2.dumps(header, canonical=True)
        return [*signatures, cbor2.dumps(twin)]

    package.write_bytes(with_signatures(package.read_bytes(), with_a_twin))
    refused(USAGE, "unsign", "--key-id", key_id(three[0])[:16], "--output", tmp_path / "o", package, says="2 keys")
    assert sign("unsign", "--key-id", key_id(three[0]), "--output", tmp_path / "o", package).returncode == DONE


def test_nobody_signs_what_is_not_whole(tmp_path, three):
    package = create(tmp_path, b"x" * 1000, key=three[0].private)
    data = bytearray(package.read_bytes())
    data[-1] ^= 1
    (tmp_path / "bad.suit").write_bytes(data)
    (tmp_path / "cut.suit").write_bytes(package.read_bytes()[:-1])
    (tmp_path / "empty.suit").write_bytes(b"")
    for name in ("bad.suit", "cut.suit", "empty.suit"):
        refused(INVALID, "sign", "--key", three[1].private, "--output", tmp_path / "o", tmp_path / name)
        refused(INVALID, "prepare", "--public", three[1].public, "--output", tmp_path / "o", tmp_path / name)
    assert not (tmp_path / "o").exists() and not (tmp_path / "second.pem.ledger").exists()


def test_a_package_has_at_most_eight_signatures(tmp_path):
    keys = [Keys(tmp_path, f"k{i}", "ed25519") for i in range(9)]
    package = create(tmp_path, b"x", "--unsigned")
    for pair in keys[:8]:
        assert sign("sign", "--key", pair.private, "--output", package, package).returncode == DONE
    before = package.read_bytes()
    refused(USAGE, "sign", "--key", keys[8].private, "--output", package, package, says="as many as")
    assert package.read_bytes() == before
    assert sign("verify", "--require", 8, *trusts(keys[:8]), package).returncode == DONE


def test_what_is_needed_is_not_replaced_and_what_cannot_be_written_is_said(tmp_path, three):
    package = create(tmp_path, b"x", key=three[0].private)
    before = three[1].private.read_bytes()
    refused(USAGE, "sign", "--key", three[1].private, "--output", three[1].private, package, says="choose another name")
    assert three[1].private.read_bytes() == before
    refused(SYSTEM, "sign", "--key", three[1].private, "--output", tmp_path / "no" / "o", package)
    refused(SYSTEM, "sign", "--key", three[1].private, "--output", tmp_path / "o", tmp_path / "absent")
    refused(KEY, "sign", "--key", three[1].public, "--output", tmp_path / "o", package)
    assert not (tmp_path / "o").exists()
    assert not [name for name in tmp_path.iterdir() if name.name.startswith(".kedge-sign")]


def test_sign_holds_a_package_against_the_release_before(tmp_path, keys, three):
    old = make_package(tmp_path, keys, "1.2.0", 12)
    stale = make_package(tmp_path, keys, "1.1.0", 11)
    fresh = make_package(tmp_path, keys, "1.3.0", 13)
    words = ["sign", "--key", three[1].private, "--previous", old, "--output", tmp_path / "o"]
    refused(POLICY, *words, stale, says="sequence")
    refused(POLICY, *words, "--slot-size", 10, fresh)
    assert not (tmp_path / "o").exists() and not (tmp_path / "second.pem.ledger").exists()
    assert sign(*words, fresh).returncode == DONE
