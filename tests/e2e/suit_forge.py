"""Makes packages that kedge-sign would not make, with code that shares nothing with it, and signs them."""
import hashlib

import cbor2
import suit_oracle
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils


def seal(members, manifest_bytes, key, algorithm=None, key_id=None):
    """The envelope of these members, signed as the oracle understands the drafts."""
    digest = cbor2.dumps([-16, hashlib.sha256(cbor2.dumps(manifest_bytes)).digest()])
    is_ec = isinstance(key, ec.EllipticCurvePrivateKey)
    algorithm = algorithm or (-9 if is_ec else -19)
    key_id = key_id or hashlib.sha256(suit_oracle.spki(key.public_key())).digest()
    protected = cbor2.dumps({1: algorithm, 4: key_id}, canonical=True)
    to_be_signed = cbor2.dumps(["Signature1", protected, b"", digest])
    if is_ec:
        r, s = utils.decode_dss_signature(key.sign(to_be_signed, ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        signature = key.sign(to_be_signed)
    sign1 = cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
    return cbor2.dumps(cbor2.CBORTag(107, members | {2: cbor2.dumps([digest, sign1]), 3: manifest_bytes}), canonical=True)


def parts(path):
    members = cbor2.loads(path.read_bytes()).value
    return members, cbor2.loads(members[3])


def frame(data, kind, next_digest=bytes(32)):
    return next_digest + bytes([kind]) + len(data).to_bytes(3, "big") + data


def with_payload(manifest, payload, image_size, encoding=1):
    install = cbor2.loads(manifest[20])
    install[1][-257] = cbor2.dumps([encoding, len(payload), hashlib.sha256(payload).digest()])
    common = cbor2.loads(manifest[3])
    shared = cbor2.loads(common[4])
    shared[1][14] = image_size
    common[4] = cbor2.dumps(shared, canonical=True)
    return manifest | {3: cbor2.dumps(common, canonical=True), 20: cbor2.dumps(install, canonical=True)}
