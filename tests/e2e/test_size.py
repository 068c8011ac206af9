"""scripts/size: what a device needs of our code stays within its limits, and the script notices when it does not."""
import json
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

LIMITS = ROOT / "tests" / "size" / "limits.json"
COMPILERS = {"host": "gcc", "cortex-m4": "arm-none-eabi-gcc"}


def size(*words):
    return subprocess.run([ROOT / "scripts" / "size", *map(str, words)], capture_output=True, text=True, timeout=300)


@pytest.fixture
def limits(tmp_path):
    """limits(change) writes limits that `change` was applied to; the path."""
    def make(change):
        values = json.loads(LIMITS.read_text())
        change(values)
        path = tmp_path / "limits.json"
        path.write_text(json.dumps(values))
        return path
    return make


@pytest.mark.parametrize("target", COMPILERS)
def test_the_device_code_is_within_its_limits(target, tmp_path):
    if shutil.which(COMPILERS[target]) is None:
        pytest.skip(f"{COMPILERS[target]} is not here")
    done = size("--target", target, "--json", tmp_path / "size.json")
    assert done.returncode == 0, done.stderr
    rows = {row["module"]: row for row in json.loads((tmp_path / "size.json").read_text())}
    assert set(rows) == set(json.loads(LIMITS.read_text())["bytes"][target])
    assert rows["linked: bootloader"]["text"] < rows["linked: installer"]["text"] < sum(
        row["text"] for name, row in rows.items() if not name.startswith("linked"))
    # The deepest path goes through the bounded recursions as often as they are allowed.
    path = rows["linked: bootloader"]["path"]
    assert (path[0], path.count("reader.c:skip_item"), path.count("processor_check.c:check_sequence")) == (
        "kedge_boot_select", 17, 4)


@pytest.mark.parametrize("kind", ["text", "stack"])
def test_what_is_over_its_limit_is_named(limits, kind):
    path = limits(lambda values: values["bytes"]["host"]["boot"].update({kind: 1000}))
    done = size("--target", "host", "--limits", path)
    assert done.returncode == 1 and f"host: boot: {kind} is " in done.stderr and "the limit 1000" in done.stderr


@pytest.mark.parametrize("part, name, words", [
    ("recursion", "reader.c:skip_item", "calls itself"),
    ("indirect", "kedge_suit_stream_push", "kedge_suit_stream_push calls through a pointer"),
    ("bytes", "host", "host: boot has no limits")])
def test_what_has_no_bound_is_named(limits, part, name, words):
    done = size("--target", "host", "--limits", limits(lambda values: values[part].pop(name)))
    assert done.returncode == 1 and words in done.stderr


def test_the_examples_of_the_porting_guide_compile(tmp_path):
    examples = re.findall(r"^```c\n(.*?)^```", (ROOT / "docs" / "porting.md").read_text(), re.M | re.S)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        source = tmp_path / f"example-{number}.c"
        # What the guide leaves to the device's maker.
        source.write_text("#include <kedge/boot.h>\nvoid boot_main(const struct kedge_flash *, const struct kedge_flash *, "
                          "const struct kedge_flash *, const struct kedge_suit_trust *);\nstruct kedge_install_identity;\n"
                          "enum kedge_rc take_update(const struct kedge_boot *, const struct kedge_install_identity *, uint8_t);\n"
                          "_Noreturn void recover(void);\nvoid start_watchdog(void);\n"
                          "void run_image(uint8_t, uint32_t, uint32_t);\nstruct kedge_slice next_bytes(void);\n" + example)
        done = subprocess.run(["gcc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", ROOT / "include", "-I",
                               ROOT, source], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
