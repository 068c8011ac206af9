"""Updates of a board whose U-Boot, the real one in an emulator, picks the slot."""
import itertools
import shutil

import pytest

from agent_kit import DOWNLOADED, ENDPOINT, IDLE, peer
from conftest import BUILD, run
from uboot_board import Board, boot_script, emulate, script_image

pytestmark = pytest.mark.skipif(shutil.which("qemu-system-aarch64") is None or shutil.which("mkimage") is None,
                                reason="needs qemu-system-arm and u-boot-tools")


@pytest.fixture
def board(start, tmp_path, keys, peer):
    """board(options...) has booted its factory firmware and is registered with `peer`."""
    def make(*options) -> Board:
        made = Board(start, tmp_path, keys, peer.uri, ENDPOINT, *options)
        assert made.boot() == ("A", "1.0.0")
        peer.registered(ENDPOINT, 90)
        return made
    return make


def execute(peer, made: Board, version: str, sequence: int):
    """Up to Execute's 2.04; a reboot follows."""
    peer.offer(ENDPOINT, made.package(version, sequence).read_bytes())
    peer.poll(ENDPOINT, "/5/0/3", DOWNLOADED, 90)
    assert peer.execute(ENDPOINT, "/5/0/2") == "2.04"


def assert_ends(peer, result: str, version: str):
    peer.poll(ENDPOINT, "/5/0/3", IDLE, 90)
    assert (peer.read(ENDPOINT, "/5/0/5"), peer.read(ENDPOINT, "/3/0/3")) == (result, version)


def test_an_update_is_confirmed_and_boots_from_then_on(board, peer):
    made = board("--health-command", "true")
    execute(peer, made, "1.1.0", 6)
    assert made.reboot() == ("B", "1.1.0")
    made.registered()
    assert_ends(peer, "1", "1.1.0")
    variables = made.variables()
    assert (variables["BOOT_ORDER"], variables["BOOT_B_LEFT"], variables.get("BOOT_TRIAL")) == ("B A", "3", None)
    assert variables["bootargs"] == "quiet"  # what is U-Boot's own was left alone
    made.process.stop()
    for _ in range(4):  # boots of firmware that is confirmed are not counted
        assert made.power_on() == ("B", "1.1.0")
    assert made.variables() == variables


def test_firmware_that_is_ill_goes_back(board, peer):
    made = board("--health-command", '[ "$KEDGE_VERSION" != 1.1.0 ]')
    execute(peer, made, "1.1.0", 6)
    assert made.reboot() == ("B", "1.1.0")
    assert made.reboot() == ("A", "1.0.0")
    made.registered()
    assert_ends(peer, "8", "1.0.0")
    assert peer.read(ENDPOINT, "/26241/0/0") == "the health check failed: health command exit status 1"
    assert made.variables()["BOOT_ORDER"] == "A"
    # The next update goes the whole way.
    execute(peer, made, "1.2.0", 7)
    assert made.reboot() == ("B", "1.2.0")
    made.registered()
    assert_ends(peer, "1", "1.2.0")


def test_firmware_whose_agent_never_starts_has_three_boots(board, peer):
    made = board()
    execute(peer, made, "1.1.0", 6)
    assert made.process.process.wait(120) == 75, made.process.log
    assert [made.power_on() for _ in range(3)] == [("B", "1.1.0")] * 3
    assert made.boot() == ("A", "1.0.0")
    made.registered()
    assert_ends(peer, "8", "1.0.0")
    assert peer.read(ENDPOINT, "/26241/0/0") == "three boots without being confirmed"


def test_a_trial_that_lasts_longer_than_its_limit_goes_back(board, peer):
    made = board("--trial-limit", "2", "--health-command", '[ "$KEDGE_VERSION" != 1.1.0 ] || sleep 600')
    execute(peer, made, "1.1.0", 6)
    assert made.reboot() == ("B", "1.1.0")
    assert made.reboot() == ("A", "1.0.0")
    made.registered()
    assert_ends(peer, "8", "1.0.0")
    assert peer.read(ENDPOINT, "/26241/0/0") == (
        "the trial limit passed without being confirmed: not confirmed within 2 s")


def test_a_lost_environment_ends_in_the_confirmed_slot(board, peer):
    made = board()
    execute(peer, made, "1.1.0", 6)
    assert made.reboot() == ("B", "1.1.0")
    made.registered()
    assert_ends(peer, "1", "1.1.0")
    made.process.stop()
    made.lose_environment()
    assert made.boot() == ("A", "1.0.0")  # by U-Boot's defaults; its agent knows better
    assert made.reboot() == ("B", "1.1.0")
    made.registered()
    assert_ends(peer, "1", "1.1.0")
    # The old slot is being written, and the environment is lost again: what has no header is not run.
    made.process.stop()
    made.lose_environment()
    with (made.state / "slot0.img").open("r+b") as file:
        file.write(bytes(4096))
    assert made.boot() == ("B", "1.1.0")
    made.registered()
    execute(peer, made, "1.2.0", 7)
    assert made.reboot() == ("A", "1.2.0")
    made.registered()
    assert_ends(peer, "1", "1.2.0")


def test_an_image_that_u_boot_refuses_is_told_of(board, peer):
    made = board()
    execute(peer, made, "1.1.0", 6)
    assert made.process.process.wait(120) == 75, made.process.log
    with (made.state / "slot1.img").open("r+b") as file:
        file.seek(0x3000 + 100)
        file.write(b"\xff")
    assert made.boot() == ("A", "1.0.0")
    made.registered()
    assert_ends(peer, "8", "1.0.0")
    assert made.variables()["BOOT_ORDER"] == "A"


# ---- the script, and the model of it that the power cuts use ----

ENVIRONMENTS = [dict(zip(("order", "a", "b", "trial", "loads_a", "loads_b", "can_save"), values))
                for values in itertools.product(("A", "B", "A B", "B A", ""), range(4), range(4), ("", "A", "B"),
                                                "01", "01", "01")]
TABLE_PART = """
setenv kedge_address 0x48000000
setenv kedge_read 'run loads_${slot}'
setenv kedge_offset 0
setenv kedge_run 'if test -z "${picked}"; then setenv picked ${slot}; setenv picked_args "${bootargs}"; setenv picked_saved "${saved}"; fi; false'
setenv kedge_save 'setenv saved "${BOOT_ORDER}:${BOOT_A_LEFT}:${BOOT_B_LEFT}:${BOOT_TRIAL}"; test ${can_save} = 1'
"""


def by_u_boot(folder) -> list[str]:
    lines = ["mw.l 0x48000000 0x4744454b"]
    for e in ENVIRONMENTS:
        loads = [f"setenv loads_{name} {'true' if e[f'loads_{name.lower()}'] == '1' else 'false'}" for name in "AB"]
        lines += [f'setenv BOOT_ORDER "{e["order"]}"', f'setenv BOOT_A_LEFT {e["a"]}', f'setenv BOOT_B_LEFT {e["b"]}',
                  f'setenv BOOT_TRIAL {e["trial"]}', f'setenv can_save {e["can_save"]}', *loads, "setenv picked",
                  "setenv saved", "setenv picked_saved", "setenv picked_args", "setenv bootargs quiet",
                  "source 0x52000000", 'echo "RESULT ${picked}|${picked_saved}|${picked_args}"']
    script_image(folder, "pick", boot_script(TABLE_PART))
    console = emulate(folder, script_image(folder, "table", "\n".join([*lines, "poweroff", ""])),
                      "-device", f"loader,file={folder / 'pick.scr'},addr=0x52000000,force-raw=on")
    return [line[len("RESULT "):].rstrip("\r") for line in console.split("\n") if line.startswith("RESULT ")]


def test_the_script_does_what_the_model_of_the_power_cuts_does(tmp_path):
    told = "".join("|".join(str(value) for value in e.values()) + "\n" for e in ENVIRONMENTS)
    done = run(BUILD / "tests" / "powercut" / "uboot-model", stdin=None, input=told)
    modelled = done.stdout.split("\n")[:-1]
    wanted = [f"{line}|quiet kedge.slot={line[0]}" if line[0] != "|" else "||" for line in modelled]
    ran = by_u_boot(tmp_path)
    assert len(ran) == len(wanted) == len(ENVIRONMENTS) == 1920
    assert [(e, got, want) for e, got, want in zip(ENVIRONMENTS, ran, wanted) if got != want] == []
