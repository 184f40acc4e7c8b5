"""The pictures of an export, found by the path that <Картинка> tells: there may be hundreds of thousands of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from importers.commerceml.files import Part
from importers.commerceml.sets import sort_key

Place = tuple[str, ...]
"""As in `Export.pictures`."""


class Pictures(Mapping[str, Part]):
    """Files by any end of their name, as <Картинка> is relative to the folder of the goods; of several the whole name
    counts, else the newest, else the last by number. Iterated by their whole names.

    The names are sorted backwards, so that those with the same end stand together: a dict of all ends would take
    several times their memory.
    """

    def __init__(self, source: Path, places: Iterable[Place]) -> None:
        self._source = source
        self._root = source if source.is_dir() else None
        self._places = sorted(places, key=_backwards)

    def __getitem__(self, path: str) -> Part:
        found = list(self._ending(path))
        if not found:
            raise KeyError(path)
        place = (
            found[0]
            if len(found) == 1
            else max(found, key=lambda place: (place[0] == path, *self._age(place)))
        )
        return self._part(place)

    def _age(self, place: Place) -> tuple[int, list[tuple[str, int, str]]]:
        try:
            written = self._part(place).path.stat().st_mtime_ns
        except OSError:
            written = 0
        return written, sort_key(place[0])

    def _part(self, place: Place) -> Part:
        name, *way = place
        file = Path(way[0]) if way else self._source / name
        return Part(name, 0, "", frozenset(), file, tuple(way[1:]), root=self._root)

    def __iter__(self) -> Iterator[str]:
        return (name for name, *_place in self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _ending(self, path: str) -> Iterator[Place]:
        """Those of this name, and those below a folder."""
        for end, is_end in ((path[::-1], str.__eq__), (f"{path[::-1]}/", str.startswith)):
            at = bisect_left(self._places, end, key=_backwards)
            while at < len(self._places) and is_end(_backwards(self._places[at]), end):
                yield self._places[at]
                at += 1


def _backwards(place: Place) -> str:
    return place[0][::-1]
