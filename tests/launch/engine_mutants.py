"""The program with one guard less: a proof that tests would notice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import aiosqlite
import pytest


@contextmanager
def sql(*changes: tuple[str, str]) -> Iterator[None]:
    """Every statement with these parts replaced. Fails when a part is in no statement: then the mutant is none."""
    patch = pytest.MonkeyPatch()
    met = set()

    def rewritten(statement: str) -> str:
        for part, instead in changes:
            if part in statement:
                met.add(part)
                statement = statement.replace(part, instead)
        return statement

    for name in ("execute", "execute_fetchall"):
        original = getattr(aiosqlite.Connection, name)
        patch.setattr(
            aiosqlite.Connection, name,
            lambda self, statement, *rest, original=original: original(self, rewritten(statement), *rest),
        )  # fmt: skip
    try:
        yield
    finally:
        patch.undo()
    assert met == {part for part, _instead in changes}


@contextmanager
def attribute(of: Any, name: str, value: Any) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of, name, value)
        yield
