"""What arguments and options may be, each with its error in the reader's language."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from importers import texts, words
from importers.cli import shown
from importers.texts import N_, _

if TYPE_CHECKING:
    from importers.sessions import Session, Status
    from importers.settings import Settings

NEWEST, PATIENCE_SECONDS = 50, 1.0


def settings_named(ctx: click.Context) -> Settings | None:
    """Those that the words typed so far would be for: while a line is completed, nothing of it is run."""
    from importers import settings
    from importers.errors import ObmenError

    config: Path | None = ctx.find_root().params.get("config")
    try:
        return settings.load(config and config.expanduser())  # a shell would do that only later
    except (ObmenError, RuntimeError):  # RuntimeError: of an account that is not there
        return None


class SessionId(click.ParamType[int]):
    """The number of one; `ended`: the command is of use with such ones only, or with others only."""

    name = "id"

    def __init__(self, *, ended: bool | None = None) -> None:
        self.ended = ended

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        """The newest ones, when the journal tells them soon."""
        config = settings_named(ctx)
        found = asyncio.run(_newest(config, self.ended)) if config else []
        return [
            CompletionItem(
                str(session.id),
                help=f"{shown.kinds(session.kinds)}: {shown.status(session)}, {texts.when(session.created_at)}",
            )
            for session in found
            if str(session.id).startswith(incomplete)
        ]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value)
        except ValueError:
            self.fail(_("{value!r} is not the number of a session").format(value=value), param, ctx)


async def _newest(config: Settings, ended: bool | None) -> list[Session]:
    from importers.errors import ObmenError
    from importers.sessions import ACTIVE, FINAL, SessionFilter, open_journal

    statuses: frozenset[Status] = frozenset() if ended is None else FINAL if ended else ACTIVE

    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            journal = await open_journal(config.journal.url, read_only=True)
            try:
                return await journal.sessions(SessionFilter(statuses), NEWEST)
            finally:
                await journal.close()
    except (ObmenError, TimeoutError):
        return []


class Name(click.ParamType[str]):
    """A name out of those that `known` tells, with what they are called; the command says what is wrong with others.
    With a `title` help lists them."""

    name = "name"

    def __init__(self, known: Callable[[click.Context], Mapping[str, str]], title: str = "") -> None:
        self.known = known
        self.title = title

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        return [
            CompletionItem(name, help=title)
            for name, title in self.known(ctx).items()
            if name.startswith(incomplete)
        ]


def _kinds(ctx: click.Context) -> dict[str, str]:
    from importers.kinds.registry import names, title_of

    given = ctx.params.get("kinds") or ()
    titles = {name: title_of(name) for name in names() if name not in given}
    return {name: _(title) if title != name else "" for name, title in titles.items()}


def _shops(ctx: click.Context) -> dict[str, str]:
    config = settings_named(ctx)
    return dict.fromkeys(config.shop_names, "") if config else {}


def _statuses(_ctx: click.Context) -> dict[str, str]:
    return {name: words.status(name) for name in words.STATUSES}


KIND, STATUS = Name(_kinds, N_("Import types (KIND)")), Name(_statuses, N_("Statuses (STATUS)"))
SHOP = Name(_shops)


class Whole(click.IntRange):
    """A whole number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            int(value)
        except ValueError:
            self.fail(_("{value!r} is not a whole number").format(value=value), param, ctx)
        return super().convert(value, param, ctx)


class Seconds(click.FloatRange):
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            is_number = math.isfinite(float(value))
        except ValueError:
            is_number = False
        if not is_number:
            self.fail(_("{value!r} is not a number of seconds").format(value=value), param, ctx)
        return super().convert(value, param, ctx)


class FilePath(click.Path):
    """A path, whatever is there: the command says better what is wrong with it."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, readable=False)


class SourcePath(FilePath):
    """A folder or .zip. An empty one, of a variable that is not set for instance, is not the working directory."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail(_("is empty; name the folder or .zip that 1C writes"), param, ctx)
        return super().convert(value, param, ctx)
