"""A device's registration updates beside what the API is sent that is no use to anybody.

One device sends an update each 2 ms, whatever has become of the one before. For each kind of load, and all
of them at once, the 99th of 100 updates is compared with that of the same device without the load, measured
in turn with it; the median of the ratios of all turns counts. Who makes the load has the lowest priority: it stands
for other machines, and takes what processor time server and device leave.
"""
import importlib.util
import multiprocessing
import os
import pathlib
import statistics
import subprocess
import tempfile

PER_S = 500
UPDATES = 1_000  # in one measurement
TURNS = 5
RATIO_MAX = 2.0


def _load(name):
    spec = importlib.util.spec_from_file_location(name, pathlib.Path(__file__).with_name(f"{name}.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


fleet, api_load = _load("bench_fleet"), _load("api_load")


class Probe(fleet.Program):
    def __init__(self, build, port):
        super().__init__(build / "tests" / "bench" / "bench_api_probe", port, PER_S, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE)

    def __exit__(self, *_):
        self.process.stdin.close()
        super().__exit__()

    def __call__(self):
        """The median and the 99th of 100 in microseconds."""
        print(UPDATES, file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line or int(line.split()[0]) != UPDATES:
            raise RuntimeError(f"not all updates were answered: {line}")
        return tuple(map(int, line.split()[1:3]))


def _work(port, token, kind, ready, over, statuses):
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    load = api_load.make(port, token, kind)
    ready.set()
    statuses.put((kind, load.run(lambda: not over.is_set())))
    load.close()


class Loads:
    """Loads of these kinds, each in a process of its own, from the beginning of the `with` block to its end."""

    def __init__(self, server, token, kinds):
        self.server, self.token, self.kinds = server, token, kinds
        self.over, self.statuses = multiprocessing.Event(), multiprocessing.SimpleQueue()
        self.answers = 0

    def __enter__(self):
        self.processes = []
        for kind in self.kinds:
            ready = multiprocessing.Event()
            process = multiprocessing.Process(target=_work, args=(self.server.http, self.token, kind, ready, self.over,
                                                                  self.statuses))
            process.start()
            self.processes.append(process)
            if not ready.wait(60):
                raise RuntimeError(f"the load of {kind} did not begin")
        return self

    def __exit__(self, *_):
        self.over.set()
        for _ in self.processes:
            kind, statuses = self.statuses.get()
            self.answers += sum(statuses.values())
            refused = all(status is None or 400 <= status < 500 for status in statuses)
            if not refused:
                raise RuntimeError(f"{kind}: answered {dict(statuses)}")
        for process in self.processes:
            process.join(60)


def measure_kind(server, token, probe, name, kinds):
    ratios, idle, beside, answers = [], [], [], 0
    for _ in range(TURNS):
        idle.append(probe()[1])
        with Loads(server, token, kinds) as loads:
            beside.append(probe()[1])
        answers += loads.answers
        ratios.append(beside[-1] / idle[-1])
    value = statistics.median(beside)
    one = fleet.row(f"p99 of an update beside {name}", value, "µs", value / statistics.median(ratios),
                    notes=[f"idle {min(idle)} to {max(idle)}, beside {min(beside)} to {max(beside)}; {answers} refusals"])
    return {**one, "target": RATIO_MAX, "met": one["ratio"] <= RATIO_MAX}


def measure(build):
    with tempfile.TemporaryDirectory(prefix="kedge-bench-api-") as name:
        folder = pathlib.Path(name)
        with fleet.Kedged(build, folder / "server") as server, Probe(build, server.port) as probe:
            token = (folder / "server" / "admin.token").read_text(encoding="utf-8").strip()
            for kind in api_load.KINDS:
                yield measure_kind(server, token, probe, kind, [kind])
            yield measure_kind(server, token, probe, "all of it at once", list(api_load.KINDS))
