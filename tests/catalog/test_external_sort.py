from __future__ import annotations

import errno
import os
import random
import tempfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.catalog.external_sort import ExternalSort
from importers.errors import DatabaseError

ITEMS = st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=5)))


@given(ITEMS, st.integers(1, 2000))
def test_it_is_a_stable_sort(items: list[tuple[str, bytes]], run_bytes: int) -> None:
    sorting = ExternalSort(run_bytes)
    for key, payload in items:
        sorting.add(key, payload)
    assert list(sorting) == sorted(items, key=lambda item: item[0])
    sorting.close()


def test_large_payloads_come_back_whole() -> None:
    shuffled = random.Random(1)
    items = [(f"{shuffled.random()}", shuffled.randbytes(shuffled.randint(0, 200_000))) for _ in range(100)]
    sorting = ExternalSort(1_000_000)
    for item in items:
        sorting.add(*item)
    assert list(sorting) == sorted(items)
    sorting.close()


def test_large_payloads_are_in_memory_one_by_one() -> None:
    sorting = ExternalSort(1_000_000)
    for number in range(40):
        sorting.add(f"{number % 7}", b"x" * 2_000_000)
    tracemalloc.start()
    assert sum(len(payload) for _key, payload in sorting) == 80_000_000
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    sorting.close()
    assert peak < 8_000_000


def test_a_small_one_never_touches_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere")
    sorting = ExternalSort()
    sorting.add("b", b"2")
    sorting.add("a", b"1")
    assert list(sorting) == [("a", b"1"), ("b", b"2")]
    sorting.close()


def test_a_folder_that_cannot_hold_it_is_told_plainly(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))
    sorting = ExternalSort(1)
    with pytest.raises(DatabaseError, match=r"gone: cannot hold temporary files: .*TMPDIR"):
        sorting.add("a", b"1")
    sorting.close()


@pytest.mark.parametrize(
    ("number", "cure"),
    [(errno.ENOSPC, "free some space"), (errno.EPERM, "give this account the right to write there")],
)
def test_its_cure_is_that_of_the_error(monkeypatch: pytest.MonkeyPatch, number: int, cure: str) -> None:
    def fail(**_options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", fail)
    with pytest.raises(DatabaseError, match=rf"{os.strerror(number)}; {cure} or set \$TMPDIR"):
        ExternalSort(1).add("a", b"1")
