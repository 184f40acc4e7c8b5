"""Output that cannot hold the text, or takes none: exit codes stay those of what was done, and one line tells of it."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from support.engine_stage import make_settings, no_processes, rows, staged, write_export

from importers import output, texts
from importers.kinds import Log, Reject
from importers.logs import log_to
from importers.processes import this_process
from importers.sessions import Status
from importers.shared_files import make_folder
from importers.texts import Message
from tests.conftest import Obmen

PEOPLE = {"c1": "Лесная тропа №1", "c2": "𝕻rivet"}


def run(
    obmen: Obmen, *args: str, stdout: IO[Any] | int | None, **env: str
) -> subprocess.CompletedProcess[str]:
    """With a standard output of one's own; None: closed, as by `>&-`."""
    command = [sys.executable, "-m", "tui", *args]
    if stdout is None:
        command = ["sh", "-c", '"$@" >&-', "sh", *command]
    return subprocess.run(
        command,
        cwd=obmen.folder,
        env={**os.environ, **obmen.env, **env},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if stdout is None else stdout,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        timeout=60,
        check=False,
    )


def broken_pipe() -> int:
    """The end that is written to, of a pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.fixture
def export(obmen: Obmen) -> Obmen:
    obmen.env["OBMEN_SOURCE__PATH"] = str(write_export(obmen.folder / "1c", PEOPLE))
    obmen.env["OBMEN_LAUNCH__RECENCY_SECONDS"] = "0"
    return obmen


@pytest.mark.parametrize("encoding", ["ascii", "koi8-r", "cp1251"])
def test_an_encoding_that_has_not_all_letters(export: Obmen, encoding: str) -> None:
    env = {"PYTHONIOENCODING": encoding, "OBMEN_LANGUAGE": "ru"}
    with (export.folder / "out").open("w+b") as out:
        assert run(export, "import", "customers", stdout=out, **env).returncode == 0
        assert run(export, "import", "customers", "--json", stdout=out, **env).returncode == 0
        assert run(export, "doctor", stdout=out, **env).stderr == ""
    (export.folder / "out").read_text(encoding=encoding)


@pytest.mark.parametrize("encoding", ["ascii", "koi8-r", "utf-8"])
def test_json_holds_every_letter_in_every_encoding(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"name": "Лес 𝕻 \udcff \x1b[31m \x9b31m \u202e", "n": 1.5, "none": None}
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    output.guard()
    output.print_json(told)
    text = raw.getvalue().decode(encoding)
    assert json.loads(text) == told
    assert texts.plain(text.replace("\n", "")) == text.replace("\n", ""), "nothing raw"


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("args", [(), ("--json",)])
def test_an_import_is_what_it_is_though_nobody_can_be_told(
    export: Obmen, args: tuple[str, ...], full: bool
) -> None:
    for kind, code in (("customers", 0), ("prices", 3)):
        out: int | None = os.open("/dev/full", os.O_WRONLY) if full else None
        done = run(export, "import", kind, *args, stdout=out)
        told = [line for line in done.stderr.splitlines() if "standard output cannot be written" in line]
        assert (done.returncode, len(told)) == (code, 1 if code == 0 or args else 0), done.stderr
        assert "Traceback" not in done.stderr
    assert export.json("sessions")[0]["status"] == "completed"
    done = run(export, "retry", "1", stdout=broken_pipe())
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert export.json("show", "2")["status"] == "completed"


def test_an_import_that_fails_fails_though_nobody_can_be_told(export: Obmen) -> None:
    (export.folder / "1c" / "contragents_1_2.xml").write_text(
        "<КоммерческаяИнформация><Контра", encoding="utf-8"
    )
    done = run(export, "import", "customers", stdout=os.open("/dev/full", os.O_WRONLY))
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr


COMMANDS = [
    ("sessions",), ("sessions", "--json"), ("show", "1"), ("attempts",), ("logs", "1"), ("logs", "-f", "1"),
    ("rejects", "1"), ("rejects", "1", "--csv"), ("rejects", "1", "--json"), ("inspect", "1c"), ("--help",),
]  # fmt: skip


@pytest.mark.chaos
def test_a_listing_that_cannot_be_shown_is_one_line_and_no_success(export: Obmen) -> None:
    export.json("import", "customers")
    for command in COMMANDS:
        for out in (os.open("/dev/full", os.O_WRONLY), None):
            done = run(export, *command, stdout=out)
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), (command, done.stderr)
            assert done.stderr.startswith("Error: standard output cannot be written: ")
        done = run(export, *command, stdout=broken_pipe())
        assert (done.returncode, done.stderr) == (0, ""), "as a reader like head wants it"


@pytest.mark.chaos
def test_the_doctor_finds_the_same_though_nobody_can_be_told(export: Obmen) -> None:
    for out in (os.open("/dev/full", os.O_WRONLY), None, broken_pipe()):
        done = run(export, "doctor", stdout=out)
        assert (done.returncode, done.stderr.count("\n")) == (0, 1), done.stderr
    export.env["OBMEN_SOURCE__PATH"] = "nowhere"
    assert run(export, "doctor", stdout=broken_pipe()).returncode == 1


@pytest.mark.parametrize("error", ["full", "closed"])
def test_what_is_lost_on_stderr_stops_nothing(export: Obmen, error: str) -> None:
    end = "2>/dev/full" if error == "full" else "2>&-"
    done = subprocess.run(
        ["sh", "-c", f'"$@" {end}', "sh", sys.executable, "-m", "tui", "import", "customers", "--json"],
        cwd=export.folder, env={**os.environ, **export.env}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "completed")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as an account that is not there")
def test_an_account_that_the_system_does_not_know(tmp_path: Path) -> None:
    """No passwd entry, no HOME."""
    code = (
        "import os, sys\nfrom tui.__main__ import main\nfrom importers import cli, output, settings\n"
        "os.setuid(54321)\nos.environ.pop('HOME', None)\nsys.argv = ['obmen', 'sessions']\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd="/", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "set $HOME" in done.stderr


# What is printed


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t=", "\r=", " =", "\n=", "＝", "＠"])
def test_no_cell_is_a_formula_and_nothing_is_raw(sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_csv(("id", "line"), [(f"{sign}cmd|' /C calc'!A1", 7), ("a\x1b[31m\u202e\u2028b\x9b", None)])
    told = capsys.readouterr().out
    table = list(csv.reader(io.StringIO(told)))
    assert table[0] == ["id", "line"]
    assert table[1][0].startswith("'")
    assert table[1][1] == "7"
    assert table[2] == ["a�[31m��b�", ""]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "＝", "－"])
@pytest.mark.parametrize("between", [";", "\t", "\n", "\r\n", "; ", ';"', ';;" "'])
def test_nor_where_the_spreadsheet_separates_by_another_sign(
    sign: str, between: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Excel in Russian takes the semicolon, and a comma for the decimal point."""
    value = f"x{between}{sign}1+1"
    output.print_csv(("kind", "id"), [("catalog", value), ("catalog", f'"{value}"')])
    told = capsys.readouterr().out
    for delimiter in ",;\t":
        for row in csv.reader(io.StringIO(told), delimiter=delimiter):
            for cell in row:
                assert cell.lstrip(' "')[:1] not in ("=", "+", "-", "@", "＝", "－"), row
    kept = list(csv.reader(io.StringIO(told)))[1][1]
    assert kept.count("'") == 1
    assert kept.replace("'", "") == texts.plain(value), "nothing is lost"


def test_signs_inside_of_a_cell_are_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    value = "a-b; c=d; 5+5, -1;x"
    output.print_csv(("id",), [(value,)])
    assert list(csv.reader(io.StringIO(capsys.readouterr().out)))[1] == [value]


def test_settings_that_are_no_settings_are_told_plainly(tmp_path: Path) -> None:
    """A config.toml that lies in the working directory may be anybody's."""
    folder = tmp_path / "a\x1b[31m\u202e"
    folder.mkdir()
    (folder / "config.toml").write_text('"\\u001b[31m\\u202e" = 1', encoding="utf-8")
    for args in ((), ("sessions",), ("--config", str(folder / "config.toml"), "sessions")):
        done = Obmen(folder).run(*args)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert texts.plain(done.stderr.strip()) == done.stderr.strip()


HUGE = "Ы" * 9_000_000


def test_a_name_of_megabytes_is_shortened_where_it_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = texts.render("{name}: {count}", {"name": HUGE, "count": 3})
    assert (len(shown), shown[-4:]) == (texts.LONGEST + 3, "…: 3")
    output.print_table(("id",), [(HUGE,)])
    assert len(capsys.readouterr().out) < 2000
    log_to(str(tmp_path / "log")).warning("session %d: %s", 1, HUGE)
    assert len((tmp_path / "log").read_text(encoding="utf-8")) < 30_000


async def test_what_the_journal_keeps_of_it(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        no_processes(stage)
        result = await stage.launch()
        assert result.session
        owner = this_process()
        session = await stage.journal.claim(result.session.id, result.session.target, owner, 30)
        assert session
        reject = Reject("customers", "a.xml", 1, HUGE, "{id}: no", {"id": HUGE}, "<…>")
        lines = [Log("warning", "{name}: no", {"name": HUGE}), Log("error", HUGE)]
        await stage.journal.write(
            session.id, session.fence, lines, [reject], done=0, total=0, running_kind=None, by_kind={}
        )
        await stage.journal.finish(
            session.id, session.fence, Status.FAILED, {}, Message(HUGE, {"name": HUGE})
        )
    assert (tmp_path / "journal.sqlite3").stat().st_size < 1 << 20
    ((kept,),) = rows(tmp_path / "journal.sqlite3", "SELECT record_id FROM reject")
    assert (len(kept), kept[-1]) == (texts.LONGEST, "…")


# Who may read the files


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize(
    ("shared", "mode"),
    [(0o755, 0o600), (0o777, 0o600), (0o2755, 0o600), (0o2770, 0o660), (0o2775, 0o660)],
)
def test_only_the_owner_or_the_group_of_a_shared_folder_may_read(
    tmp_path: Path, umask: int, shared: int, mode: int
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(shared)
    write_export(tmp_path / "export")
    config = make_settings(folder, source={"path": str(tmp_path / "export")})
    code = (
        "import os, sys; os.umask(int(sys.argv[1]))\nfrom importers import cli\n"
        "assert cli.main(['import', 'customers']) == 0\n"
        "import asyncio; from importers.sessions import open_journal\n"
        f"journal = asyncio.run(open_journal({config.journal.url!r}))\n"
        "print(*sorted((p, oct(os.stat(p).st_mode & 0o777)) for p in os.listdir('.') if p != 'images'))\n"
        "asyncio.run(journal.close())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(umask)],
        cwd=folder, env={**os.environ, **config.to_env()}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert "journal.sqlite3-wal" in last
    assert "catalog.sqlite3" in last
    assert "obmen.log" in last
    assert last.count(oct(mode)) == last.count("0o")


def test_nobody_else_may_write_a_folder_that_is_made(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_folder(tmp_path / "made" / "below")
    finally:
        os.umask(before)
    for folder in (tmp_path / "made", tmp_path / "made" / "below"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o755


# The worker's settings


@pytest.mark.parametrize("how", ["relative", "broken", "other"])
def test_a_worker_has_the_settings_of_the_launch(obmen: Obmen, tmp_path: Path, how: str) -> None:
    """It has another working directory, and the launcher's environment."""
    user = tmp_path / "user" / "obmen"
    user.mkdir(parents=True)
    obmen.env["XDG_CONFIG_HOME"] = str(user.parent)
    args: tuple[str, ...] = ("--config", "config.toml")
    if how == "relative":
        obmen.env["OBMEN_CONFIG"], args = "config.toml", ()
    elif how == "broken":
        (user / "config.toml").write_text("= broken", encoding="utf-8")
    else:
        (user / "config.toml").write_text("worker.lease_seconds = 1.0", encoding="utf-8")
    done = obmen.run(*args, "import", "customers", "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "completed"), done.stderr


# The exit codes of inspect


@pytest.mark.chaos
def test_inspect_says_2_of_whatever_cannot_be_inspected(obmen: Obmen, tmp_path: Path) -> None:
    good = Path(obmen.settings.source.path)
    whole = next(good.rglob("*.xml")).read_bytes()
    cut, root, zipped = tmp_path / "cut", tmp_path / "root", tmp_path / "bad.zip"
    for folder, content in ((cut, whole[:-50]), (root, b'<?xml version="1.0"?><html/>')):
        folder.mkdir()
        (folder / "import.xml").write_bytes(content)
    zipped.write_bytes(b"PK\x03\x04" + bytes(100))
    damaged = tmp_path / "damaged.zip"
    with ZipFile(damaged, "w", ZIP_DEFLATED) as archive:
        archive.writestr("import.xml", whole)
    content = bytearray(damaged.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20] = bytes(20)
    damaged.write_bytes(content)
    for path in (cut, root, zipped, damaged, tmp_path / "missing", tmp_path / "config.toml", "/dev/null"):
        for args in ((), ("--json",)):
            done = obmen.run("inspect", str(path), *args)
            assert (done.returncode, done.stderr.count("\n")) == (2, 1), (path, done.stderr)
    assert obmen.run("inspect", str(good)).returncode == 0
