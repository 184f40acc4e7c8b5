"""What arguments and options may be, each with its error in the reader's language."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from importers.texts import _


class SessionId(click.ParamType[int]):
    name = "id"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return int(value)
        except ValueError:
            self.fail(_("{value!r} is not the number of a session").format(value=value), param, ctx)


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
