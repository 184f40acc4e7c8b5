"""The pictures of an export, found by the path that <Картинка> tells: there may be hundreds of thousands of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from importers.commerceml.parts import Part
from importers.commerceml.places import Holder, Member, Place, endings, name_of, way_of
from importers.commerceml.sets import sort_key


class Pictures(Mapping[str, Part]):
    """Files by any end of their name, as <Картинка> is relative to the folder of the goods; of several the whole name
    counts, else the newest, else the last by number. Iterated by their whole names.

    Places are sorted by their names backwards, so that those with the same end stand together: a dict of all ends
    would take several times their memory.
    """

    def __init__(self, source: Path, places: Iterable[Place], holders: Sequence[Holder]) -> None:
        self._source = source
        self._root = source if source.is_dir() else None
        self._places = sorted(places)
        self._holders = holders

    def __getitem__(self, path: str) -> Part:
        places = list(self._ending(path))
        if not places:
            raise KeyError(path)
        place = (
            places[0]
            if len(places) == 1
            else max(places, key=lambda place: (name_of(place) == path, *self._age(place)))
        )
        return self._part(place)

    def _age(self, place: Place) -> tuple[int, list[tuple[str, int, str]]]:
        try:
            written = self._part(place).path.stat().st_mtime_ns
        except OSError:
            written = 0
        return written, sort_key(name_of(place))

    def _part(self, place: Place) -> Part:
        name, way = name_of(place), way_of(place)
        members: tuple[Member, ...] = ()
        if way.holder >= 0:
            holder = self._holders[way.holder]
            file = Path(holder.path)
            member = Member(name.removeprefix(holder.prefix), way.at)
            members = (member,) if holder.nested is None else (holder.nested, member)
        else:
            file = Path(way.path or self._source / name)
        return Part(name, 0, "", frozenset(), file, members, root=self._root)

    def __iter__(self) -> Iterator[str]:
        return map(name_of, self._places)

    def __len__(self) -> int:
        return len(self._places)

    def _ending(self, path: str) -> Iterator[Place]:
        """Those of this name, and those below a folder."""
        for end in endings(path):
            at = bisect_left(self._places, end)
            while at < len(self._places) and self._places[at].startswith(end):
                yield self._places[at]
                at += 1
