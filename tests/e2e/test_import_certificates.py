"""Certificates in a factory's file: devices are given them by bootstrapping; one that cannot be given is named by its line."""
import base64
import json
import secrets

import pytest
from bootstrap_device import SecureDevice, registers
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from test_bootstrap_certificates import authority, checks, registers_by_certificate, server
from test_import import enrolled, refused, written

HEADER = "endpoint,key,certificate,private_key\n"
DER, PEM = serialization.Encoding.DER, serialization.Encoding.PEM

_ = authority, server  # fixtures


def texts(authority, name, form):
    """(key file, certificate, its text, the text of its key) in PEM, or in the Base64 of DER."""
    key_file, file, certificate = authority.issue(name)
    if form == "PEM":
        return key_file, certificate, file.read_text(), key_file.read_text()
    key = serialization.load_pem_private_key(key_file.read_bytes(), None)
    der = key.private_bytes(DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key_file, certificate, base64.b64encode(certificate.public_bytes(DER)).decode(), base64.b64encode(der).decode()


@pytest.mark.parametrize("form", ["PEM", "DER"])
@pytest.mark.parametrize("kind", ["CSV", "JSON"])
def test_a_device_of_a_file_is_given_its_certificate_and_registers_by_it(server, tmp_path, authority, form, kind):
    key_file, certificate, text, key = texts(authority, "dev", form)
    first, second = secrets.token_bytes(16), secrets.token_bytes(16)
    if kind == "CSV":
        content = HEADER + f'dev,{first.hex()},"{text}","{key}"\nplain,{second.hex()},,\n'
    else:
        content = json.dumps([{"endpoint": "dev", "key": first.hex(), "certificate": text, "private_key": key},
                              {"endpoint": "plain", "key": second.hex(), "certificate": None}])
    file = written(tmp_path, content, f"devices.{kind.lower()}")
    assert "2 devices could be imported" in server.kedge("device", "import", "--dry-run", file).stdout
    assert enrolled(server) == {}
    assert "2 devices imported" in server.kedge("device", "import", file).stdout
    account = SecureDevice(server, "dev", ("dev", first)).bootstrap()
    checks(account, server, certificate, key_file)
    registers_by_certificate(server, tmp_path, account, "dev")
    registers(server, SecureDevice(server, "plain", ("plain", second)).bootstrap(), "plain")
    said = server.process.log + server.kedge("--json", "audit", "list").stdout
    assert key not in said and "".join(key.splitlines()[1:-1] or [key]) not in said


def test_a_certificate_whose_key_the_device_has_itself_comes_without_one(server, tmp_path, authority):
    _, certificate, text, _ = texts(authority, "dev", "PEM")
    psk = secrets.token_bytes(16)
    file = written(tmp_path, f'endpoint,key,certificate\ndev,{psk.hex()},"{text}"\n')
    server.kedge("device", "import", file)
    checks(SecureDevice(server, "dev", ("dev", psk)).bootstrap(), server, certificate)


def test_a_device_that_is_imported_anew_without_a_certificate_is_given_a_key(server, tmp_path, authority):
    _, _, text, key = texts(authority, "dev", "DER")
    psk = secrets.token_bytes(16)
    server.kedge("device", "import", written(tmp_path, HEADER + f"dev,{psk.hex()},{text},{key}\n"))
    server.kedge("device", "import", written(tmp_path, HEADER + f"dev,{psk.hex()},,\n", "again.csv"))
    assert SecureDevice(server, "dev", ("dev", psk)).bootstrap().mode == 0


def rows_that_are_wrong(authority):
    """(certificate, private key, what is said of it) of devices named dev-1, dev-2 and so on."""
    def issued(number, form="DER"):
        return texts(authority, f"dev-{number}", form)[2:]
    other = base64.b64encode(ec.generate_private_key(ec.SECP256R1()).private_bytes(
        DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())).decode()
    locked = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")).decode()
    cut = issued(7)[0]
    return [(*issued("other"), "certificate has a common name that is not the endpoint"),
            (issued(2)[0], other, "private_key is not that of the certificate"),
            ("", issued(3)[1], "private_key goes with a certificate"),
            ("no", "", "certificate is not a certificate"),
            (issued(5)[1], "", "certificate is not a certificate"),
            (issued(6)[0], issued(6)[0], "private_key is not a private key"),
            (cut[:len(cut) // 8 * 4], "", "certificate is not a certificate"),
            (issued(8)[0], "A" * 1000, "private_key is not a private key"),
            (issued(9)[0], locked, "private_key is not a private key without password"),
            ("A" * 6000, "", "certificate is not a certificate in PEM, or the Base64 of a DER of up to 4096 bytes"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "", "certificate is not a certificate")]


def test_each_line_whose_certificate_cannot_be_given_is_named(server, tmp_path, authority):
    rows, expected, line = [], [], 2
    for number, (certificate, key, words) in enumerate(rows_that_are_wrong(authority), 1):
        rows.append(f'dev-{number},{secrets.token_hex(16)},"{certificate}","{key}"\n')
        expected.append((f":{line}", words))
        line += rows[-1].count("\n")
    refused(server, written(tmp_path, HEADER + "".join(rows)), *expected)


def test_each_device_of_json_whose_certificate_cannot_be_given_is_named(server, tmp_path, authority):
    items, expected = [], []
    for number, (certificate, key, words) in enumerate(rows_that_are_wrong(authority), 1):
        items.append({"endpoint": f"dev-{number}", "key": secrets.token_hex(16), "certificate": certificate, "private_key": key})
        expected.append((f": device {number}", words))
    items.append({"endpoint": "list", "key": secrets.token_hex(16), "certificate": ["x"]})
    refused(server, written(tmp_path, json.dumps(items), "devices.json"), *expected,
            (f": device {len(items)}", "certificate must be a string"))
