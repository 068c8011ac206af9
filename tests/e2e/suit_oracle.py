"""Checks packages with code that shares nothing with ours: python3-cbor2, python3-cryptography, zlib.

Everything here is written from docs/format.md and the drafts that it names. A package that is not
exactly as they say ends in an AssertionError or an exception of one of the libraries.
"""
import dataclasses
import hashlib
import io
import uuid
import zlib

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

FRAME_IMAGE_SIZE = 32768
FRAME_HEAD_SIZE = 36
SHA256 = -16


@dataclasses.dataclass
class Package:
    """What the oracle read."""
    manifest: dict
    manifest_digest: bytes
    key_ids: list
    signed_by: list
    parameters: dict
    text: dict | None
    attachments: dict
    frames: list
    image: bytes
    bounds: list  # [comparison, version] of each version condition: 2 at least, 4 at most
    hardware: list


def spki(key) -> bytes:
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def load_public(path):
    return serialization.load_pem_public_key(path.read_bytes())


def signature_is_good(key, sign1_bytes: bytes, payload: bytes) -> bool:
    """One COSE_Sign1 (RFC 9052 section 4.4) with a detached payload, by this key."""
    sign1 = cbor2.loads(sign1_bytes)
    assert sign1.tag == 18
    protected, unprotected, content, signature = sign1.value
    assert unprotected == {} and content is None
    header = cbor2.loads(protected)
    assert set(header) == {1, 4} and cbor2.dumps(header, canonical=True) == protected
    assert header[4] == sign1_key_id(sign1_bytes)
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", payload])
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            if header[1] != -19:
                return False
            key.verify(signature, to_be_signed)
        else:
            if header[1] != -9:
                return False
            r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
            assert len(signature) == 64
            key.verify(utils.encode_dss_signature(r, s), to_be_signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return header[4] == hashlib.sha256(spki(key)).digest()


def sign1_key_id(sign1_bytes: bytes) -> bytes:
    return cbor2.loads(cbor2.loads(sign1_bytes).value[0])[4]


def pairs(sequence: bytes):
    flat = cbor2.loads(sequence)
    assert cbor2.dumps(flat, canonical=True) == sequence and len(flat) % 2 == 0
    return list(zip(flat[::2], flat[1::2]))


def overrides(steps) -> dict:
    parameters = {}
    for command, argument in steps:
        if command == 20:
            parameters.update(argument)
    return parameters


def expand(payload: bytes, encoding: int, size: int, first_digest: bytes, image_size: int):
    """Walks the chain of frames; each is checked before it is expanded."""
    assert len(payload) == size
    stream, expected, image, frames = io.BytesIO(payload), first_digest, b"", []
    while len(image) < image_size:
        head = stream.read(FRAME_HEAD_SIZE)
        assert len(head) == FRAME_HEAD_SIZE
        data_size = int.from_bytes(head[33:36], "big")
        data = stream.read(data_size)
        assert len(data) == data_size > 0
        assert hashlib.sha256(head + data).digest() == expected, f"frame {len(frames)}"
        expected = head[:32]
        if head[32] == 1:
            assert encoding == 1
            expander = zlib.decompressobj()
            piece = expander.decompress(data)
            assert expander.eof and not expander.unused_data
            assert data_size < len(piece)
        else:
            assert head[32] == 0
            piece = data
        assert len(piece) == min(FRAME_IMAGE_SIZE, image_size - len(image))
        image += piece
        frames.append((head[32], data_size))
    assert expected == bytes(32) and not stream.read(1)
    return image, frames


def check(data: bytes, public_keys=()) -> Package:
    """Reads a whole package, checks every digest in it, and says which of the keys signed it."""
    envelope = cbor2.loads(data)
    assert envelope.tag == 107
    assert cbor2.dumps(envelope, canonical=True) == data, "the encoding is canonical, with nothing behind it"
    members = envelope.value
    names = [key for key in members if isinstance(key, str)]
    assert [key for key in members if isinstance(key, int)] in ([2, 3], [2, 3, 23])
    assert names[-1] == "#firmware" and all(len(name) <= 8 for name in names[:-1])

    wrapper = cbor2.loads(members[2])
    assert cbor2.dumps(wrapper, canonical=True) == members[2]
    digest_bytes, *signatures = wrapper
    algorithm, digest = cbor2.loads(digest_bytes)
    assert algorithm == SHA256
    assert digest == hashlib.sha256(cbor2.dumps(members[3])).digest(), "the digest covers the bstr's head too"
    signed_by = [key for key in public_keys if any(signature_is_good(key, s, digest_bytes) for s in signatures)]

    manifest = cbor2.loads(members[3])
    assert cbor2.dumps(manifest, canonical=True) == members[3]
    assert manifest[1] == 1
    common = cbor2.loads(manifest[3])
    assert common[2] == [[b"\x00"]]
    shared, install, validate = pairs(common[4]), pairs(manifest[20]), pairs(manifest[7])
    assert [command for command, _ in shared] == [20, 1, 2]
    commands = [command for command, _ in install]
    window = [step for step in zip(install, install[1:]) if step[1][0] == 28]
    bounds = [cbor2.loads(setting[1][28]) for setting, _ in window]
    assert all(setting[0] == 20 and list(setting[1]) == [28] for setting, _ in window)
    assert commands == [20, 28] * len(bounds) + [20] + [-258] * (-258 in commands) + [-257, 3]
    assert [command for command, _ in validate] == [3]
    parameters = overrides(shared) | overrides(install)
    assert min(overrides(shared)) > 0, "no custom id in the shared sequence"
    assert parameters[21] == "#firmware"

    text = None
    if 23 in members:
        assert manifest[23] == [SHA256, hashlib.sha256(cbor2.dumps(members[23])).digest()]
        text = cbor2.loads(members[23])
    vouched = cbor2.loads(parameters[-259]) if -259 in parameters else {}
    attachments = {name: members[name] for name in names[:-1]}
    assert list(vouched) == list(attachments)
    for name, content in attachments.items():
        assert vouched[name] == [SHA256, hashlib.sha256(content).digest(), len(content)]

    encoding, size, first_digest = cbor2.loads(parameters[-257])
    image, frames = expand(members["#firmware"], encoding, size, first_digest, parameters[14])
    assert cbor2.loads(parameters[3]) == [SHA256, hashlib.sha256(image).digest()]
    assert (-260 in parameters) == (-258 in commands), "revisions are named and asked for, or neither"
    hardware = cbor2.loads(parameters[-260]) if -260 in parameters else []
    return Package(manifest, digest, [sign1_key_id(s) for s in signatures], signed_by, parameters, text, attachments,
                   frames, image, bounds, hardware)


def vendor_uuid(domain: str) -> bytes:
    return uuid.uuid5(uuid.NAMESPACE_DNS, domain).bytes


def class_uuid(domain: str, name: str) -> bytes:
    return uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_DNS, domain), name).bytes
