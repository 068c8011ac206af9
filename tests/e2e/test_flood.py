"""Datagrams from made-up addresses while real devices keep their service.

What that means here: every device that registers is updated by the rollout, none has to register a second
time but for its restart, the flood gets no more than three times what it sent, and neither memory nor the
database nor the audit log grows by it beyond their limits. `scripts/bench flood` does the same in full size.
"""
import pathlib
import re
import subprocess

from conftest import BUILD, wait_until
from test_dtls import CLIENTS, SecureServer, ask, register_uri, text_key
from test_swarm import ended, known, rollout, swarm  # noqa: F401 (a fixture)

DEVICES = 300
RATE = 4_000    # a second
SECONDS = 12
TOLD_AT_ONCE, TOLD_A_SECOND = 1_000, 100  # what --unproven-stored lets into the database before it answers
RESIDENT_MAX = 64 << 20  # more than before: 16,384 devices that have answered nothing, about 1.5 KB each, and slack


def resident_bytes(server) -> int:
    status = pathlib.Path(f"/proc/{server.process.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def test_real_devices_keep_their_service_in_a_flood(start, keys, tmp_path, swarm):  # noqa: F811
    server = SecureServer(start, tmp_path / "server")
    key = text_key(server, tmp_path, "by-dtls", "its-identity", "a-key-of-its-own")
    fleet = swarm(server.coap_uri, DEVICES, "--reboot-time", 0.5, "--lifetime", 12)
    wait_until(lambda: len(known(server)) >= DEVICES, 60, "the fleet")
    before = resident_bytes(server)
    flood = subprocess.Popen([BUILD / "tests" / "bench" / "bench_flood_load", str(server.coap_port),
                              str(server.coaps_port), str(RATE), str(SECONDS)], stdout=subprocess.PIPE, text=True)
    try:
        rollout(server, keys, tmp_path, DEVICES, 32_768)
        # One that comes by DTLS meanwhile, and is new, gets in.
        assert "c:2.01" in ask(CLIENTS[0], register_uri(server, "by-dtls"), "its-identity", key, wait=20)
        assert ended(server) == {"succeeded": DEVICES}
    finally:
        sent, sent_bytes, back, back_bytes = map(int, flood.communicate(timeout=120)[0].split())
    grown = resident_bytes(server) - before
    names = [d["endpoint"] for d in server.json("device", "list")["devices"]]
    summary = fleet.end()
    assert sent > 1_000, "the flood was none"
    assert back > 0 and back_bytes <= 3 * sent_bytes
    assert (summary["updated"], summary["unexpected"], summary["mismatches"]) == (DEVICES, 0, 0)
    assert summary["registration_updates"] > 0
    assert summary["registers"] == 2 * DEVICES, "a device had to register again that had not restarted"
    assert grown <= RESIDENT_MAX, f"{grown} bytes more"
    forged = sum(name.startswith("forged-") for name in names)
    assert forged <= TOLD_AT_ONCE + TOLD_A_SECOND * (SECONDS + 2)
    assert not [a for a in server.json("audit", "list")["audit"] if a["what"] == "device.conflict"]
    assert server.process.process.poll() is None
