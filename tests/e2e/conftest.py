"""What the end-to-end tests share: where the programs are, free ports, processes that end."""
import collections
import contextlib
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KEDGE_BUILD", ROOT / "build" / "release"))
# A sanitizer's memory is not the program's: it reserves terabytes.
SANITIZED = any(word in BUILD.name for word in ("asan", "tsan"))


def _let_programs_hear_signals():
    """Whoever started the tests may have had signals ignored, as `&` and nohup do: programs would begin with that.

    A handler that does nothing leaves the tests as they are, and programs with what is the default.
    """
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        if threading.current_thread() is threading.main_thread() and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


_let_programs_hear_signals()


def _take_no_notice_of_where_this_is():
    """Whoever started the tests may be behind a proxy, which knows nothing of the servers on this machine, and speak a
    language that tools answer in, or complain of when it is not installed."""
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    os.environ["LC_ALL"] = "C.UTF-8"


_take_no_notice_of_where_this_is()


def program(name: str) -> str:
    """The path of one of our programs, or a clear failure when it is not built."""
    path = BUILD / "bin" / name
    if not path.exists():
        pytest.fail(f"{path} is not built; run scripts/test, or set KEDGE_BUILD")
    return str(path)


PORTS_OF_A_WORKER = 1_000  # at least: so many calls are between two that return the same one


def ports_of(worker: int, workers: int, given: tuple) -> list[int]:
    """This worker's share of the ports beside those from `given`, of which the kernel gives one to whoever asks for any.

    Where it may give nearly all, the others have to do as well."""
    never_given = [port for port in range(10_000, 65_536) if not given[0] <= port <= given[1]]
    enough = len(never_given) >= PORTS_OF_A_WORKER * workers
    return list(never_given if enough else range(10_000, 65_536))[worker % workers::workers]


def _free_ports_by_lot() -> collections.deque[int]:
    share = ports_of(int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")),
                     int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")),
                     tuple(map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())))
    return collections.deque(random.SystemRandom().sample(share, len(share)))


_free_ports = _free_ports_by_lot()
_running = pytest.StashKey()  # the programs beside a test
LINES_TOLD = 60
OPEN_FILES = 64  # of a worker between two tests; select() knows none beyond 1,023


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    """One that no client beside the test is given by the kernel, and that no other call returned, here or in another worker,
    but for calls of long ago: a server that is told two ports, or starts again at its own, must not meet one twice."""
    for _ in range(len(_free_ports)):
        port = _free_ports.popleft()
        _free_ports.append(port)
        with socket.socket(socket.AF_INET, kind) as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("there is no free port")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on the loopback interface")


def run(*args, timeout: float = 180, **keywords) -> subprocess.CompletedProcess:
    """Runs a program to its end and keeps what it said, as text."""
    keywords.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout, **keywords)


def wait_until(condition, timeout: float = 60, what: str = "the condition"):
    """Polls `condition` until it returns something true, and returns that."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {timeout} s for {what}")


class Process:
    """A program running beside the test; its standard error is kept, line by line."""

    def __init__(self, args, env=None, cwd=None):
        self.name = pathlib.Path(args[0]).name
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", env=env, cwd=cwd, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        with self.process.stderr as said:
            for line in said:
                with self._changed:
                    self.lines.append(line.rstrip("\n"))
                    self._changed.notify_all()

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, timeout: float = 60) -> re.Match:
        """Waits for a line that matches `pattern`."""
        deadline = time.monotonic() + timeout
        seen = 0
        with self._changed:
            while True:
                for line in self.lines[seen:]:
                    match = re.search(pattern, line)
                    if match:
                        return match
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(f"no line matches {pattern!r} in:\n{self.log}")
                self._changed.wait(min(left, 0.2))

    def stop(self, how: int = signal.SIGTERM, timeout: float = 60) -> int:
        """Ends the program and everything that it started; returns its exit status."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(how)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            status = None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        if status is None:
            self.process.wait(timeout)
            raise AssertionError(f"did not end within {timeout} s of signal {how}:\n{self.log}")
        self._reader.join(timeout)
        return status


def open_files() -> list[str]:
    """What this worker has open."""
    found = []
    for descriptor in pathlib.Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since, as the one that lists them
            found.append(f"{descriptor.name}: {descriptor.readlink()}")
    return found


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A failure is told with what the programs beside the test said last, and a test that leaves files open fails."""
    report = (yield).get_result()
    still_open = [] if report.when != "teardown" else open_files()
    if len(still_open) > OPEN_FILES:
        report.outcome, report.longrepr = "failed", "open after the test, more than any needs:\n" + "\n".join(still_open)
    if report.failed:
        for process in item.stash.get(_running, []):
            report.sections.append((f"the last of {process.name}", "\n".join(process.lines[-LINES_TOLD:])))
    if report.when == "teardown":
        item.stash[_running] = []  # what they said is worth no memory any more


@pytest.fixture
def start(request):
    """start(args...) runs a program beside the test and ends it after the test."""
    running: list[Process] = request.node.stash.setdefault(_running, [])

    def begin(*args, **keywords) -> Process:
        process = Process(args, **keywords)
        running.append(process)
        return process

    yield begin
    for process in reversed(running):
        with contextlib.suppress(AssertionError):
            process.stop()
    unsound = [process.log for process in running if "Sanitizer" in process.log or "runtime error:" in process.log]
    assert not unsound, "\n".join(unsound)


class Keys:
    """One release key made by kedge-sign, without a password."""

    def __init__(self, folder: pathlib.Path, name: str = "release", algorithm: str = "ed25519", *extra):
        self.private = folder / f"{name}.pem"
        self.public = folder / f"{name}.pub.pem"
        done = run(program("kedge-sign"), "keygen", "--alg", algorithm, "--out", self.private,
                   "--public", self.public, "--no-password", *extra)
        assert done.returncode == 0, done.stderr


VENDOR = "example.com"
CLASS = "board-a"


def make_package(folder: pathlib.Path, keys: Keys, version: str, sequence: int, image: bytes | None = None,
                 *extra, name: str | None = None, vendor: str = VENDOR, class_name: str = CLASS) -> pathlib.Path:
    """Signs `image` (by default 100,000 bytes that depend on the version) into a package."""
    image_file = folder / f"image-{version}-{sequence}.bin"
    if image is None:
        image = (f"firmware {version} ".encode() * 8000)[:100000]
    image_file.write_bytes(image)
    package = folder / (name or f"package-{version}-{sequence}.suit")
    done = run(program("kedge-sign"), "create", "--payload", image_file, "--vendor", vendor, "--class", class_name,
               "--version", version, "--sequence", str(sequence), "--key", keys.private, "--output", package,
               "--text", f"test firmware {version}", *extra)
    assert done.returncode == 0, done.stderr
    return package


class Server:
    """A running kedged with a data folder of its own."""

    def __init__(self, start_process, data: pathlib.Path, *extra, http_port: int | None = None):
        self._start, self.data, self._extra = start_process, data, extra
        self.coap_port, http_port = free_port(), http_port or free_port(socket.SOCK_STREAM)
        self.http_url = f"http://127.0.0.1:{http_port}"
        self.coap_uri = f"coap://127.0.0.1:{self.coap_port}"
        self.token_file = data / "admin.token"
        self.begin()

    def listeners(self) -> list[str]:
        return ["--coap", f"127.0.0.1:{self.coap_port}"]

    def begin(self):
        self.process = self._start(
            program("kedged"), "--data", self.data, *self.listeners(),
            "--http", self.http_url.removeprefix("http://"), "--log-level", "debug", *self._extra)
        self.process.wait_for("ready: ")  # not "already in use"

    def kill(self):
        """The way a power cut ends it."""
        self.process.stop(signal.SIGKILL)

    def kedge(self, *args, check: bool = True, timeout: float = 240) -> subprocess.CompletedProcess:
        done = run(program("kedge"), "--server", self.http_url, "--token-file", self.token_file, *args,
                   timeout=timeout)
        if check:
            assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}\n{self.process.log}"
        return done

    def json(self, *args):
        return json.loads(self.kedge("--json", *args).stdout)

    @property
    def token(self) -> str:
        return self.token_file.read_text().strip()


@pytest.fixture
def server(start, tmp_path) -> Server:
    data = tmp_path / "server"
    return Server(start, data)


class Device:
    """One device: a state folder with factory firmware, and kedge-boot with kedge-agent in it."""

    def __init__(self, start_process, folder: pathlib.Path, endpoint: str, keys: Keys, factory: pathlib.Path,
                 server_uri: str, *extra, health: str | None = None, trial_limit_s: int | None = None,
                 slot_size: int | None = None):
        self.endpoint, self.state = endpoint, folder / f"device-{endpoint}"
        self._start = start_process
        self.identity = ["--trust", keys.public, "--vendor", VENDOR, "--class", CLASS]
        size = [] if slot_size is None else ["--slot-size", str(slot_size)]
        done = run(program("kedge-agent"), "install-factory", "--state", self.state, *self.identity, *size, factory)
        assert done.returncode == 0, done.stderr
        limit = [] if trial_limit_s is None else ["--trial-limit", str(trial_limit_s)]
        health_option = [] if health is None else ["--health-command", health]
        self.command = [program("kedge-boot"), "--state", self.state, "--trust", keys.public, *limit, "--",
                        program("kedge-agent"), "--server", server_uri, "--endpoint", endpoint, "--state", self.state,
                        *self.identity, *health_option, *extra]
        self.begin()

    def begin(self):
        self.process = self._start(*self.command)

    def status(self) -> dict:
        done = run(program("kedge-agent"), "status", "--json", "--state", self.state)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture
def keys(tmp_path) -> Keys:
    return Keys(tmp_path)


@pytest.fixture
def device(start, tmp_path):
    """device(endpoint, keys, factory, server_uri, ...) makes and starts one."""
    return lambda *args, **keywords: Device(start, tmp_path, *args, **keywords)


@pytest.fixture
def client(server):
    """Makes a scripted LwM2M client that knows these formats, registered, which answers from then on."""
    from lwm2m_client import Background, Client, until  # which need what stands above
    running = []

    def make(*formats, wait=True, **registration):
        made = Client(server, formats)
        made.joins(**registration)
        running.append(Background(made))
        if wait:
            until(lambda: '"version": "1.0.0"' in server.kedge("--json", "device", "show", "client", check=False).stdout)
        return made
    yield make
    for one in running:
        one.end()
