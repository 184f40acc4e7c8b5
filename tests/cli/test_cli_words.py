"""What the command line says in Russian is Russian: help, usage errors, errors of settings, listings."""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest
from babel.messages.extract import extract_from_dir

import tui.commands  # noqa: F401 (demo)
from importers import texts
from importers.cli import cli, main
from importers.cli.click_texts import SINGULAR, plurals
from importers.kinds import Log
from importers.sessions import LogLine, Status
from tests.conftest import Obmen

NAMES = {
    "obmen", "CommerceML", "Redis", "PostgreSQL", "Prometheus", "Celery", "HTTP", "JSON", "CSV", "SIGTERM", "Ctrl", "C",
    "zip", "prom", "node_exporter", "public", "user", "host", "name", "postgresql", "h", "x", "toml", "bash", "zsh",
    "fish", "en", "ru", "eval", "N", *Status,
}  # fmt: skip
"""Latin words that are names in Russian, too; so are options, metavars, commands and import types."""
NEVER_SHOWN = {
    "%(prog)s, version %(version)s", "(dynamic)", "Aborted!", "Choice({choices})", "d", "deprecated",
    "Confirm the action without prompting.", "Do you want to continue?", "Error: invalid input", "env var: {var}",
    "Error: The two entered values do not match.", "Missing {param_type}", "Press any key to continue...",
    "Repeat for confirmation", "Unknown standard stream '{name}'", "Windows error: {error}", "Unknown color {colour!r}",
    "Value must be an iterable.", "{value!r} is not a valid UUID.", "{value!r} does not match the format {format}.",
    "{value!r} is not a valid boolean. Recognized values: {states}",
    "{len_type} values are required, but {len_value} was given.",
}  # fmt: skip
"""Prompts, editors, and what a program says that uses click wrongly."""
WRONG = [
    "nonsense", "impor", "import", "import --nope", "import --sourc x", "import catalog --wait nan", "show", "show x",
    "import catalog --wait -1", "show 1 2 3", "sessions --limit x", "sessions --limit 0", "sessions --status x",
    "sessions --kind x", "import x", "--language de", "--config", "import --source", "import catalog --dry-run=1",
    "worker --concurrency 0", "metrics --port x", "metrics --host x", "migrate", "delete x", "show 5",
]  # fmt: skip


def told(args: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    code = main(["--language", "ru", *args])
    out, err = capsys.readouterr()
    return code, out + err


def english_in(text: str) -> set[str]:
    """Latin words, but for what is named as the user has to type it."""
    text = re.sub(r"'[^']*'|--?[a-zA-Z][\w-]*|[\w.]*[/.=_][\w./=…]*|\b[A-Z]{2,}…?|KINDs?", " ", text)
    return set(re.findall(r"[A-Za-z]+", text)) - NAMES - set(cli.commands) - set(kinds())


def kinds() -> tuple[str, ...]:
    from importers.kinds.registry import KINDS

    return KINDS


def test_all_that_click_may_say_is_translated() -> None:
    found = {
        text[0] if isinstance(text, tuple) else text
        for _file, _line, text, _comments, _context in extract_from_dir(
            Path(click.__file__).parent, keywords={"_": None, "ngettext": (1, 2)}
        )
    }
    programming = {
        text
        for text in found
        if re.search("declar|defined twice|Editing|same flag|Deprecat|Invalid start", text)
    }
    assert found - programming - NEVER_SHOWN <= {*SINGULAR, *plurals(1)}
    texts.use("ru")
    assert all(not re.search("[A-Za-z]", re.sub(r"\{[^}]*\}|Bash", "", texts._(text))) for text in SINGULAR)


@pytest.mark.parametrize("command", ["", *sorted(cli.commands)])
def test_help_is_in_russian(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = told([*command.split(), "--help"], capsys)
    assert (code, english_in(text)) == (0, set()), text


@pytest.mark.parametrize("args", WRONG)
def test_errors_of_usage_are_in_russian(
    obmen: Obmen, args: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(obmen.folder)
    code, text = told(args.split(), capsys)
    assert (code, english_in(text)) == (1 if args == "show 5" else 2, set()), text
    assert "Ошибка: " in text


def test_afterwards_the_environment_is_as_before(capsys: pytest.CaptureFixture[str]) -> None:
    for language, word in (("ru", "Вызов"), ("en", "Usage")):
        assert main(["--language", language, "import", "--help"]) == 0
        assert capsys.readouterr().out.startswith(word)
        assert "LANGUAGE" not in os.environ


@pytest.mark.parametrize(
    ("text", "line", "english", "russian"),
    [
        ("[source]\npath = 5", 2, "setting source.path: must be text in quotes", "должен быть текст в кавычках"),
        ("[limits]\n\nmax_reject_share = 'x'", 3, "limits.max_reject_share: must be a number", "должно быть число"),
        ("worker.retries = 1.5", 1, "worker.retries: must be a whole number", "должно быть целое число"),
        ("read_only = 1", 1, "read_only: must be true or false", "должно быть true или false"),
        ("# x\nsource = 'x'", 2, "source: must be a table: [source]", "должна быть таблица: [source]"),
        ("[shops.a]\nsource.path = 5", 2, "shops.a.source.path: must be text in quotes", "должен быть текст"),
        ("source = { path = 5 }", 1, "source.path: must be text in quotes", "должен быть текст"),
        ("\n[source]\npaht = 'x'", 3, "unknown setting source.paht", "неизвестная настройка source.paht"),
        ("language = 'de'", 1, "language: must be one of: auto, ru, en", "auto, ru, en"),
        ("[source]\npath = 'x", 2, 'not valid TOML: Expected "\'', "не закрыта кавычкой"),
        ("broken", 1, "not valid TOML: Expected '='", "после ключа нет знака ="),
    ],
)  # fmt: skip
def test_errors_of_settings_name_file_line_and_key(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, line: int, english: str, russian: str
) -> None:
    config = tmp_path / "obmen.toml"
    config.write_text(text, encoding="utf-8")
    for language, words in (("en", english), ("ru", russian)):
        assert main(["--language", language, "--config", str(config), "sessions"]) == 2
        error = capsys.readouterr().err
        assert f"{config}:{line}: " in error
        assert words in error
        assert "`" not in error, "no type of Python or msgspec"


def test_inspect_and_log_lines_are_in_russian(obmen: Obmen, capsys: pytest.CaptureFixture[str]) -> None:
    from importers.output import log_line

    code, text = told(["inspect", obmen.settings.source.path], capsys)
    assert code == 0
    assert "товары 150" in text
    assert not re.search("Group|Offer|Product|Section", text)
    texts.use("ru")
    log = Log("warning", "{kind}: started", {"kind": "prices"})
    line = LogLine(1, 1, "2026-01-02T03:04:05.678Z", "log", log.level, log.message, log.args)
    assert "ВНИМАНИЕ" in log_line(line)
