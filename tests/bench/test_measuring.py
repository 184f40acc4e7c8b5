"""What the bench says of a command, and of two runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bench.ratios import Ratio, better, read_recorded, record, table

TOP = Path(__file__).parents[2]


def ratio(value: float, allowed: float = 2.0, what: str = "import") -> Ratio:
    return Ratio(what, value * 3, 3, allowed, "s")


@pytest.mark.parametrize(
    ("value", "recorded", "worse", "fails"),
    [
        (1.0, 1.0, False, False),
        (1.09, 1.0, False, False),
        (1.11, 1.0, True, True),
        (0.5, 1.0, False, False),
        (2.1, 2.0, False, True),  # the limit was kept, and is not now
        (5.0, 4.9, False, False),  # known to be over
        (5.5, 4.9, True, True),
        (1.9, None, False, False),
        (2.1, None, False, True),
        (1.0, 0.0, True, True),
    ],
)
def test_a_loss_of_more_than_a_tenth_is_seen(
    value: float, recorded: float | None, worse: bool, fails: bool
) -> None:
    assert ratio(value).is_worse(recorded) is worse
    assert ratio(value).fails(recorded) is fails


def test_the_table_says_which_ratio_is_over_and_which_got_worse() -> None:
    rows = [ratio(1.0), ratio(3.0, what="launch"), ratio(1.5, what="prices")]
    _head, fine, over, worse = table(rows, {"import": 1.0, "launch": 3.0, "prices": 1.0}).splitlines()
    assert fine.split()[-1] == "ok"
    assert over.split()[-1] == "over"
    assert worse.endswith("ok, WORSE by 50%")


def test_of_two_tries_the_better_one_counts() -> None:
    found = better(
        [ratio(1.0), ratio(9.0, what="launch")],
        [ratio(1.2), ratio(8.0, what="launch")],
    )
    assert [each.value for each in found] == [1.0, 8.0]


def test_what_was_not_measured_stays_recorded(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    assert read_recorded(path) == {}
    record([ratio(1.0), ratio(4.0, what="launch")], path)
    record([ratio(2.0)], path)
    assert read_recorded(path) == {"import": 2.0, "launch": 4.0}


def test_the_recorded_ratios_can_be_read() -> None:
    assert read_recorded()


def test_a_worker_that_outlives_its_command_is_counted() -> None:
    """CPU and memory are those of all that a command leaves behind."""
    worker = (
        "import time\nkept = bytes(b'1') * 60_000_000\n"
        "end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    )
    command = (
        "import subprocess, sys\n"
        f"subprocess.Popen([sys.executable, '-c', {worker!r}], start_new_session=True)"
    )
    bench = (
        "import sys\nfrom bench import measure\n"
        f"usage = measure.run([sys.executable, '-c', {command!r}])\n"
        "print(usage.cpu, usage.wall, usage.peak_mb)"
    )
    told = subprocess.run([sys.executable, "-c", bench], cwd=TOP, capture_output=True, text=True, check=True)
    cpu, wall, peak_mb = map(float, told.stdout.split())
    assert wall >= 0.3
    assert cpu >= 0.3
    assert 60 < peak_mb < 120


def test_without_its_tools_the_bench_says_how_to_get_them() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "bench"],
        cwd=TOP,
        env={"PATH": "", "PYTHONPATH": f"{TOP}:{TOP}/tests"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        "bench: the floor is measured with tools that are not here: apt-get install libxml2-utils sqlite3"
    ]
