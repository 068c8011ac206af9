"""Behind nginx: as a proxy that ends TLS, as one that asks over TLS, as a CDN; and devices that download through it."""
import hashlib
import os
import shutil
import socket

import pytest

from conftest import ROOT, Server, free_port, make_package, program, run, wait_until
from lwm2m_peer import ACK, POST, TLV, Message, code
from test_tls import Authority, Secured
from wire import Wire

# scripts/setup puts it there: Debian's package starts a web server on port 80.
NGINX = shutil.which("nginx", path=os.pathsep.join([str(ROOT / "build" / "tools"), os.environ.get("PATH", ""), "/usr/sbin"]))
HTTP, HTTPS = 2, 3

CONFIG = """
daemon off; master_process off; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 500; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    {http}
    server {{ listen 127.0.0.1:{port}{tls}; {server} }}
}}
"""


@pytest.fixture
def nginx(start, tmp_path):
    """nginx(what stands in server, and in http) runs one and returns where it is."""
    if NGINX is None:
        pytest.skip("nginx is not there (scripts/setup)")

    def begin(server: str, http: str = "", tls: bool = False) -> str:
        folder, port = tmp_path / "nginx", free_port(socket.SOCK_STREAM)
        folder.mkdir()
        config = folder / "nginx.conf"
        config.write_text(CONFIG.format(folder=folder, port=port, http=http, server=server, tls=" ssl" if tls else ""))
        process = start(NGINX, "-p", folder, "-e", "stderr", "-c", config)

        def listens() -> bool:
            assert process.process.poll() is None, process.log
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0
        wait_until(listens, what="nginx to listen")
        return f"http{'s' if tls else ''}://127.0.0.1:{port}"
    return begin


def curl(*args) -> str:
    done = run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "60", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kedge(server, url, *args):
    done = run(program("kedge"), "--server", url, "--token-file", server.token_file, *args)
    assert done.returncode == 0, done.stderr
    return done


def upload(server, keys, tmp_path, image: bytes | None = None, *extra) -> dict:
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2, image, *extra))
    package, = server.json("package", "list")["packages"]
    return package


def test_the_api_and_downloads_go_through_a_proxy_that_ends_tls(server, nginx, keys, tmp_path):
    chain, key_file = (authority := Authority(tmp_path)).issue("proxy")
    url = nginx(f"ssl_certificate {chain}; ssl_certificate_key {key_file}; client_max_body_size 5g;"
                f"location / {{ proxy_pass {server.http_url}; proxy_http_version 1.1; proxy_request_buffering off; }}",
                tls=True)
    trust = ["--ca-file", authority.root]
    kedge(server, url, *trust, "trust", "add", "--name", "release", keys.public)
    kedge(server, url, *trust, "package", "upload", make_package(tmp_path, keys, "1.1.0", 2, os.urandom(5_000_000)))
    package, = server.json("package", "list")["packages"]
    file = tmp_path / "got"
    curl("--cacert", authority.root, "--range", "0-999999", "--output", file, f"{url}/fw/{package['device_digest']}")
    curl("--cacert", authority.root, "--continue-at", "-", "--output", file, f"{url}/fw/{package['device_digest']}")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == package["device_digest"]


def test_a_proxy_may_ask_over_tls_and_check_the_certificate(start, nginx, tmp_path):
    server = Secured(start, tmp_path / "server")
    url = nginx(f"location / {{ proxy_pass {server.https_url}; proxy_ssl_verify on; proxy_ssl_name localhost;"
                f"proxy_ssl_trusted_certificate {server.certificate}; }}")
    kedge(server, url, "device", "list")


def test_a_cdn_keeps_what_it_fetched_once(server, nginx, keys, tmp_path):
    package = upload(server, keys, tmp_path, os.urandom(1_000_000))
    url = nginx(f"location /kedge/ {{ proxy_pass {server.http_url}/; proxy_cache cdn; slice 128k;"
                "proxy_cache_key $uri$slice_range; proxy_set_header Range $slice_range; }",
                http=f"proxy_cache_path {tmp_path}/cache keys_zone=cdn:1m;")
    file, name = tmp_path / "got", package["device_digest"]
    curl("--output", file, f"{url}/kedge/fw/{name}")
    assert hashlib.sha256(file.read_bytes()).hexdigest() == name
    content = file.read_bytes()
    server.process.stop()
    curl("--range", "300000-699999", "--output", file, f"{url}/kedge/fw/{name}")
    assert file.read_bytes() == content[300000:700000]
    curl("--output", file, f"{url}/kedge/fw/{name}")
    assert file.read_bytes() == content
    seen = curl("--header", f'If-None-Match: "{name}"', "--output", file, "--write-out", "%{http_code}", f"{url}/kedge/fw/{name}")
    assert seen == "304"


class Downloader(Wire):
    """A device that downloads by HTTP or HTTPS, with curl, and installs."""

    def __init__(self, server, protocol: int):
        super().__init__(server)
        self.values.update({"/5/0/8": bytes([0x83, 8, 0x41, 0, protocol]), "/5/0/9": b"0"})
        self.writable, self.executed = {"/5/0/1"}, False

    def serve(self, message):
        self.value_format = TLV if message.path == "/5/0/8" else 0
        if message.code == POST and message.path == "/5/0/2":
            self.executed = True
            self.send(Message(ACK, code("2.04"), message.message_id, message.token).encode())
            return
        super().serve(message)

    def says(self, state: int, result: int, version: str):
        self.values.update({"/5/0/3": str(state).encode(), "/5/0/5": str(result).encode(), "/3/0/3": version.encode()})


def take_through(server, device: Downloader, package: dict, keys, tmp_path, *options) -> dict:
    """Has the device updated by a rollout; what it downloads is verified by kedge-sign. Returns its deployment."""
    device.registered("boat")
    device.serve_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"], "it to be known",
                       60)
    server.kedge("rollout", "create", "--name", "r", "--package", package["id"], "--all", "--start")
    device.serve_until(lambda: "/5/0/1" in device.written, "the Package URI", 60)
    device.says(1, 0, "1.0.0")

    def deployment() -> dict:
        one, = server.json("rollout", "show", "1", "--devices")["deployments"]
        return one

    device.serve_until(lambda: deployment()["state"] == "downloading", "it to be seen downloading", 60)
    file = tmp_path / "got.suit"
    curl(*options, "--output", file, device.written["/5/0/1"].decode())
    verified = run(program("kedge-sign"), "verify", "--trust", keys.public, file)
    assert verified.returncode == 0, verified.stderr
    device.serve_until(lambda: deployment()["bytes_done"] > 0, "its progress", 60)
    device.says(2, 0, "1.0.0")
    device.serve_until(lambda: device.executed, "Execute", 60)
    device.says(0, 1, "1.1.0")
    device.registered("boat")
    device.serve_until(lambda: server.json("rollout", "show", "1")["state"] == "finished", "the rollout to finish", 60)
    return deployment()


def test_a_device_is_taken_through_an_update_by_https(start, keys, tmp_path):
    server = Secured(start, tmp_path / "server")
    package = upload(server, keys, tmp_path)
    ended = take_through(server, Downloader(server, HTTPS), package, keys, tmp_path, "--cacert", server.certificate)
    assert ended["state"] == "succeeded" and ended["update_result"] == 1


def test_a_device_is_taken_through_an_update_behind_a_trusted_proxy(start, nginx, keys, tmp_path):
    port = free_port(socket.SOCK_STREAM)
    url = nginx(f"location / {{ proxy_pass http://127.0.0.1:{port}; proxy_bind 127.0.0.2; proxy_buffering off;"
                "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }")
    server = Server(start, tmp_path / "server", "--trusted-proxy", "127.0.0.2", "--download-base-url", url,
                    "--download-http", f"127.0.0.1:{port}")
    package = upload(server, keys, tmp_path)
    device = Downloader(server, HTTP)
    ended = take_through(server, device, package, keys, tmp_path)
    assert device.written["/5/0/1"].decode() == f"{url}/fw/{package['device_digest']}"
    assert ended["state"] == "succeeded"


def test_a_bare_image_is_downloaded_as_it_is(server, keys, tmp_path):
    image = os.urandom(200_000)
    package = upload(server, keys, tmp_path, image, "--deliver", "payload")
    assert package["deliver"] == "payload" and package["device_digest"] == hashlib.sha256(image).hexdigest()
    file = tmp_path / "got"
    curl("--output", file, f"{server.http_url}/fw/{package['device_digest']}")
    assert file.read_bytes() == image
