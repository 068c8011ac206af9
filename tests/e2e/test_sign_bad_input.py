"""Packages made to do harm, given to the real program: never a yes, never a crash, always exit status 1 and a reason."""
import base64
import hashlib
import os
import re
import resource
import shutil
import subprocess
import zlib

import cbor2
import pytest
import suit_oracle
from conftest import CLASS, SANITIZED, VENDOR, Keys, program
from cryptography.hazmat.primitives import serialization
from signing import DONE, INVALID, KEY, SBOM, create, mixed_image, refused, sign
from suit_forge import frame, parts, seal, with_payload

ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493
LITTLE_MEMORY = (None if SANITIZED else
                 lambda: resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20)))
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def private(keys):
    return serialization.load_pem_private_key(keys.private.read_bytes(), None)


def write(path, content):
    path.write_bytes(content)
    return path


@pytest.fixture
def good(tmp_path, keys):
    return create(tmp_path, mixed_image(500), "--compress", "none", key=keys.private)


def test_sealing_makes_packages_that_are_good_when_nothing_is_wrong(tmp_path, keys, good):
    members, manifest = parts(good)
    again = seal(members, cbor2.dumps(manifest, canonical=True), private(keys))
    assert again == good.read_bytes(), "Ed25519 is deterministic"


# ---- CBOR ----

HOSTILE = {
    "deep nesting": b"\x81" * 5000 + b"\x00",
    "deep nesting in the wrapper": b"\xd8\x6b\xa2\x02\x59\x10\x00" + b"\x81" * 4096,
    "an array of 2^32 items": b"\xd8\x6b\x9a\xff\xff\xff\xff",
    "a map of 2^64 - 1 pairs": b"\xd8\x6b\xbb" + b"\xff" * 8,
    "a wrapper of 2^63 bytes": b"\xd8\x6b\xa3\x02\x5b\x7f" + b"\xff" * 7,
    "a wrapper of 2^64 - 1 bytes": b"\xd8\x6b\xa3\x02\x5b" + b"\xff" * 8,
    "an indefinite map": b"\xd8\x6b\xbf\x02\x40\xff",
    "an indefinite string": b"\xd8\x6b\xa2\x02\x5f\x40\xff",
    "a long head": b"\xd8\x6b\xb8\x02\x02\x40",
    "a longer tag": b"\xd9\x00\x6b\xa2\x02\x40",
    "another tag": b"\xd8\x6c\xa2\x02\x40",
    "a float": b"\xd8\x6b\xfb" + b"\x00" * 8,
    "break": b"\xff",
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", [["verify"], ["inspect"], ["inspect", "--json"], ["extract"]])
def test_hostile_cbor_is_refused_in_little_memory(tmp_path, keys, name, command):
    path = write(tmp_path / "hostile.suit", HOSTILE[name])
    options = {"verify": ["--trust", keys.public], "extract": ["--output", tmp_path / "o"]}.get(command[0], [])
    done = refused(INVALID, *command, *options, path, says=str(path),
                   preexec_fn=LITTLE_MEMORY)
    assert "Sanitizer" not in done.stderr


def test_members_twice_or_out_of_order_or_too_many_are_refused(tmp_path, keys, good):
    data = good.read_bytes()
    members, _ = parts(good)
    encoded = {key: cbor2.dumps(key) + cbor2.dumps(value) for key, value in members.items()}
    orders = {"manifest twice": [2, 3, 3, 23, "#firmware"], "wrapper last": [3, 23, "#firmware", 2],
              "payload first": ["#firmware", 2, 3, 23], "payload twice": [2, 3, 23, "#firmware", "#firmware"],
              "no wrapper": [3, 23, "#firmware"], "no manifest": [2, 23, "#firmware"], "no payload": [2, 3, 23]}
    for name, order in orders.items():
        content = b"\xd8\x6b" + bytes([0xA0 + len(order)]) + b"".join(encoded[key] for key in order)
        path = write(tmp_path / "bad.suit", content)
        assert content != data
        refused(INVALID, "verify", "--trust", keys.public, path, says=str(path))
        refused(INVALID, "inspect", path, says=str(path))
        assert name


def test_every_seventh_byte_flipped_and_every_seventh_length(tmp_path, keys, good):
    """Through the program itself; every byte and every length is tested in process (test_package_stream)."""
    data = good.read_bytes()
    path = tmp_path / "bad.suit"
    for place in range(0, len(data), 7):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1:])
        refused(INVALID, "verify", "--trust", keys.public, path, says=f"{path}: ")
        path.write_bytes(data[:place])
        refused(INVALID, "verify", "--trust", keys.public, path, says=f"{path}: ")


# ---- payloads that a trusted key signed ----

@pytest.mark.parametrize("name,data,image_size", [
    ("expands to 100 MiB", zlib.compress(bytes(100 << 20), 9)[:30000], 32768),
    ("expands to one byte more", zlib.compress(bytes(32769), 9), 32768),
    ("expands to one byte less", zlib.compress(bytes(32767), 9), 32768),
    ("is no zlib", b"\x78\x9c" + b"\xff" * 100, 32768),
    ("goes on behind its end", zlib.compress(bytes(32768), 9) + b"x", 32768),
    ("wants a dictionary", b"\x78\xbb\x00\x00\x00\x01\x03\x00", 100),
])
def test_a_payload_bomb_is_refused_even_when_it_is_signed(tmp_path, keys, good, name, data, image_size):
    members, manifest = parts(good)
    payload = frame(data, 1)
    manifest = with_payload(manifest, payload, image_size)
    path = write(tmp_path / "bomb.suit", seal(members | {"#firmware": payload}, cbor2.dumps(manifest, canonical=True), private(keys)))
    done = refused(INVALID, "verify", "--trust", keys.public, path, says="payload",
                   preexec_fn=LITTLE_MEMORY)
    assert name and "trusted" not in done.stderr, "the signature was good: it is the payload that is refused"
    refused(INVALID, "extract", path, "--output", tmp_path / "image", says="payload")
    assert not (tmp_path / "image").exists()


# ---- signatures ----

def test_another_algorithm_than_the_keys_own_does_not_count(tmp_path, keys, good):
    members, manifest = parts(good)
    encoded = cbor2.dumps(manifest, canonical=True)
    ec_keys = Keys(tmp_path, "ec", "esp256")
    for key, trust, algorithm in ((private(keys), keys, -9), (private(keys), keys, -7), (private(ec_keys), ec_keys, -19),
                                  (private(ec_keys), ec_keys, -8), (private(keys), keys, -257), (private(keys), keys, 5)):
        path = write(tmp_path / "a.suit", seal(members, encoded, key, algorithm))
        refused(INVALID, "verify", "--trust", trust.public, path, says="trusted")
    for key, trust, algorithm in ((private(keys), keys, -8), (private(ec_keys), ec_keys, -7)):
        path = write(tmp_path / "a.suit", seal(members, encoded, key, algorithm))
        assert sign("verify", "--trust", trust.public, path).returncode == DONE, "the older ids are read"
    # The key id of one key over the signature of another.
    other = hashlib.sha256(suit_oracle.spki(private(ec_keys).public_key())).digest()
    path = write(tmp_path / "a.suit", seal(members, encoded, private(keys), key_id=other))
    refused(INVALID, "verify", "--trust", ec_keys.public, path, says="trusted")


def replaced_signature(path, change):
    members, _ = parts(path)
    digest, sign1 = cbor2.loads(members[2])
    tag = cbor2.loads(sign1)
    tag.value[3] = change(tag.value[3])
    members[2] = cbor2.dumps([digest, cbor2.dumps(tag)])
    return cbor2.dumps(cbor2.CBORTag(107, members), canonical=True)


def test_malleable_ed25519_signatures_are_refused(tmp_path, keys, good):
    def add_order(signature):
        s = int.from_bytes(signature[32:], "little") + ED25519_ORDER
        return signature[:32] + s.to_bytes(32, "little")

    path = write(tmp_path / "malleable.suit", replaced_signature(good, add_order))
    refused(INVALID, "verify", "--trust", keys.public, path, says="trusted")


def test_a_high_s_of_ecdsa_is_the_same_signer_and_counts_once(tmp_path):
    keys = Keys(tmp_path, "ec", "esp256")
    path = create(tmp_path, b"x" * 100, key=keys.private)

    def negate(signature):
        s = P256_ORDER - int.from_bytes(signature[32:], "big")
        return signature[:32] + s.to_bytes(32, "big")

    high = write(tmp_path / "high.suit", replaced_signature(path, negate))
    assert high.read_bytes() != path.read_bytes()
    assert sign("verify", "--trust", keys.public, high).returncode == DONE
    # Both in one package: one key, one signer.
    members, _ = parts(path)
    digest, low_sign1 = cbor2.loads(members[2])
    high_sign1 = cbor2.loads(parts(high)[0][2])[1]
    members[2] = cbor2.dumps([digest, low_sign1, high_sign1])
    both = write(tmp_path / "both.suit", cbor2.dumps(cbor2.CBORTag(107, members), canonical=True))
    other = Keys(tmp_path, "other")
    done = sign("verify", "--require", 2, "--trust", keys.public, "--trust", other.public, both)
    assert done.returncode == 3 and "1 of the trusted keys" in done.stderr


SMALL_ORDER = ["0100000000000000000000000000000000000000000000000000000000000000",
               "0000000000000000000000000000000000000000000000000000000000000000",
               "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
               "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
               "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"]


@pytest.mark.parametrize("point", SMALL_ORDER)
def test_a_public_key_of_small_order_is_not_trusted(tmp_path, good, point):
    der = bytes.fromhex("302a300506032b6570032100" + point)
    pem = tmp_path / "small.pem"
    pem.write_text(f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(der).decode()}\n-----END PUBLIC KEY-----\n")
    refused(KEY, "verify", "--trust", pem, good, says=str(pem))


# ---- one pass, little memory ----

def whole_calls(trace):
    """strace's lines; a call that another thread's came in between of is put together again."""
    unfinished = {}
    for line in trace.splitlines():
        thread, call = line.split(maxsplit=1)
        if call.endswith("<unfinished ...>"):
            unfinished[thread] = line.removesuffix("<unfinished ...>")
        elif call.startswith("<... "):
            yield unfinished.pop(thread) + call.split("resumed>", 1)[1]
        else:
            yield line


def test_verify_reads_the_file_once_from_beginning_to_end_and_maps_nothing(tmp_path, keys):
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    (tmp_path / "sbom").write_bytes(SBOM)
    path = create(tmp_path, mixed_image(3 << 20), "--text", "words", "--attach", f"sbom={tmp_path / 'sbom'}", key=keys.private)
    trace = tmp_path / "trace"
    done = subprocess.run(["strace", "-f", "-y", "-e", "trace=read,pread64,readv,preadv,mmap,lseek", "-o", trace,
                           program("kedge-sign"), "verify", "--trust", keys.public, path], capture_output=True, text=True,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, check=False)
    assert done.returncode == DONE, done.stderr
    calls = [line for line in whole_calls(trace.read_text()) if f"<{path}>" in line]
    reads = [int(re.search(r"= (\d+)$", line)[1]) for line in calls if " read(" in line]
    assert sum(reads) == path.stat().st_size and reads[-1] == 0
    assert max(reads) <= 16384
    assert len(reads) == len(calls), "nothing but reads in order: no mapping, no seeking"


def peak_kib(*words):
    """Measured from a small process: Linux counts the peak of the one that a program was started from as its own."""
    bench = os.path.join(os.path.dirname(os.path.dirname(program("kedge-sign"))), "tests", "bench", "bench_run")
    done = subprocess.run([bench, *map(str, words)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[2])


def test_memory_does_not_grow_with_the_image(tmp_path, keys):
    peaks = {"create": [], "verify": [], "extract": []}
    for mib in (1, 48):
        image = tmp_path / "image"
        image.write_bytes(mixed_image(1 << 20) * mib)
        package = tmp_path / "p.suit"
        peaks["create"].append(peak_kib(program("kedge-sign"), "create", "--payload", image, "--vendor", VENDOR, "--class",
                                        CLASS, "--version", "1.0.0", "--sequence", 1, "--key", keys.private, "--output", package))
        peaks["verify"].append(peak_kib(program("kedge-sign"), "verify", "--trust", keys.public, package))
        peaks["extract"].append(peak_kib(program("kedge-sign"), "extract", package, "--output", tmp_path / "back"))
    if SANITIZED:
        pytest.skip("a sanitizer's memory is not the program's")
    for name, (small, large) in peaks.items():
        assert large - small < 1024, f"{name}: {small} KiB, then {large} KiB"


# ---- the same input, the same bytes ----

@pytest.mark.parametrize("compress", ["none", "zlib"])
def test_another_folder_another_time_another_environment_give_the_same_bytes(tmp_path, compress):
    ed, ec_keys = Keys(tmp_path, "ed"), Keys(tmp_path, "ec", "esp256")
    image = mixed_image(100000)
    made = []
    for name, environment, umask in (("here", {"TZ": "UTC", "LC_ALL": "C", "HOME": "/"}, 0o022),
                                     ("a longer name", {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1",
                                                        "USER": "somebody", "HOME": str(tmp_path)}, 0o077)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "image").write_bytes(image)
        (folder / "sbom").write_bytes(SBOM)
        os.utime(folder / "image", (1, len(made)))
        for keys in (ed, ec_keys):
            shutil.copy(keys.private, folder)
        done = subprocess.run(
            [program("kedge-sign"), "create", "--payload", "image", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
             "--sequence", "1", "--compress", compress, "--text", "words", "--min-version", "0.9.0", "--hardware", "A",
             "--attach", "sbom=sbom", "--key", ed.private.name, "--key", ec_keys.private.name, "--output", "o.suit"],
            cwd=folder, env=environment, umask=umask, capture_output=True, text=True, check=False)
        assert done.returncode == DONE, done.stderr
        made.append((folder / "o.suit").read_bytes())
    assert made[0] == made[1]
