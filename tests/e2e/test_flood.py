"""Datagrams from made-up addresses while real devices keep their service.

What that means here: every device that registers is updated by the rollout, none has to register a second
time but for its restart, the flood gets no more than three times what it sent, and neither memory nor the
database nor the audit log grows by it beyond their limits. `scripts/bench flood` does the same in full size.
"""
import pathlib
import re
import subprocess
import time

from conftest import BUILD, SANITIZED, Server, wait_until
from test_dtls import CLIENTS, SecureServer, ask, register_uri, text_key
from test_swarm import ended, known, rollout, swarm  # noqa: F401 (a fixture)

DEVICES = 300
RATE = 10_000   # datagrams a second, each from another address
SECONDS = 15
SENT_LEAST = RATE * SECONDS // 2  # on a machine that is too busy for the rate it goes on for longer
UPDATE_TIME = 6  # on the average: each device sends updates meanwhile
LIFETIME = 120  # much longer than an update may be under way that is lost four times
TOLD_AT_ONCE, TOLD_A_SECOND = 1_000, 100  # what --unproven-stored lets into the database before it answers
RESIDENT_MAX = 64 << 20  # more than before: 16,384 devices that have answered nothing, about 1.5 KB each, and slack


def resident_bytes(server) -> int:
    status = pathlib.Path(f"/proc/{server.process.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def test_real_devices_keep_their_service_in_a_flood(start, keys, tmp_path, swarm):  # noqa: F811
    server = SecureServer(start, tmp_path / "server")
    key = text_key(server, tmp_path, "by-dtls", "its-identity", "a-key-of-its-own")
    fleet = swarm(server.coap_uri, DEVICES, "--reboot-time", 0.5, "--lifetime", LIFETIME, "--update-time", UPDATE_TIME,
                  "--ack-timeout", 0.5)
    wait_until(lambda: len(known(server)) >= DEVICES, 120, "the fleet")
    begun, before = time.monotonic(), resident_bytes(server)
    flood = subprocess.Popen([BUILD / "tests" / "bench" / "bench_flood_load", str(server.coap_port),
                              str(server.coaps_port), str(RATE), str(SECONDS), str(SENT_LEAST)], stdout=subprocess.PIPE, text=True)
    try:
        rollout(server, keys, tmp_path, DEVICES, 32_768)
        # One that comes by DTLS meanwhile, and is new, gets in.
        assert "c:2.01" in ask(CLIENTS[0], register_uri(server, "by-dtls"), "its-identity", key, wait=60)
        assert ended(server) == {"succeeded": DEVICES}
    finally:
        sent, sent_bytes, back, back_bytes, hellos = map(int, flood.communicate(timeout=240)[0].split())
    grown = resident_bytes(server) - before
    names = [d["endpoint"] for d in server.json("device", "list")["devices"]]
    took_s = time.monotonic() - begun
    summary = fleet.end()
    assert sent >= SENT_LEAST, f"the flood was only {sent} datagrams"
    assert hellos >= sent // 7
    assert back > 0 and back_bytes <= 3 * sent_bytes
    assert (summary["updated"], summary["unexpected"], summary["mismatches"]) == (DEVICES, 0, 0)
    assert summary["registration_updates"] >= DEVICES and summary["timeouts"] == 0
    assert summary["registers"] == 2 * DEVICES, "a device had to register again that had not restarted"
    assert SANITIZED or grown <= RESIDENT_MAX, f"{grown} bytes more"
    forged = sum(name.startswith("forged-") for name in names)
    assert forged <= TOLD_AT_ONCE + TOLD_A_SECOND * (took_s + 2)
    assert not [a for a in server.json("audit", "list")["audit"] if a["what"] == "device.conflict"]
    assert server.process.process.poll() is None


def test_devices_that_are_slow_to_answer_are_not_pushed_out_by_those_that_answer_nothing(start, tmp_path,
                                                                                         swarm):  # noqa: F811
    devices = 300
    server = Server(start, tmp_path / "server", "--unproven-max", 64)
    flood = subprocess.Popen([BUILD / "tests" / "bench" / "bench_flood_load", str(server.coap_port), "0", "2000", "600"],
                             stdout=subprocess.PIPE, text=True)
    try:
        # All at once, and each takes longer to answer than it takes the flood to fill every place.
        fleet = swarm(server.coap_uri, devices, "--window", devices, "--slow-rate", 1, "--slow-time", 1)
        wait_until(lambda: sum(d["version"] == "1.0.0" for d in known(server)) == devices, 180, "the fleet")
        assert flood.poll() is None, "the flood ended too early"
    finally:
        flood.terminate()
        flood.communicate(timeout=60)
    names = {d["endpoint"] for d in known(server) if d["version"] == "1.0.0"}
    summary = fleet.end(status=1)  # nobody was updated
    assert (len(names), summary["registered"], summary["unexpected"]) == (devices, devices, 0)
    assert summary["registers"] == devices, "a device had to register a second time"
    assert "others came" not in "".join(line for line in server.process.log.splitlines() if "swarm-" in line)
