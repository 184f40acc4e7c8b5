"""What the screens look like, reached by keys only: each state at three sizes, in both languages, and without colours.

`make snapshots` accepts them as they are, and writes a page to look at them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pictured_room import SIZES, Studio, Walk
from taking_pictures import difference, read, written
from walks import SHORT, TERMINALS, WALKS

ACCEPTED = Path(__file__).parent / "pictures"


@pytest.fixture
def check(request: pytest.FixtureRequest):
    """Compares the pictures of a walk with those in files, each of a state, or puts them there."""

    def check(walked: dict[str, dict[str, str]], kind: str) -> None:
        differences = []
        for state, found in walked.items():
            path = ACCEPTED / f"{state}.{kind}.txt"
            if request.config.getoption("--accept", False):
                path.write_text(written(found))
            accepted = read(path)
            assert accepted.keys() == found.keys(), f"not accepted yet, by make snapshots: {path.name}"
            differences += [difference(accepted[size], found[size], f"{path.stem}, {size}") for size in found]
        if any(differences):
            pytest.fail("\n".join(filter(None, differences)), pytrace=False)

    return check


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("name", WALKS)
async def test_walk(name: str, language: str, studio: Studio, check) -> None:
    check(await studio.pictures(WALKS[name], language), language)


@pytest.mark.parametrize("name", WALKS)
async def test_without_colours(name: str, studio: Studio, check) -> None:
    check(await studio.pictures(replace(WALKS[name], environ={"NO_COLOR": "1"}), "en"), "no_color")


@pytest.mark.parametrize("name", TERMINALS)
async def test_terminal(name: str, studio: Studio, check) -> None:
    walk = Walk(SHORT, environ=TERMINALS[name])
    check(await studio.pictures(walk, "ru", ["80x24"]), name)


@pytest.mark.parametrize(
    "size", [pytest.param(size, marks=() if size == "80x24" else pytest.mark.chaos) for size in SIZES]
)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "launch" else pytest.mark.chaos) for name in WALKS]
)
async def test_a_resized_room_looks_as_if_it_had_always_been_so(name: str, size: str, studio: Studio) -> None:
    """But Textual's palette, whose scrollbar comes late."""
    always = await studio.pictures(WALKS[name], "ru", [size])
    for state in [one for one in always if one != "palette"]:
        accepted = read(ACCEPTED / f"{state}.ru.txt")[size]
        assert not (differs := difference(accepted, always[state][size], f"{state}, {size}, not resized")), (
            differs
        )


def test_no_picture_is_left_over() -> None:
    walked = {state for walk in WALKS.values() for state in walk.states}
    seen = {path.name.split(".")[0] for path in ACCEPTED.iterdir()}
    assert walked | SHORT.keys() == seen
