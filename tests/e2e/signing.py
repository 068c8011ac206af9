"""What the tests of kedge-sign share: running it, refusals, images, a terminal of its own."""
import os
import pty
import random
import select
import subprocess
import time

from conftest import CLASS, VENDOR, program, run

DONE, INVALID, USAGE, POLICY, KEY, SYSTEM = range(6)


def sign(*args, **keywords) -> subprocess.CompletedProcess:
    return run(program("kedge-sign"), *args, **keywords)


def refused(status, *args, says: str = "", **keywords) -> subprocess.CompletedProcess:
    """Runs kedge-sign, which has to refuse with this exit status and say why on standard error."""
    done = sign(*args, **keywords)
    assert done.returncode == status, f"{args}: {done.returncode}\n{done.stdout}{done.stderr}"
    assert says in done.stderr, done.stderr
    assert done.stderr.startswith("kedge-sign: ")
    return done


def create(folder, image: bytes, *extra, key=None, output="made.suit", check=True):
    """Creates a package with every required option, and returns its path."""
    path = folder / "image.bin"
    path.write_bytes(image)
    done = sign("create", "--payload", path, "--vendor", VENDOR, "--class", CLASS, "--version", "1.2.3",
                "--sequence", "7", "--output", folder / output, *(["--key", key] if key else []), *extra)
    if check:
        assert done.returncode == DONE, done.stderr
    return folder / output


SBOM = b'{"bomFormat": "CycloneDX", "specVersion": "1.5", "components": []}'
PROVENANCE = (b'{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",'
              b' "subject": [{"name": "image.bin", "digest": {"sha256": "00"}}], "predicate": {}}')


def mixed_image(size: int) -> bytes:
    """Some that compresses and some that does not, so that frames of both kinds occur."""
    random_half = random.Random(4711).randbytes(size // 2)
    return (random_half + b"compresses well " * (size // 16 + 1))[:size]


def create_with_key(folder, key, *extra, **keywords):
    (folder / "image.bin").write_bytes(b"x")
    return sign("create", "--payload", folder / "image.bin", "--vendor", VENDOR, "--class", CLASS, "--version", "1.0.0",
                "--sequence", 1, "--key", key, "--output", folder / "out.suit", *extra, **keywords)


class Terminal:
    """kedge-sign on a terminal of its own."""

    def __init__(self, *args):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.execv(program("kedge-sign"), ["kedge-sign", *map(str, args)])
        self.shown = b""

    def wait_for(self, text: bytes, timeout: float = 60):
        deadline = time.monotonic() + timeout
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if select.select([self.terminal], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self.terminal, 4096)
                except OSError:
                    break
        assert text in self.shown, self.shown

    def answer(self, question: bytes, text: bytes):
        self.wait_for(question)
        self.shown = self.shown[self.shown.index(question) + len(question):]
        os.write(self.terminal, text + b"\n")

    def status(self) -> int:
        while True:
            try:
                got = os.read(self.terminal, 4096)
            except OSError:
                break
            self.shown += got
            if not got:
                break
        _, status = os.waitpid(self.pid, 0)
        os.close(self.terminal)
        return status
