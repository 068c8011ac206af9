"""Debian's Chromium, driven by playwright-core through drive.mjs."""
import json
import pathlib
import shutil
import subprocess

FOLDER = pathlib.Path(__file__).resolve().parent


def missing() -> str | None:
    """What is not here that it takes, in words; None when all of it is."""
    if shutil.which("chromium") is None or node() is None:
        return "there is no Chromium or no Node.js here; scripts/setup installs them"
    if not (FOLDER / "node_modules" / "playwright-core").is_dir():
        return "playwright-core is not here; scripts/setup fetches it"
    return None


def node() -> str | None:
    return shutil.which("node") or shutil.which("nodejs")


class Browser:
    """ask(do=..., ...) is one of the actions of drive.mjs."""

    def __init__(self):
        self.process = subprocess.Popen([node(), "drive.mjs", shutil.which("chromium")], cwd=FOLDER, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with self.process:  # closes what it says and is told, and waits
            self.process.stdin.close()
            self.process.wait(120)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(f"{request}: {answer['error']}")
        return answer["ok"]
