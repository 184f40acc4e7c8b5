"""What tells the files of one host from those of another."""

from __future__ import annotations

import pytest

from importers.fingerprint import LISTED, difference, fingerprint
from importers.identity import Identity

SECOND = 10**9
FILES: dict[str, Identity] = {
    f"prices_1_{number}.xml": (1, number, 100, number * SECOND, 0) for number in range(5)
}


def test_device_number_and_fractions_of_times_do_not_matter() -> None:
    elsewhere = {
        name: (9, 9, size, ns + SECOND - 1, 9) for name, (_device, _number, size, ns, _c) in FILES.items()
    }
    assert fingerprint(elsewhere) == fingerprint(FILES)
    assert difference(fingerprint(FILES), fingerprint(elsewhere)) is None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prices_1_3.xml": (1, 3, 101, 3 * SECOND, 0)}, "here: 5; the first that differs: prices_1_3.xml"),
        ({"prices_1_3.xml": (1, 3, 100, 4 * SECOND, 0)}, "here: 5; the first that differs: prices_1_3.xml"),
        ({"prices_1_3.xml": None}, "here: 4; the first that differs: prices_1_3.xml"),
        ({"a.xml": (1, 3, 100, 0, 0)}, "here: 6; the first that differs: a.xml"),
        (dict.fromkeys(FILES), "here: 0; the first that differs: prices_1_0.xml"),
    ],
)  # fmt: skip
def test_the_first_that_differs_is_told(change: dict[str, Identity | None], told: str) -> None:
    here = {name: identity for name, identity in {**FILES, **change}.items() if identity}
    assert str(difference(fingerprint(FILES), fingerprint(here))) == f"files there: 5, {told}"


def test_of_many_files_the_first_are_listed_and_all_count() -> None:
    many: dict[str, Identity] = {f"{number:05}.xml": (1, 1, 1, 1, 1) for number in range(10_000)}
    there = fingerprint(many)
    assert len(there) < 2 * LISTED
    last = fingerprint({**many, "09999.xml": (1, 1, 2, 1, 1)})
    assert str(difference(there, last)) == "files there: 10000, here: 10000, and not the same"
    first = fingerprint({**many, "00001.xml": (1, 1, 2, 1, 1)})
    assert "the first that differs: 00001.xml" in str(difference(there, first))
    few = fingerprint({"00000.xml": (1, 1, 1, 1, 1)})
    assert str(difference(there, few)).endswith("here: 1; the first that differs: 00001.xml")
    assert str(difference(few, there)).endswith("here: 10000; the first that differs: 00001.xml")


def test_any_name_can_be_kept() -> None:
    """In a database that takes UTF-8 only."""
    told = fingerprint({"\udcff\n.xml": (1, 1, 1, 1, 1)})
    told.encode()
    assert difference(told, fingerprint({"\udcfe\n.xml": (1, 1, 1, 1, 1)})) is not None
