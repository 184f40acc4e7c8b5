"""The same export imported again: what a session says that the next one would tell, and what that tells."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from importers.commerceml.scan import identities_in
from importers.events import Event, Options
from importers.identity import seconds_to_settle
from importers.launch import launch, new_request
from importers.sessions import LogLine, Status, StoredReject, open_journal
from importers.settings import Settings
from importers.worker import run as running
from importers.worker.known import Listener, Told, recalled
from support.dispatchers import RecordingDispatcher
from support.engine_stage import make_settings, write_export

UNREAD = "Neither the export nor the catalog has changed"
OF_ONE_SESSION = ("seconds", "id", "request_id", "task_id")
PEOPLE = {"c1": "A", "c2": "B"}
PLAIN = Options()


def foretold(events: Iterable[Event], *, changed: bool) -> Told | None:
    """What is remembered of a session for the next one; None: nothing."""
    listener = Listener()
    for event in events:
        listener.observe(event)
    told = listener.told(changed=changed)
    return recalled(told.decode()) if told else None


def plain(told: Told | None) -> Told | None:
    """Without what nobody sees: which lines are told once."""
    return told and msgspec.structs.replace(
        told, lines=[msgspec.structs.replace(line, once=False) for line in told.lines]
    )


def settle(source: Path) -> None:
    """Wait until whatever is written to the source from now on shows in its times."""
    while seconds_to_settle(identities_in(source).values(), time.time_ns()):
        time.sleep(0.002)


@dataclass
class Seen:
    """What an operator sees of a session."""

    exit_code: int
    status: Status
    error: str
    by_kind: dict[str, Any]
    progress: tuple[int, int]
    lines: list[tuple[str, str, str, dict[str, Any]]]
    rejects: list[dict[str, Any]]
    recognised: bool
    """Not compared: it is told in a line of its own, which is not among `lines`."""

    def same(self, other: Seen) -> None:
        """Asserts that they do not differ, but in how."""
        for name in ("exit_code", "status", "error", "by_kind", "progress", "lines", "rejects"):
            assert getattr(self, name) == getattr(other, name), name


@dataclass
class Place:
    """A journal and a catalog in a folder, with the source that is imported into it."""

    folder: Path
    source: Path
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        sections = {"source": {"path": str(self.source)}, "launch": {"recency_seconds": 0}, **self.sections}
        return make_settings(self.folder, **sections)

    @property
    def catalog(self) -> Path:
        return self.folder / "catalog.sqlite3"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.sqlite3"

    async def take(self, *kinds: str, options: Options = PLAIN) -> Seen:
        """One session, launched and worked in this process."""
        settings = self.settings
        journal = await open_journal(settings.journal.url)
        try:
            request = new_request(settings, kinds, options=options)
            result = await launch(request, settings, journal, dispatcher=RecordingDispatcher(settings))
            assert result.session, result
            code = await running.work(result.session.id, settings)
            session = await journal.session(result.session.id)
            lines = await journal.events(session.id, limit=100_000)
            rejects = await journal.rejects(session.id, limit=100_000)
        finally:
            await journal.close()
        return Seen(
            code,
            session.status,
            str(session.error or ""),
            msgspec.to_builtins(session.by_kind),
            (session.done, session.total),
            [_timeless(line) for line in lines if line.type != "received" and UNREAD not in line.message],
            [_timeless_reject(reject) for reject in rejects],
            any(UNREAD in line.message for line in lines),
        )

    async def take_unrecognised(
        self, *kinds: str, options: Options = PLAIN, monkeypatch: pytest.MonkeyPatch
    ) -> Seen:
        with monkeypatch.context() as patch:
            patch.setattr(running, "key_of", lambda *_args: None)
            return await self.take(*kinds, options=options)

    def copy(self, folder: Path) -> Place:
        shutil.copytree(self.folder, folder)
        return Place(folder, self.source, self.sections)

    def known(self) -> int:
        with closing(sqlite3.connect(self.journal)) as db:
            return int(db.execute("SELECT count(*) FROM known").fetchone()[0])


async def place_of_people(folder: Path) -> Place:
    """A shop that was imported into, and would recognise the same."""
    place = Place(folder / "shop", write_export(folder / "1c", PEOPLE))
    settle(place.source)
    assert not (await place.take("customers")).recognised
    assert place.known() == 1
    return place


def write(path: Path, *statements: str) -> None:
    """To a database, as anybody may."""
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement)


def change_catalog(place: Place) -> None:
    write(place.catalog, "UPDATE customer SET name = 'Z' WHERE id = 'c1'")


async def again_both_ways(
    place: Place, *kinds: str, options: Options = PLAIN, monkeypatch: pytest.MonkeyPatch
) -> Seen:
    """A session once more, recognised as it may be. Asserts that a full pass, in a copy, tells the same, and that a
    recognised one writes nothing."""
    settle(place.source)
    copy = place.copy(place.folder.with_name(f"{place.folder.name}-full"))
    before = place.catalog.stat()
    seen = await place.take(*kinds, options=options)
    full = await copy.take_unrecognised(*kinds, options=options, monkeypatch=monkeypatch)
    shutil.rmtree(copy.folder)
    seen.same(full)
    if seen.recognised:
        assert (place.catalog.stat().st_mtime_ns, place.catalog.stat().st_ino) == (
            before.st_mtime_ns,
            before.st_ino,
        )
    return seen


def _timeless(line: LogLine) -> tuple[str, str, str, dict[str, Any]]:
    args = {name: arg for name, arg in line.args.items() if name not in OF_ONE_SESSION}
    return line.type, line.level, line.message, args


def _timeless_reject(reject: StoredReject) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(reject)
    return {name: value for name, value in told.items() if name not in ("id", "session_id")}
