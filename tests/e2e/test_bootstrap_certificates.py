"""Bootstrapping with certificates and raw public keys: as proof of the device, and as what it is given."""
import signal
import subprocess

import pytest
from bootstrap_device import BootstrapServer, SecureDevice, registers
from conftest import wait_until
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from dtls_wire import HandshakeFailed, SecureWire
from lwm2m_client import LWM2M_CBOR, SENML_CBOR, SENML_JSON
from lwm2m_peer import DELETE, PUT, TLV
from test_dtls import Authority, write_key, write_public


class CertifiedServer(BootstrapServer):
    def __init__(self, start_process, data, authority, *revoked, certificate=True):
        self.authority = authority
        self.key_file, self.certificate_file, self.certificate = authority.issue("server", ExtendedKeyUsageOID.SERVER_AUTH)
        self.crl_file = authority.revoke(*revoked)
        self.x509 = certificate
        super().__init__(start_process, data)

    def listeners(self):
        more = ["--coaps-cert", str(self.certificate_file), "--coaps-ca", str(self.authority.file), "--coaps-crl",
                str(self.crl_file)] if self.x509 else []
        return [*super().listeners(), "--coaps-key", str(self.key_file), *more]


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def server(start, tmp_path, authority) -> CertifiedServer:
    return CertifiedServer(start, tmp_path / "server", authority)


def give_certificate(server, folder, endpoint, name=None, key=True):
    """Enrols an endpoint by a pre-shared key, to be given a certificate; ((identity, key), key file, certificate)."""
    key_file, file, certificate = server.authority.issue(name or endpoint)
    extra = ["--give-private-key", key_file] if key else []
    return server.enroll_factory(folder, endpoint, "--give-certificate", file, *extra), key_file, certificate


def checks(account, server, certificate, key_file=None):
    assert account.mode == 2
    assert x509.load_der_x509_certificate(account.identity) == certificate
    assert x509.load_der_x509_certificate(account.server_key) == server.certificate
    if key_file is None:
        assert account.key == b""
    else:
        given = serialization.load_der_private_key(account.key, None)
        assert given.public_key().public_numbers() == certificate.public_key().public_numbers()


def registers_by_certificate(server, folder, account, endpoint):
    """With nothing but what it was given."""
    file, key_file = folder / "given.pem", folder / "given.key"
    file.write_bytes(x509.load_der_x509_certificate(account.identity).public_bytes(serialization.Encoding.PEM))
    write_key(key_file, serialization.load_der_private_key(account.key, None))
    wire = SecureWire(server.coaps_port, certificate=(file, key_file))
    wire.registered(endpoint)
    return wire


@pytest.mark.parametrize("form", [TLV, SENML_CBOR, SENML_JSON, LWM2M_CBOR])
def test_a_device_is_given_its_certificate_in_blocks_and_registers_by_it(server, tmp_path, form):
    factory, key_file, certificate = give_certificate(server, tmp_path, "dev")
    device = SecureDevice(server, "dev", factory, formats=(form,))
    account = device.bootstrap()
    checks(account, server, certificate, key_file)
    registers_by_certificate(server, tmp_path, account, "dev")
    server.traced("dev", "issued", words="its certificate")


@pytest.mark.parametrize("form", [SENML_CBOR, SENML_JSON, LWM2M_CBOR])
def test_a_pack_with_a_certificate_comes_in_blocks(server, tmp_path, form):
    factory, key_file, certificate = give_certificate(server, tmp_path, "dev")
    account = SecureDevice(server, "dev", factory).take_pack(form)
    checks(account, server, certificate, key_file)
    registers_by_certificate(server, tmp_path, account, "dev")


def test_a_private_key_that_the_device_has_is_not_given(server, tmp_path):
    factory, _, certificate = give_certificate(server, tmp_path, "dev", key=False)
    checks(SecureDevice(server, "dev", factory).bootstrap(), server, certificate)


def test_one_that_refuses_the_certificate_ends_it(server, tmp_path):
    factory, _, _ = give_certificate(server, tmp_path, "dev")
    device = SecureDevice(server, "dev", factory)
    device.answers = {(PUT, "/0/1"): "4.00"}
    assert device.request() == "2.04"
    device.serve_to_the_failure(server)


def test_a_certificate_that_is_not_its_own_is_refused(server, tmp_path):
    key = tmp_path / "psk"
    key.write_text("00" * 16)
    mine_key, mine, _ = server.authority.issue("dev")
    other_key, other, _ = server.authority.issue("other")

    def refused(*options):
        done = server.kedge("device", "enroll", "dev", "--bootstrap", "--psk-file", key, *options, check=False)
        assert done.returncode in (1, 2)
        return done.stderr
    assert "common name that is not the endpoint" in refused("--give-certificate", other)
    assert "is not that of the certificate" in refused("--give-certificate", mine, "--give-private-key", other_key)
    assert "not a certificate" in refused("--give-certificate", mine_key)
    assert "not a private key" in refused("--give-certificate", mine, "--give-private-key", mine)
    assert "goes with" in refused("--give-private-key", mine_key)
    assert server.trace("dev") == []


def test_enrolling_again_without_a_certificate_gives_keys_again(server, tmp_path):
    factory, _, _ = give_certificate(server, tmp_path, "dev")
    assert SecureDevice(server, "dev", factory).bootstrap().mode == 2
    factory = server.enroll_factory(tmp_path, "dev")
    account = SecureDevice(server, "dev", factory).bootstrap()
    assert account.mode == 0
    registers(server, account, "dev")


def test_without_a_certificate_of_the_server_none_can_be_given(start, tmp_path, authority):
    server = CertifiedServer(start, tmp_path / "server", authority, certificate=False)
    factory, _, _ = give_certificate(server, tmp_path, "dev")
    device = SecureDevice(server, "dev", factory)
    assert device.request() == "5.03"
    server.process.wait_for("device dev cannot be given its certificate: --coaps-cert")


# ---- as proof ----

def test_a_certificate_proves_the_endpoint_that_was_enrolled_with_its_name(server, tmp_path, authority):
    key_file, file, _ = authority.issue("factory-cn")
    server.kedge("device", "enroll", "dev", "--bootstrap", "--certificate-name", "factory-cn")
    account = SecureDevice(server, "dev", certificate=(file, key_file)).bootstrap()
    registers(server, account, "dev")
    server.enroll_factory(tmp_path, "factory-cn")  # a name is no endpoint: that one has a key
    forger = SecureDevice(server, "factory-cn", certificate=(file, key_file))
    assert forger.request() == "4.00"


def test_one_that_is_unenrolled_under_the_name_of_its_certificate_is_given_nothing_more(server, authority):
    """Its association, which has the certificate's name, may stay: it proves nothing that counts."""
    key_file, file, _ = authority.issue("factory-cn")
    server.kedge("device", "enroll", "dev", "--bootstrap", "--certificate-name", "factory-cn")
    device = SecureDevice(server, "dev", certificate=(file, key_file))
    device.answers = {(DELETE, "/0"): None}
    assert device.request() == "2.04"
    device.serve_until(lambda: (DELETE, "/0") in [step[:2] for step in device.steps], "the step")
    server.kedge("device", "unenroll", "dev", "--bootstrap")
    server.traced("dev", "failed", words="its credentials have changed")
    assert device.request() == "4.00" and not device.finished


def test_a_revoked_certificate_bootstraps_nobody(start, tmp_path, authority):
    key_file, file, certificate = authority.issue("dev")
    server = CertifiedServer(start, tmp_path / "server", authority)
    server.kedge("device", "enroll", "dev", "--bootstrap", "--certificate-name", "dev")
    assert SecureDevice(server, "dev", certificate=(file, key_file)).bootstrap().mode == 0
    authority.revoke(certificate)
    server.process.process.send_signal(signal.SIGHUP)

    def is_out():
        try:
            SecureDevice(server, "dev", certificate=(file, key_file), timeout=3).close()
        except HandshakeFailed:
            return True
        return False
    wait_until(is_out, 60, "the revoked certificate to be refused")


def test_a_raw_public_key_proves_its_endpoint(server, tmp_path):
    """Debian's client begins, and is answered; it does not serve what it is asked then."""
    key = ec.generate_private_key(ec.SECP256R1())
    private, public = write_key(tmp_path / "dev.key", key), write_public(tmp_path / "dev.pub", key)
    both = tmp_path / "dev.rpk"
    both.write_bytes(public.read_bytes() + private.read_bytes())
    server.kedge("device", "enroll", "dev", "--bootstrap", "--public-key", public)

    def request(endpoint):
        uri = f"coaps://127.0.0.1:{server.bootstrap_port}/bs?ep={endpoint}"
        done = subprocess.run(["coap-client-gnutls", "-v", "6", "-m", "post", "-B", "60", "-M", both, uri],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=120)
        return done.stdout + done.stderr
    assert "c:2.04" in request("dev")
    server.enroll_factory(tmp_path, "other")
    refused = request("other")
    assert "4.00" in refused and "c:2.04" not in refused
