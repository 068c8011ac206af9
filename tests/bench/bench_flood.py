"""20,000 datagrams a second from made-up addresses, while a fleet keeps its service.

What that means: each registration update of 10,000 devices is answered, a rollout to a fleet beside the
flood ends well for every device, memory stays bounded, and the flood gets less than three times what it
sends. The floor of each row is the same without the flood.
"""
import importlib.util
import json
import pathlib
import signal
import subprocess
import tempfile
import time

DEVICES = 10_000
RATE = 20_000
SECONDS = 30
UPDATES = 60_000
ROLLOUT = 1_000
IMAGE_SIZE = 65_536
MEMORY_MAX_MIB = 64  # 16,384 devices that have answered nothing, and what the allocator keeps

_spec = importlib.util.spec_from_file_location("bench_fleet", pathlib.Path(__file__).with_name("bench_fleet.py"))
fleet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fleet)


class Flood:
    def __init__(self, build, server, seconds):
        self.process = subprocess.Popen([build / "tests" / "bench" / "bench_flood_load", str(server.port),
                                         str(server.secure_port), str(RATE), str(seconds)],
                                        stdout=subprocess.PIPE, text=True)

    def end(self):
        out, _ = self.process.communicate(timeout=300)
        if self.process.returncode != 0:
            raise RuntimeError("the flood did not end well")
        return tuple(map(int, out.split()))


def at_least(name, value, unit, target, floor=None, notes=()):
    one = fleet.row(name, value, unit, floor, notes=notes)
    return {**one, "target": target, "met": value >= target}


def measure_updates(build, folder):
    """Registration updates of a registered fleet, with and without the flood."""
    with fleet.Kedged(build, folder / "updates") as server, fleet.Load(build, server.port, DEVICES) as load:
        load("register", fleet.WINDOW)
        quiet_answered, quiet_again, quiet_s = load("update", UPDATES, fleet.WINDOW)
        before = fleet.resident_bytes(server.pid)
        flood = Flood(build, server, SECONDS)
        time.sleep(1)
        answered = again = 0
        begun = time.monotonic()
        while flood.process.poll() is None:
            more, repeated, _ = load("update", DEVICES, fleet.WINDOW)
            answered, again = answered + more, again + repeated
        seconds = time.monotonic() - begun
        grown = (fleet.resident_bytes(server.pid) - before) / 2**20
        sent, sent_bytes, back, back_bytes, hellos = flood.end()
    return [
        fleet.row("datagrams of the flood a second", round(sent / SECONDS), "1/s",
                  notes=[f"{hellos} of them ClientHellos; {back} were answered; the generator has the same two cores "
                         f"as server and devices"]),
        fleet.row(f"registration updates a second beside it, {DEVICES:,} devices", answered / seconds, "1/s",
                  UPDATES / max(quiet_s, 1e-3), notes=[f"all {answered} were answered"]),
        fleet.row("updates asked for again, of each 1,000", 1000 * again / max(answered, 1), "", target=10,
                  notes=[f"without the flood {1000 * quiet_again / quiet_answered:.2f}"]),
        fleet.row("memory that the flood has cost", grown, "MiB", target=MEMORY_MAX_MIB),
        fleet.row("bytes answered for each byte of the flood", back_bytes / max(sent_bytes, 1), "", target=3.0),
    ]


def measure_rollout(build, folder):
    """A whole update of a fleet, begun and ended beside the flood."""
    with fleet.Kedged(build, folder / "rollout") as server:
        package = fleet.upload(server, folder, fleet.make_package(build, folder, IMAGE_SIZE))
        flood = Flood(build, server, 4 * SECONDS)
        swarm = subprocess.Popen(
            [build / "bin" / "kedge-swarm", "--server", f"coap://127.0.0.1:{server.port}", "--devices", str(ROLLOUT),
             "--vendor", fleet.VENDOR, "--class", fleet.CLASS, "--version", "1.0.0", "--json", "--time-limit", "240",
             "--linger", "5", "--reboot-time", "1"], stdout=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 120
            while sum(d["endpoint"].startswith("swarm-") and d["version"] == "1.0.0"
                      for d in server.json("device", "list")["devices"]) < ROLLOUT:
                if time.monotonic() > deadline:
                    raise RuntimeError("the fleet did not get in beside the flood")
                time.sleep(0.5)
            server.kedge("rollout", "create", "--name", "flood", "--package", package, "--all", "--start",
                         "--in-flight", ROLLOUT, "--error-threshold", 100)
            server.kedge("rollout", "watch", "1")
            swarm.send_signal(signal.SIGTERM)
            out, _ = swarm.communicate(timeout=120)
        finally:
            swarm.kill()
            flood.process.terminate()
            flood.process.wait()
    summary = json.loads(out)
    return [at_least(f"devices updated beside the flood, of {ROLLOUT:,} that registered in it", summary["updated"], "",
                     ROLLOUT, notes=[f"{summary['elapsed_s']:.0f} s with registering; {summary['mismatches']} images "
                                     f"with a wrong digest"])]


def measure(build):
    with tempfile.TemporaryDirectory(prefix="kedge-bench-flood-") as name:
        folder = pathlib.Path(name)
        return measure_updates(build, folder) + measure_rollout(build, folder)
