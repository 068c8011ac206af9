"""What devices download by HTTP: asked by curl and over bare sockets, from a running kedged."""
import concurrent.futures
import contextlib
import hashlib
import os
import re
import resource
import socket

import pytest

from conftest import Server, make_package, run
from shims import ServerWithEpoll

IMAGE_SIZE = 3_000_000


@pytest.fixture
def download(server, keys, tmp_path):
    """The name of what devices download of an accepted package, and its bytes, read from the disk."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    image = os.urandom(IMAGE_SIZE)  # does not compress
    server.kedge("package", "upload", make_package(tmp_path, keys, "1.1.0", 2, image))
    listed, = server.json("package", "list")["packages"]
    name = listed["device_digest"]
    content = (server.data / "fw" / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == name and len(content) == listed["device_size"] > IMAGE_SIZE
    return name, content


def curl(*args, timeout: float = 60):
    done = run("curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(timeout), *args, timeout=timeout + 10)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_package_is_downloaded_whole_and_from_where_it_broke_off(server, download, tmp_path):
    name, content = download
    url, file = f"{server.http_url}/fw/{name}", tmp_path / "got"
    curl("--output", file, url)
    assert file.read_bytes() == content
    file.write_bytes(content[:1_234_567])
    curl("--continue-at", "-", "--header", f'If-Range: "{name}"', "--output", file, url)
    assert file.read_bytes() == content


def test_ranges_fetched_side_by_side_make_up_the_whole(server, download, tmp_path):
    name, content = download
    url, parts = f"{server.http_url}/fw/{name}", 64
    bounds = [len(content) * i // parts for i in range(parts + 1)]

    def fetch(i: int) -> bytes:
        file = tmp_path / f"part-{i}"
        status = curl("--range", f"{bounds[i]}-{bounds[i + 1] - 1}", "--output", file, "--write-out", "%{http_code}", url)
        assert status == "206"
        return file.read_bytes()

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        whole = b"".join(pool.map(fetch, range(parts)))
    assert hashlib.sha256(whole).hexdigest() == name


def test_curl_and_a_cache_ask_again_without_a_second_transfer(server, download, tmp_path):
    name, content = download
    url, tag, file = f"{server.http_url}/fw/{name}", tmp_path / "etag", tmp_path / "got"
    report = ["--write-out", "%{http_code} %{size_download}", "--output", file]
    assert curl("--etag-save", tag, *report, url) == f"200 {len(content)}"
    assert tag.read_text().strip() == f'"{name}"'
    assert curl("--etag-compare", tag, *report, url) == "304 0"
    assert curl("--header", 'If-Match: "other"', *report, url).startswith("412 ")
    assert curl("--range", f"{len(content)}-", *report, url).startswith("416 ")


def connect(server, receive_buffer: int | None = None) -> socket.socket:
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", int(server.http_url.rsplit(":", 1)[1])))
    return connection


def threads(server) -> int:
    return len(os.listdir(f"/proc/{server.process.process.pid}/task"))


def test_thousands_of_slow_readers_hold_nobody_up_and_cost_no_thread(server, download):
    name, content = download
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(2000, hard // 8)
    before = threads(server)
    with contextlib.ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        slow = [stack.enter_context(connect(server, 4096)) for _ in range(count)]
        for reader in slow:
            reader.sendall(f"GET /fw/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for reader in slow:  # each one is being served, and none reads on
            assert reader.recv(15) == b"HTTP/1.1 200 OK"
        assert threads(server) == before
        # Whoever waited for the slow ones would wait for ever.
        file = server.data.parent / "fast"
        curl("--output", file, f"{server.http_url}/fw/{name}")
        assert file.read_bytes() == content
        assert server.json("device", "list") == {"devices": []}
        # A slow reader gets all of it in the end.
        head = b""
        while b"\r\n\r\n" not in head:
            head += slow[0].recv(1)
        rest = b""
        while len(rest) < len(content):
            rest += slow[0].recv(65536)
        assert rest == content


def test_a_request_whose_first_bytes_epoll_does_not_tell_is_served(start, tmp_path):
    server = ServerWithEpoll(start, tmp_path / "server")
    with connect(server) as connection:
        before = server.missed()
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        # Without being woken up it would be closed for being idle, after 60 seconds.
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        assert server.missed() > before


def test_a_deleted_package_is_no_longer_served(server, download, tmp_path):
    name, _ = download
    package, = server.json("package", "list")["packages"]
    status = ["--write-out", "%{http_code}", "--output", tmp_path / "got", f"{server.http_url}/fw/{name}"]
    assert curl(*status) == "200"
    server.kedge("package", "delete", package["id"])
    assert curl(*status) == "404"


def test_nothing_but_what_devices_download_is_served(server, download, tmp_path):
    package, = server.json("package", "list")["packages"]
    for path in [f"/fw/{package['id']}", "/fw/..%2fadmin.token", "/fw/%2e%2e/admin.token", "/fw/../admin.token",
                 "/fw//admin.token", "/fw/" + "0" * 64, f"/fw/{download[0].upper()}", f"/fw/{download[0]}/", "/fw/"]:
        got = curl("--path-as-is", "--include", server.http_url + path)
        assert re.match(r"HTTP/1.1 404 ", got) and "application/problem+json" in got, path
        assert server.token not in got


def test_a_server_that_ends_cuts_downloads_off(server, download):
    name, content = download
    with connect(server, 4096) as reader:
        reader.sendall(f"GET /fw/{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert reader.recv(15) == b"HTTP/1.1 200 OK"
        assert server.process.stop() == 0
        got = 0
        with contextlib.suppress(ConnectionResetError):
            while some := reader.recv(65536):
                got += len(some)
        assert got < len(content)


def test_few_open_files_mean_fewer_connections_and_a_word_about_it(start, tmp_path):
    script = 'ulimit -n 1000; exec "$0" "$@"'
    limited = Server(lambda *args, **keywords: start("sh", "-c", script, *args, **keywords), tmp_path / "few")
    match = limited.process.wait_for(r"at most 1000 files may be open .*: (\d+) connections at once")
    assert 100 < int(match[1]) < 1000
    assert limited.json("device", "list") == {"devices": []}
