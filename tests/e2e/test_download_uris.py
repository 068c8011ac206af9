"""Which URI a device is given, by the protocols that it says it has, and what is known of its download then."""
import re

import pytest

from conftest import Server, make_package, program, run, wait_until
from lwm2m_peer import TLV
from wire import Wire

CDN = "https://cdn.example/kedge"
COAP, COAPS, HTTP, HTTPS = range(4)


class Downloader(Wire):
    """A device that downloads by these protocols; it takes the URI, and then only says what state it is in."""

    def __init__(self, server, protocols):
        super().__init__(server)
        self.values["/5/0/8"] = bytes([0x88, 8, 3 * len(protocols)]) + b"".join(
            bytes([0x41, i, protocol]) for i, protocol in enumerate(protocols))
        self.values["/5/0/9"] = b"0"
        self.writable = {"/5/0/1"}

    def serve(self, message):
        self.value_format = TLV if message.path == "/5/0/8" else 0
        super().serve(message)

    def uri(self) -> str:
        self.serve_until(lambda: "/5/0/1" in self.written, "the Package URI", 60)
        return self.written["/5/0/1"].decode()


@pytest.fixture
def offered(start, keys, tmp_path):
    """offered(options of kedged, protocols) is a device that was offered a package, its deployment, and the server."""
    def make(options, protocols):
        server = Server(start, tmp_path / "server", *options)
        server.kedge("trust", "add", "--name", "release", keys.public)
        server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2))
        device = Downloader(server, protocols)
        device.registered("boat")
        device.serve_until(lambda: [d["version"] for d in server.json("device", "list")["devices"]] == ["1.0.0"],
                           "it to be known", 60)
        package, = server.json("package", "list")["packages"]
        server.kedge("rollout", "create", "--name", "r", "--package", package["id"], "--all", "--start")
        return server, device, package
    return make


def deployment(server) -> dict:
    one, = server.json("rollout", "show", "1", "--devices")["deployments"]
    return one


@pytest.mark.parametrize("protocols, base", [
    ([HTTPS], CDN), ([COAP, HTTP, HTTPS], CDN), ([COAP], "coap://127.0.0.1:{coap}"),
    ([HTTP, COAP], "coap://127.0.0.1:{coap}"), ([HTTP], "http://127.0.0.1:{http}")])
def test_with_a_base_url_devices_that_can_go_there(offered, protocols, base):
    server, device, package = offered(["--download-base-url", CDN + "//"], protocols)
    expected = base.format(coap=server.coap_port, http=server.http_url.rsplit(":", 1)[1])
    assert device.uri() == f"{expected}/fw/{package['device_digest']}"


@pytest.mark.parametrize("protocols, base", [
    ([HTTPS, HTTP], "https://127.0.0.1:{https}"), ([HTTPS, COAP], "coap://127.0.0.1:{coap}"),
    ([HTTP], "http://127.0.0.1:{http}")])
def test_without_one_devices_come_to_this_server(offered, protocols, base):
    server, device, package = offered(["--https", ":0"], protocols)
    port = server.process.wait_for(r"and https://\S+:(\d+)$")[1]
    expected = base.format(coap=server.coap_port, http=server.http_url.rsplit(":", 1)[1], https=port)
    assert device.uri() == f"{expected}/fw/{package['device_digest']}"


def test_where_downloads_alone_are_served_devices_come_and_no_token_is_taken(offered, tmp_path):
    server, device, package = offered(["--download-http", ":0"], [HTTP])
    place = server.process.wait_for(r"downloads at (http://0\.0\.0\.0:\d+), API at " + re.escape(server.http_url) + "$")[1]
    url = place.replace("0.0.0.0", "127.0.0.1")
    path = f"/fw/{package['device_digest']}"
    assert device.uri() == url + path

    def status(where: str, method: str = "GET") -> str:
        return run("curl", "--silent", "--noproxy", "*", "--output", tmp_path / "got", "--write-out", "%{http_code}", "--request",
                   method, "--header", f"Authorization: Bearer {server.token}", where).stdout

    assert status(url + path) == "200" and status(server.http_url + path) == "200"
    for other in ("/api/v1/devices", "/api/v1/packages", "/healthz", "/", "/openapi.json", "/metrics"):
        assert status(url + other) == "404"
        assert status(url + other, "POST") == "404"
    assert status(url + path, "DELETE") == "405"


def test_what_is_downloaded_by_http_shows_as_progress(offered, tmp_path):
    server, device, package = offered([], [HTTP])
    uri, size = device.uri(), package["device_size"]
    device.values["/5/0/3"] = b"1"
    wait_until(lambda: device.serve_until(lambda: True, "") and deployment(server)["state"] == "downloading",
               what="it to be seen downloading")
    assert run("curl", "--silent", "--noproxy", "*", "--range", f"{size // 2}-", "--output", tmp_path / "got",
               uri).returncode == 0
    wait_until(lambda: device.serve_until(lambda: True, "") and deployment(server)["bytes_done"] > size // 2,
               what="its progress")
    assert deployment(server)["bytes_total"] == size


@pytest.mark.parametrize("proxies, believed", [("127.0.0.2", True), ("10.0.0.0/8,127.0.0.2/31", True), (None, False),
                                               ("127.0.0.3,10.0.0.0/8", False)])
def test_a_proxy_says_whose_progress_it_is_when_it_is_trusted(offered, tmp_path, proxies, believed):
    server, device, package = offered(["--trusted-proxy", proxies] if proxies else [], [HTTP])
    uri = device.uri()
    device.values["/5/0/3"] = b"1"
    wait_until(lambda: device.serve_until(lambda: True, "") and deployment(server)["state"] == "downloading",
               what="it to be seen downloading")

    def fetch(first: int, last: int, *options):
        assert run("curl", "--silent", "--noproxy", "*", "--range", f"{first}-{last}", "--output", tmp_path / "got", *options,
                   uri).returncode == 0

    def far() -> bool:
        return package["device_size"] // 2 <= deployment(server)["bytes_done"]

    middle = package["device_size"] // 2
    proxied = ["--interface", "127.0.0.2", "--header"]
    fetch(middle, middle + 99, *proxied, "X-Forwarded-For: 127.0.0.1, 198.51.100.7")  # who asks is not the device
    fetch(middle, middle + 99, *proxied, "X-Forwarded-For: 198.51.100.7, 127.0.0.1")  # who asks is, says the proxy
    if not believed:
        fetch(0, 99)
    wait_until(lambda: device.serve_until(lambda: True, "") and deployment(server)["bytes_done"], what="progress")
    assert far() == believed


def test_a_forged_header_makes_nobody_elses_progress(offered, tmp_path):
    server, device, package = offered(["--trusted-proxy", "127.0.0.2"], [HTTP])
    uri, middle = device.uri(), package["device_size"] // 2
    device.values["/5/0/3"] = b"1"
    wait_until(lambda: device.serve_until(lambda: True, "") and deployment(server)["state"] == "downloading",
               what="it to be seen downloading")
    for source in ("127.0.0.3", "127.0.0.4"):
        assert run("curl", "--silent", "--noproxy", "*", "--range", f"{middle}-", "--output", tmp_path / "got", "--interface",
                   source, "--header", "X-Forwarded-For: 127.0.0.1", uri).returncode == 0
    assert run("curl", "--silent", "--noproxy", "*", "--range", "0-99", "--output", tmp_path / "got", uri).returncode == 0
    wait_until(lambda: device.serve_until(lambda: True, "") and deployment(server)["bytes_done"], what="progress")
    assert deployment(server)["bytes_done"] <= 100


@pytest.mark.parametrize("proxies", ["proxy.example", "10.0.0.1/8", "127.0.0.1;::1", "10.0.0.0/33", ","])
def test_proxies_are_checked(tmp_path, proxies):
    done = run(program("kedged"), "--data", tmp_path, "--check-config", "--trusted-proxy", proxies)
    assert done.returncode == 2 and "--trusted-proxy" in done.stderr


@pytest.mark.parametrize("url, good", [
    ("https://cdn.example", True), ("http://[2001:db8::1]:8080/a/b/", True), ("https://cdn.example/" + "x" * 160, True),
    ("https://cdn.example/" + "x" * 161, False), ("ftp://cdn.example", False), ("cdn.example", False), ("https://", False),
    ("https:///fw", False), ("https://:443/", False), ("https://user@cdn.example", False), ("https://cdn.example/?a", False),
    ("https://cdn.example/#a", False), ("https://cdn.example/a b", False), ("https://cdn.example/\n", False)])
def test_a_base_url_is_checked(tmp_path, url, good):
    done = run(program("kedged"), "--data", tmp_path, "--check-config", "--download-base-url", url)
    assert done.returncode == (0 if good else 2)
    assert good or "--download-base-url" in done.stderr


def test_the_options_stand_in_the_file_too(tmp_path):
    file = tmp_path / "kedged.conf"
    file.write_text(f"data = {tmp_path}\nhttps = 127.0.0.1:0\ndownload-base-url = {CDN}\ninsecure-http = true\nhttp = :8080\n")
    assert run(program("kedged"), "--config", file, "--check-config").returncode == 0
    file.write_text(f"data = {tmp_path}\ndownload-base-url = nothing\n")
    refused = run(program("kedged"), "--config", file, "--check-config")
    assert refused.returncode == 2 and "--download-base-url" in refused.stderr
