"""create and verify beside SHA-256, one copy and fsync of the same bytes, beside rauc and openssl."""
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

SIZES_MIB = (1, 16, 256)
RUNS = 5
TARGET = 1.15
TARGET_FROM_MIB = 16  # a smaller package is the start of a program, not the speed of one
MEMORY_TARGET = 1.15  # of the largest image to the smallest


def row(name, value, unit, floor=None, target=None, notes=()):
    ratio = value / floor if floor else None
    return {"name": name, "value": value, "unit": unit, "floor": floor, "ratio": ratio, "target": target,
            "met": None if target is None or ratio is None else ratio <= target, "notes": list(notes)}


class Bench:
    def __init__(self, build, folder):
        self.sign = build / "bin" / "kedge-sign"
        self.floor_program = build / "tests" / "bench" / "bench_sign_floor"
        self.runner = build / "tests" / "bench" / "bench_run"
        self.folder = folder
        self.run([self.sign, "keygen", "--alg", "ed25519", "--no-password", "--out", folder / "key.pem",
             "--public", folder / "pub.pem"])
        self.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "rauc.key", "-out",
             folder / "rauc.crt", "-subj", "/CN=bench", "-days", "7"])

    def run(self, words):
        """Runs a program; returns its seconds, its processor seconds and its peak memory in KiB."""
        done = subprocess.run([str(word) for word in (self.runner, *words)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{words[0]} ended with {done.returncode}: {done.stderr}")
        seconds, processor, peak = done.stdout.split()
        return float(seconds), float(processor), int(peak)

    def image(self, mib):
        path = self.folder / f"image-{mib}"
        with open(path, "wb") as file:
            for _ in range(mib):
                file.write(os.urandom(1 << 20))
        return path

    def floor(self, image):
        copy = self.folder / "copy"
        copy.unlink(missing_ok=True)
        return self.run([self.floor_program, image, copy])

    def create(self, image):
        package = self.folder / "package.suit"
        package.unlink(missing_ok=True)
        return self.run([self.sign, "create", "--payload", image, "--vendor", "example.com", "--class", "board-a", "--version",
                    "1.0.0", "--sequence", 1, "--compress", "none", "--key", self.folder / "key.pem", "--output", package])

    def verify(self, _image):
        return self.run([self.sign, "verify", "--trust", self.folder / "pub.pem", self.folder / "package.suit"])

    def openssl(self, image):
        return self.run(["openssl", "dgst", "-sha256", "-sign", self.folder / "rauc.key", "-out", self.folder / "sig", image])

    def rauc(self, image):
        content = self.folder / "bundle"
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir()
        os.link(image, content / "rootfs.img")
        (content / "manifest.raucm").write_text(
            "[update]\ncompatible=board-a\nversion=1.0.0\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n")
        bundle = self.folder / "bundle.raucb"
        bundle.unlink(missing_ok=True)
        return self.run(["rauc", "--cert", self.folder / "rauc.crt", "--key", self.folder / "rauc.key",
                    "--mksquashfs-args=-noD -noF -noI -no-progress", "bundle", content, bundle])


def measure_size(bench, mib, memory):
    """Everything in turn, five times: what else the machine does then falls on all alike."""
    image = bench.image(mib)
    have_rauc = shutil.which("rauc") and shutil.which("mksquashfs")
    measured = {"floor": bench.floor, "create": bench.create, "verify": bench.verify, "openssl": bench.openssl}
    if have_rauc:
        measured["rauc"] = bench.rauc
    results = {name: [] for name in measured}
    for _ in range(RUNS):
        for name, measuring in measured.items():
            results[name].append(measuring(image))
    image.unlink()
    seconds = {name: statistics.median(result[0] for result in runs) for name, runs in results.items()}
    processor = {name: statistics.median(result[1] for result in runs) for name, runs in results.items()}
    target = TARGET if mib >= TARGET_FROM_MIB else None
    for name in ("create", "verify"):
        memory.setdefault(name, []).append(max(result[2] for result in results[name]))
        yield row(f"sign {name} {mib} MiB", seconds[name], "s", seconds["floor"], target,
                  [f"processor time {processor[name]:.3f} s, the floor's {processor['floor']:.3f} s"])
    yield row(f"openssl dgst -sign {mib} MiB (no copy, no fsync)", seconds["openssl"], "s", seconds["floor"])
    if have_rauc:
        yield row(f"rauc bundle {mib} MiB, uncompressed", seconds["rauc"], "s", seconds["floor"])
    else:
        yield row(f"rauc bundle {mib} MiB", None, "s", notes=["not measured: rauc or mksquashfs is not installed"])


def measure(build):
    build = pathlib.Path(build)
    memory = {}
    with tempfile.TemporaryDirectory(prefix="kedge-bench-", dir=os.environ.get("TMPDIR", "/var/tmp")) as name:
        bench = Bench(build, pathlib.Path(name))
        for mib in SIZES_MIB:
            yield from measure_size(bench, mib, memory)
    for name, peaks in memory.items():
        sizes = ", ".join(f"{size} MiB: {peak} KiB" for size, peak in zip(SIZES_MIB, peaks))
        yield row(f"sign {name}, peak memory, flat in the size", max(peaks), "KiB", peaks[0], MEMORY_TARGET, [sizes])
