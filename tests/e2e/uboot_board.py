"""A board in qemu whose U-Boot, Debian's own, picks the slot by agent/service/boot.cmd: its environment is on a disk
that the agent writes through libubootenv, its slots are the files in the agent's state folder.

Debian's build keeps its environment in a flash chip whose buffered writes qemu 7.2 does not carry out (saveenv fails
half-way), so this board imports and exports it, with U-Boot's own code and checksum, from and to a disk.
"""
import os
import pathlib
import re
import struct
import subprocess
import zlib

from conftest import CLASS, ROOT, VENDOR, make_package, program, run

BOOT_CMD = ROOT / "agent" / "service" / "boot.cmd"
UBOOT = "/usr/lib/u-boot/qemu_arm64/u-boot.bin"
PART_BEGINS, PART_ENDS = "# ---- the board's part ----\n", "# ---- the same on every board ----\n"
CHIP_SIZE, BUILT_IN_SIZE = 64 << 20, 0x40000
ENVIRONMENT_SIZE = 0x4000
SLOT_SIZE = 0x100000
SCRIPT_AT = 0x50000000

# The image in a slot is a script that tells what runs; as a kernel would, it does not return.
BOARDS_PART = f"""
virtio scan; virtio dev 3; virtio read 0x49000000 0 {ENVIRONMENT_SIZE // 512:x}
env import -c 0x49000000 {ENVIRONMENT_SIZE:#x} BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT BOOT_TRIAL
setenv kedge_address 0x48000000
setenv kedge_read 'if test ${{slot}} = A; then virtio dev 1; else virtio dev 2; fi; virtio read ${{kedge_address}} 0 {SLOT_SIZE // 512:x}'
setenv kedge_offset 0x3000
setenv kedge_run 'source ${{kedge_image}}'
setenv kedge_save 'env export -c -s {ENVIRONMENT_SIZE:#x} 0x49000000 && virtio dev 3 && virtio write 0x49000000 0 {ENVIRONMENT_SIZE // 512:x}'
"""


def boot_script(boards_part: str) -> str:
    """boot.cmd with another board's part."""
    before, rest = BOOT_CMD.read_text().split(PART_BEGINS)
    return before + boards_part + rest.split(PART_ENDS)[1]


def script_image(folder: pathlib.Path, name: str, text: str) -> bytes:
    source, image = folder / f"{name}.cmd", folder / f"{name}.scr"
    source.write_text(text)
    done = run("mkimage", "-A", "arm64", "-T", "script", "-C", "none", "-d", source, image)
    assert done.returncode == 0, done.stderr
    return image.read_bytes()


def built_in_environment(path: pathlib.Path) -> pathlib.Path:
    """The flash chip, with an environment that is never written: it only has the script run."""
    data = f"bootcmd=source {SCRIPT_AT:#x}\0bootdelay=0\0bootargs=quiet\0".encode().ljust(BUILT_IN_SIZE - 4, b"\0")
    path.write_bytes(struct.pack("<I", zlib.crc32(data)) + data)
    os.truncate(path, CHIP_SIZE)
    return path


def emulate(folder: pathlib.Path, script: bytes, *options, timeout: float = 300) -> str:
    """Has U-Boot run a script until it switches the machine off; returns what it wrote to its console."""
    chip = built_in_environment(folder / "chip.bin")
    (folder / "boot.scr").write_bytes(script)
    done = subprocess.run(
        ["qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-m", "512", "-nographic", "-nic", "none",
         "-bios", UBOOT, "-drive", f"if=pflash,index=1,format=raw,file={chip}",
         "-device", f"loader,file={folder / 'boot.scr'},addr={SCRIPT_AT:#x},force-raw=on", *map(str, options)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=timeout)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def drive(path) -> list:
    name = pathlib.Path(path).name.replace(".", "-")
    return ["-drive", f"if=none,id={name},format=raw,file={path}", "-device", f"virtio-blk-device,drive={name}"]


class Board:
    """A board with factory firmware 1.0.0 in slot A. `boot()` switches it on."""

    def __init__(self, start, folder: pathlib.Path, keys, server_uri: str, endpoint: str, *options):
        self._start, self._folder, self._keys, self.endpoint = start, folder, keys, endpoint
        self.state, self.environment = folder / "state", folder / "environment.bin"
        self.environment.write_bytes(bytes(ENVIRONMENT_SIZE))
        self._script = script_image(folder, "pick", boot_script(BOARDS_PART))
        config = folder / "fw_env.config"
        config.write_text(f"{self.environment} 0x0 {ENVIRONMENT_SIZE:#x}\n")
        self._common = ["--state", self.state, "--trust", keys.public, "--vendor", VENDOR, "--class", CLASS,
                        "--bootloader", "uboot", "--uboot-env-config", config,
                        "--uboot-initial-env", folder / "no-initial-env"]
        self._command = [program("kedge-agent"), "--server", server_uri, "--endpoint", endpoint, *self._common, *options]
        done = run(program("kedge-agent"), "install-factory", "--slot-size", SLOT_SIZE, *self._common,
                   self.package("1.0.0", 5))
        assert done.returncode == 0, done.stderr

    def package(self, version: str, sequence: int) -> pathlib.Path:
        text = f"echo RUNS {version} ${{bootargs}}\npoweroff\n" + "# a longer firmware\n" * 3000
        return make_package(self._folder, self._keys, version, sequence,
                            script_image(self._folder, f"firmware-{version}", text))

    def power_on(self) -> tuple[str, str]:
        """U-Boot alone: the slot that it starts, by the kernel's command line, and the version that runs."""
        blank = self._folder / "blank.bin"  # the machine numbers its disks from the last one
        blank.write_bytes(bytes(512))
        console = emulate(self._folder, self._script, *drive(self.environment), *drive(self.state / "slot1.img"),
                          *drive(self.state / "slot0.img"), *drive(blank))
        ran = re.findall(r"^RUNS (\S+) .*kedge\.slot=([AB])\r?$", console, re.MULTILINE)
        assert len(ran) == 1, console
        return ran[0][1], ran[0][0]

    def boot(self) -> tuple[str, str]:
        """U-Boot, and the agent of the slot that it starts."""
        ran = self.power_on()
        told = {"KEDGE_SLOT": str("AB".index(ran[0])), "KEDGE_BOOT_TRIAL": "0"}  # this machine has another kernel
        self.process = self._start(*self._command, env={**os.environ, **told})
        return ran

    def reboot(self) -> tuple[str, str]:
        """Waits for the agent to ask for it."""
        assert self.process.process.wait(120) == 75, self.process.log
        return self.boot()

    def registered(self):
        """Waits until this boot's agent is: one of an earlier boot may have been, and be gone."""
        self.process.wait_for(r"registered with ", 120)

    def variables(self) -> dict[str, str]:
        """The environment, as U-Boot would read it."""
        content = self.environment.read_bytes()
        assert struct.unpack("<I", content[:4])[0] == zlib.crc32(content[4:])
        words = content[4:].split(b"\0\0")[0].split(b"\0")
        return dict(word.decode().split("=", 1) for word in words)

    def lose_environment(self):
        content = bytearray(self.environment.read_bytes())
        content[100] ^= 1
        self.environment.write_bytes(content)
