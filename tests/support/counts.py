"""The counts of a session, as scripts see them."""

from __future__ import annotations

COUNTS = ("read", "created", "updated", "unchanged", "removed", "rejected", "orphans")


def balanced(counts: dict[str, int]) -> bool:
    return counts["read"] == sum(counts[name] for name in COUNTS[1:6])
