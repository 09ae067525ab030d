"""Ports for what must know its port before it listens.

The system gives those who ask for any port one of its own range, again and again. Whoever gave such a port
back, to name it to a program that starts, may find it taken by another test's server. These lie below that
range, and each process of the tests looks from another place on.
"""

from __future__ import annotations

import os
import socket
from itertools import count

HOST = "127.0.0.1"
FIRST, LAST = 10_000, 18_000  # below what Linux (32768), macOS and Windows (49152) hand out
_turn = count(os.getpid() * 211)  # processes that start together begin 211 ports apart


def free_port() -> int:
    """A port that nobody uses just now, and that nobody is given by chance. ``OSError`` if there is none."""
    for _ in range(LAST - FIRST):
        port = FIRST + next(_turn) % (LAST - FIRST)
        with socket.socket() as trial:
            try:
                trial.bind((HOST, port))
            except OSError:
                continue
            return port
    raise OSError(f"no port from {FIRST} to {LAST} is free")
