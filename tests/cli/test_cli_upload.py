"""`obmen import --upload`, and what is told of where a source is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.engine_stage import write_export

from importers.processes import this_process
from tests.conftest import Obmen

Rows = Callable[..., list[tuple[Any, ...]]]


def left(obmen: Obmen, rows: Rows) -> int:
    return int(rows(obmen.folder / "journal.sqlite3", "SELECT count(*) FROM upload")[0][0])


def test_the_source_is_sent_along(obmen: Obmen, rows: Rows) -> None:
    done = obmen.call("import", "catalog", "--upload")
    assert done.returncode == 0, done
    assert done.stderr.splitlines()[-1] == "Uploading: 3.4 of 3.4 MB"
    assert "The source was sent along from" in done.stdout
    shown = obmen.json("show", "1")
    assert shown["source"] == obmen.settings.source.path
    assert "source_host" not in shown
    assert rows(obmen.catalog, "SELECT count(*) FROM product") == [(300,)]
    assert left(obmen, rows) == 0
    again = obmen.json("import", "catalog", "--upload", code=3)
    assert (again["outcome"], again["id"], left(obmen, rows)) == ("joined", 1, 0)
    assert obmen.json("retry", "1", OBMEN_LAUNCH__RECENCY_SECONDS="0")["counts"]["unchanged"] > 300


def test_a_strange_host_of_the_source_is_shown(obmen: Obmen) -> None:
    assert "source_host" not in obmen.json("import", "customers")
    assert "source_host" not in obmen.call("show", "1").stdout
    elsewhere = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--uts", "sh", "-c", 'hostname elsewhere; exec "$@"', "-",
         sys.executable, "-m", "tui", "show", "1"],
        cwd=obmen.folder, env={**os.environ, **obmen.env}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert f"Source on      {this_process().host}\n" in elsewhere.stdout


def test_interrupted_it_leaves_nothing(obmen: Obmen, tmp_path: Path, rows: Rows) -> None:
    source = write_export(tmp_path / "1c")
    with (source / "more.xml").open("wb") as file:
        file.truncate(400 << 20)
    command = [sys.executable, "-m", "tui", "import", "customers", "--upload", "--source", str(source)]
    with subprocess.Popen(
        command, cwd=obmen.folder, env={**os.environ, **obmen.env}, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stderr
        assert run.stderr.readline().startswith("Uploading: ")
        run.send_signal(signal.SIGINT)
        _out, err = run.communicate(timeout=60)
    assert (run.returncode, "Traceback" in err) == (130, False), err
    assert rows(obmen.folder / "journal.sqlite3", "SELECT count(*) FROM session") == [(0,)]
    assert left(obmen, rows) == 0
