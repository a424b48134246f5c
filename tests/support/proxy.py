"""A wire between client and server that can be cut: at once, or after the server has answered."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class Proxy:
    """Passes bytes on. While ``lose`` is above zero, the next replies to scripts are lost with their connection.

    While ``reset`` is, they are lost too, and the client's connection is reset instead of closed. ``address`` and
    ``target`` are paths of unix sockets, or ports of this machine.
    """

    def __init__(self, address: str | int, target: str | int) -> None:
        self.target = target
        self.lose = 0
        self.reset = 0
        self.scripts_seen = 0
        self._listener = _socket(address)
        self._listener.bind(_place(address))
        self._listener.listen()
        self.address = self._listener.getsockname() if isinstance(address, str) else self._listener.getsockname()[1]
        self._losing: set[socket.socket] = set()
        self._resetting: set[socket.socket] = set()
        self._open: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = _socket(self.target)
                server.connect(_place(self.target))
                self._open += [client, server]
                for passing in (self._requests, self._replies):
                    thread = threading.Thread(target=passing, args=(client, server), daemon=True)
                    self._threads.append(thread)
                    thread.start()

    def reset_all(self) -> None:
        """Reset every connection of a client, as a router does that has forgotten it. Returns when that is done."""
        ends, self._open = self._open[1:], self._open[:1]
        for client, server in zip(ends[::2], ends[1::2], strict=True):
            self._resetting.add(client)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with suppress(OSError):  # closed long ago
                client.shutdown(socket.SHUT_RD)  # of which the client hears nothing
            _cut(server)
        while self._threads:
            self._threads.pop().join(10)
        for end in ends:
            end.close()

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
        if client not in self._resetting:
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


def _socket(address: str | int) -> socket.socket:
    return socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)


def _place(address: str | int) -> str | tuple[str, int]:
    return address if isinstance(address, str) else ("127.0.0.1", address)


def _cut(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def between(folder: Path, target: str) -> Iterator[Proxy]:
    """A proxy in front of the server that listens on the unix socket ``target``; its address is a unix socket too."""
    with _serving(Proxy(str(folder / "proxy"), target)) as proxy:
        yield proxy


@contextmanager
def between_ports(target: int) -> Iterator[Proxy]:
    """A proxy in front of the server that listens on the port ``target``; its address is a port too."""
    with _serving(Proxy(0, target)) as proxy:
        yield proxy


@contextmanager
def _serving(proxy: Proxy) -> Iterator[Proxy]:
    thread = threading.Thread(target=proxy.serve)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.close()
        thread.join(10)
