"""A rollout over a million devices: how long it takes to create, and how long it holds the server up.

bench_rollout_steps takes the engine and the store through a rollout as kedged ties them together.
Its first group is as large as may be in flight at once. What one step of the engine keeps the
network thread from is counted as its processor time, which the rest of the machine disturbs little;
everything with the disk in it by the clock.
"""
import os
import pathlib
import subprocess
import tempfile

DEVICES = int(os.environ.get("KEDGE_BENCH_DEVICES", "1000000"))
IN_FLIGHT = int(os.environ.get("KEDGE_BENCH_IN_FLIGHT", str(max(1, DEVICES // 10))))
STALL_MS = 50  # that a device's answer may be late for the sake of a rollout


def row(name, value, unit, floor=None, target=None, notes=()):
    return {"name": name, "value": value, "unit": unit, "floor": floor, "ratio": value / floor if floor else None,
            "target": target, "met": None if target is None else value <= target, "notes": list(notes)}


def run_steps(build, folder, devices, in_flight):
    done = subprocess.run([build / "tests" / "bench" / "bench_rollout_steps", folder, str(devices), str(in_flight)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"bench_rollout_steps: {done.stderr}")
    return {name: float(value) for name, value in (line.split() for line in done.stdout.splitlines())}


def measure(build):
    with tempfile.TemporaryDirectory(prefix="kedge-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        was = run_steps(pathlib.Path(build), name, DEVICES, IN_FLIGHT)
    yield row(f"creating a rollout over {DEVICES} devices, until it is durable", was["create"] / 1e6, "s",
              was["create_floor"] / 1e6, notes=["the floor: as many rows in bare SQLite, without an index, one commit"])
    for step, words in {"create": "creating it", "start": "starting it", "next_group": "going on to the next group",
                        "abort": "aborting it"}.items():
        yield row(f"longest step, {words}", was[f"{step}_stall"] / 1000, "ms CPU", target=STALL_MS)
    yield row(f"a report with {IN_FLIGHT} in flight, its group judged", was["evaluate"], "us CPU", was["evaluate_floor"],
              notes=["the floor: an event that concerns no rollout"])
    yield row(f"status counts of {DEVICES} deployments", was["counts"], "us", was["counts_floor"],
              notes=["the floor: one deployment by its id",
                     f"counting the deployments themselves would take {was['counts_by_scan'] / 1000:.0f} ms"])
    yield row(f"last success that was needed to the first offer of the next group, {IN_FLIGHT} devices",
              was["next_group"] / 1000, "ms", was["next_group_floor"] / 1000, 100,
              ["the floor: one row in a commit of its own"])
    yield row("aborting it, until everything is durable", was["abort"] / 1e6, "s")
    yield row("database, for each device", was["bytes_of_device"], "bytes")
    yield row("database, for each deployment as it is created", was["bytes_of_deployment"], "bytes")
    yield row("database, for each deployment with its history", was["bytes_of_history"], "bytes",
              was["bytes_of_deployment"], notes=["offered, five reports, and succeeded"])
