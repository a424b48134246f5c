"""The server that a benchmark measures, as its command line names it."""

from __future__ import annotations

import argparse

from tests.support.replication import free_ports
from tests.support.servers import SERVERS


def parse_with_server(parser: argparse.ArgumentParser, *, default: str) -> argparse.Namespace:
    """The options of a parser to which ``--server`` is added; it must be installed."""
    parser.add_argument("--server", choices=SERVERS, default=default, help=f"which server (default: {default})")
    options = parser.parse_args()
    find, remedy = SERVERS[options.server]
    if find() is None:
        parser.error(f"{options.server} is not installed: {remedy}")
    return options


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with free_ports(1) as (port,):
        return port
