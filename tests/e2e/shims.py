"""Faults of the system below a server: a wall clock that is set, a disk that stalls, a network that is bad."""
import mmap
import os
import pathlib
import struct
import time

from conftest import Server, run, wait_until

HERE = pathlib.Path(__file__).parent


class ShimmedServer(Server):
    """A kedged with a library of ours before the system's; the library is steered by a shared page."""

    SOURCE = ""

    def __init__(self, start_process, data: pathlib.Path, *extra, **keywords):
        self._library = data.with_name(f"{self.SOURCE}.so")
        made = run("cc", "-shared", "-fPIC", "-O1", "-o", self._library, HERE / f"{self.SOURCE}.c", "-ldl")
        assert made.returncode == 0, made.stderr
        self._page_file = data.with_name(f"{self.SOURCE}.page")
        self._page_file.write_bytes(bytes(mmap.PAGESIZE))
        with open(self._page_file, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        # A sanitizer wants to be the first library, and does without.
        environment = {**os.environ, "LD_PRELOAD": str(self._library), **self.environment(data),
                       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
        super().__init__(lambda *args, **others: start_process(*args, env=environment, **others), data, *extra, **keywords)

    def environment(self, data: pathlib.Path) -> dict:
        raise NotImplementedError


class ServerWithResolver(ShimmedServer):
    """A kedged that waits for the address of any name below .invalid for minutes."""

    SOURCE = "resolver_shim"

    def environment(self, data):
        return {"KEDGE_TEST_RESOLVER": str(self._page_file)}

    def asked(self) -> int:
        """How many such names it has asked for."""
        return struct.unpack_from("I", self._page, 0)[0]


class ServerWithClock(ShimmedServer):
    """A kedged whose wall clock can be set."""

    SOURCE = "clock_shim"

    def environment(self, data):
        return {"KEDGE_TEST_CLOCK": str(self._page_file)}

    def _put_ahead(self, which: int, by_s: float):
        ahead_ns, = struct.unpack_from("q", self._page, 8 * which)
        struct.pack_into("q", self._page, 8 * which, ahead_ns + int(by_s * 1e9))

    def set_clock(self, by_s: float):
        """Sets it by so many seconds from where it stands."""
        self._put_ahead(0, by_s)

    def time_passes(self, by_s: float):
        """For what it has to do with devices it is so much later at once; nobody else grows older."""
        self._put_ahead(1, by_s)

    def all_grow_older(self, by_s: float):
        """For its rollouts, too. Nobody has set a clock: the time since the boot is as much later."""
        for which in range(3):
            self._put_ahead(which, by_s)


class ServerWithEpoll(ShimmedServer):
    """A kedged that is not told of the first bytes of its connections."""

    SOURCE = "epoll_shim"

    def environment(self, data):
        return {"KEDGE_TEST_EPOLL": str(self._page_file)}

    def missed(self) -> int:
        return struct.unpack_from("i", self._page)[0]


class ServerWithDisk(ShimmedServer):
    """A kedged whose database is on a disk that can stall."""

    SOURCE = "disk_shim"

    def environment(self, data):
        return {"KEDGE_TEST_DISK": str(self._page_file), "KEDGE_TEST_DISK_FILES": str(data / "kedged.db")}

    def stall(self):
        struct.pack_into("i", self._page, 0, 1)

    def wait_until_stalled(self):
        """Until the store stands still in a call to the disk."""
        wait_until(lambda: struct.unpack_from("i", self._page, 4)[0] > 0, 60, "the store to wait for its disk")

    def go_on(self):
        struct.pack_into("i", self._page, 0, 0)


class ServerInWeather(ShimmedServer):
    """A kedged whose datagrams are lost, come twice and come late, 20 of 1000 each, either way."""

    SOURCE = "weather_shim"

    def environment(self, data):
        return {"KEDGE_TEST_WEATHER_PAGE": str(self._page_file), "KEDGE_TEST_WEATHER": "20"}

    def counts(self) -> dict:
        return dict(zip(("lost", "repeated", "late"), struct.unpack_from("3q", self._page)))


def preloaded(start_process, source: str, folder: pathlib.Path, **environment):
    """Like `start`, with a library of ours before the system's, for programs that are not servers."""
    library = folder / f"{source}.so"
    made = run("cc", "-shared", "-fPIC", "-O1", "-o", library, HERE / f"{source}.c", "-ldl")
    assert made.returncode == 0, made.stderr
    whole = {**os.environ, "LD_PRELOAD": str(library), **environment,
             "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}
    return lambda *command: start_process(*command, env=whole)


class WallClock:
    """The wall clock of programs that `start` starts; it can be set while they run."""

    def __init__(self, start_process, folder: pathlib.Path):
        page = folder / "clock.page"
        page.write_bytes(bytes(mmap.PAGESIZE))
        with open(page, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.start = preloaded(start_process, "clock_shim", folder, KEDGE_TEST_CLOCK=str(page))

    def set_year(self, year: int | None):
        """To the first of June of that year; None: to what it really is."""
        ahead_s = 0 if year is None else int(time.mktime((year, 6, 1, 0, 0, 0, 0, 0, 0)) - time.time())
        struct.pack_into("q", self._page, 0, ahead_s * 10**9)


class BrokenDisk:
    """A disk below a folder, for programs that `start` starts, that can refuse what is written."""

    def __init__(self, start_process, folder: pathlib.Path, below: pathlib.Path):
        page = folder / "broken_disk.page"
        page.write_bytes(bytes(mmap.PAGESIZE))
        with open(page, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        self.start = preloaded(start_process, "broken_disk_shim", folder, KEDGE_TEST_BROKEN_DISK=str(page),
                               KEDGE_TEST_BROKEN_DISK_FOLDER=str(below))

    def breaks(self, error: int, after: int = 0):
        """From here on, once `after` more calls have been let through, the others fail with `error`."""
        struct.pack_into("3i", self._page, 0, 0, after, 0)
        struct.pack_into("i", self._page, 0, error)

    def is_well(self):
        struct.pack_into("i", self._page, 0, 0)

    def refused(self) -> int:
        return struct.unpack_from("i", self._page, 8)[0]


class FlashDevices:
    """Two slots and a boot record on devices, for programs that `start` starts: block devices, or NOR flash."""

    BLOCK, MTD, NOR, NOWHERE = 1, 2, 3, 0xFFFFFFFF
    # As in flash_shim.h.
    FIELDS = ("kind", "number", "erase_size", "write_size", "type", "uneven", "in_use", "read_only", "gone",
              "erase_error", "sync_error", "bad_write_at", "bad_read_at", "forgets_at", "writes", "erases", "syncs",
              "violations")
    COUNT = 3

    def __init__(self, start_process, folder: pathlib.Path, kind: int, size: int = 512 * 1024, erase_size: int = 4096,
                 write_size: int = 1):
        self.kind = kind
        self.paths = [folder / f"device{i}" for i in range(self.COUNT)]
        page = folder / "flash.page"
        page.write_bytes(bytes(mmap.PAGESIZE))
        with open(page, "r+b") as file:
            self._page = mmap.mmap(file.fileno(), mmap.PAGESIZE)
        for i, path in enumerate(self.paths):
            path.write_bytes((b"\xff" if kind == self.MTD else b"\xa5") * size)
            self.set(i, kind=kind, number=i + 4, erase_size=erase_size, write_size=write_size, type=self.NOR,
                     bad_write_at=self.NOWHERE, bad_read_at=self.NOWHERE, forgets_at=self.NOWHERE)
        self.options = ["--slot0", self.paths[0], "--slot1", self.paths[1], "--boot-record", self.paths[2]]
        self.start = preloaded(start_process, "flash_shim", folder, KEDGE_TEST_FLASH=str(page),
                               KEDGE_TEST_FLASH_FILES=":".join(map(str, self.paths)))

    def _offset(self, device: int, field: str) -> int:
        return 4 * (device * len(self.FIELDS) + self.FIELDS.index(field))

    def set(self, device: int, **fields):
        for field, value in fields.items():
            struct.pack_into("I", self._page, self._offset(device, field), value)

    def get(self, device: int, field: str) -> int:
        return struct.unpack_from("I", self._page, self._offset(device, field))[0]

    def violations(self) -> int:
        return sum(self.get(device, "violations") for device in range(self.COUNT))
