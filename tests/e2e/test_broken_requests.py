"""What is no HTTP is answered by the library below the API, in HTML: nothing of it is done, nor of what comes behind it, and
the connection ends (docs/api.md)."""
import json
import re
import socket

import pytest

from test_api import V1
from test_api_load import Stored

HOST = b"Host: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BROKEN = {  # its version, what comes behind the token's line, the status
    "no Host": (b"HTTP/1.1", lambda body: b"Content-Length: %d\r\n\r\n" % len(body) + body, 400),
    "a length that is none": (b"HTTP/1.1", lambda body: HOST + b"Content-Length: 1x\r\n\r\n" + body, 400),
    "a length that is too large": (b"HTTP/1.1", lambda body: HOST + b"Content-Length: 99999999999999999999999\r\n\r\n" + body, 413),
    "a chunk without size": (b"HTTP/1.1", lambda body: HOST + CHUNKED + b"\r\n%x\r\n" % len(body) + body + b"\r\nzz\r\n\r\n", 400),
    "a chunk without end": (b"HTTP/1.1", lambda body: HOST + CHUNKED + b"\r\n%x\r\n" % len(body) + body + b"XX0\r\n\r\n", 400),
    "a long header": (b"HTTP/1.1", lambda body: HOST + b"X-Long: " + b"x" * 40000 + b"\r\n\r\n" + body, 431),
    "a line that is no field": (b"HTTP/1.1", lambda body: HOST + b"no field\r\n\r\n" + body, 400),
    "another HTTP": (b"HTTP/3.0", lambda body: HOST + b"Content-Length: %d\r\n\r\n" % len(body) + body, 505),
}


@pytest.mark.parametrize("name", BROKEN)
def test_nothing_is_stored_and_the_connection_ends(server, keys, name):
    version, rest, status = BROKEN[name]
    body = json.dumps({"name": "release", "pem": keys.public.read_text()}).encode()
    token = f"Authorization: Bearer {server.token}\r\n".encode()
    good = b"POST " + f"{V1}/trust".encode() + b" HTTP/1.1\r\n" + HOST + token + b"Content-Length: %d\r\n\r\n" % len(body) + body
    before, got = Stored(server), b""
    with socket.create_connection(("127.0.0.1", int(server.http_url.rsplit(":", 1)[1])), timeout=60) as connection:
        try:
            connection.sendall(f"POST {V1}/trust ".encode() + version + b"\r\n" + token + rest(body) + good)
        except (BrokenPipeError, ConnectionResetError):
            pass  # ended before all was sent
        try:
            while piece := connection.recv(65536):
                got += piece
        except ConnectionResetError:
            pass  # ended, with bytes of ours unread
    # libmicrohttpd 0.9.75 sends some of its headers twice.
    assert set(re.findall(rb"HTTP/1\.1 (\d+) ", got)) == {b"%d" % status} and b"</html>" in got, got
    before.assert_unchanged()
    with socket.create_connection(("127.0.0.1", int(server.http_url.rsplit(":", 1)[1])), timeout=60) as connection:
        connection.sendall(good)
        assert connection.recv(65536).startswith(b"HTTP/1.1 201 ")
