"""The command line as a function: arguments in, exit code out, whatever happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from importers import settings, texts
from importers.cli.click_texts import speak, speaking
from importers.cli.group import cli
from importers.cli.running import EXIT_FAILED, EXIT_INTERRUPTED
from importers.errors import ObmenError, SettingsError
from importers.output import OutputLost, go_on, guard, print_json, print_line
from importers.texts import _

COMPLETING = "_OBMEN_COMPLETE"
"""Set by what `obmen completion` prints; click then completes, and runs no command."""


def language_of(args: Sequence[str], environ: Mapping[str, str]) -> str:
    """The language before the settings are read: `--language`, $OBMEN_LANGUAGE, the locale."""
    for chosen in (*_values("--language", args), environ.get("OBMEN_LANGUAGE")):
        if chosen in texts.LANGUAGES:
            return chosen
    return "auto"


def _values(option: str, args: Sequence[str]) -> Iterator[str]:
    """What an option is given, where click cannot be asked."""
    for arg, following in zip(args, [*args[1:], ""], strict=True):
        name, sign, value = arg.partition("=")
        if name == option:
            yield value if sign else following


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code. Errors meant for the operator are one line on stderr, and with `--json` a
    document on stdout, too."""
    args = sys.argv[1:] if args is None else args
    if COMPLETING not in os.environ:  # click writes bytes then, which only a plain stream takes
        guard()
    with speaking():
        speak(language_of(args, os.environ))
        return _main(args, as_json=any(arg.partition("=")[0] == "--json" for arg in args))


def _main(args: Sequence[str], *, as_json: bool) -> int:
    try:
        code = cli.main(list(args), prog_name="obmen", standalone_mode=False)
    except click.exceptions.Exit as exit_:
        return exit_.exit_code
    except (click.Abort, KeyboardInterrupt):
        if as_json:
            _document(_("interrupted"), EXIT_INTERRUPTED)
        return EXIT_INTERRUPTED
    except click.ClickException as error:
        if as_json:
            _document(error.format_message(), error.exit_code)
        error.show()
        return error.exit_code
    except OutputLost as error:
        return 0 if error.quietly else _fail(str(error), error.exit_code)
    except ObmenError as error:
        return _fail(str(error), error.exit_code, as_json=as_json)
    except Exception as error:  # noqa: BLE001 (the last line: no operator should meet a traceback)
        return _fail(_unexpected(error, args), as_json=as_json)
    return code if isinstance(code, int) else 0


def _fail(message: str, code: int = EXIT_FAILED, *, as_json: bool = False) -> int:
    if as_json:
        _document(message, code)
    print_line(texts.shorten(_("Error: {message}").format(message=message), 4 * texts.LONGEST), err=True)
    return code


def _document(message: str, code: int) -> None:
    """What a script reads where nothing else could be told."""
    go_on()  # the exit code says what went wrong, whether this can be written or not
    print_json({"error": message, "exit_code": code})


def _unexpected(error: Exception, args: Sequence[str]) -> str:
    """A bug: its traceback goes to the log file, one line to the operator."""
    from importers.logs import log_to

    text = texts.shorten(f"{type(error).__name__}: {error}")
    try:
        path = _log_path(args)
    except ObmenError:  # no home directory, so no log either
        return _("unexpected {error}").format(error=text)
    log_to(path).error("unexpected", exc_info=error)
    return _("unexpected {error}; the log {path} has the details").format(error=text, path=path)


def _log_path(args: Sequence[str]) -> str:
    """That of the settings in force; where these cannot be read, the one that is there without any."""
    config = next(map(Path, _values("--config", args)), None)
    try:
        return settings.load(config).log.path
    except SettingsError:
        return str(settings.data_dir() / "obmen.log")
