"""What a disk may do to the end of SQLite's write-ahead log (https://www.sqlite.org/fileformat2.html)."""

from __future__ import annotations

import struct
from pathlib import Path
from random import Random

HEADER, FRAME_HEADER = 32, 24  # bytes


def live(wal: Path) -> tuple[int, int]:
    """How many frames at the beginning are of the present round, and how long each is."""
    data = wal.read_bytes()
    if len(data) < HEADER:
        return 0, 0
    size: int = struct.unpack(">I", data[8:12])[0] + FRAME_HEADER
    frames, salts = 0, data[16:24]
    while data[(at := HEADER + frames * size) + 8 : at + 16] == salts and at + size <= len(data):
        frames += 1
    return frames, size


def append_garbage(wal: Path, random: Random) -> None:
    """Some bytes that nobody wrote, at the end of the file."""
    with wal.open("ab") as file:
        file.write(random.randbytes(random.randrange(1, 20_000)))


def flip_bytes(wal: Path, random: Random, last: int = 6) -> int:
    """A few wrong bytes among the last frames; how many frames that makes worthless."""
    frames, size = live(wal)
    if not frames:
        return 0
    first = random.randrange(max(0, frames - last), frames)
    with wal.open("r+b") as file:
        for _ in range(3):
            at = HEADER + first * size + random.randrange(size)
            file.seek(at)
            old = file.read(1)[0]
            file.seek(at)
            file.write(bytes([old ^ random.randrange(1, 256)]))
    return frames - first
