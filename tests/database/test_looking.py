"""A look into a database that others use."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

from importers.database.looking import look


def test_who_closes_a_file_last_is_waited_for(tmp_path: Path) -> None:
    """It holds all of it for a moment, in which it is not locked by anybody that an operator could close."""
    path = tmp_path / "journal.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("CREATE TABLE meta (journal_id)")
        other.execute("INSERT INTO meta VALUES ('one')")
        other.execute("BEGIN EXCLUSIVE")
        end = threading.Timer(0.2, other.execute, ("COMMIT",))
        end.start()
        try:
            found = look(f"sqlite:///{path}", "", "meta", "SELECT journal_id FROM meta")
        finally:
            end.join()
    assert found == [("one",)]
