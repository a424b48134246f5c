"""A wire between client and server that can be cut after the server has answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Proxy:
    """Passes bytes on. While ``lose`` is above zero, the next replies to scripts are lost with their connection.

    While ``reset`` is, they are lost too, and the client's connection is reset instead of closed.
    """

    def __init__(self, path: Path, target: str) -> None:
        self.path = path
        self.target = target
        self.lose = 0
        self.reset = 0
        self.scripts_seen = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._losing: set[socket.socket] = set()
        self._resetting: set[socket.socket] = set()
        self._open: list[socket.socket] = [self._listener]

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                self._open += [client, server]
                for passing in (self._requests, self._replies):
                    threading.Thread(target=passing, args=(client, server), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while request := client.recv(1 << 16, socket.MSG_PEEK):
                if b"EVALSHA" in request:
                    self.scripts_seen += 1
                    if self.reset:
                        self.reset -= 1
                        self._losing.add(client)
                        self._resetting.add(client)
                        server.sendall(request)
                        return  # what is left unread resets the connection when it is closed
                    if self.lose:
                        self.lose -= 1
                        self._losing.add(client)
                server.sendall(client.recv(len(request)))
        _cut(client, server)

    def _replies(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while (reply := server.recv(1 << 16)) and client not in self._losing:
                client.sendall(reply)
        if client in self._resetting:
            client.close()
        _cut(client, server)

    def close(self) -> None:
        _cut(*self._open)
        for each in self._open:
            each.close()


def _cut(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(folder: Path, target: str) -> Iterator[Proxy]:
    """A proxy in front of the server that listens on the unix socket ``target``."""
    proxy = Proxy(folder / "proxy", target)
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
