"""What the bench does for minutes, done once: so that it still works when it is needed."""

from __future__ import annotations

import sys
from pathlib import Path

from support.terminal import ASK, Terminal

from bench import cluster, screen, streaming
from bench.measure import environment
from bench.room import ROOM
from importers.sample import EXPORT
from importers.sessions import open_journal


def test_races_are_counted(tmp_path: Path, postgres: str) -> None:
    assert cluster.races(tmp_path / "races", postgres, "", processes=4, targets=3).measured == 0


async def test_a_million_sessions_are_made_of_a_thousand(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    await screen.write_sessions(path, 40)
    screen.multiply(path, 3)
    journal = await open_journal(f"sqlite:///{path}")
    try:
        newest = await journal.find(limit=1000)
        assert [session.id for session in newest.sessions] == [*range(120, 0, -1)]
        created = [session.created_at for session in newest.sessions]
        assert sorted(created, reverse=True) == created
        assert await journal.count() == 120
        held = await streaming.claimed(journal)
        assert held.id > 120
    finally:
        await journal.close()


async def test_keys_and_bytes_of_the_room_are_measured(tmp_path: Path) -> None:
    await screen.write_sessions(tmp_path / "journal.sqlite3", 40)
    moves = screen.Moves(ROOM, environment(tmp_path, EXPORT))
    moves.go(keys=2, idle=0.5)
    assert len(moves.taken) == 2
    assert all(0 < seconds < 5 for seconds in moves.taken)
    assert all(100 < size < screen.DOWN_BYTES for size in moves.sizes)
    assert moves.idle == 0


def test_a_terminal_is_read_as_fast_as_its_line_and_answers_what_it_has_read(tmp_path: Path) -> None:
    program = (
        "import os, sys, tty; tty.setraw(0)\n"
        f"os.write(1, b'first' + b'.' * 500 + b'last' + {ASK!r})\n"
        "os.write(1, b'answered' + os.read(0, 99)[-4:])"
    )
    with Terminal([sys.executable, "-c", program], {}, answers=True, bits_per_second=16_000) as terminal:
        assert terminal.ended() == 0
        first, last = terminal.shown_at("first"), terminal.shown_at("last")
        assert first
        assert last
        assert 0.2 < last - first < 2
        assert "answered;2$y" in terminal.text
        assert max(len(data) for _at, data in terminal.pieces) == 20
