"""kedged's data plane beside a bare server that does the same work, and beside coap-server.

What counts is processor time of all threads, which the rest of the machine disturbs little. Whoever
makes the load is scheduled as a batch (sched(7)), so that it waits until the server has done its
turn instead of interrupting it after each datagram that wakes it, in kedged's rows and the floor's
alike. Complete updates of more than 1,000 devices, and those by DTLS, take minutes and are measured
only with KEDGE_BENCH_LONG=1. A cost is flat when it grows by less than FLAT from the smallest fleet
to the largest one.
"""
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

FLEETS = (1_000, 10_000, 100_000)
SECURE_FLEETS = (1_000, 50_000)
HANDSHAKES = 5_000 # in one measurement
SECURE_UPDATES = 10_000
UPDATES = 60_000   # registration updates in one measurement
BLOCKS = 100_000   # blocks in one measurement
RUNS = 3           # of each, in turn with the floor's; the median counts
WINDOW = 64
FLAT = 1.25        # what a cache miss more may cost
AT_ONCE = 1_000    # downloads
IMAGE_SIZE = 65_536
PUSH_SIZE = 1_048_576
EXCHANGES = 12     # of one update beside its blocks, by the definition of the target
VENDOR, CLASS = "example.com", "board-a"


def row(name, value, unit, floor=None, target=None, notes=()):
    return {"name": name, "value": value, "unit": unit, "floor": floor, "ratio": value / floor if floor else None,
            "target": target, "met": None if target is None else value <= target, "notes": list(notes)}


def free_port(kind=socket.SOCK_DGRAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processor_seconds(pid):
    """Of all its threads, also of those that have ended."""
    return time.clock_gettime((~pid << 3) | 2)  # what clock_getcpuclockid() makes of a process id


def resident_bytes(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"no VmRSS of {pid}")


class Program:
    """A program beside this one, ended with the `with` block."""

    def __init__(self, *words, **keywords):
        self.process = subprocess.Popen([str(word) for word in words], text=True, **keywords)
        self.pid = self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Kedged(Program):
    def __init__(self, build, folder, *options):
        """`{http}` in an option stands for the port of HTTP."""
        self.build, self.folder = build, folder
        self.port, self.secure_port, self.http = free_port(), free_port(), free_port(socket.SOCK_STREAM)
        # Into a file: whoever reads at the other end of a pipe costs the writer a wake-up for each line.
        self.log = folder.with_name(f"{folder.name}.log")
        with open(self.log, "w", encoding="utf-8") as log:
            super().__init__(build / "bin" / "kedged", "--data", folder, "--coap", f"127.0.0.1:{self.port}", "--coaps",
                             f"127.0.0.1:{self.secure_port}", "--http", f"127.0.0.1:{self.http}", "--log-level", "info",
                             *(str(option).format(http=self.http) for option in options), stderr=log, stdin=subprocess.DEVNULL)
        while "ready: " not in self.log.read_text(encoding="utf-8"):
            if self.process.poll() is not None:
                raise RuntimeError(f"kedged did not start: {self.log.read_text(encoding='utf-8')}")
            time.sleep(0.02)

    def kedge(self, *words):
        done = subprocess.run([self.build / "bin" / "kedge", "--server", f"http://127.0.0.1:{self.http}", "--token-file",
                               self.folder / "admin.token", *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"kedge {' '.join(map(str, words))}: {done.stderr}")
        return done.stdout

    def json(self, *words):
        return json.loads(self.kedge("--json", *words))


def schedule_as_batch(pid):
    os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


class Load(Program):
    """Devices that ask as fast as they are answered."""

    def __init__(self, build, port, devices, program="bench_fleet_load"):
        super().__init__(build / "tests" / "bench" / program, f"coap://127.0.0.1:{port}", devices,
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        schedule_as_batch(self.pid)

    def __exit__(self, *_):
        self.process.stdin.close()
        super().__exit__()

    def __call__(self, *words):
        """Gives a command; returns how many were answered, how many asked for again, and the seconds."""
        print(*words, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the load was not answered: {' '.join(map(str, words))}")
        answered, again, seconds = line.split()
        return int(answered), int(again), float(seconds)

    def cost(self, pid, *words):
        """Microseconds of the server's processor time for each request, and requests a second."""
        before = processor_seconds(pid)
        answered, _, seconds = self(*words)
        return (processor_seconds(pid) - before) / answered * 1e6, answered / max(seconds, 1e-3)


def floor_server(build, devices, program="bench_fleet_floor"):
    program = Program(build / "tests" / "bench" / program, devices, stdout=subprocess.PIPE)
    return program, int(program.process.stdout.readline())


class Floor:
    """The bare server with a load of its own, beside something that takes long."""

    def __init__(self, build):
        self.server, port = floor_server(build, AT_ONCE)
        self.load = Load(build, port, AT_ONCE)
        self.costs = {"block": [], "push": [], "update": []}

    def __enter__(self):
        self.load("register", WINDOW)
        return self

    def __exit__(self, *_):
        self.load.__exit__()
        self.server.__exit__()

    def measure(self):
        """Once before and once after what it is compared with."""
        for name, words in {"block": (BLOCKS, AT_ONCE, "fw/x", PUSH_SIZE // 1024), "push": (BLOCKS, AT_ONCE),
                            "update": (UPDATES, WINDOW)}.items():
            self.costs[name].append(self.load.cost(self.server.pid, name, *words)[0])

    def cost(self, name):
        return statistics.mean(self.costs[name])


def medians(measurings):
    """Each in turn, several times: what else the machine does then falls on all alike."""
    results = {name: [] for name in measurings}
    for _ in range(RUNS):
        for name, measuring in measurings.items():
            results[name].append(measuring())
    return {name: tuple(statistics.median(values) for values in zip(*runs)) for name, runs in results.items()}


# ---- registration updates and memory ----

def measure_fleet(build, folder, devices):
    floor, floor_port = floor_server(build, devices)
    with floor, Kedged(build, folder / f"fleet-{devices}") as server, \
            Load(build, server.port, devices) as load, Load(build, floor_port, devices) as floor_load:
        empty, floor_empty = resident_bytes(server.pid), resident_bytes(floor.pid)
        processor = processor_seconds(server.pid)
        load("register", WINDOW)
        floor_load("register", WINDOW)
        processor = processor_seconds(server.pid) - processor
        bytes_each = (resident_bytes(server.pid) - empty) / devices
        floor_bytes_each = (resident_bytes(floor.pid) - floor_empty) / devices
        result = medians({"kedged": lambda: load.cost(server.pid, "update", UPDATES, WINDOW),
                          "floor": lambda: floor_load.cost(floor.pid, "update", UPDATES, WINDOW)})
    yield row(f"registration update, {devices} registered", result["kedged"][0], "us CPU", result["floor"][0], 10,
              [f"{result['kedged'][1]:.0f} a second by the clock, the floor {result['floor'][1]:.0f}"])
    yield row(f"memory of a registered device, of {devices}", bytes_each, "bytes", floor_bytes_each, 512)
    yield row(f"registering and asking who it is, of {devices}", processor / devices * 1e6, "us CPU",
              notes=["one Register, four reads, and the record in the database"])


# ---- DTLS ----

def psk_file(folder, devices):
    """endpoint,identity,hexkey as tests/bench/bench_dtls.h makes them."""
    path = folder / f"psk-{devices}.csv"
    path.write_text("".join(f"load-{i},load-{i},{f'{i:016x}'.encode().hex()}\n" for i in range(devices)))
    return path


def measure_secure_fleet(build, folder, devices):
    floor, floor_port = floor_server(build, devices, "bench_dtls_floor")
    with floor, Kedged(build, folder / f"secure-{devices}") as server, \
            Load(build, server.secure_port, devices, "bench_dtls_load") as load, \
            Load(build, floor_port, devices, "bench_dtls_load") as floor_load:
        server.kedge("device", "enroll", "--psk-file", psk_file(folder, devices))
        empty, floor_empty = resident_bytes(server.pid), resident_bytes(floor.pid)
        load("register", WINDOW)
        floor_load("register", WINDOW)
        bytes_each = (resident_bytes(server.pid) - empty) / devices
        floor_bytes_each = (resident_bytes(floor.pid) - floor_empty) / devices
        count = min(HANDSHAKES, devices)
        result = medians({"kedged": lambda: load.cost(server.pid, "handshake", count, WINDOW),
                          "floor": lambda: floor_load.cost(floor.pid, "handshake", count, WINDOW)})
    yield row(f"DTLS handshake with a pre-shared key, {devices} registered", result["kedged"][0], "us CPU",
              result["floor"][0], 90,
              [f"{result['kedged'][1]:.0f} a second by the clock, the floor {result['floor'][1]:.0f}"])
    yield row(f"memory of a registered device with DTLS, of {devices}", bytes_each, "bytes", floor_bytes_each, 11 * 1024)


# ---- blocks ----

def make_package(build, folder, size):
    image, package = folder / "image", folder / "package.suit"
    image.write_bytes(random.Random(1).randbytes(size))
    key = [build / "bin" / "kedge-sign", "keygen", "--alg", "ed25519", "--no-password", "--out", folder / "key.pem",
           "--public", folder / "pub.pem"]
    if not (folder / "key.pem").exists():
        subprocess.run(key, check=True, capture_output=True)
    package.unlink(missing_ok=True)
    subprocess.run([build / "bin" / "kedge-sign", "create", "--payload", image, "--vendor", VENDOR, "--class", CLASS,
                    "--version", "1.1.0", "--sequence", "2", "--compress", "none", "--key", folder / "key.pem",
                    "--output", package], check=True, capture_output=True)
    return package


def upload(server, folder, package):
    server.kedge("trust", "add", "--name", "bench", folder / "pub.pem")
    server.kedge("package", "upload", package)
    return server.json("package", "list")["packages"][0]["id"]


def coap_server(folder, size):
    """Debian's example server with a body of that size, or None where it is not installed."""
    program, client = shutil.which("coap-server-notls"), shutil.which("coap-client-notls")
    if not program or not client:
        return None
    port = free_port()
    server = Program(program, "-A", "127.0.0.1", "-p", port, "-d", "10", stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL)
    body = folder / "body"
    body.write_bytes(bytes(size))
    for _ in range(20):
        done = subprocess.run([client, "-B", "5", "-b", "1024", "-m", "put", "-f", body,
                               f"coap://127.0.0.1:{port}/example_data"], capture_output=True, check=False)
        if done.returncode == 0:
            break
        time.sleep(0.1)
    server.port = port
    return server


def measure_blocks(build, folder):
    size = 1 << 20
    floor, floor_port = floor_server(build, AT_ONCE)
    with floor, Kedged(build, folder / "blocks") as server, Load(build, server.port, AT_ONCE) as load, \
            Load(build, floor_port, AT_ONCE) as floor_load:
        upload(server, folder, make_package(build, folder, size))
        name = next((server.folder / "fw").iterdir()).name
        load("register", WINDOW)
        floor_load("register", WINDOW)
        whole = size // 1024
        result = medians({
            "kedged": lambda: load.cost(server.pid, "block", BLOCKS, AT_ONCE, f"fw/{name}", whole),
            "floor": lambda: floor_load.cost(floor.pid, "block", BLOCKS, AT_ONCE, "fw/x", whole)})
    yield row(f"block of 1 KiB served, {AT_ONCE} at once", result["kedged"][0], "us CPU", result["floor"][0], 6,
              [f"{result['kedged'][1] * 1024 / 1e6:.0f} MB/s by the clock, the floor {result['floor'][1] * 1024 / 1e6:.0f}"])


def measure_coap_server(folder, build, floor_cost):
    server = coap_server(folder, 65_536)
    if server is None:
        yield row("coap-server, block of 1 KiB", None, "us CPU", notes=["not measured: coap-server is not installed"])
        return
    with server, Load(build, server.port, 100) as load:
        cost, rate = load.cost(server.pid, "block", 5_000, 100, "example_data", 64)
    yield row("Debian's coap-server, block of 1 KiB, 100 at once", cost, "us CPU", floor_cost,
              notes=[f"{rate * 1024 / 1e6:.1f} MB/s by the clock"])


# ---- complete updates ----

def bring_over(build, room, folder, devices, size, *swarm_options, psk=None):
    """A whole rollout; returns the processor's seconds, those by the clock, and the swarm's summary."""
    with Kedged(build, room) as server:
        package = upload(server, folder, make_package(build, folder, size))
        uri = f"coap://127.0.0.1:{server.port}"
        if psk is not None:
            server.kedge("device", "enroll", "--psk-file", psk)
            uri, swarm_options = f"coaps://127.0.0.1:{server.secure_port}", (*swarm_options, "--psk-file", psk)
        with Program(build / "bin" / "kedge-swarm", "--server", uri, "--devices", devices,
                     "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0", "--reboot-time", "0.5", "--json",
                     "--lifetime", "86400", "--linger", "3600", "--time-limit", 400 + devices // 50, "--keep-registered",
                     *swarm_options, stdout=subprocess.PIPE) as swarm:
            schedule_as_batch(swarm.pid)
            wait_for_identified(server, devices)
            before, began = processor_seconds(server.pid), time.monotonic()
            server.kedge("rollout", "create", "--name", "bench", "--package", package, "--all", "--start", "--in-flight",
                         AT_ONCE, "--error-threshold", "100")
            shown = wait_for_end(server)
            processor, seconds = processor_seconds(server.pid) - before, time.monotonic() - began
            swarm.process.send_signal(signal.SIGTERM)
            summary = json.loads(swarm.process.communicate(timeout=60)[0])
        summary["blocks"] = devices * -(-next((room / "fw").iterdir()).stat().st_size // 1024)
    if shown["succeeded"] != devices or not summary["ok"]:
        raise RuntimeError(f"{devices} devices: not all were brought over: {shown}, {summary}")
    return processor, seconds, summary


def measure_updates(build, folder, devices):
    with Floor(build) as floor:
        floor.measure()
        processor, seconds, summary = bring_over(build, folder / f"updates-{devices}", folder, devices, IMAGE_SIZE)
        floor.measure()
    blocks = summary["blocks"] / devices
    yield row(f"complete update of 64 KiB, {devices} devices", processor / devices * 1000, "ms CPU",
              (blocks * floor.cost("block") + EXCHANGES * floor.cost("update")) / 1000, 1,
              [f"the floor: {blocks:.0f} blocks served and {EXCHANGES} updates of a registration",
               f"{AT_ONCE} in flight; the swarm took {summary['cpu_s'] / devices * 1000:.2f} ms of CPU for each"])
    yield row(f"complete updates a minute by the clock, {devices} devices", devices / seconds * 60, "1/min")


def measure_secure_updates(build, folder, devices):
    processor, seconds, summary = bring_over(build, folder / "secure-updates", folder, devices, IMAGE_SIZE,
                                             psk=psk_file(folder, devices))
    yield row(f"complete update of 64 KiB by DTLS, {devices} devices", processor / devices * 1000, "ms CPU",
              notes=[f"{summary['blocks'] // devices} blocks, and a handshake after the reboot; every digest is right"])
    yield row(f"complete updates a minute by DTLS by the clock, {devices} devices", devices / seconds * 60, "1/min")


def measure_push(build, folder):
    with Floor(build) as floor:
        floor.measure()
        processor, seconds, summary = bring_over(build, folder / "push", folder, AT_ONCE, PUSH_SIZE, "--delivery", "push")
        floor.measure()
    yield row(f"block of 1 KiB pushed, {AT_ONCE} at once", processor / summary["blocks"] * 1e6, "us CPU",
              floor.cost("push"), 6,
              [f"whole updates of {PUSH_SIZE // 1024} KiB, all that they take divided by their blocks; the floor pushes",
               f"{summary['blocks'] * 1024 / seconds / 1e6:.0f} MB/s by the clock"])


def wait_for_end(server):
    """Looks at the rollout as an operator does; `rollout watch` would have each step of each device written out."""
    while True:
        shown = server.json("rollout", "show", "1")
        if shown["state"] != "running":
            return shown["counts"]
        time.sleep(0.2)


def wait_for_identified(server, devices):
    patience = 120 + devices / 200
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        known = server.json("device", "list")["devices"]
        if sum(device["version"] == "1.0.0" for device in known) == devices:
            return
        time.sleep(max(0.2, devices / 20_000))
    raise RuntimeError(f"not all of {devices} devices registered within {patience:.0f} seconds")


def flatness(what, rows):
    """How much one operation costs in the largest fleet, in times of what it costs in the smallest."""
    values = [row["value"] for row in rows]
    floors = [row["floor"] for row in rows if row["floor"]]
    floor = floors[-1] / floors[0] if len(floors) == len(rows) else None
    return row(f"growth of {what}", values[-1] / values[0], "times", floor, FLAT)


def measure(build):
    build = pathlib.Path(build)
    updates, handshakes, complete = [], [], []
    fleets = FLEETS if os.environ.get("KEDGE_BENCH_LONG") == "1" else FLEETS[:1]
    with tempfile.TemporaryDirectory(prefix="kedge-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        folder = pathlib.Path(name)
        for devices in FLEETS:
            for one in measure_fleet(build, folder, devices):
                if one["name"].startswith("registration update"):
                    updates.append(one)
                yield one
        yield flatness(f"a registration update, {FLEETS[0]} to {FLEETS[-1]} registered", updates)
        for devices in SECURE_FLEETS:
            for one in measure_secure_fleet(build, folder, devices):
                if one["name"].startswith("DTLS handshake"):
                    handshakes.append(one)
                yield one
        yield flatness(f"a DTLS handshake, {SECURE_FLEETS[0]} to {SECURE_FLEETS[-1]} registered", handshakes)
        for one in measure_blocks(build, folder):
            yield one
        yield from measure_coap_server(folder, build, one["floor"])
        yield from measure_push(build, folder)
        for devices in fleets:
            for one in measure_updates(build, folder, devices):
                if one["name"].startswith("complete update of"):
                    complete.append(one)
                yield one
        if len(fleets) > 1:
            yield from measure_secure_updates(build, folder, SECURE_UPDATES)
            yield flatness(f"a complete update, {fleets[0]} to {fleets[-1]} devices", complete)
