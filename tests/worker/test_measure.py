"""The one measure of a session: whatever its import types tell, it begins at nothing, only grows, and ends at all."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importers.events import Counted, Counts, Event, Progress
from importers.worker.measure import LATELY, MOST_RATES, Measure, Piece

KINDS = ("catalog", "prices", "images")
PLAN = {"catalog": Piece(900, 0.7), "prices": Piece(100, 0.7), "images": Piece(0, 0.95)}
PROGRESS = st.builds(
    Progress,
    st.sampled_from((*KINDS, "unknown")),
    st.sampled_from(("read", "merge")),
    st.integers(0, 120),
    st.sampled_from((0, 100)),
    st.integers(0, 100),
    st.sampled_from(("", "import.xml")),
)
EVENTS = st.lists(PROGRESS | st.builds(Counted, st.sampled_from(KINDS), st.just(Counts())), max_size=30)
AHEAD = st.dictionaries(st.sampled_from(KINDS), st.tuples(st.floats(0, 1), st.integers(0, 50)))


class Hand:
    """Of a clock that tests move."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(EVENTS, st.lists(AHEAD, min_size=30, max_size=30), st.floats(0, 3))
def test_it_only_grows(events: list[Event], ahead: list[dict[str, tuple[float, int]]], pause: float) -> None:
    clock = Hand()
    measure = Measure(PLAN, clock)
    told = [measure.standing()]
    for event, read in zip(events, ahead, strict=False):
        clock.now += pause
        measure.observe(event)
        measure.ahead = lambda read=read: read  # type: ignore[misc]
        told.append(measure.standing())
    assert told[0].share == 0
    assert all(before.share <= after.share < 1 for before, after in pairwise(told))
    for kind in KINDS:
        for before, after in pairwise(standing.kinds[kind] for standing in told):
            assert 0 <= before.read <= after.read <= 1
            assert 0 <= before.merged <= after.merged <= 1
            assert before.records <= after.records
    assert all(standing.seconds_left is None or standing.seconds_left >= 0 for standing in told)
    measure.done()
    assert (measure.standing().share, measure.standing().seconds_left) == (1, 0)


def test_work_counts_by_its_size() -> None:
    measure = Measure(PLAN, Hand())
    measure.observe(Progress("catalog", "read", 50, 100, 10))
    assert measure.standing().share == pytest.approx(0.9 * 0.7 / 2, rel=0.03)
    measure.observe(Counted("catalog", Counts()))
    assert measure.standing().share == pytest.approx(0.9, rel=0.03)
    measure.ahead = lambda: {"prices": (1.0, 5)}
    standing = measure.standing()
    assert standing.share == pytest.approx(0.97, rel=0.03)
    assert (standing.records, standing.kinds["prices"].records) == (15, 5)


def test_rate_and_time_left_of_even_work() -> None:
    clock = Hand()
    measure = Measure({"prices": Piece(100, 1.0)}, clock)
    for second in range(101):
        clock.now = 100.0 + second
        measure.observe(Progress("prices", "read", second, 100, 20 * second))
        standing = measure.standing()
        if second > LATELY:
            assert standing.rate == pytest.approx(20)
            assert standing.seconds_left == pytest.approx(100 - second, abs=3)
        assert len(standing.rates) <= MOST_RATES
        assert sum(standing.rates) * standing.step == pytest.approx(20 * second, abs=10)
    assert standing.rates[1:-1] == pytest.approx([20] * (len(standing.rates) - 2))


def test_a_record_that_is_read_and_merged_counts_once() -> None:
    clock = Hand()
    measure = Measure({"prices": Piece(100, 0.5)}, clock)
    for stage in ("read", "merge"):
        for tenth in range(1, 11):
            clock.now += 1
            measure.observe(Progress("prices", stage, tenth, 10, 100 * tenth if stage == "read" else 1000))
            assert measure.standing().rate == pytest.approx(50)
    measure.done()
    assert sum(measure.standing().rates) * measure.standing().step == pytest.approx(1000, abs=1)


def test_a_rate_is_that_of_lately() -> None:
    clock = Hand()
    measure = Measure(PLAN, clock)
    for records in (0, 1000, 2000):
        measure.observe(Progress("catalog", "read", 1, 100, records))
        measure.standing()
        clock.now += 2
    clock.now += LATELY
    assert measure.standing().rate < 1000
    clock.now += LATELY
    assert measure.standing().rate == 0


def test_of_nothing_planned() -> None:
    measure = Measure({})
    assert measure.standing().share == 0
    measure.done()
    assert measure.standing().share == 1
