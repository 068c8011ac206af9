"""What packages say beyond the image: whom they are for, what they replace, files that travel along; and lint."""
import base64
import json
import uuid

import cbor2
import pytest
import suit_oracle
from conftest import CLASS, VENDOR
from signing import DONE, INVALID, POLICY, PROVENANCE, SBOM, SYSTEM, USAGE, create, refused, sign


def oracle(path):
    return suit_oracle.check(path.read_bytes())


def make(folder, keys, *extra, version="1.2.3", sequence=7, output="made.suit", vendor=("--vendor", VENDOR),
         class_=("--class", CLASS), image=b"firmware"):
    (folder / "image.bin").write_bytes(image)
    return sign("create", "--payload", folder / "image.bin", *vendor, *class_, "--version", version, "--sequence", sequence,
                "--key", keys.private, "--output", folder / output, *extra)


# ---- whom it is for, and what it replaces ----

@pytest.mark.parametrize("options,bounds", [
    (["--min-version", "1.0.0"], [[2, [1, 0, 0]]]),
    (["--max-version", "2.0.0-rc.1"], [[4, [2, 0, 0, -1, 1]]]),
    (["--min-version", "1.0.0", "--max-version", "1.9.9"], [[2, [1, 0, 0]], [4, [1, 9, 9]]]),
])
def test_the_version_window_is_the_drafts_version_condition(tmp_path, keys, options, bounds):
    path = create(tmp_path, b"x" * 100, *options, key=keys.private)
    assert oracle(path).bounds == bounds
    assert sign("verify", "--trust", keys.public, path).returncode == DONE
    shown = sign("inspect", path).stdout
    assert "condition-version: refuses it (Update Result 6) unless it runs version" in shown


def test_hardware_revisions_are_named_and_asked_for(tmp_path, keys):
    path = create(tmp_path, b"x" * 100, "--hardware", "A", "--hardware", "rev B", key=keys.private)
    assert oracle(path).hardware == ["A", "rev B"]
    assert "unless its hardware revision is A or rev B" in sign("inspect", path).stdout
    told = json.loads(sign("inspect", "--json", path).stdout)
    assert told["hardware"] == ["A", "rev B"] and told["min_version"] is None
    refused(USAGE, "create", "--payload", tmp_path / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
            "--sequence", 1, "--key", keys.private, "--output", tmp_path / "o", *["--hardware", "r"] * 9, says="at most 8")


def test_vendor_and_class_can_be_given_raw(tmp_path, keys):
    vendor, class_ = uuid.uuid4(), uuid.uuid4()
    done = make(tmp_path, keys, vendor=("--vendor-uuid", vendor), class_=("--class-uuid", str(class_).upper()))
    assert done.returncode == DONE, done.stderr
    package = oracle(tmp_path / "made.suit")
    assert package.parameters[1] == vendor.bytes and package.parameters[2] == class_.bytes
    assert package.text == {"en": {(b"\x00",): {6: "1.2.3"}}}, "no names that nobody gave"
    # A class name below a raw vendor is its version 5 UUID there.
    assert make(tmp_path, keys, vendor=("--vendor-uuid", vendor)).returncode == DONE
    assert oracle(tmp_path / "made.suit").parameters[2] == uuid.uuid5(vendor, CLASS).bytes
    for wrong in ({"vendor": ()}, {"class_": ()}, {"vendor": ("--vendor", "a", "--vendor-uuid", vendor)},
                  {"vendor": ("--vendor-uuid", str(vendor)[:-1])}, {"vendor": ("--vendor-uuid", "g" * 36)},
                  {"class_": ("--class-uuid", str(class_).replace("-", "0"))}):
        done = make(tmp_path, keys, **wrong)
        assert done.returncode == USAGE, wrong


# ---- files that travel along ----

SPDX2 = b'{"spdxVersion": "SPDX-2.3", "SPDXID": "SPDXRef-DOCUMENT", "name": "x"}'
SPDX3 = b'{"@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld", "@graph": []}'
DSSE = json.dumps({"payloadType": "application/vnd.in-toto+json", "payload": base64.b64encode(PROVENANCE).decode(),
                   "signatures": []}).encode()


@pytest.mark.parametrize("kind,content", [("sbom", SBOM), ("sbom", SPDX2), ("sbom", SPDX3), ("prov", PROVENANCE),
                                          ("prov", DSSE), ("notes", "Größer".encode())])
def test_files_of_their_kind_are_attached_and_signed(tmp_path, keys, kind, content):
    (tmp_path / "file").write_bytes(content)
    path = create(tmp_path, b"x" * 100, "--attach", f"{kind}={tmp_path / 'file'}", key=keys.private)
    assert oracle(path).attachments == {f"#{kind}": content}


@pytest.mark.parametrize("kind,content,says", [
    ("sbom", b"", "an SBOM is CycloneDX or SPDX"),
    ("sbom", b"[]", "an SBOM is"),
    ("sbom", b'{"bomFormat": "CycloneDX"}', "an SBOM is"),
    ("sbom", b'{"bomFormat": "cyclonedx", "specVersion": "1.5"}', "an SBOM is"),
    ("sbom", b'{"spdxVersion": "SPDX-2.3"}', "an SBOM is"),
    ("sbom", SBOM[:-1], "an SBOM is"),
    ("sbom", SBOM + b"x", "an SBOM is"),
    ("sbom", b'{"bomFormat": "x", "specVersion": "1.5", "bomFormat": "CycloneDX"}', "an SBOM is"),
    ("sbom", b"[" * 100000, "an SBOM is"),
    ("sbom", PROVENANCE, "an SBOM is"),
    ("prov", SBOM, "in-toto"),
    ("prov", b'{"_type": "https://in-toto.io/Statement/v1", "predicateType": "x", "subject": []}', "in-toto"),
    ("prov", b'{"payloadType": "application/vnd.in-toto+json", "payload": "e30="}', "in-toto"),
    ("prov", b'{"payloadType": "application/vnd.in-toto+json", "payload": "%%%%"}', "DSSE"),
    ("notes", b"", "release notes"),
    ("notes", b"\xff\xfe", "release notes"),
])
def test_a_file_that_is_not_of_its_kind_is_not_signed(tmp_path, keys, kind, content, says):
    (tmp_path / "file").write_bytes(content)
    (tmp_path / "image.bin").write_bytes(b"x")
    refused(USAGE, "create", "--payload", tmp_path / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
            "--sequence", 1, "--key", keys.private, "--output", tmp_path / "out", "--attach", f"{kind}={tmp_path / 'file'}",
            says=says)
    assert not (tmp_path / "out").exists()


# ---- looking before signing ----

@pytest.fixture
def previous(tmp_path, keys):
    assert make(tmp_path, keys, "--hardware", "A", version="1.2.0", sequence=10, output="old.suit").returncode == DONE
    return tmp_path / "old.suit"


GOOD = {"version": "1.3.0", "sequence": 11}
FOLLOWING = [
    ("sequence", {**GOOD, "sequence": 10}, ["--hardware", "A"]),
    ("version", {**GOOD, "version": "1.2.0"}, ["--hardware", "A"]),
    ("version", {**GOOD, "version": "1.2.0-rc.9"}, ["--hardware", "A"]),
    ("vendor", {**GOOD, "vendor": ("--vendor", "example.org")}, ["--hardware", "A"]),
    ("class", {**GOOD, "class_": ("--class", "board-b")}, ["--hardware", "A"]),
    ("window", GOOD, ["--hardware", "A", "--min-version", "1.2.1"]),
    ("window", GOOD, ["--hardware", "A", "--max-version", "1.1.9"]),
    ("hardware", GOOD, ["--hardware", "B"]),
    ("slot-size", {**GOOD, "image": b"x" * 4097}, ["--hardware", "A"]),
]


@pytest.mark.parametrize("rule,release,options", FOLLOWING)
def test_lint_and_create_refuse_what_does_not_follow(tmp_path, keys, previous, rule, release, options):
    assert make(tmp_path, keys, *options, output="new.suit", **release).returncode == DONE
    rules = ["--previous", previous, "--slot-size", 4096]
    done = refused(POLICY, "lint", tmp_path / "new.suit", *rules, says=f"{tmp_path / 'new.suit'}: {rule}: ")
    told = json.loads(sign("lint", "--json", tmp_path / "new.suit", *rules).stdout)
    assert rule in [finding["rule"] for finding in told["findings"]] and told["follows"] is False
    if rule not in ("vendor", "class"):
        assert len(told["findings"]) == 1, "each rule speaks for itself"
    # The same question before the signature: nothing is written.
    done = make(tmp_path, keys, *options, *rules, output="refused.suit", **release)
    assert done.returncode == POLICY and f": {rule}: " in done.stderr, done.stderr
    assert not (tmp_path / "refused.suit").exists()


@pytest.mark.parametrize("options", [[], ["--hardware", "A", "--hardware", "B"], ["--min-version", "1.2.0"],
                                     ["--max-version", "1.2.0"]])
def test_a_release_that_follows_is_signed(tmp_path, keys, previous, options):
    rules = ["--previous", previous, "--slot-size", 8]
    done = make(tmp_path, keys, *options, *rules, output="new.suit", **GOOD)
    assert done.returncode == DONE, done.stderr
    done = sign("lint", tmp_path / "new.suit", *rules)
    assert done.returncode == DONE, done.stderr
    assert json.loads(sign("lint", "--json", tmp_path / "new.suit", *rules).stdout)["follows"] is True


def test_an_older_image_goes_out_again_when_that_is_meant(tmp_path, keys, previous):
    old = {"version": "1.1.0", "sequence": 11, "output": "revert.suit"}
    assert make(tmp_path, keys, "--previous", previous, **old).returncode == POLICY
    done = make(tmp_path, keys, "--previous", previous, "--allow-downgrade", **old)
    assert done.returncode == DONE, done.stderr
    refused(POLICY, "lint", tmp_path / "revert.suit", "--previous", previous, says="version")
    assert sign("lint", "--allow-downgrade", tmp_path / "revert.suit", "--previous", previous).returncode == DONE
    # The sequence number goes up all the same.
    old["sequence"] = 10
    assert make(tmp_path, keys, "--previous", previous, "--allow-downgrade", **old).returncode == POLICY


def test_lint_finds_damage_and_files_that_are_not_there(tmp_path, keys, previous):
    assert make(tmp_path, keys, output="new.suit", **GOOD).returncode == DONE
    good = (tmp_path / "new.suit").read_bytes()
    (tmp_path / "bad.suit").write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    refused(INVALID, "lint", tmp_path / "bad.suit", "--previous", previous, says="payload")
    refused(INVALID, "lint", tmp_path / "new.suit", "--previous", tmp_path / "bad.suit", says="payload")
    refused(SYSTEM, "lint", tmp_path / "absent", "--previous", previous, says="absent")
    refused(SYSTEM, "lint", tmp_path / "new.suit", "--previous", tmp_path / "absent", says="absent")
    assert make(tmp_path, keys, "--previous", tmp_path / "bad.suit", output="o", **GOOD).returncode == INVALID
    done = make(tmp_path, keys, "--previous", previous, output="old.suit", **GOOD)
    assert done.returncode == USAGE and "which is read" in done.stderr
