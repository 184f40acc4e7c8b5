"""One form of every sentence: what failed under one language is told in that of who looks, from the same row."""

from __future__ import annotations

import ast
import asyncio
import sqlite3
import string
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.engine_stage import no_processes, staged, write_export

from importers import texts
from importers.database import sqlite
from importers.errors import BadFile, DatabaseError, ObmenError, SettingsError
from importers.sessions import Outcome, Status
from importers.texts import Message
from importers.worker.run import work
from tests.conftest import Obmen

TOP = Path(__file__).parents[1]
FILE = "contragents_1_1.xml"
Way = Callable[[Path], None]


def broken(folder: Path) -> None:
    path = write_export(folder / "export") / FILE
    path.write_text(path.read_text(encoding="utf-8").replace("?>", "?>\n\n", 1).replace("</Ид>", "<Ид>", 1))


def cut(folder: Path) -> None:
    path = write_export(folder / "export") / FILE
    path.write_bytes(path.read_bytes()[:-60])


def no_database(folder: Path) -> None:
    (folder / "catalog.sqlite3").write_text("not a database " * 100)


def unnamed(folder: Path) -> None:
    write_export(folder / "export", {"": "Привал", "c1": "Маршрут"})


@contextmanager
def locked(path: Path) -> Iterator[None]:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


FAILED_SESSIONS = {
    "a file with line": (broken, f"{FILE}:3: not well-formed XML: ", f"{FILE}:3: XML нарушен: "),
    "a file without": (cut, "the file ends in the middle: 1C has", "файл обрывается: 1С его ещё не дописала"),
    "a database": (
        no_database,
        "catalog.sqlite3: not a SQLite database; choose",
        "catalog.sqlite3: это не база SQLite",
    ),
    "a limit": (
        unnamed,
        "customers: 1 of 2 records are rejected, more than 0%; nothing is",
        "; ничего не изменено",
    ),
}


@pytest.mark.parametrize(("spoil", "english", "russian"), FAILED_SESSIONS.values(), ids=FAILED_SESSIONS)
def test_a_session_that_failed_under_russian(
    tmp_path: Path, obmen: Obmen, spoil: Way, english: str, russian: str
) -> None:
    asyncio.run(fail(tmp_path, spoil, limits={"max_reject_share": 0.0}))
    show_both(obmen, english, russian)


@pytest.mark.chaos
def test_a_sentence_within_a_sentence_within_a_sentence(
    tmp_path: Path, obmen: Obmen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`{path}: {why}`, where `why` is that it is locked by whom."""
    monkeypatch.setattr(sqlite, "PATIENCE_SECONDS", 0.1)
    with locked(tmp_path / "catalog.sqlite3"):
        asyncio.run(fail(tmp_path))
    show_both(obmen, "catalog.sqlite3: locked by process ", "catalog.sqlite3: занята, её держит процесс ")


async def test_what_is_missing_in_an_export(tmp_path: Path, obmen: Obmen) -> None:
    """Sentences in the place of one."""
    async with staged(tmp_path) as stage:
        no_processes(stage)
        file = tmp_path / "export" / FILE
        file.with_name("contragents_1_3.xml").write_bytes(file.read_bytes())
        file.with_name("new.xml").write_bytes(b"")
        texts.use("ru")
        assert (await stage.launch()).session
        await work(1, stage.settings)
    for language, told in (
        (
            "en",
            "The export is not whole: contragents_1_2: this part is missing, new.xml: cannot be recognised: ",
        ),
        ("ru", "В выгрузке не всё на месте: contragents_1_2: этой части нет, new.xml: не распознать: "),
    ):
        assert told in obmen.run("logs", "1", LANGUAGE=language).stdout


async def fail(folder: Path, spoil: Way = lambda _: None, **sections: dict[str, Any]) -> None:
    """By a worker that speaks Russian."""
    async with staged(folder, **sections) as stage:
        no_processes(stage)
        spoil(folder)
        texts.use("ru")
        result = await stage.launch()
        assert result.session, result
        await work(result.session.id, stage.settings)
        session = await stage.journal.session(result.session.id)
        assert session.status is Status.FAILED
        (last,) = [line for line in await stage.journal.events(session.id) if line.type == "summary"]
        assert Message(last.message, last.args) == session.error


def show_both(obmen: Obmen, english: str, russian: str) -> None:
    """In the error and in the last line of the log, by the locale, the option and the setting."""
    for command in ("show", "logs"):
        for told, of in ((english, {"LANGUAGE": "en"}), (russian, {"LANGUAGE": "ru"})):
            assert told in obmen.call(command, "1", **of).stdout, (command, of)
    assert english in obmen.json("show", "1", LANGUAGE="ru", OBMEN_LANGUAGE="en")["error"]
    assert russian in obmen.call("--language", "ru", "show", "1", LANGUAGE="en").stdout


@pytest.mark.parametrize(
    ("kind", "spoil", "english", "russian"),
    [
        (
            "customers",
            lambda _: None,
            "nowhere: there is no such folder or .zip; name",
            "nowhere: нет такой папки",
        ),
        (
            "prices",
            no_database,
            "catalog.sqlite3: not a SQLite database; choose",
            "catalog.sqlite3: это не база SQLite",
        ),
    ],
)
async def test_an_attempt_that_failed_under_russian(
    tmp_path: Path, kind: str, spoil: Way, english: str, russian: str
) -> None:
    from importers.sample import EXPORT

    async with staged(tmp_path) as stage:
        no_processes(stage)
        spoil(tmp_path)
        texts.use("ru")
        source = str(EXPORT) if kind == "prices" else str(tmp_path / "nowhere")
        result = await stage.launch(kind, source=source)
        (attempt,) = await stage.journal.attempts()
    assert result.outcome is Outcome.ERROR
    for made in (result, attempt):
        for language, told in (("en", english), ("ru", russian)):
            texts.use(language)
            assert told in str(made.reason)


async def test_a_row_that_was_translated_before_stays_as_it_is(tmp_path: Path, obmen: Obmen) -> None:
    async with staged(tmp_path) as stage:
        no_processes(stage)
        await stage.launch()
        stage.change("UPDATE session SET error = 'файл {а} не читается', error_args = '{}'")
    for language in texts.LANGUAGES:
        assert "файл {а} не читается" in obmen.run("show", "1", LANGUAGE=language).stdout


def test_how_a_sentence_in_another_is_stored() -> None:
    """Whoever knows only of `{name}` fields, as an older obmen, shows the whole in English."""
    texts.use("ru")
    who = Message.of("process {pid}", pid=7)
    error = DatabaseError(
        "{path}: {why}",
        path=Path("/a"),
        why=Message.of("locked by {who}; wait until it is done, or close it", who=who),
    )
    assert error.message.args == {
        "path": "/a",
        "why": "locked by process 7; wait until it is done, or close it",
        "why.": "locked by {who}; wait until it is done, or close it",
        "why.who": "process 7",
        "why.who.": "process {pid}",
        "why.who.pid": "7",
    }
    assert error.message.text.format_map(error.message.args).startswith("/a: locked by process 7; wait")
    assert "занята, её держит процесс 7; " in str(error)
    texts.use("en")
    assert str(error) == "/a: locked by process 7; wait until it is done, or close it"


def test_an_error_in_an_error_and_one_without_arguments() -> None:
    inner = BadFile("has {braces} of its own", "a.xml", 7)
    outer = SettingsError("{origin}: setting {key}: {error}", origin="x.toml", key="catalog.url", error=inner)
    assert (str(inner), inner.path, inner.line) == ("a.xml:7: has {braces} of its own", "a.xml", 7)
    assert str(outer) == "x.toml: setting catalog.url: a.xml:7: has {braces} of its own"
    assert (str(ObmenError()), str(ObmenError("{not} ours")), str(ObmenError(inner.message))) == (
        "",
        "{not} ours",
        str(inner),
    )


def test_no_error_is_raised_with_a_translated_text() -> None:
    trees = {
        path: ast.parse(path.read_text(encoding="utf-8"))
        for room in ("importers", "tui")
        for path in (TOP / room).rglob("*.py")
    }
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    errors = {"ObmenError"}
    while (
        more := {
            made.name for made in classes if errors & {name for base in made.bases for name in names(base)}
        }
        - errors
    ):
        errors |= more
    assert errors > {"BadFile", "SettingsError", "OutputLost", "CancelRequested"}
    found = [
        f"{path.relative_to(TOP)}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if (
            isinstance(node, ast.Call)
            and errors & set(names(node.func))
            and translates([*node.args, *node.keywords])
        )
        or (isinstance(node, ast.ClassDef) and node.name in errors and translates(node.body))
    ]
    assert found == []


def test_a_text_is_given_all_that_it_names() -> None:
    found = []
    for room in ("importers", "tui"):
        for path in (TOP / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(
                        args=[ast.Call(ast.Name("N_"), [ast.Constant(str(text))]), *_], keywords=given
                    ):
                        fields = {name for _text, name, _spec, _how in string.Formatter().parse(text) if name}
                        if fields - {one.arg for one in given}:
                            found.append((path.name, node.lineno, text))
    assert found == []


def names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr


def translates(parts: list[ast.AST] | list[ast.stmt]) -> bool:
    """Whether something in it speaks the language of this process."""
    return any(
        isinstance(node, ast.Call) and {"_", "ngettext", "render"} & set(names(node.func))
        for part in parts
        for node in ast.walk(part)
    )
