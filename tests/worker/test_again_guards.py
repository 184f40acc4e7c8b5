"""Whatever may change the result of an import leads to a full pass."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

import pytest
from support.again import PEOPLE, Place, again_both_ways, change_catalog, place_of_people, settle, write
from support.engine_stage import write_export

import importers
from importers import identity
from importers.database import sqlite
from importers.errors import DatabaseError
from importers.events import Counted, Counts, Event, Log, Options, Reject
from importers.identity import seconds_to_settle
from importers.kinds import Job
from importers.sessions import Status
from importers.worker import known
from importers.worker import run as running

Change = Callable[[Place], None]


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    return await place_of_people(tmp_path)


def other_byte(place: Place) -> None:
    """Of a file that is as long and as old as before."""
    (file,) = place.source.iterdir()
    times = file.stat()
    file.write_bytes(file.read_bytes().replace(b">A<", b">Z<"))
    os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))


def other_file(name: str) -> Change:
    def change(place: Place) -> None:
        (place.source / name).write_text("<КоммерческаяИнформация/>", encoding="utf-8")

    return change


def other_name(place: Place) -> None:
    (file,) = place.source.iterdir()
    file.rename(file.with_name("contragents_1_2.xml"))


def other_place(place: Place) -> None:
    """The same bytes, told by other files: nobody looks into them."""
    shutil.copytree(place.source, place.source.with_name("copy"))
    place.source = place.source.with_name("copy")


def reverted(place: Place) -> None:
    change_catalog(place)
    write(place.catalog, "UPDATE customer SET name = 'A' WHERE id = 'c1'")


def restored(place: Place) -> None:
    """A copy of before that is written over the catalog: byte for byte the same, as far as anybody looks."""
    copy = place.catalog.with_name("copy")
    shutil.copy2(place.catalog, copy)
    change_catalog(place)
    shutil.copyfile(copy, place.catalog)


def vacuumed(place: Place) -> None:
    write(place.catalog, "VACUUM")


def other_limits(place: Place) -> None:
    place.sections["limits"] = {"max_removed_share": 0.4}


def other_rejects(place: Place) -> None:
    place.sections["limits"] = {"max_reject_share": 0.4}


def other_unlisted(place: Place) -> None:
    place.sections["prices"] = {"keep_unlisted": "retail"}


def older_journal(place: Place) -> None:
    """One that never knew."""
    write(place.journal, "DELETE FROM known")


CHANGES = [
    other_byte, other_file("contragents_1_2.xml"), other_file("unknown.xml"), other_name, other_place, change_catalog,
    reverted, restored, vacuumed, other_limits, other_rejects, other_unlisted, older_journal,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__qualname__.partition(".")[0])
async def test_a_change_is_seen(place: Place, change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change(place)
    settle(place.source)
    assert not (await again_both_ways(place, "customers", monkeypatch=monkeypatch)).recognised
    assert (await again_both_ways(place, "customers", monkeypatch=monkeypatch)).recognised


async def test_without_a_change_it_is_recognised(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for _time in range(2):
        assert (await again_both_ways(place, "customers", monkeypatch=monkeypatch)).recognised


def another_version(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(importers, "__version__", "0.0.0")


def another_code(patch: pytest.MonkeyPatch) -> None:
    """A file that was written to, as its time of change tells."""
    of_package = known._sources

    def sources(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
        (name, stat), *others = of_package(folder)
        ctime_ns = stat.st_ctime_ns + 1
        values = {field: getattr(stat, field) for field in dir(stat) if field.startswith("st_")}
        yield name, cast("os.stat_result", SimpleNamespace(**values | {"st_ctime_ns": ctime_ns}))
        yield from others

    patch.setattr(known, "_sources", sources)


def another_boot(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(known, "boot_id", lambda: "another")


def another_parser(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(known, "find_spec", lambda _name: SimpleNamespace(origin=__file__))


@pytest.mark.parametrize("differ", [another_version, another_code, another_boot, another_parser])
async def test_another_program_reads_for_itself(
    place: Place, differ: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    differ(monkeypatch)
    assert not (await place.take("customers")).recognised


@pytest.mark.parametrize(
    ("kinds", "options"),
    [
        (("customers",), Options(force=True)),
        (("customers",), Options(strict=True)),
        (("customers",), Options(dry_run=True)),
        (("catalog", "customers"), Options()),
    ],
)
async def test_another_request_is_another_pass(
    place: Place, kinds: tuple[str, ...], options: Options
) -> None:
    assert not (await place.take(*kinds, options=options)).recognised


async def test_files_that_were_written_just_now_may_change_unseen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    monkeypatch.setattr(identity, "TICK_NS", 10**15)
    await place.take("customers")
    assert not (await place.take("customers")).recognised
    assert place.known() == 0


@pytest.mark.parametrize("where", [known, sqlite], ids=["export", "catalog"])
async def test_files_that_another_machine_keeps_are_not_known(
    tmp_path: Path, where: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(where, "has_our_clock", lambda _path: False)
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    await place.take("customers")
    assert place.known() == 0


async def test_nor_are_those_of_a_mount_within_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_export(tmp_path / "1c", PEOPLE)
    monkeypatch.setattr(known, "has_our_clock", lambda path: path == source)
    place = Place(tmp_path / "shop", source)
    settle(place.source)
    await place.take("customers")
    assert place.known() == 0


@pytest.mark.parametrize(
    ("changed", "age", "seconds"),
    [
        (7, 0, 0.02),
        (7, 5_000_000, 0.015),
        (7, 20_000_000, 0),
        (7, -1, None),
        (10**9, 2 * 10**9, None),
        (10**9, 3 * 10**9, 0),
    ],
)
def test_a_time_of_change_tells_of_writes_that_are_later(
    changed: int, age: int, seconds: float | None
) -> None:
    """By a tick of the clock; where only whole seconds are told, by more of them; never in the future."""
    assert seconds_to_settle([(0, 0, 0, 0, changed)], changed + age) == seconds


async def test_a_file_that_comes_while_it_is_recognised_fails_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    recalled = known.recalled

    def meanwhile(told: str) -> known.Told:
        other_file("contragents_1_2.xml")(place)
        return recalled(told)

    monkeypatch.setattr(running, "recalled", meanwhile)
    seen = await place.take("customers")
    assert seen.status is Status.FAILED
    assert "came while" in seen.error


async def test_a_cancel_comes_in_time(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    recalled = known.recalled

    def cancelled(told: str) -> known.Told:
        write(place.journal, "UPDATE session SET status = 'cancelling' WHERE status = 'in_progress'")
        return recalled(told)

    monkeypatch.setattr(running, "recalled", cancelled)
    assert (await place.take("customers")).status is Status.CANCELLED


async def test_what_cannot_be_remembered_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importers.sessions.store import JournalStore

    async def remember(*_args: Any) -> None:
        raise DatabaseError("no")

    monkeypatch.setattr(JournalStore, "remember", remember)
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    for _time in range(2):
        seen = await place.take("customers")
        assert (seen.status, seen.recognised) == (Status.COMPLETED, False)


async def test_a_source_of_another_name_is_another_one(tmp_path: Path) -> None:
    """Errors name it."""
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    await place.take("customers")
    place.source = place.source.rename(tmp_path / "new")
    assert not (await place.take("customers")).recognised


async def test_nothing_is_known_of_plug_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run(job: Job) -> AsyncIterator[Event]:
        yield Counted(job.kind, Counts(read=1, unchanged=1), {"customer": Counts(read=1, unchanged=1)})

    monkeypatch.setattr(running, "load", lambda _kind: SimpleNamespace(run=run))
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    for _time in range(2):
        assert not (await place.take("customers")).recognised
    assert place.known() == 0


async def test_pictures_lie_beside_the_export(tmp_path: Path) -> None:
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", PEOPLE))
    settle(place.source)
    (place.source / "import.xml").write_text(
        "<КоммерческаяИнформация><Каталог><Товары><Товар><Ид>a</Ид><Наименование>x</Наименование></Товар></Товары>"
        "</Каталог></КоммерческаяИнформация>",
        encoding="utf-8",
    )
    settle(place.source)
    for _time in range(2):
        assert not (await place.take("catalog", "images")).recognised
    assert place.known() == 0


def test_a_kind_that_changes_what_an_earlier_one_compares_with() -> None:
    """It may change that back, when both come again."""

    def counted(kind: str, changes: frozenset[str]) -> Counted:
        again = importers.events.Again({}, [], frozenset(("price_type",)), changes)
        return Counted(kind, Counts(), {}, again=again)

    for changes, is_told in ((frozenset[str](), True), (frozenset(("price_type",)), False)):
        listener = known.Listener()
        listener.observe(counted("catalog", frozenset(("price_type",))))
        listener.observe(counted("prices", changes))
        assert (listener.told(changed=True) is not None) is is_told


def test_too_much_is_not_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = known.Listener()
    for number in range(running.MAX_REJECTS + 5):
        listener.observe(Reject("catalog", "f", number, "id", "no"))
    told = listener.told(changed=False)
    assert told is not None
    again = known.recalled(told.decode())
    assert (len(again.rejects), again.rejected) == (running.MAX_REJECTS, running.MAX_REJECTS + 5)
    monkeypatch.setattr(known, "MAX_TOLD", len(told) - 1)
    assert listener.told(changed=False) is None


def test_a_log_of_more_lines_than_are_kept_is_not_remembered() -> None:
    listener = known.Listener()
    for number in range(known.MAX_LINES):
        listener.observe(Log("info", "line {n}", {"n": number}))
    assert listener.told(changed=False) is not None
    listener.observe(Log("info", "one more"))
    assert listener.told(changed=False) is None
    assert len(listener._now.lines) == known.MAX_LINES


async def test_rejects_that_were_not_kept_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (known, running):
        monkeypatch.setattr(module, "MAX_REJECTS", 2)
    place = Place(tmp_path / "shop", write_export(tmp_path / "1c", {"c1": "A", "c2": "", "c3": "", "c4": ""}))
    settle(place.source)
    await place.take("customers")
    seen = await again_both_ways(place, "customers", monkeypatch=monkeypatch)
    assert (seen.recognised, len(seen.rejects), seen.by_kind["customers"]["rejected"]) == (True, 2, 3)
    assert "records were rejected" in str(seen.lines)


def test_lines_that_speak_of_changes_are_told_once() -> None:
    listener = known.Listener()
    listener.observe(Log("info", "always"))
    listener.observe(Log("info", "now", once=True))
    for changed, lines in ((True, ["always"]), (False, ["always", "now"])):
        told = listener.told(changed=changed)
        assert told is not None
        assert [line.message for line in known.recalled(told.decode()).lines] == lines
