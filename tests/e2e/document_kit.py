"""What the tests of the documents share: the commands of a page, run as they stand there."""
import re
import subprocess


def commands_of(text: str, kind: str = "sh") -> list[str]:
    """The blocks of a page, or of a part of it, that are commands."""
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def follow(commands: str, folder, environment: dict) -> str:
    """Runs them in one shell, each of which has to be done, and says what they printed."""
    done = subprocess.run(["sh", "-eux"], input=commands, text=True, cwd=folder, env=environment, capture_output=True, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
