"""Commands about what there is: listings, one session, retry, delete, inspect."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from importers.cli import main
from importers.commerceml.records import Rejected
from importers.kinds.inspect import COUNTED, COUNTED_AS, TITLES
from tests.conftest import Obmen

BAD_PRODUCT = """<?xml version="1.0" encoding="UTF-8"?>
<КоммерческаяИнформация ВерсияСхемы="2.10"><Каталог><Ид>1</Ид><Товары>
<Товар><Ид>1</Ид><Наименование>Чай</Наименование></Товар><Товар><Наименование>Без ид</Наименование></Товар>
</Товары></Каталог></КоммерческаяИнформация>"""


def test_listings(obmen: Obmen) -> None:
    session = obmen.json("import", "customers")
    shown = obmen.json("show", str(session["id"]))
    assert shown == {key: value for key, value in session.items() if key != "outcome"}
    assert [s["id"] for s in obmen.json("sessions", "--status", "completed", "--kind", "customers")] == [
        session["id"]
    ]
    assert obmen.json("sessions", "--status", "failed") == []
    log = obmen.json("logs", str(session["id"]))
    assert [line["type"] for line in log].count("received") == 1
    assert session["request_id"] in log[0]["text"]
    assert obmen.json("rejects", str(session["id"])) == []
    for command in ("sessions", "attempts"):
        plain = obmen.call(command)
        assert session["request_id"] in plain.stdout
        assert plain.returncode == 0


def test_nothing_from_outside_reaches_the_terminal_raw(obmen: Obmen, tmp_path: Path) -> None:
    """No faked line of the log, no escape sequence: neither by an id nor by the name of a file."""
    export = tmp_path / "1c"
    export.mkdir()
    name = "import\n\x1b[31m.xml"
    (export / name).write_text(
        '<КоммерческаяИнформация ВерсияСхемы="2.07"><ПакетПредложений><Ид>c#</Ид><Предложения>'
        "<Предложение><Ид>x&#10;12:00:00 ERROR: all is lost</Ид><Наименование>&#x9b;31m</Наименование></Предложение>"
        "</Предложения></ПакетПредложений></КоммерческаяИнформация>",
        encoding="utf-8",
    )
    done = obmen.call("import", "catalog", "--source", str(export))
    session_id = "1"
    told = [done, *(obmen.call(*command, session_id) for command in (["show"], ["logs"], ["rejects"]))]
    log = (obmen.folder / "obmen.log").read_text(encoding="utf-8")
    for text in (*(run.stdout + run.stderr for run in told), log):
        assert not set(text) & {"\x1b", "\x9b", "\x07"}
        assert not any(line.startswith("12:00:00") for line in text.splitlines())
    assert "Offers of unknown products" in told[2].stdout


@pytest.mark.parametrize("command", ["show", "logs", "rejects", "cancel", "retry", "delete"])
def test_unknown_session_is_exit_1(obmen: Obmen, command: str) -> None:
    done = obmen.call(command, "4711")
    assert done.returncode == 1
    assert "4711" in done.stderr
    assert "Traceback" not in done.stderr


HUGE = ["9223372036854775808", "99999999999999999999999", "-9223372036854775809"]
"""Whole numbers that SQLite has not."""


@pytest.mark.parametrize("command", ["show", "logs", "rejects", "cancel", "retry", "delete"])
def test_a_number_that_no_session_can_have_is_unknown(
    obmen: Obmen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(obmen.folder)
    for number in HUGE:
        assert main([command, "--", number]) == main([command, "4711"]) == 1
        told = capsys.readouterr().err.splitlines()
        assert told[0] == told[1].replace("4711", number)


def test_a_limit_beyond_every_number_of_sessions_is_none(obmen: Obmen) -> None:
    session = obmen.json("import", "customers")
    assert [s["id"] for s in obmen.json("sessions", "--limit", HUGE[0])] == [session["id"]]
    assert len(obmen.json("attempts", "--limit", HUGE[1])) == 1


def test_a_kind_that_nobody_knows_is_wrong_usage(used: Obmen) -> None:
    """One that a plug-in brought which is not there any more can still be looked for."""
    with closing(sqlite3.connect(used.folder / "journal.sqlite3")) as db, db:
        db.execute("""UPDATE session SET kinds = '["reviews"]', status = status""")
    for command in ("sessions", "attempts"):
        done = used.call(command, "--kind", "nope")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "nope: no such import type; there are: catalog," in done.stderr
        assert used.json(command, "--kind", "prices") == []
    assert len(used.json("sessions", "--kind", "reviews")) == 1
    assert used.json("sessions", "--kind", "reviews", "--status", "failed") == []
    assert used.json("attempts", "--kind", "reviews") == []


def test_retry_and_delete(obmen: Obmen) -> None:
    first = obmen.json("import", "customers")
    again = obmen.json("retry", str(first["id"]), OBMEN_LAUNCH__RECENCY_SECONDS="0")
    assert (again["outcome"], again["kinds"]) == ("created", ["customers"])
    assert obmen.call("delete", str(first["id"])).returncode == 0
    assert [session["id"] for session in obmen.json("sessions")] == [again["id"]]
    assert len(obmen.json("attempts")) == 2, "attempts stay"


def test_retry_of_another_shops_session_is_refused(obmen: Obmen) -> None:
    """One journal for two shops: what one imported must not come into the other's catalog."""
    theirs = f"sqlite:///{obmen.folder}/other.sqlite3"
    first = obmen.json("import", "customers", OBMEN_CATALOG__URL=theirs)
    done = obmen.call("retry", str(first["id"]), OBMEN_LAUNCH__RECENCY_SECONDS="0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert f"imported into {theirs}, these settings import into sqlite:///{obmen.folder}/" in done.stderr
    assert [attempt["outcome"] for attempt in obmen.json("attempts")] == ["refused", "created"]
    again = obmen.json(
        "retry", str(first["id"]), OBMEN_CATALOG__URL=theirs, OBMEN_LAUNCH__RECENCY_SECONDS="0"
    )
    assert again["outcome"] == "created"


def test_inspect(obmen: Obmen) -> None:
    found = obmen.json("inspect", obmen.settings.source.path)
    assert found["version"] == "3.1"
    assert found["kinds"]["prices"]["files"] == 2
    assert "prices_1_1" in obmen.call("inspect", obmen.settings.source.path).stdout


def test_inspect_counts_what_would_be_rejected(obmen: Obmen, tmp_path: Path) -> None:
    (tmp_path / "import.xml").write_text(BAD_PRODUCT)
    assert obmen.json("inspect", str(tmp_path))["files"][0]["counts"] == {"Product": 1, "Rejected": 1}
    assert "products 1, rejected 1" in obmen.call("inspect", str(tmp_path)).stdout


def test_rejects_that_were_pruned_are_not_told_as_none(obmen: Obmen, tmp_path: Path) -> None:
    source = tmp_path / "with_rejects"
    source.mkdir()
    (source / "import.xml").write_text(BAD_PRODUCT)
    made = str(obmen.json("import", "catalog", "--force", "--source", str(source))["id"])
    assert "1 record was rejected; see why" in obmen.call("show", made).stdout
    with closing(sqlite3.connect(obmen.folder / "journal.sqlite3")) as db, db:
        db.execute("DELETE FROM reject")
        db.execute("DELETE FROM event")
    assert obmen.call("show", made).stdout.endswith("\nIts rejects are kept no longer.\n")
    assert obmen.call("rejects", made).stderr == "Its rejects are kept no longer.\n"
    assert obmen.call("logs", made).stderr == "Its log is kept no longer.\n"


def test_whatever_can_be_counted_has_a_title() -> None:
    told = {COUNTED_AS.get(record, record.__name__) for record in COUNTED} | {Rejected.__name__}
    assert told == set(TITLES)


def test_a_bug_goes_to_the_log_that_is_in_force(
    obmen: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("importers.kinds.inspect.inspect_export", lambda _path: 1 // 0)
    for args, log in ((["inspect", "."], "env.log"), (["--config", "c.toml", "inspect", "."], "config.log")):
        monkeypatch.chdir(tmp_path)
        if log == "env.log":
            monkeypatch.setenv("OBMEN_LOG__PATH", str(tmp_path / log))
        else:
            monkeypatch.delenv("OBMEN_LOG__PATH")
            Path("c.toml").write_text(f'log.path = "{log}"')
        assert main(args) == 1
        assert f"ZeroDivisionError: integer division or modulo by zero; the log {tmp_path / log}" in (
            capsys.readouterr().err
        )
        assert "1 // 0" in (tmp_path / log).read_text()
