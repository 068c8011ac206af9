"""Bootstrapping by DTLS with a pre-shared key: a handshake, a key that is made and durable, and eight requests.

Processor time of all of kedged's threads for each device, from its first datagram until it has answered
Finish, beside a bare server that makes the same handshake and sends the same requests, but makes no key,
looks nothing up, writes nothing to a disk and keeps no log of what was asked. The rate by the clock is that
of one computer which plays the devices too, WINDOW of them under way at a time.
"""
import importlib.util
import pathlib
import tempfile

DEVICES = 1_000
BOOTSTRAPS = 1_000  # in one measurement; one that begins more than 20 times at once is held off
WINDOWS = (64, 1_000)  # under way at a time
MEMORY_MAX_KIB = 48

_spec = importlib.util.spec_from_file_location("bench_fleet", pathlib.Path(__file__).with_name("bench_fleet.py"))
fleet = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fleet)


def devices_file(folder):
    """As tests/bench/bench_dtls.h has them."""
    path = folder / "devices.csv"
    path.write_text("endpoint,key\n" + "".join(f"load-{i},{f'{i:016x}'.encode().hex()}\n" for i in range(DEVICES)))
    return path


class Bootstrapping(fleet.Kedged):
    def __init__(self, build, folder):
        self.bootstrap_port = fleet.free_port()
        super().__init__(build, folder, "--bootstrap", f"127.0.0.1:{self.bootstrap_port}")

    def begin_peak(self):
        """From here on peak_kib() counts."""
        pathlib.Path(f"/proc/{self.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak_kib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
        raise RuntimeError(f"no VmHWM of {self.pid}")


def measure(build):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        floor, floor_port = fleet.floor_server(build, DEVICES, "bench_dtls_floor")
        with floor, Bootstrapping(build, folder / "data") as server, \
                fleet.Load(build, server.bootstrap_port, DEVICES, "bench_dtls_load") as load, \
                fleet.Load(build, floor_port, DEVICES, "bench_dtls_load") as floor_load:
            server.kedge("device", "import", devices_file(folder))
            server.begin_peak()
            empty = server.peak_kib()
            for window in WINDOWS:
                result = fleet.medians({
                    "kedged": lambda window=window: load.cost(server.pid, "bootstrap", BOOTSTRAPS, window),
                    "floor": lambda window=window: floor_load.cost(floor.pid, "bootstrap", BOOTSTRAPS, window)})
                yield fleet.row(f"bootstrap by DTLS with a pre-shared key, {window} at once", result["kedged"][0], "us CPU",
                                result["floor"][0], notes=[
                                    f"{result['kedged'][1]:.0f} a second by the clock, the floor {result['floor'][1]:.0f}"])
            yield fleet.row(f"most memory of a device that is bootstrapped, of {DEVICES}",
                            (server.peak_kib() - empty) / DEVICES, "KiB", None, MEMORY_MAX_KIB,
                            ["with its association, which is kept for a while"])
