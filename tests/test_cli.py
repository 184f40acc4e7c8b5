"""The command line's contract: names, JSON keys, exit codes, one line for every error."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from importers.cli import cli, main
from importers.settings import Settings
from tests.conftest import Obmen

SESSION_KEYS = {
    "id", "request_id", "task_id", "type", "kinds", "status", "source", "operator", "host", "created_at", "started_at",
    "finished_at", "counts", "by_kind", "error",
}  # fmt: skip
COUNTS = ("read", "created", "updated", "unchanged", "removed", "rejected", "orphans")
Rows = Callable[..., list[tuple[Any, ...]]]


def balanced(counts: dict[str, int]) -> bool:
    return counts["read"] == sum(counts[name] for name in COUNTS[1:6])


def test_the_main_job(obmen: Obmen, rows: Rows) -> None:
    """Catalog, stocks, prices and customers of the sample arrive; the second time nothing changes."""
    done = obmen.json("import", "catalog", "stocks", "prices", "customers")
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
        plain = obmen.run(command)
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
    done = obmen.run("import", "catalog", "--source", str(export))
    session_id = "1"
    told = [done, *(obmen.run(*command, session_id) for command in (["show"], ["logs"], ["rejects"]))]
    log = (obmen.folder / "obmen.log").read_text(encoding="utf-8")
    for text in (*(run.stdout + run.stderr for run in told), log):
        assert not set(text) & {"\x1b", "\x9b", "\x07"}
        assert not any(line.startswith("12:00:00") for line in text.splitlines())
    assert "offers of unknown products" in told[2].stdout


def test_a_source_that_is_no_utf_8_is_told(obmen: Obmen) -> None:
    done = obmen.run("import", "catalog", "--source", os.fsdecode(b"/tmp/\xff"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "rename it" in done.stderr


def test_a_log_that_cannot_be_written_stops_no_import(obmen: Obmen) -> None:
    (obmen.folder / "obmen.log").mkdir()
    assert obmen.json("import", "customers")["status"] == "completed"


@pytest.mark.parametrize("command", ["show", "logs", "rejects", "cancel", "retry", "delete"])
def test_unknown_session_is_exit_1(obmen: Obmen, command: str) -> None:
    done = obmen.run(command, "4711")
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


def test_a_kind_that_nobody_knows_is_wrong_usage(obmen: Obmen) -> None:
    """One that a plug-in brought which is not there any more can still be looked for."""
    obmen.json("import", "customers")
    with closing(sqlite3.connect(obmen.folder / "journal.sqlite3")) as db, db:
        db.execute("""UPDATE session SET kinds = '["reviews"]'""")
    for command in ("sessions", "attempts"):
        done = obmen.run(command, "--kind", "nope")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert "nope: no such import type; there are: catalog," in done.stderr
        assert obmen.json(command, "--kind", "prices") == []
    assert len(obmen.json("sessions", "--kind", "reviews")) == 1
    assert obmen.json("sessions", "--kind", "reviews", "--status", "failed") == []
    assert obmen.json("attempts", "--kind", "reviews") == []


BROKEN = ["broken", "[source]\npaht = 'x'", "[catalog]\nurl = 'postgresql://x'"]


@pytest.mark.parametrize("text", BROKEN)
def test_what_needs_no_settings_works_with_broken_ones(
    obmen: Obmen, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    source = obmen.settings.source.path
    (obmen.folder / "config.toml").write_text(text, encoding="utf-8")
    monkeypatch.chdir(obmen.folder)
    for args in (
        ["--version"],
        ["--help"],
        ["inspect", source],
        *([name, "--help"] for name in cli.commands),
    ):
        assert main(args) == 0, args
    assert main(["--language", "ru", "inspect", "--help"]) == 0
    assert "Показать" in capsys.readouterr().out
    others = (
        ["import", "catalog"], ["sessions"], ["show", "1"], ["attempts"], ["logs", "1"], ["rejects", "1"], ["doctor"],
        ["cancel", "1"], ["retry", "1"], ["delete", "1"], ["worker"],
    )  # fmt: skip
    assert {args[0] for args in others} == engine_commands() - {"inspect"}
    for args in others:
        assert main(args) == 2, args
        told = capsys.readouterr()
        assert (told.out, told.err.count("\n")) == ("", 1)
        assert "config.toml: " in told.err
    room = obmen.run("--language", "en")
    assert (room.returncode, room.stderr.count("\n"), "config.toml: " in room.stderr) == (2, 1, True)


def engine_commands() -> set[str]:
    return {
        name
        for name, command in cli.commands.items()
        if command.callback.__module__.startswith("importers.cli.")
    }


def test_the_demo_needs_no_settings(obmen: Obmen, monkeypatch: pytest.MonkeyPatch) -> None:
    from tui import commands

    opened = []

    def open_room(config: Settings, *, demo: bool) -> int:
        opened.append((config.language, config.journal.url, demo))
        return 0

    (obmen.folder / "config.toml").write_text("broken", encoding="utf-8")
    monkeypatch.chdir(obmen.folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(obmen.folder / "data"))
    monkeypatch.setattr(commands, "open_room", open_room)
    assert main(["--language", "ru", "demo"]) == 0
    assert opened == [("ru", f"sqlite:///{obmen.folder}/data/obmen/demo/journal.sqlite3", True)]


def test_retry_and_delete(obmen: Obmen) -> None:
    first = obmen.json("import", "customers")
    again = obmen.json("retry", str(first["id"]), OBMEN_LAUNCH__RECENCY_SECONDS="0")
    assert (again["outcome"], again["kinds"]) == ("created", ["customers"])
    assert obmen.run("delete", str(first["id"])).returncode == 0
    assert [session["id"] for session in obmen.json("sessions")] == [again["id"]]
    assert len(obmen.json("attempts")) == 2, "attempts stay"


def test_retry_of_another_shops_session_is_refused(obmen: Obmen) -> None:
    """One journal for two shops: what one imported must not come into the other's catalog."""
    theirs = f"sqlite:///{obmen.folder}/other.sqlite3"
    first = obmen.json("import", "customers", OBMEN_CATALOG__URL=theirs)
    done = obmen.run("retry", str(first["id"]), OBMEN_LAUNCH__RECENCY_SECONDS="0")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert f"imported into {theirs}, these settings import into sqlite:///{obmen.folder}/" in done.stderr
    assert [attempt["outcome"] for attempt in obmen.json("attempts")] == ["refused", "created"]
    again = obmen.json(
        "retry", str(first["id"]), OBMEN_CATALOG__URL=theirs, OBMEN_LAUNCH__RECENCY_SECONDS="0"
    )
    assert again["outcome"] == "created"


def test_detached_import_and_following_its_log(obmen: Obmen) -> None:
    launched = obmen.json("import", "catalog", "--detach")
    assert launched["outcome"] == "created"
    followed = obmen.run("logs", str(launched["id"]), "-f")
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
                lambda kind: obmen.json("import", kind, "--wait", "60"), ("customers", "stocks", "prices")
            )
        )
    assert [(done["outcome"], done["status"]) for done in waited] == [("created", "completed")] * 3
    assert len({running["id"], *(done["id"] for done in waited)}) == 4


def test_dry_run_changes_nothing_and_reports(obmen: Obmen, rows: Rows) -> None:
    done = obmen.json("import", "catalog", "--dry-run")
    assert done["status"] == "completed"
    assert done["counts"]["created"] > 300
    assert rows(obmen.catalog, "SELECT count(*) FROM product") == [(0,)]


def test_inspect(obmen: Obmen) -> None:
    found = obmen.json("inspect", obmen.settings.source.path)
    assert found["version"] == "3.1"
    assert found["kinds"]["prices"]["files"] == 2
    assert "prices_1_1" in obmen.run("inspect", obmen.settings.source.path).stdout


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
    for command in (["import", "catalog", "--source", str(source)], ["inspect", str(source)]):
        done = obmen.run(*command)
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
    done = obmen.run("import", "catalog", "--source", str(source), "--json")
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
    assert obmen.run("import", "customers").returncode == 0
    obmen.catalog.chmod(stat.S_IRUSR)
    done = obmen.run("import", "catalog")
    assert done.returncode == 1
    assert "catalog.sqlite3" in done.stderr


def test_unknown_setting_is_exit_2(obmen: Obmen) -> None:
    (obmen.folder / "config.toml").write_text("[source]\npaht = 'x'\n", encoding="utf-8")
    done = obmen.run("sessions")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "source.paht" in done.stderr
    assert "source.path" in done.stderr


@pytest.mark.parametrize(
    "args",
    [
        ["import"], ["import", "price"], ["nonsense"], ["sessions", "--status", "done"], [],
        *(["import", "customers", "--wait", seconds] for seconds in ("nan", "inf", "1e999", "-1")),
        ["sessions", "--kind", "prics"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_wrong_usage_is_exit_2(obmen: Obmen, args: list[str]) -> None:
    done = obmen.run(*args)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr
    assert not obmen.catalog.exists(), "nothing was begun"


@pytest.mark.parametrize("command", sorted({*cli.commands, "demo"}))
def test_every_command_has_help_in_both_languages(obmen: Obmen, command: str) -> None:
    english = obmen.run("--language", "en", command, "--help")
    russian = obmen.run("--language", "ru", command, "--help")
    assert english.returncode == russian.returncode == 0
    assert english.stdout != russian.stdout
    assert any("а" <= letter <= "я" for letter in russian.stdout)


@pytest.mark.parametrize("args", [["--version"], ["--help"]])
def test_cheap_commands_load_nothing_heavy(args: list[str]) -> None:
    """No screen, no XML, no Redis, no database before they are needed."""
    code = (
        "import sys\nfrom tui.__main__ import main\n"
        f"sys.argv = ['obmen', *{args!r}]\n"
        "try: main()\n"
        "except SystemExit as done: assert not done.code, done.code\n"
        "heavy = {'textual', 'lxml', 'redis', 'aiosqlite', 'celery', 'psycopg'}\n"
        "print(*{name.split('.')[0] for name in sys.modules} & heavy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


def test_engine_works_without_the_screen(obmen: Obmen) -> None:
    """Nothing that an import needs loads textual."""
    code = (
        "import sys\nimport importers.cli as c\n"
        "c.main(['import', 'customers'])\n"
        "import importers.worker.run, importers.worker.reaper, importers.doctor, importers.kinds.inspect\n"
        "assert not {n for n in sys.modules if n.split('.')[0] in ('tui', 'textual')}"
    )
    subprocess.run([sys.executable, "-c", code], cwd=obmen.folder, check=True, capture_output=True)


def test_interrupting_the_follower_leaves_the_import_alone(obmen: Obmen) -> None:
    launched = obmen.json("import", "catalog", "--detach")
    follower = subprocess.Popen(
        [sys.executable, "-m", "tui", "logs", "-f", str(launched["id"])],
        cwd=obmen.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert follower.stdout is not None
    follower.stdout.readline()
    os.killpg(follower.pid, signal.SIGINT)
    _out, err = follower.communicate(timeout=30)
    assert "Traceback" not in err
    obmen.run("logs", "-f", str(launched["id"]))
    assert obmen.json("show", str(launched["id"]))["status"] == "completed"
