"""What the command line says in Russian is Russian: help, usage errors, errors of settings, listings."""

from __future__ import annotations

import ast
import errno
import inspect
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import pytest
from babel.messages.extract import extract_from_dir

import tui.commands  # noqa: F401 (demo)
from importers import texts
from importers.cli import cli, main
from importers.cli.click_texts import SINGULAR, plurals
from importers.kinds import Log
from importers.redis_errors import why_not
from importers.sessions import LogLine, Status
from importers.settings import Settings
from importers.settings_file import WHY_NO_TOML
from importers.system_texts import OF_ARCHIVES, OF_CONNECTIONS, OF_NAMES, OF_SYSTEM
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


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_help_lists_what_may_be_named(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    _code, text = told([command, "--help"], capsys)
    wanted = {param.metavar for param in cli.commands[command].params} - {None}
    assert all(re.search(rf"^  {kind} +\w", text, re.M) for kind in kinds()) == bool(
        wanted & {"KIND", "KIND…"}
    )
    assert ("in_progress  идёт" in text) == ("STATUS" in wanted)


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
        ("[source]\npath = 'x", 2, "not valid TOML: the text lacks its closing quote", "не закрыт кавычкой"),
        ('[source]\npath = "x\n', 2, "not valid TOML: the text lacks its closing quote", "не закрыт кавычкой"),
        ("broken", 1, "not valid TOML: there is no = behind the key", "после имени настройки нет знака ="),
        ("[a]\n[a]", 2, "not valid TOML: the same stands above already", "то же уже задано выше"),
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


def test_all_that_tomllib_may_say_has_words_of_ours() -> None:
    made = [
        node.args[-1] for node in ast.walk(ast.parse(inspect.getsource(tomllib._parser)))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "suffixed_err"
    ]  # fmt: skip
    begins = {
        text.value if isinstance(text, ast.Constant) else text.values[0].value  # type: ignore[attr-defined]
        for text in made
    }
    assert len(begins) > 15
    assert not [text for text in begins if not text.startswith(tuple(WHY_NO_TOML))]


def keys_of(settings: type[msgspec.Struct] = Settings, within: str = "") -> Iterator[str]:
    for field in msgspec.structs.fields(settings):
        yield within + field.name
        if isinstance(field.default, msgspec.Struct):
            yield from keys_of(type(field.default), f"{within}{field.name}.")


@pytest.mark.parametrize("value", ["[]", "1979-05-27", "{ x = 5 }", "[5]"])
def test_a_value_of_another_type_is_told_of_every_setting(
    tmp_path: Path, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "obmen.toml"
    keys = [*keys_of(), "keys.help", "shops.one.source", "shops.one.source.path"]
    assert len(keys) > 35
    for key in keys:
        config.write_text(f"{key} = {value}\n", encoding="utf-8")
        code = main(["--language", "ru", "--config", str(config), "sessions"])
        error = capsys.readouterr().err
        assert (code, "`" in error) == (2, False), (key, error)
        assert f"{config}:1: " in error, (key, error)
        assert f" {key}" in error, (key, error)


def test_what_the_system_says_is_in_russian() -> None:
    """Of a file, a disk, a network: whatever name the error has for it."""
    numbers = [getattr(errno, name) for name in SYSTEM_ERRORS.split()]
    said = {os.strerror(number) for number in numbers}
    assert said == set(OF_SYSTEM)
    texts.use("ru")
    for text in (*said, *OF_NAMES, *OF_CONNECTIONS, *OF_ARCHIVES):
        for name in ("error", "why"):
            shown = str(texts.Message.of("{path}: {" + name + "}", path="/а", **{name: text}))
            assert not re.search("[A-Za-z]", re.sub(r"\.zip|PostgreSQL", "", shown)), shown
    assert str(texts.Message.of("{path}: {error}", path="/а", error="")) == "/а: "


def test_why_redis_cannot_be_reached_is_in_russian() -> None:
    try:
        raise ConnectionError("Error 111 connecting to h:1.") from OSError(111, "Connect call failed")
    except ConnectionError as error:
        why = why_not("redis://h:1", error)
    texts.use("ru")
    assert str(texts.Message.of("{error}", error=why)) == "в соединении отказано"


def test_why_a_session_was_not_deleted(obmen: Obmen) -> None:
    done = obmen.call("delete", "7", "9", LANGUAGE="ru")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "".join(
        f"Ошибка: нет сессии {number}; список: obmen sessions\n" for number in (7, 9)
    )


SYSTEM_ERRORS = (
    "EACCES EADDRINUSE EADDRNOTAVAIL EBADF EBUSY ECONNREFUSED ECONNRESET EDQUOT EEXIST EFBIG EHOSTUNREACH EINVAL EIO "
    "EISDIR ELOOP EMFILE ENAMETOOLONG ENETUNREACH ENFILE ENOENT ENOEXEC ENOMEM ENOSPC ENOTDIR ENXIO EPERM EPIPE EROFS "
    "ESTALE ETIMEDOUT"
)


def numbers() -> Iterator[tuple[str, str]]:
    for name, command in cli.commands.items():
        for param in command.params:
            if isinstance(param.type, (click.types.IntParamType, click.types.FloatParamType)):
                yield name, param.opts[-1]


@pytest.mark.parametrize(("command", "option"), numbers())
def test_what_is_no_number_is_told_in_russian(
    obmen: Obmen,
    command: str,
    option: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(obmen.folder)
    for value in ("x", "-7", "99999999"):
        code, text = told([command, option, value], capsys)
        assert (code, english_in(text)) == (2, set()) or value == "99999999", text


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
