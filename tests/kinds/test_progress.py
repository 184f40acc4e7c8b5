"""Progress of whole sessions, as the journal is told it: from 0 to 1, never back, in steps that a person can follow."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from package_files import write_source
from packages import LAYOUTS, Good, Layout, Offered, Package
from support.engine_stage import Stage, no_processes, staged
from support.engines import Hand, SqliteHand

import bench.export
from importers.kinds import KINDS
from importers.sample import EXPORT
from importers.sessions import Outcome, Status
from importers.sessions.details import Standing
from tests.conftest import EXPORTS
from tests.real.test_exports import sources

SCRIPT = Path(__file__).with_name("recorded_run.py")
ALL = ("catalog", "stocks", "prices", "customers")
Line = tuple[int, int, str | None, Standing | None]
TWO_CORES = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one core")
HOW = pytest.mark.parametrize("how", ["alone", pytest.param("beside", marks=TWO_CORES)])


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


Places = Callable[[str], Hand]


@pytest.fixture
def place(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Places:
    """A database of the engine, by its name."""

    def make(name: str) -> Hand:
        if engine == "sqlite":
            return SqliteHand(tmp_path / f"{name}.sqlite3")
        made: Hand = request.getfixturevalue("new_schema")()
        return made

    return make


async def recorded(stage: Stage, how: str, *kinds: str) -> list[Standing]:
    """What one session told of its progress; the row said the same all the time."""
    result = await stage.launch(*kinds)
    assert result.session
    assert result.outcome is Outcome.CREATED
    worker = await asyncio.create_subprocess_exec(
        sys.executable, SCRIPT, str(result.session.id), how,
        env={**os.environ, **stage.settings.to_env()}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _err = await asyncio.wait_for(worker.communicate(), 60)
    lines = [msgspec.json.decode(line, type=Line) for line in out.splitlines()]
    told = [line for line in lines if line[3]]
    assert all(line[:3] == (0, 0, None) for line in lines[: len(lines) - len(told)]), (
        "before there was a plan"
    )
    for done, total, _kind, standing in told:
        assert standing
        assert done == int(standing.share * total)
    session = await stage.journal.session(result.session.id)
    assert await stage.journal.detail(session.id, Standing) == told[-1][3]
    assert session.status is Status.COMPLETED, session.error
    assert session.done == session.total > 0
    return [standing for *_row, standing in told if standing]


def check(told: list[Standing], *, largest: float = 1.0) -> None:
    """No step is larger than this."""
    shares = [standing.share for standing in told]
    assert shares[0] == 0.0
    assert shares[-1] == 1.0
    steps = [after - before for before, after in pairwise(shares)]
    assert min(steps) >= 0, shares
    assert max(steps) <= largest, shares
    for standing in told[:-1]:
        assert standing.share < 1.0
        assert standing.stage in ("", "read", "merge", "commit")
    for before, after in pairwise(told):
        assert before.records <= after.records
        for kind, was in before.kinds.items():
            assert was.read <= after.kinds[kind].read
            assert was.merged <= after.kinds[kind].merged
        if before.kind == after.kind:
            for file, how_far in before.reading.items():
                assert how_far <= after.reading.get(file, 1.0)
        assert all(0 < how_far < 1 for how_far in before.reading.values())
        assert not before.reading or before.stage == "read"
    assert all(kind.read == kind.merged == 1.0 for kind in told[-1].kinds.values())
    assert told[-1].seconds_left == 0.0


@pytest.mark.parametrize(
    ("engine", "how"),
    [
        pytest.param("sqlite", "beside", marks=TWO_CORES),
        ("postgres", "alone"),
        pytest.param("sqlite", "alone", marks=pytest.mark.chaos),
        pytest.param("postgres", "beside", marks=[TWO_CORES, pytest.mark.chaos]),
    ],
    indirect=["engine"],
)
async def test_the_sample(tmp_path: Path, place: Places, how: str) -> None:
    """Twice: what changes nothing, too, has its way to go, or is skipped at once."""
    urls = {"source": {"path": str(EXPORT)}, "catalog": {"url": place("catalog").url}}
    async with staged(tmp_path, hand=place("journal"), **urls) as stage:
        no_processes(stage)
        kinds = (*ALL, "images")
        told = await recorded(stage, how, *kinds)
        check(told, largest=0.4)
        assert [kind for kind in dict.fromkeys(s.kind for s in told) if kind] == [
            k for k in KINDS if k in kinds
        ]
        assert {"read", "merge", "commit", ""} <= {standing.stage for standing in told}
        assert told[-1].records == sum(c.read for c in (await stage.journal.session(1)).by_kind.values())
        check(await recorded(stage, how, *ALL))


@HOW
async def test_many_files_of_one_kind_each(tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the newer exchange writes them: which files of offers hold prices is known only when they were sought."""
    monkeypatch.setattr(bench.export, "PART", 400)
    bench.export.write_export(tmp_path / "1c", range(1200))
    async with staged(tmp_path, source={"path": str(tmp_path / "1c" / "xml")}) as stage:
        no_processes(stage)
        told = await recorded(stage, how, *ALL[:3])
        check(told, largest=0.4)
        assert len({standing.share for standing in told}) > 50
        at_once = {tuple(standing.reading) for standing in told}
        assert {file for files in at_once for file in files} >= {"import0_1.xml"}
        assert max(map(len, at_once)) == (2 if how == "beside" else 1), "each that is read is told"
        ahead = [s for s in told if s.kind == ALL[0] and any(s.kinds[kind].read for kind in ALL[1:3])]
        assert bool(ahead) == (how == "beside"), "what is read before its turn is told before it"
        assert {standing.file for standing in told} >= {
            "import0_2.xml",
            "rests0_3.xml",
            "",
        } or how == "beside"


@pytest.mark.parametrize(
    ("layout", "how"),
    [
        *(pytest.param(layout, "beside", marks=TWO_CORES, id=f"{layout.name}-beside") for layout in LAYOUTS),
        *(
            pytest.param(layout, "alone", marks=pytest.mark.chaos, id=f"{layout.name}-alone")
            for layout in LAYOUTS
        ),
    ],
)
async def test_every_layout(tmp_path: Path, layout: Layout, how: str) -> None:
    goods = tuple(Good(f"g{n}") for n in range(20))
    offers = tuple(Offered(f"g{n}", stocks={"w1": str(n)}, prices={"retail": "5"}) for n in range(20))
    source = write_source(tmp_path / "1c", [Package(layout, goods=goods, offers=offers)])
    async with staged(tmp_path, source={"path": str(source)}) as stage:
        no_processes(stage)
        check(await recorded(stage, how, *ALL[:3]), largest=0.5)


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=pytest.mark.chaos)])
@HOW
@pytest.mark.parametrize("source", sources() or [EXPORTS], ids=lambda path: str(path.relative_to(EXPORTS)))
async def test_real_exports(tmp_path: Path, place: Places, source: Path, how: str) -> None:
    urls = {
        "source": {"path": str(source)},
        "catalog": {"url": place("catalog").url},
        "limits": {"max_reject_share": 1.0, "max_removed_share": 1.0},
    }
    async with staged(tmp_path, hand=place("journal"), **urls) as stage:
        no_processes(stage)
        check(await recorded(stage, how, *KINDS[:-1]), largest=0.9)
        check(await recorded(stage, how, *reversed(KINDS[:-1])))
