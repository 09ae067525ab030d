"""How ``bounceback outbox`` shows what it found: tables for people, plain data for machines."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.overview import Dead, Overview, Standing, Waiting


class Seen(NamedTuple):
    """What the overview shows."""

    found: Overview
    dead: list[Dead]
    waiting: list[Waiting]
    now: datetime


def overview_json(seen: Seen) -> dict[str, Any]:
    """The overview as plain data; times are ISO 8601, in UTC."""
    found, now, late = seen.found, seen.now, seen.found.oldest
    kinds: dict[str, dict[str, int]] = {}
    for (standing, kind), n in sorted(found.counts.items()):
        kinds.setdefault(kind, {})[standing.value] = n
    return {
        "at": now.isoformat(),
        "states": {standing.value: n for standing, n in found.by_standing().items()},
        "kinds": kinds,
        "next_due": found.next_due.isoformat() if found.next_due else None,
        "oldest_overdue": {
            "id": late.id,
            "kind": late.kind,
            "ready_at": late.ready_at.isoformat(),
            "seconds": round((now - late.ready_at).total_seconds(), 3),
            "error": late.error,
        }
        if late
        else None,
        "dead": [dead_json(row) for row in seen.dead],
        "waiting": [
            {
                "kind": each.kind,
                "error": each.error,
                "rows": each.rows,
                "id": each.id,
                "next_try": each.next_try.isoformat(),
            }
            for each in seen.waiting
        ],
    }


def dead_json(row: Dead) -> dict[str, Any]:
    """A dead row as plain data."""
    return {
        "id": row.id,
        "kind": row.kind,
        "attempts": row.attempts,
        "error": row.error,
        "due_at": row.due_at.isoformat(),
        "ended_at": row.ended_at.isoformat() if row.ended_at else None,
    }


def show_overview(seen: Seen) -> None:
    """Print the overview."""

    found, given_up, now = seen.found, seen.dead, seen.now
    families = sorted({name for _, name in found.by_family()})
    by_family = found.by_family()
    table = Table("State", "Rows", *families, box=None, pad_edge=False)
    for standing, n in found.by_standing().items():
        cells = (by_family.get((standing, name), 0) for name in families)
        table.add_row(standing.value, str(n), *(str(cell) if cell else "" for cell in cells))
    show(table)
    if found.oldest:
        late = found.oldest
        typer.echo(f"The oldest overdue: row {late.id} ({late.kind}), due since {_time(late.ready_at)}.")
    elif found.next_due:
        typer.echo(f"The next one is due at {_time(found.next_due)}; it is {_time(now)}.")
    else:
        typer.echo("Nothing is planned.")
    if seen.waiting:
        typer.echo("")
        table = Table("Rows", "Kind", "Last error", "One of them", "Next try", box=None, pad_edge=False)
        for each in seen.waiting:
            cells = (str(each.rows), each.kind, each.error, str(each.id), _time(each.next_try))
            table.add_row(*map(Text, cells))
        show(table)
        typer.echo("These failed and are tried again by themselves.")
    n = found.by_standing()[Standing.DEAD]
    if given_up:
        typer.echo("")
        show(dead_table(given_up))
        more = f" (the latest {len(given_up)} of {n})" if n > len(given_up) else ""
        typer.echo(
            f"These were given up{more}: `bounceback outbox retry ID`, or `bounceback outbox drop ID`."
        )


def dead_table(rows: list[Dead]) -> Table:
    """Dead rows, a line each."""

    table = Table("Id", "Kind", "Tries", "Last error", "Due", "Given up", box=None, pad_edge=False)
    for row in rows:
        ended = _time(row.ended_at) if row.ended_at else ""
        cells = (str(row.id), row.kind, str(row.attempts), row.error, _time(row.due_at), ended)
        table.add_row(*map(Text, cells))
    return table


def show(table: Table) -> None:
    """Print a table."""

    console = Console()
    if not console.is_terminal:
        console.width = 1000  # wide enough that no value is broken over lines in a file or a pipe
    console.print(table)


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"
