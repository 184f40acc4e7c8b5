"""What the filter line means: words that name a status or a type, and words to find in operator and ids."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from importers.kinds.registry import names
from importers.sessions.models import Attempt, Outcome, Session, Status
from importers.texts import _
from tui import present

SHOP = "shop:"


@dataclass(frozen=True)
class Filter:
    """Every part has to match; an empty filter matches all."""

    status: str | None = None
    kind: str | None = None
    shop: str | None = None
    words: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str, shops: Collection[str] = ()) -> Self:
        """`failed prices anna`, or the same in the reader's language; order and case do not matter. One of several
        shops by its name, or as `shop:name` where that means something else as well."""
        kinds = names()
        status = kind = shop = None
        words = []
        for word in text.casefold().split():
            if word.startswith(SHOP):
                shop = word.removeprefix(SHOP)
            elif len(shops) > 1 and word in shops and word not in kinds:
                shop = word
            elif found := _named(word, {value: _(present.STATUS_WORDS[value]) for value in Status}):
                status = found
            elif word in kinds:
                kind = word
            else:
                words.append(word)
        return cls(status, kind, shop, tuple(words))

    @property
    def request_id(self) -> str | None:
        """The word that can only be a request id, if there is one."""
        return next((word for word in self.words if re.fullmatch("[0-9a-f]{8}", word)), None)

    def __bool__(self) -> bool:
        return self != Filter()

    def matches(self, session: Session) -> bool:
        """Whether the words are found. Status, type and shop are the journal's to choose by."""
        return self._found(
            str(session.id), session.request_id, session.operator, session.host, session.source,
            *map(present.kind, session.kinds),
        )  # fmt: skip

    def matches_attempt(self, attempt: Attempt) -> bool:
        return (self.kind is None or self.kind in attempt.kinds) and self._found(
            str(attempt.session_id or ""), attempt.request_id, attempt.operator, attempt.host,
            *map(present.kind, attempt.kinds),
            *([attempt.outcome, _(present.OUTCOME_WORDS[Outcome(attempt.outcome)])] if attempt.outcome else []),
        )  # fmt: skip

    def _found(self, *texts: str) -> bool:
        return all(any(word in text.casefold() for text in texts) for word in self.words)


def _named(word: str, names: dict[Status, str]) -> str | None:
    """The status whose word, in English or as shown, starts with `word` (three letters or more)."""
    if len(word) < 3:
        return None
    for value, name in names.items():
        if value.startswith(word) or name.casefold().startswith(word):
            return value.value
    return None
