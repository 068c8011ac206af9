"""What the end-to-end tests share: where the programs are, free ports, processes that end."""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("KEDGE_BUILD", ROOT / "build" / "release"))


def program(name: str) -> str:
    """The path of one of our programs, or a clear failure when it is not built."""
    path = BUILD / "bin" / name
    if not path.exists():
        pytest.fail(f"{path} is not built; run scripts/test, or set KEDGE_BUILD")
    return str(path)


def free_port(kind: int = socket.SOCK_DGRAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run(*args, timeout: float = 60, **keywords) -> subprocess.CompletedProcess:
    """Runs a program to its end and keeps what it said, as text."""
    keywords.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(a) for a in args], capture_output=True, text=True, timeout=timeout, **keywords)


def wait_until(condition, timeout: float = 20, what: str = "the condition"):
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
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            [str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, errors="replace", env=env, cwd=cwd, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()

    @property
    def log(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, timeout: float = 30) -> re.Match:
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

    def stop(self, how: int = signal.SIGTERM, timeout: float = 10) -> int:
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


@pytest.fixture
def start():
    """start(args...) runs a program beside the test and ends it after the test."""
    running: list[Process] = []

    def begin(*args, **keywords) -> Process:
        process = Process(args, **keywords)
        running.append(process)
        return process

    yield begin
    for process in reversed(running):
        with contextlib.suppress(AssertionError):
            process.stop()
