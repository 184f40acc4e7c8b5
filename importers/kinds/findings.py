"""What a merge met that an operator should know, with the first few keys."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from importers.catalog.protocol import FIRST_FEW, Merged
from importers.events import Log
from importers.texts import N_, Message

ONCE = ("absent",)
"""What is gone when the same export comes again."""
MESSAGES = {
    "differing": N_(
        "{table}: records that came again with other content, the last one counts ({count}): {ids}"
    ),
    "beside": N_("{table}: further prices of one type, kept beside the base one ({count}): {ids}"),
    "ungrouped": N_("{table}: in no group ({count}): {ids}"),
    "absent": N_("{table}: the full export has them no more, so they go ({count}): {ids}"),
}
"""What is reported of a table, by the field of `Merged`."""


class Findings:
    """Of one table."""

    def __init__(self, table: str) -> None:
        self._table = table
        self.orphans: list[str] = []
        self._counts: Counter[str] = Counter()
        self._first: dict[str, list[str]] = defaultdict(list)

    def observe(self, merged: Merged) -> None:
        self.orphans += merged.orphans[: FIRST_FEW - len(self.orphans)]
        for name in MESSAGES:
            if count := getattr(merged, name):
                self._counts[name] += count
                first = self._first[name]
                first += getattr(merged, f"{name}_first")[: FIRST_FEW - len(first)]

    def report(self) -> Iterator[Log]:
        for name, message in MESSAGES.items():
            if count := self._counts[name]:
                ids = some(self._first[name], count)
                args: dict[str, str | int] = {"table": self._table, "count": count, "ids": ids}
                yield Log("warning", message, args, name in ONCE)


def some_messages(all_: Sequence[Message]) -> Message:
    """The first few of them as one, for a message."""
    first = {f"m{number}": message for number, message in enumerate(all_[:FIRST_FEW])}
    return Message.of(some([f"{{{name}}}" for name in first], len(all_)), **first)


def some(first: Sequence[str], count: int) -> str:
    """The first few ids of `count`, for a message."""
    return ", ".join(first[:FIRST_FEW]) + (", …" if count > FIRST_FEW else "")
