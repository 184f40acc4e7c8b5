"""What the screens look like, reached by keys only: each state at three sizes, in both languages, and without colours.

`make snapshots` accepts them as they are, and writes a page to look at them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pictured_room import Studio
from taking_pictures import difference
from walks import WALKS

ACCEPTED = Path(__file__).parent / "pictures"
HEAD = "== "


@pytest.fixture
def check(request: pytest.FixtureRequest):
    """Compares pictures by their titles with those in a file, or puts them there."""

    def check(name: str, found: dict[str, str]) -> None:
        path = ACCEPTED / f"{name}.txt"
        if request.config.getoption("--accept", False):
            path.write_text("".join(f"{HEAD}{title}\n{one}" for title, one in found.items()))
        accepted = _read(path)
        assert accepted.keys() == found.keys(), "make snapshots"
        differences = [difference(accepted[title], found[title], f"{name}, {title}") for title in found]
        if any(differences):
            pytest.fail("\n".join(filter(None, differences)), pytrace=False)

    return check


def _read(path: Path) -> dict[str, str]:
    if not path.exists():
        return {}
    parts = ("\n" + path.read_text()).split(f"\n{HEAD}")[1:]
    return {title: one.rstrip("\n") + "\n" for title, _line, one in (part.partition("\n") for part in parts)}


@pytest.mark.parametrize("language", ["en", "ru"])
@pytest.mark.parametrize("name", WALKS)
async def test_walk(name: str, language: str, studio: Studio, check) -> None:
    for state, found in (await studio.pictures(WALKS[name], language)).items():
        check(f"{state}.{language}", found)


@pytest.mark.parametrize("name", [name for name, walk in WALKS.items() if not walk.environ])
async def test_without_colours(name: str, studio: Studio, check) -> None:
    walk = replace(WALKS[name], environ={"NO_COLOR": "1"})
    for state, found in (await studio.pictures(walk, "en", ["60x20"])).items():
        check(f"{state}.no_color", found)
