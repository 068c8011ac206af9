"""What the tests of kedge share: a server that plays what it is told, and a terminal of its own."""
import contextlib
import fcntl
import http.server
import json
import os
import pty
import re
import socket
import struct
import termios
import threading
import unicodedata
import urllib.parse

import pytest

from conftest import free_port, program, run


TOKEN = "a-token"


class Script(http.server.ThreadingHTTPServer):
    """Answers each path from `answers`: (status, body), or a function of the request that gives one; `streams` answer themselves."""

    daemon_threads = True

    def __init__(self, port=0, answers=()):
        self.answers, self.streams, self.seen = dict(answers), {}, []  # there before anybody can ask
        super().__init__(("127.0.0.1", port or free_port(socket.SOCK_STREAM)), Handler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def end(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.server.seen.append((self.command, self.path, self.headers.get("Authorization"), body))
        if parts.path in self.server.streams:
            self.server.streams[parts.path](self)
            return
        reply = self.server.answers.get(parts.path, (404, {"detail": "not in the script", "code": "not_found"}))
        status, content = reply(self) if callable(reply) else reply
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(0 if status == 204 else len(data)))
        self.send_header("Connection", "close")  # so that a server that has ended answers nobody
        self.end_headers()
        if status != 204:
            self.wfile.write(data)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


@pytest.fixture
def script():
    server = Script()
    yield server
    server.end()


@pytest.fixture
def kedge(script, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    return lambda *args, **keywords: run(program("kedge"), "--server", script.url, "--token-file", token, *args,
                                         **keywords)


@pytest.fixture
def shell_kedge(script, tmp_path):
    """shell_kedge(redirection, words): kedge as the shell starts it."""
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    return lambda redirection, *args: run("sh", "-c", f'exec "$@" {redirection}', "sh", program("kedge"), "--server", script.url,
                                          "--token-file", token, *args)


def terminal(args, columns, at_first=lambda: None):
    """Runs a program on a terminal of its own; its exit status and all that it wrote. At its first words `at_first` is called."""
    pid, master = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(args[0], [str(a) for a in args])
    output = b""
    with contextlib.suppress(OSError):  # the end of a terminal is EIO
        while data := os.read(master, 65536):
            if not output:
                at_first()
            output += data
    os.close(master)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), output.decode()


def screens(output):
    """What stood at the foot of the terminal, each time that it was drawn."""
    return [re.split(r"[\r\n]+", part) for part in re.split(r"\r?(?:\x1b\[\d+A)?\x1b\[J", output)]


def columns(text):
    """What a terminal takes for it."""
    return sum(0 if unicodedata.combining(mark) or unicodedata.category(mark) == "Mn" else
               2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)
