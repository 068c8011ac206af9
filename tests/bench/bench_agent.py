"""kedge-agent beside the programs of its libraries: memory, and download speed.

Memory is what is neither a file's nor shared ("Anonymous" of smaps_rollup), at rest and the most while
a package comes in, beside a program that has the same libraries ready and does nothing. Speed is that of
a whole download by the clock, from the first request until the slot has been read back and hashed,
beside what Debian's coap-client and curl take for the same file of the same server, which check and keep
nothing.
"""
import importlib.util
import pathlib
import os
import statistics
import subprocess
import tempfile
import threading
import time

IMAGE_SIZE = 8 << 20
RUNS = 3
REST_MAX_KIB, WORK_MAX_KIB = 2048, 4096
SAMPLE_S = 0.02
PATIENCE_S = 300

_spec = importlib.util.spec_from_file_location("bench_fleet", pathlib.Path(__file__).with_name("bench_fleet.py"))
fleet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fleet)


def anonymous_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1])
    raise RuntimeError(f"no Anonymous of {pid}")


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr}")
    return done.stdout


class Agent(fleet.Program):
    """A device with factory firmware, and when each line of its log came."""

    def __init__(self, build, folder, identity, endpoint, server):
        state = ["--state", folder / endpoint, *identity]
        run(build / "bin" / "kedge-agent", "install-factory", *state, folder / "factory.suit")
        super().__init__(build / "bin" / "kedge-agent", "--server", server, "--endpoint", endpoint, *state,
                         stderr=subprocess.PIPE)
        self._lines, self._changed = [], threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self._lines.append((time.monotonic(), line))
                self._changed.notify_all()

    def when(self, words):
        """The time of the first line with `words` in it."""
        with self._changed:
            found = self._changed.wait_for(lambda: [at for at, line in self._lines if words in line], PATIENCE_S)
            if not found:
                raise RuntimeError(f"the agent never said '{words}' but: {''.join(line for _, line in self._lines)}")
            return found[0]


def make_packages(build, folder):
    """A random image, stored: what is measured is the transport."""
    sign = build / "bin" / "kedge-sign"
    run(sign, "keygen", "--alg", "ed25519", "--no-password", "--out", folder / "key.pem", "--public", folder / "pub.pem")
    for name, version, sequence, size in (("factory", "1.0.0", 1, 4096), ("update", "1.1.0", 2, IMAGE_SIZE)):
        (folder / "image").write_bytes(os.urandom(size))
        run(sign, "create", "--payload", folder / "image", "--vendor", fleet.VENDOR, "--class", fleet.CLASS, "--version",
            version, "--sequence", sequence, "--compress", "none", "--key", folder / "key.pem", "--output",
            folder / f"{name}.suit")


class Downloads:
    """One server with the package; a new device for each run, and the foreign client beside it in turn."""

    def __init__(self, build, folder, server, scheme):
        self.build, self.folder, self.server, self.scheme = build, folder, server, scheme
        self.identity = ["--trust", folder / "pub.pem", "--vendor", fleet.VENDOR, "--class", fleet.CLASS]
        self.package = fleet.upload(server, folder, folder / "update.suit")
        self.path = f"fw/{server.json('package', 'show', self.package)['device_digest']}"
        self.agent_s, self.foreign_s = [], []
        self.rest_kib, self.work_kib = [], []

    def run(self, number):
        endpoint = f"bench-{self.scheme}-{number}"
        with Agent(self.build, self.folder, self.identity, endpoint, f"coap://127.0.0.1:{self.server.port}") as agent:
            agent.when("registered with")
            self.wait_until_known(endpoint)
            self.rest_kib.append(anonymous_kib(agent.pid))
            ended = threading.Event()
            sampler = threading.Thread(target=self.sample, args=(agent.pid, ended))
            sampler.start()
            try:
                self.server.kedge("rollout", "create", "--name", endpoint, "--package", self.package, "--device",
                                  endpoint, "--start")
                self.agent_s.append(agent.when("state downloaded") - agent.when("state downloading"))
            finally:
                ended.set()
                sampler.join()
            # While a device of this host is registered: others get no block without DTLS.
            self.foreign()

    def wait_until_known(self, endpoint):
        """A rollout takes a device only when the server has asked it what it is."""
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if any(one["endpoint"] == endpoint and one["version"] for one in self.server.json("device", "list")["devices"]):
                return
            time.sleep(SAMPLE_S)
        raise RuntimeError(f"the server never learned what {endpoint} is")

    def sample(self, pid, ended):
        self.work_kib.append(anonymous_kib(pid))  # however short the download is
        while not ended.wait(SAMPLE_S):
            self.work_kib.append(anonymous_kib(pid))

    def foreign(self):
        body = self.folder / "body"
        body.unlink(missing_ok=True)
        begun = time.monotonic()
        if self.scheme == "coap":
            run("coap-client-notls", "-B", PATIENCE_S, "-o", body, f"coap://127.0.0.1:{self.server.port}/{self.path}")
        else:
            run("curl", "-sf", "-o", body, f"http://127.0.0.1:{self.server.http}/{self.path}")
        self.foreign_s.append(time.monotonic() - begun)
        if body.stat().st_size < IMAGE_SIZE:
            raise RuntimeError(f"by {self.scheme} came {body.stat().st_size} bytes")


def floor_memory(build):
    with fleet.Program(build / "tests" / "bench" / "bench_agent_floor", stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE) as floor:
        floor.process.stdout.readline()
        kib = anonymous_kib(floor.pid)
        floor.process.stdin.close()
        floor.process.wait(20)
    return kib


def download(build, folder, scheme, *options):
    with fleet.Kedged(build, folder / f"server-{scheme}", *options) as server:
        downloads = Downloads(build, folder, server, scheme)
        for number in range(RUNS):
            downloads.run(number)
    return downloads


def measure(build):
    build = pathlib.Path(build)
    with tempfile.TemporaryDirectory(prefix="kedge-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        folder = pathlib.Path(name)
        make_packages(build, folder)
        by_coap = download(build, folder, "coap")
        by_http = download(build, folder, "http", "--download-base-url", "http://127.0.0.1:{http}")
    floor_kib = floor_memory(build)
    yield fleet.row("agent, anonymous memory at rest", max(by_coap.rest_kib + by_http.rest_kib), "KiB", floor_kib,
                    REST_MAX_KIB)
    for scheme, downloads in (("CoAP", by_coap), ("HTTP", by_http)):
        yield fleet.row(f"agent, anonymous memory at work by {scheme}", max(downloads.work_kib), "KiB", floor_kib,
                        WORK_MAX_KIB, [f"{len(downloads.work_kib)} samples in {RUNS} downloads"])
    mib = IMAGE_SIZE / 2**20
    for scheme, downloads, client in (("CoAP", by_coap, "coap-client"), ("HTTP", by_http, "curl")):
        seconds = statistics.median(downloads.agent_s)
        yield fleet.row(f"agent, {mib:.0f} MiB by {scheme}", seconds, "s", statistics.median(downloads.foreign_s),
                        notes=[f"{mib / seconds:.1f} MiB a second; the floor is {client}"])
