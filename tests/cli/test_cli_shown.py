"""What commands tell people: reasons, dry runs, rejects, the lock, times; and scripts, when something is wrong."""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from importers import texts
from importers.cli import cli, main
from importers.kinds.registry import KINDS, REGISTERED
from importers.output import print_table
from tests.cli.conftest import Printed
from tests.conftest import Obmen

BAD = (
    '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.07"><Контрагенты>'
    "<Контрагент><Ид>1</Ид><Наименование>Лес</Наименование></Контрагент>"
    "<Контрагент><Наименование>Без Ид</Наименование></Контрагент>"
    "</Контрагенты></КоммерческаяИнформация>"
)
JSON = sorted(
    name for name, command in cli.commands.items() if any(p.name == "as_json" for p in command.params)
)


@pytest.fixture
def here(obmen: Obmen, monkeypatch: pytest.MonkeyPatch) -> Obmen:
    monkeypatch.chdir(obmen.folder)
    return obmen


def out_of(capsys: pytest.CaptureFixture[str], *args: str, language: str = "en", code: int = 0) -> str:
    assert main(["--language", language, *args]) == code
    return capsys.readouterr().out


def test_counts_by_table_stand_below_their_type(here: Obmen, capsys: pytest.CaptureFixture[str]) -> None:
    done = here.run("import", "catalog", "prices")
    told = [line.split("  ") for line in done.stdout.splitlines()]
    head = next(place for place, line in enumerate(told) if line[0] == "Type")
    assert told[head][-1] == "Rejected", "nothing was without product, and 80 columns are few"
    assert max(len(line) for line in done.stdout.splitlines()[head:]) <= 80
    names = [line[0] or f"> {line[1]}" for line in told[head + 1 :]]
    assert names[0] == "catalog"
    assert {"> products", "> offers"} <= set(names[: names.index("prices")])
    assert "> prices" in names[names.index("prices") :]
    assert done.stdout.count("created") == 0, "the log says nothing of it"
    shown = out_of(capsys, "show", "1", language="ru")
    assert len(shown.splitlines()[-len(names) :]) == len(names)
    assert "  предложения " in shown
    assert max(len(line) for line in shown.splitlines()[-len(names) :]) <= 80


def test_dry_runs_rejects_and_redis_are_told(here: Obmen, capsys: pytest.CaptureFixture[str]) -> None:
    export = here.folder / "1c"
    export.mkdir()
    (export / "contragents.xml").write_text(BAD, encoding="utf-8")
    args = ("import", "customers", "--source", str(export), "--dry-run", "--force")
    done = here.call(*args, OBMEN_REDIS__URL="redis://127.0.0.1:1/0")
    assert done.returncode == 0, done
    assert "Redis did not answer" in done.stderr
    for told in (done.stdout, out_of(capsys, "show", "1")):
        assert "This was a dry run: the catalog is as before." in told
        assert "1 record was rejected; see why: obmen rejects 1" in told
    fields = dict(re.findall(r"^(\w+(?: \w+)?)  +(.*)$", told, re.MULTILINE))
    assert fields["Launched with"] == "dry run, past the limits"
    assert fields["Lock"] == "Redis did not answer"
    assert fields["Status"] == "completed"
    assert "completed (dry run)" in out_of(capsys, "sessions")
    attempts = out_of(capsys, "attempts")
    assert "Redis did not answer" in attempts
    assert "created (dry run)" in attempts
    assert "Пробный запуск" not in told
    assert "завершён (проба)" in out_of(capsys, "sessions", language="ru")
    assert "Redis не ответил" in out_of(capsys, "attempts", language="ru")


def test_reasons_are_told(here: Obmen, capsys: pytest.CaptureFixture[str]) -> None:
    assert here.json("import", "prices", code=3)["exit_code"] == 3
    assert "prices: the catalog holds no product yet" in out_of(capsys, "attempts")
    told = out_of(capsys, "attempts", language="ru")
    assert "отказано" in told
    assert "цены: в каталоге ещё нет товаров" in told
    with closing(sqlite3.connect(here.folder / "journal.sqlite3")) as db, db:
        db.execute("UPDATE attempt SET outcome = NULL")
    assert "unknown" in out_of(capsys, "attempts")


def test_who_joined_is_told_what_was_not_imported(here: Obmen, capsys: pytest.CaptureFixture[str]) -> None:
    here.json("import", "customers")
    with closing(sqlite3.connect(here.catalog, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")  # the next one waits for this
        running = here.json("import", "catalog", "--detach")
        assert main(["import", "customers", "catalog"]) == 3
        told = capsys.readouterr()
        assert told.out.strip() == str(running["id"])
        assert "Not imported: customers. Launch again when session 2 has ended, or with --wait" in told.err
        assert main(["import", "catalog", "--source", str(here.folder / "other")]) == 3
        assert "Not imported: catalog from this source." in capsys.readouterr().err
        assert main(["import", "catalog"]) == 3
        assert "Not imported" not in capsys.readouterr().err
    assert here.call("logs", "-f", "2").returncode == 0
    with closing(sqlite3.connect(here.catalog, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        here.json("import", "catalog", "--dry-run", "--detach")
        assert main(["import", "catalog"]) == 3
        assert "Not imported: catalog. Launch again when session 3 has ended" in capsys.readouterr().err
    assert here.call("logs", "-f", "3").returncode == 0


def test_import_help_lists_the_types(capsys: pytest.CaptureFixture[str]) -> None:
    for language in texts.LANGUAGES:
        told = out_of(capsys, "import", "--help", language=language)
        for kind in KINDS:
            assert re.search(rf"^  {kind} +{texts._(REGISTERED[kind].title)}$", told, re.MULTILINE)


@pytest.mark.parametrize("command", JSON)
def test_json_is_printed_on_errors_of_usage_and_settings(
    here: Obmen, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "--json", "--zzzzzz"]) == 2
    told = capsys.readouterr()
    assert json.loads(told.out) == {"error": "No such option '--zzzzzz'.", "exit_code": 2}
    assert "Error: No such option '--zzzzzz'." in told.err
    (here.folder / "config.toml").write_text("[source]\npath = 1", encoding="utf-8")
    needed = {"import": ["customers"], "inspect": ["nowhere"]}
    arguments = needed.get(command, ["1"] if cli.commands[command].params[0].name == "session_id" else [])
    code = main(["--language", "ru", command, *arguments, "--json"])
    assert json.loads(capsys.readouterr().out)["exit_code"] == code == 2


@pytest.mark.parametrize("command", ["show", "logs", "rejects", "cancel", "retry"])
def test_json_is_printed_for_an_unknown_session(
    here: Obmen, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main([command, "4711", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 1
    assert "4711" in document["error"]


def test_times_are_the_readers_with_their_offset(
    here: Obmen, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import time

    session = here.json("import", "customers")
    last_year = datetime.now(UTC) - timedelta(days=366)
    old = f"{last_year.year}-02-03T23:30:00.000Z"
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        created = datetime.fromisoformat(session["created_at"]).astimezone()
        for command in (["sessions"], ["attempts"], ["show", "1"]):
            told = out_of(capsys, *command)
            assert f"{created:%m-%d %H:%M}" in told
            assert "+09:00" in told
            assert not re.search(r"\d\dZ\b", told)
            assert f"{created:%d.%m %H:%M}" in out_of(capsys, *command, language="ru")
        assert re.match(rf"{created:%H:%M}:\d\d\+09:00 ", out_of(capsys, "logs", "1"))
        with closing(sqlite3.connect(here.folder / "journal.sqlite3")) as db, db:
            db.execute("UPDATE session SET created_at = ?", (old,))
            db.execute("UPDATE event SET at = ?", (old,))
        assert f"{last_year.year}-02-04 08:30:00+09:00" in out_of(capsys, "sessions")
        assert out_of(capsys, "logs", "1").startswith(f"{last_year.year}-02-04 08:30:00+09:00 ")
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_joined_launch_tells_the_time_of_the_reader() -> None:
    told = {"id": "1", "operator": "a", "host": "b", "since": "2020-01-02T03:04:05.678Z"}
    shown = texts.render("session {id} is running, launched by {operator}@{host} at {since}", told)
    local = datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC).astimezone()
    assert shown.endswith(f"at {local:%Y-%m-%d %H:%M:%S}{local.isoformat()[-6:]}")


SEEN = (
    ("7", "catalog", "", "root", None),
    (
        "1234567",
        "catalog, prices",
        "",
        "оператор",
        "one reason that is long enough to go on and on, to where it ends",
    ),
)


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        (100, ["Id       Types            Operator  Reason", f"7        catalog{' ' * 10}root"]),
        (40, ["Id       Types            Operator", "    Reason", f"7        catalog{' ' * 10}root"]),
        (24, ["Id       Types", "    Operator", "    Reason", "7        catalog", "    root"]),
        (3, ["Id"]),
    ],
)
def test_what_has_no_room_on_a_terminal_stands_below(
    terminal: Printed, monkeypatch: pytest.MonkeyPatch, columns: int, told: list[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", terminal.output)
    terminal.resize(columns)
    print_table(("Id", "Types", "Empty", "Operator", "Reason"), SEEN)
    lines = terminal.read().splitlines()
    assert lines[: len(told)] == told
    for cell in filter(None, [cell for row in SEEN for cell in row]):
        assert cell.replace(" ", "") in "".join(lines).replace(" ", ""), "nothing is cut"
    if columns == 24:
        assert max(map(len, lines)) <= columns


def test_nothing_is_folded_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    print_table(("Id", "Types", "Empty", "Operator", "Reason"), SEEN)
    assert len(capsys.readouterr().out.splitlines()) == 3


@pytest.mark.parametrize(
    ("listed", "en", "ru"),
    [
        ("sessions", "No sessions", "Сессий нет"),
        ("attempts", "No attempts", "Попыток нет"),
        ("rejects", "No rejects", "Отклонённых записей нет"),
    ],
)
def test_a_list_of_nothing_says_so_to_a_person(
    here: Obmen, terminal: Printed, monkeypatch: pytest.MonkeyPatch, listed: str, en: str, ru: str
) -> None:
    of = []
    if listed == "rejects":
        of = [str(here.json("import", "customers", process=True)["id"])]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", terminal.output)
        for language, told in (("en", en), ("ru", ru)):
            assert main(["--language", language, listed, *of]) == 0
            assert terminal.read() == f"{told}\r\n"


def test_a_list_of_nothing_keeps_its_head_in_a_pipe(here: Obmen, capsys: pytest.CaptureFixture[str]) -> None:
    assert out_of(capsys, "sessions").startswith("ID  Types")
