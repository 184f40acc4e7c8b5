"""`obmen import` as scripts know it: outcomes, exit codes, and what goes wrong on one line."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from support.counts import COUNTS, balanced

from importers.cli import main
from tests.conftest import Obmen

SESSION_KEYS = {
    "id", "request_id", "task_id", "type", "kinds", "status", "source", "operator", "host", "created_at", "started_at",
    "finished_at", "counts", "by_kind", "error",
}  # fmt: skip
Rows = Callable[..., list[tuple[Any, ...]]]


def test_the_main_job(obmen: Obmen, rows: Rows) -> None:
    """Catalog, stocks, prices and customers of the sample arrive; the second time nothing changes."""
    done = obmen.json("import", "catalog", "stocks", "prices", "customers", process=True)
    assert set(done) == SESSION_KEYS | {"outcome"}
    assert (done["outcome"], done["status"], done["type"]) == ("created", "completed", "catalog")
    assert done["kinds"] == ["catalog", "stocks", "prices", "customers"]
    assert set(done["counts"]) == set(COUNTS)
    assert list(done["by_kind"]) == ["catalog", "stocks", "prices", "customers"]
    assert all(balanced(counts) and counts["read"] for counts in done["by_kind"].values())
    assert rows(obmen.catalog, "SELECT count(*) FROM product") == [(300,)]
    assert rows(obmen.catalog, "SELECT count(DISTINCT price_type_id) FROM price") == [(4,)]
    assert rows(obmen.catalog, "SELECT count(*) FROM warehouse") == [(2,)]
    assert rows(obmen.catalog, "SELECT count(*) FROM customer") == [(40,)]

    again = obmen.json(
        "import", "catalog", "stocks", "prices", "customers", OBMEN_LAUNCH__RECENCY_SECONDS="0"
    )
    changed = {name: again["counts"][name] for name in ("created", "updated", "removed", "rejected")}
    assert changed == dict.fromkeys(changed, 0)
    assert again["counts"]["read"] == done["counts"]["read"]


def test_type_is_the_first_kind_chosen_and_kinds_run_in_their_own_order(obmen: Obmen) -> None:
    done = obmen.json("import", "prices", "catalog")
    assert (done["type"], done["kinds"]) == ("prices", ["prices", "catalog"])
    assert list(done["by_kind"]) == ["catalog", "prices"]


def test_the_same_import_right_after_joins(obmen: Obmen) -> None:
    obmen.env["OBMEN_LAUNCH__RECENCY_SECONDS"] = "600"  # "right after" on a busy machine
    first = obmen.json("import", "customers")
    second = obmen.json("import", "customers", code=3)
    assert (second["outcome"], second["id"]) == ("joined", first["id"])
    plain = obmen.run("import", "customers")
    assert (plain.returncode, plain.stdout.strip()) == (3, str(first["id"]))
    assert len(obmen.json("sessions")) == 1
    attempts = obmen.json("attempts")
    assert [attempt["outcome"] for attempt in attempts] == ["joined", "joined", "created"]
    assert len({attempt["request_id"] for attempt in attempts}) == 3
    joined, _joined, created = attempts
    assert list(joined)[-4:] == list(created)[-4:] == ["session_id", "lock", "reason", "reason_args"]
    assert joined["reason"].startswith("session {id} just did the same")
    assert joined["reason_args"]["id"] == str(first["id"])
    assert (created["reason"], created["reason_args"]) == (None, {})


def test_prices_before_any_catalog_are_refused(obmen: Obmen) -> None:
    refused = obmen.json("import", "prices", code=3)
    assert refused["outcome"] == "refused"
    assert obmen.json("sessions") == []


def test_a_source_that_is_no_utf_8_is_told(obmen: Obmen) -> None:
    done = obmen.run("import", "catalog", "--source", os.fsdecode(b"/tmp/\xff"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "rename it" in done.stderr


def test_a_log_that_cannot_be_written_stops_no_import(obmen: Obmen) -> None:
    (obmen.folder / "obmen.log").mkdir()
    assert obmen.json("import", "customers")["status"] == "completed"


def test_detached_import_and_following_its_log(obmen: Obmen) -> None:
    launched = obmen.json("import", "catalog", "--detach")
    assert launched["outcome"] == "created"
    followed = obmen.call("logs", str(launched["id"]), "-f")
    assert followed.returncode == 0
    assert obmen.json("show", str(launched["id"]))["status"] == "completed"


def test_wait_lets_another_import_end_first(obmen: Obmen) -> None:
    running = obmen.json("import", "catalog", "--detach")
    waited = obmen.json("import", "customers", "--wait", "60")
    assert waited["outcome"] == "created"
    assert waited["id"] != running["id"]


def test_all_who_wait_have_their_turn(obmen: Obmen) -> None:
    """One of them is faster; the others go on waiting."""
    running = obmen.json("import", "catalog", "--detach")
    with ThreadPoolExecutor() as pool:
        waited = list(
            pool.map(
                lambda kind: obmen.json("import", kind, "--wait", "60", process=True),
                ("customers", "stocks", "prices"),
            )
        )
    assert [(done["outcome"], done["status"]) for done in waited] == [("created", "completed")] * 3
    assert len({running["id"], *(done["id"] for done in waited)}) == 4


def test_dry_run_changes_nothing_and_reports(obmen: Obmen, rows: Rows) -> None:
    done = obmen.json("import", "catalog", "--dry-run")
    assert done["status"] == "completed"
    assert done["counts"]["created"] > 300
    assert rows(obmen.catalog, "SELECT count(*) FROM product") == [(0,)]


def test_an_empty_source_is_not_the_working_directory(
    obmen: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is a variable of a script that was not set."""
    config = str(obmen.folder / "config.toml")
    monkeypatch.chdir(obmen.settings.source.path)
    for args in (["import", "customers", "--source", ""], ["inspect", ""]):
        assert main(["--config", config, *args]) == 2
        assert "is empty; name the folder or .zip that 1C writes" in capsys.readouterr().err
    assert main(["inspect", "."]) == 0


def make_bad_source(path: Path, name: str) -> None:
    if name == "not a zip":
        path.write_bytes(b"PK??")
    elif name != "missing":
        path.mkdir()
        if name == "no export":
            (path / "notes.txt").write_text("not from 1C", encoding="utf-8")


@pytest.mark.parametrize("name", ["missing", "empty", "no export", "not a zip"])
def test_bad_source_is_exit_2_and_one_line(obmen: Obmen, tmp_path: Path, name: str) -> None:
    source = tmp_path / "bad source"
    make_bad_source(source, name)
    import_it = ["import", "catalog", "--source", str(source)]
    for command in (import_it, [*import_it, "--upload"], ["inspect", str(source)]):
        done = obmen.call(*command)
        assert done.returncode == 2, (command, done)
        assert str(source) in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


FILE = '<?xml version="1.0" encoding="UTF-8"?><{root}><Каталог><Ид>1</Ид><Товары>{body}</Товары></Каталог></{root}>'
GOODS = "<Товар><Ид>1</Ид><Наименование>Термос</Наименование></Товар>" * 3
BAD_FILES = {
    "cut": FILE.format(root="КоммерческаяИнформация", body=GOODS).encode()[:-60],
    "wrong root": FILE.format(root="html", body=GOODS).encode(),
    "wrong encoding": FILE.format(root="КоммерческаяИнформация", body=GOODS).encode()[:-80]
    + b"\xff\xfe\xff"
    + FILE.format(root="КоммерческаяИнформация", body=GOODS).encode()[-80:],
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file_fails_and_changes_nothing(obmen: Obmen, tmp_path: Path, rows: Rows, name: str) -> None:
    source = tmp_path / "export"
    source.mkdir()
    (source / "import.xml").write_bytes(BAD_FILES[name])
    done = obmen.call("import", "catalog", "--source", str(source), "--json")
    assert done.returncode in (1, 2), done
    assert "import.xml" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    if obmen.catalog.exists():
        assert rows(obmen.catalog, "SELECT count(*) FROM product") == [(0,)]


def test_a_database_that_is_none(obmen: Obmen) -> None:
    obmen.catalog.write_bytes(b"not a database, but long enough to look like a page" * 100)
    done = obmen.run("import", "catalog")
    assert done.returncode == 1
    assert "catalog.sqlite3" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everything")
def test_a_read_only_database(obmen: Obmen) -> None:
    assert obmen.call("import", "customers").returncode == 0
    obmen.catalog.chmod(stat.S_IRUSR)
    done = obmen.call("import", "catalog")
    assert done.returncode == 1
    assert "catalog.sqlite3" in done.stderr


def test_interrupting_the_follower_leaves_the_import_alone(obmen: Obmen) -> None:
    launched = obmen.json("import", "catalog", "--detach")
    follower = subprocess.Popen(
        [sys.executable, "-m", "tui", "logs", "-f", str(launched["id"]), "--json"],
        cwd=obmen.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert follower.stderr is not None
    follower.stderr.readline()
    os.killpg(follower.pid, signal.SIGINT)
    out, err = follower.communicate(timeout=30)
    assert "Traceback" not in err
    assert json.loads(out) == {"error": "interrupted", "exit_code": 130}
    assert "The import goes on. Follow: obmen logs -f 1" in err
    obmen.call("logs", "-f", str(launched["id"]))
    assert obmen.json("show", str(launched["id"]))["status"] == "completed"
