"""What is absent of one file and told by another one is not absent; the others are read only when it matters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.catalog import absence
from importers.catalog.absence import Elsewhere
from importers.catalog.rows import Absent

keys = st.text("abcd", min_size=1, max_size=3)
EVERY = sorted({a + b + c for a in "abcd" for b in ("", *"abcd") for c in ("", *"abcd") if b or not c})


@given(told=st.lists(keys), present=st.sets(keys), bounds=st.sets(keys, max_size=3), size=st.integers(1, 3))
def test_pieces_are_all_that_was_absent_but_what_is_told(
    told: list[str], present: set[str], bounds: set[str], size: int
) -> None:
    """Over ranges in order, whatever lies in them; no piece has more keys than a statement takes."""
    reads = 0

    async def read() -> AsyncIterator[str]:
        nonlocal reads
        reads += 1
        for key in told:
            yield key

    async def gone() -> list[str]:
        found = []
        elsewhere = Elsewhere(read)
        after = None
        for until in (*sorted(bounds), None):
            here = tuple(key for key in present if _within(key, after, until))
            async for piece in elsewhere.without(Absent((), here, after, until)):
                assert len(piece.present) <= len(here) + size
                found += [
                    key
                    for key in EVERY
                    if key not in piece.present and _within(key, piece.after, piece.until)
                ]
            after = until
        elsewhere.close()
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(absence, "BATCH_KEYS", size)
        found = asyncio.run(gone())
    assert sorted(found) == [key for key in EVERY if key not in told and key not in present]
    assert reads == 1


def _within(key: str, after: str | None, until: str | None) -> bool:
    return (after is None or key > after) and (until is None or key <= until)
