"""--download-rate: what all downloads and pushes together may be, over every way at once."""
import concurrent.futures
import hashlib
import re
import socket
import time
import urllib.request

import pytest

from conftest import Server, free_port, make_package, wait_until
from test_downloads import connect, curl
from test_swarm import ended, known, swarm  # noqa: F401 (a fixture)

RATE = 60_000
BURST = RATE // 10
PULLERS, PUSHED, READERS = 50, 20, 8


@pytest.fixture
def slow(start, tmp_path):
    """A server of a low rate, over CoAP, HTTP and HTTPS."""
    class Slow(Server):
        https_port = free_port(socket.SOCK_STREAM)

        def listeners(self):
            return super().listeners() + ["--https", f"127.0.0.1:{self.https_port}", "--download-rate", str(RATE)]

    return Slow(start, tmp_path / "server")


def offer(server, keys, folder, image: bytes) -> dict:
    """What is listed of an accepted package."""
    server.kedge("trust", "add", "--name", "release", keys.public)
    server.kedge("package", "upload", make_package(folder, keys, "1.1.0", 2, image, "--compress", "none"))
    listed, = server.json("package", "list")["packages"]
    return listed


def held_back(server) -> float:
    request = urllib.request.Request(server.http_url + "/metrics", headers={"Authorization": f"Bearer {server.token}"})
    with urllib.request.urlopen(request) as answer:
        return float(re.search(r"^kedge_download_held_back_bytes_total (\S+)$", answer.read().decode(), re.M).group(1))


def waits(server) -> bool:
    shown = server.json("rollout", "show", "--devices", "1")["deployments"]
    return any(re.search(rf"downloading for \d+ s: \d+ of \d+ bytes; waits for the server's download rate, {RATE} bytes "
                         "a second for all devices", one["explanation"]) for one in shown)


def test_all_ways_together_stay_at_the_rate_say_so_and_end_well(slow, keys, tmp_path, swarm):  # noqa: F811
    package = offer(slow, keys, tmp_path, bytes(range(256)) * 20)
    fleets = [swarm(slow.coap_uri, PULLERS, "--prefix", "pull", "--reboot-time", 0.1),
              swarm(slow.coap_uri, PUSHED, "--prefix", "push", "--delivery", "push", "--reboot-time", 0.1)]
    wait_until(lambda: len([d for d in known(slow) if d["version"] == "1.0.0"]) == PULLERS + PUSHED, 60, "all devices")

    def read(i: int) -> bytes:
        """By HTTP and by HTTPS in turn."""
        file = tmp_path / f"read-{i}"
        where = slow.http_url if i % 2 else f"https://127.0.0.1:{slow.https_port}"
        curl("--insecure", "--output", file, f"{where}/fw/{package['device_digest']}", timeout=240)
        return file.read_bytes()

    begun = time.monotonic()
    slow.kedge("rollout", "create", "--name", "all", "--package", package["id"], "--all", "--start", "--in-flight", "100",
               "--soak", "0")
    with concurrent.futures.ThreadPoolExecutor(READERS) as pool:
        reads = [pool.submit(read, i) for i in range(READERS)]
        wait_until(lambda: waits(slow), 60, "a deployment that says what it waits for")
        assert all(hashlib.sha256(one.result()).hexdigest() == package["device_digest"] for one in reads)
    assert ended(slow) == {"succeeded": PULLERS + PUSHED}
    took = time.monotonic() - begun
    # No more than burst and rate allow; it is arithmetic, and holds on however slow a machine.
    total = package["device_size"] * (PULLERS + PUSHED + READERS)
    assert total <= BURST + RATE * took
    assert held_back(slow) > total / 2
    for fleet in fleets:
        fleet.end()


def test_a_server_that_ends_cuts_off_who_waits_for_the_rate(slow, keys, tmp_path):
    package = offer(slow, keys, tmp_path, bytes(1_000_000))
    readers = [connect(slow) for _ in range(20)]
    for one in readers:
        one.sendall(f"GET /fw/{package['device_digest']} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert all(one.recv(16).startswith(b"HTTP/1.1 200") for one in readers)
    assert slow.process.stop() == 0
    for one in readers:
        one.close()


def test_a_range_and_a_head_are_answered_at_the_rate_too(slow, keys, tmp_path):
    package = offer(slow, keys, tmp_path, bytes(range(256)) * 200)
    url = f"{slow.http_url}/fw/{package['device_digest']}"
    content = (slow.data / "fw" / package["device_digest"]).read_bytes()
    begun = time.monotonic()
    file = tmp_path / "part"
    curl("--range", "7000-46999", "--output", file, url)
    assert file.read_bytes() == content[7000:47000]
    assert 40000 <= BURST + RATE * (time.monotonic() - begun)
    assert f"Content-Length: {len(content)}" in curl("--head", url)
