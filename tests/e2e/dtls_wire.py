"""A raw CoAP device over DTLS 1.2: OpenSSL's, so that both ends are different libraries."""
import ctypes
import ctypes.util
import select
import time
import types

from lwm2m_peer import decode
from wire import Wire

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
_pointer = ctypes.c_void_p
for _name, _result, _arguments in [
        ("DTLS_client_method", _pointer, []), ("SSL_CTX_new", _pointer, [_pointer]), ("SSL_CTX_free", None, [_pointer]),
        ("SSL_CTX_set_cipher_list", ctypes.c_int, [_pointer, ctypes.c_char_p]),
        ("SSL_CTX_use_certificate_file", ctypes.c_int, [_pointer, ctypes.c_char_p, ctypes.c_int]),
        ("SSL_CTX_use_PrivateKey_file", ctypes.c_int, [_pointer, ctypes.c_char_p, ctypes.c_int]),
        ("SSL_CTX_set_psk_client_callback", None, [_pointer, _pointer]), ("SSL_new", _pointer, [_pointer]),
        ("SSL_free", None, [_pointer]), ("SSL_set_bio", None, [_pointer, _pointer, _pointer]),
        ("SSL_connect", ctypes.c_int, [_pointer]), ("SSL_write", ctypes.c_int, [_pointer, ctypes.c_char_p, ctypes.c_int]),
        ("SSL_read", ctypes.c_int, [_pointer, _pointer, ctypes.c_int]), ("SSL_shutdown", ctypes.c_int, [_pointer]),
        ("SSL_get_error", ctypes.c_int, [_pointer, ctypes.c_int]),
        ("SSL_ctrl", ctypes.c_long, [_pointer, ctypes.c_int, ctypes.c_long, _pointer])]:
    getattr(_ssl, _name).restype, getattr(_ssl, _name).argtypes = _result, _arguments
_crypto.BIO_new_dgram.restype, _crypto.BIO_new_dgram.argtypes = _pointer, [ctypes.c_int, ctypes.c_int]
_crypto.ERR_clear_error.restype, _crypto.ERR_clear_error.argtypes = None, []
_crypto.BIO_ctrl.restype = ctypes.c_long
_crypto.BIO_ctrl.argtypes = [_pointer, ctypes.c_int, ctypes.c_long, _pointer]
_crypto.BIO_ADDR_new.restype, _crypto.BIO_ADDR_free.argtypes = _pointer, [_pointer]
_crypto.BIO_ADDR_rawmake.argtypes = [_pointer, ctypes.c_int, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_ushort]

PEM, NOCLOSE = 1, 0
WANT_READ = 2
SET_CONNECTED, HANDLE_TIMEOUT, GET_TIMEOUT = 32, 74, 73
# Eight bytes of tag, which LwM2M asks for, are below OpenSSL's default level.
PSK_SUITES, CERTIFICATE_SUITES = b"PSK-AES128-CCM8:@SECLEVEL=0", b"ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
_psk_function = ctypes.CFUNCTYPE(ctypes.c_uint, _pointer, ctypes.c_char_p, _pointer, ctypes.c_uint, _pointer, ctypes.c_uint)


class HandshakeFailed(Exception):
    pass


class SecureWire(Wire):
    """Wire over DTLS to a port of this host, by a pre-shared key (identity, bytes) or a certificate (PEM files)."""

    def __init__(self, port: int, psk=None, certificate=None, timeout: float = 30,
                 from_port: int = 0):
        super().__init__(types.SimpleNamespace(coap_port=port), from_port)
        self.context = _ssl.SSL_CTX_new(_ssl.DTLS_client_method())
        if psk is not None:
            identity, key = psk[0].encode(), psk[1]

            def give(_session, _hint, to_identity, identity_max, to_key, key_max):
                assert len(identity) < identity_max and len(key) <= key_max
                ctypes.memmove(to_identity, identity + b"\0", len(identity) + 1)
                ctypes.memmove(to_key, key, len(key))
                return len(key)
            self.callback = _psk_function(give)  # must live as long as the context
            _ssl.SSL_CTX_set_psk_client_callback(self.context, self.callback)
            assert _ssl.SSL_CTX_set_cipher_list(self.context, PSK_SUITES) == 1
        else:
            assert _ssl.SSL_CTX_set_cipher_list(self.context, CERTIFICATE_SUITES) == 1
            assert _ssl.SSL_CTX_use_certificate_file(self.context, str(certificate[0]).encode(), PEM) == 1
            assert _ssl.SSL_CTX_use_PrivateKey_file(self.context, str(certificate[1]).encode(), PEM) == 1
        self.session = _ssl.SSL_new(self.context)
        self.socket.setblocking(False)
        channel = _crypto.BIO_new_dgram(self.socket.fileno(), NOCLOSE)
        host = _crypto.BIO_ADDR_new()
        _crypto.BIO_ADDR_rawmake(host, 2, bytes([127, 0, 0, 1]), 4, (port & 255) << 8 | port >> 8)
        _crypto.BIO_ctrl(channel, SET_CONNECTED, 0, host)
        _crypto.BIO_ADDR_free(host)
        _ssl.SSL_set_bio(self.session, channel, channel)
        self._shake(time.monotonic() + timeout)

    def _shake(self, deadline: float):
        _crypto.ERR_clear_error()
        while (done := _ssl.SSL_connect(self.session)) != 1:
            if _ssl.SSL_get_error(self.session, done) != WANT_READ or time.monotonic() > deadline:
                raise HandshakeFailed
            if not select.select([self.socket], [], [], 0.2)[0]:
                _ssl.SSL_ctrl(self.session, HANDLE_TIMEOUT, 0, None)

    def send(self, datagram: bytes):
        self.remember(datagram)
        assert _ssl.SSL_write(self.session, datagram, len(datagram)) == len(datagram)

    def receive(self, timeout: float = 60):
        """The next message, or None when none comes in time."""
        bytes_ = ctypes.create_string_buffer(4096)
        deadline = time.monotonic() + timeout
        _crypto.ERR_clear_error()  # what another association of this thread failed of would be taken for the reason here
        while (size := _ssl.SSL_read(self.session, bytes_, len(bytes_))) <= 0:
            if _ssl.SSL_get_error(self.session, size) != WANT_READ:
                time.sleep(min(timeout, 0.05))
                return None  # the server has ended the association
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
        return decode(bytes_.raw[:size])

    def hang_up(self):
        """Ends the association with an alert, as RFC 5246 section 7.2.1 has it."""
        _ssl.SSL_shutdown(self.session)
        self.close()

    def close(self):
        if self.session is not None:
            _ssl.SSL_free(self.session)
            _ssl.SSL_CTX_free(self.context)
            self.socket.close()
            self.session = None

    def __del__(self):
        self.close()
