"""``make bench``: measure, and print one table. ``make bench ARGS="drain"`` runs one of them."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchmarks import (
    discord_figures,
    drain,
    outbox,
    paced,
    planning,
    postgres,
    rejected,
    slack_figures,
    start,
)
from benchmarks.figures import Figure
from bot.logs import configure

BENCHMARKS = {
    "rejected": rejected.run,
    "start": start.run,
    "drain": drain.run,
    "outbox": outbox.run,
    "planning": planning.run,
    "paced": paced.run,
    "postgres": postgres.run,
    "discord": discord_figures.run,
    "slack": slack_figures.run,
}


async def measure(names: list[str], console: Console) -> list[Figure]:
    """The figures of these benchmarks, each in a folder of its own."""
    figures: list[Figure] = []
    for name in names:
        with console.status(f"measuring: {name}"), tempfile.TemporaryDirectory() as folder:
            figures += await BENCHMARKS[name](Path(folder))
    return figures


def show(figures: list[Figure], console: Console) -> None:
    """The table, and below it a sentence for each line."""
    table = Table("", "What", "Figure", "Ratio", box=None, pad_edge=False)
    for number, figure in enumerate(figures, 1):
        table.add_row(str(number), figure.what, Text(figure.value, style="bold"), figure.ratio)
    console.print(table)
    console.print()
    for number, figure in enumerate(figures, 1):
        console.print(Text(f"{number}  {figure.note}", style="dim"))


def main() -> int:
    """Run what was named, or all."""
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    configure("error", "console")
    console = Console()
    if not console.is_terminal:
        console.width = 140
    began = perf_counter()
    figures = asyncio.run(measure(names, console))
    show(figures, console)
    cores, python = os.cpu_count(), platform.python_version()
    took = perf_counter() - began
    console.print(
        f"\n{cores} cores, Python {python}; {took:.0f} s. Medians of interleaved runs.", style="dim"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
