"""What is no use to anybody, sent to the API: refused clearly, nothing stored, and nobody else disturbed."""
import collections
import ctypes
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import resource
import struct
import threading

import pytest

from conftest import ROOT, wait_until
from test_api import V1, curl, register, wait_until_ready  # noqa: F401 (curl is a fixture)

_spec = importlib.util.spec_from_file_location("api_load", ROOT / "tests" / "bench" / "api_load.py")
api_load = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(api_load)


def port_of(server) -> int:
    return int(server.http_url.rsplit(":", 1)[1])


def what_is_listed(server) -> list:
    """What people can see of the store."""
    return [server.json(*words) for words in (("rollout", "list"), ("package", "list"), ("audit", "list"), ("device", "list"),
                                              ("trust", "list"), ("token", "list"))]


def files_of(server) -> dict:
    """The files beside the store. What is being received goes a moment after the answer: None, when it goes right now."""
    files = {}
    for path in server.data.rglob("*"):
        if path.is_file() and not path.name.startswith("kedged.db"):
            try:
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            except FileNotFoundError:
                digest = None
            files[path.relative_to(server.data).as_posix()] = digest
    return files


class Stored:
    """What a server has stored, to be compared with what it has later."""

    def __init__(self, server):
        self._server, self._listed, self._files = server, what_is_listed(server), files_of(server)

    def assert_unchanged(self):
        assert what_is_listed(self._server) == self._listed
        wait_until(lambda: files_of(self._server) == self._files, what="what was received to be gone")


@pytest.mark.parametrize("kind", api_load.REQUESTS)
def test_each_is_refused_with_words_and_leaves_nothing_behind(server, kind):
    before = Stored(server)
    for request in api_load.REQUESTS[kind](server.token):
        with api_load.connect(port_of(server)) as connection, connection.makefile("rb") as stream:
            connection.sendall(request)
            status, headers, body = int(stream.readline().split()[1]), {}, b""
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.decode().partition(": ")
                headers[name.lower()] = value.strip()
            body = stream.read(int(headers["content-length"]))
            assert 400 <= status < 500, request[:200]
            assert headers["content-type"] == "application/problem+json"
            problem = json.loads(body)
            assert problem["status"] == status and problem["title"] and problem["detail"], request[:200]
            assert server.token not in body.decode()
    before.assert_unchanged()


def test_what_serves_people_gives_way_to_what_serves_devices(server):
    """Each thread has a niceness of its own. The network thread's is the program's; the API's threads, also those
    that its library starts, have 10 more."""
    pid = server.process.process.pid

    own = os.getpriority(os.PRIO_PROCESS, pid)
    behind = min(own + 10, 19)

    def threads() -> dict[str, list[int]]:
        found = collections.defaultdict(list)
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            name, _, rest = (task / "stat").read_text(encoding="utf-8").partition(" (")[2].rpartition(") ")
            found[name].append(int(rest.split()[16]))
        return found

    def are_as_meant() -> bool:
        """They take their names and their niceness themselves, when they first run."""
        niceness = threads()
        return (niceness["kedged-network"] == [own] and set(niceness["kedged"]) == {own} and
                set(niceness["kedged-behind"]) == {behind} and len(niceness["kedged-behind"]) > 32 and
                niceness["MHD-worker"] == [behind] * 4)
    wait_until(are_as_meant, what="the niceness of each thread")


def slice_ns(thread: int) -> int:
    """What the kernel says of a thread's slice (sched_getattr(2))."""
    call = {"x86_64": 315, "aarch64": 275}.get(os.uname().machine)
    if call is None:
        pytest.skip(f"the number of sched_getattr is not known here for {os.uname().machine}")
    attributes = ctypes.create_string_buffer(48)
    library = ctypes.CDLL(None, use_errno=True)
    assert library.syscall(call, thread, attributes, len(attributes), 0) == 0, os.strerror(ctypes.get_errno())
    return struct.unpack_from("=Q", attributes, 24)[0]


@pytest.mark.skipif(tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) < (6, 12),
                    reason="Linux gives no slices before 6.12")
def test_what_serves_devices_is_at_work_as_soon_as_it_is_woken(server):
    """Its slice is the shortest of all, which ends whatever longer one is under way."""
    pid = server.process.process.pid

    def slices():
        found = {}
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            found.setdefault((task / "comm").read_text(encoding="utf-8").strip(), set()).add(slice_ns(int(task.name)))
        return found if {"MHD-worker", "kedged-network"} <= found.keys() else None
    wait_until(lambda: (slices() or {}).get("kedged-network") == {500_000}, what="a slice of 0.5 ms")
    assert min(min(of) for name, of in slices().items() if name != "kedged-network") > 500_000


FILES_LEAST = 4096  # two for each connection of the loads, and some beside them


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < FILES_LEAST:
        pytest.skip(f"no more than {before[1]} files may be open here, and the server needs {FILES_LEAST}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_all_of_it_at_once_holds_up_neither_people_nor_devices(server, curl, many_files):  # noqa: F811
    threads = len(os.listdir(f"/proc/{server.process.process.pid}/task"))
    audit = server.json("audit", "list")
    over, statuses = threading.Event(), collections.Counter()
    loads = [api_load.make(port_of(server), server.token, kind) for kind in api_load.KINDS]

    def work(load):
        statuses.update(load.run(lambda: not over.is_set()))

    workers = [threading.Thread(target=work, args=(load,)) for load in loads]
    for worker in workers:
        worker.start()
    try:
        for i in range(10):
            register(server, f"beside-{i}")
            assert curl("GET", f"{V1}/rollouts").status == 200
            wait_until_ready(lambda: curl("GET", "/healthz"))
        wait_until(lambda: len(curl("GET", f"{V1}/devices").json["devices"]) == 10, what="the devices to be stored")
        # More than a thousand connections cost no thread.
        assert len(os.listdir(f"/proc/{server.process.process.pid}/task")) == threads
    finally:
        over.set()
        for worker in workers:
            worker.join()
        for load in loads:
            load.close()
    assert set(statuses) <= {400, 404, 413, 422, None}, statuses
    assert sum(statuses.values()) > 0
    assert curl("GET", f"{V1}/rollouts").json["rollouts"] == []
    assert server.json("audit", "list") == audit
