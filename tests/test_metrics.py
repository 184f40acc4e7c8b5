"""obmen metrics: what Prometheus is told, as text, as a file, and at a port; and the dashboard that shows it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import importers.metrics
from importers.metrics import Scrapes, write_whole
from tests.conftest import Obmen, make_obmen

DASHBOARD = Path(__file__).parents[1] / "docs" / "grafana" / "obmen.json"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """By name and labels. The parser itself refuses what Prometheus would."""
    found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    told = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in found}
    assert len(told) == len(found), "no series twice"
    return told


def labels(**named: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(named.items()))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Obmen:
    """After one import of two kinds, and one attempt that came to nothing."""
    obmen = make_obmen(tmp_path_factory.mktemp("made"))
    obmen.json("import", "catalog", "prices")
    obmen.call("import", "catalog", "--source", "nowhere")
    return obmen


@pytest.fixture
def imported(made: Obmen, tmp_path: Path) -> Obmen:
    """A copy of it."""
    return Obmen(Path(shutil.copytree(made.folder, tmp_path / "imported")))


def test_what_is_told(imported: Obmen) -> None:
    session = imported.json("show", "1")
    done = imported.call("metrics")
    assert (done.returncode, done.stderr) == (0, "")
    told = samples(done.stdout)
    of_session = labels(shop="main", type="catalog", status="completed")
    assert told["obmen_up", ()] == 1
    assert told["obmen_sessions_total", of_session] == 1
    assert told["obmen_records_read_total", of_session] == session["counts"]["read"] > 0
    assert told["obmen_records_rejected_total", of_session] == session["counts"]["rejected"]
    seconds = told["obmen_session_seconds_total", of_session]
    assert 0 < seconds < 60
    assert told["obmen_attempts_total", labels(shop="main", outcome="created")] == 1
    assert told["obmen_attempts_total", labels(shop="main", outcome="error")] == 1
    assert told["obmen_lease_expiries_total", labels(shop="main")] == 0
    # The increase from 0 to the first one is seen, where the series is there before.
    assert told["obmen_sessions_total", labels(shop="main", type="catalog", status="failed")] == 0
    assert told["obmen_attempts_total", labels(shop="main", outcome="mismatch")] == 0
    for kind in ("catalog", "prices"):
        of_kind = labels(shop="main", type=kind)
        assert 0 <= told["obmen_last_success_age_seconds", of_kind] < 60
        speed = told["obmen_last_session_rows_per_second", of_kind]
        assert speed == pytest.approx(session["counts"]["read"] / seconds)
        assert told["obmen_active_session", labels(shop="main", type=kind, status="in_progress")] == 0
    version = next(key for key in told if key[0] == "obmen_build_info")
    assert dict(version[1]).keys() == {"version"}


def test_deleting_a_session_lowers_nothing(imported: Obmen) -> None:
    before = samples(imported.call("metrics").stdout)
    assert imported.call("delete", "1").returncode == 0
    after = samples(imported.call("metrics").stdout)
    assert after.keys() == before.keys()
    counters = [key for key in before if key[0].endswith("_total")]
    assert {key: after[key] for key in counters} == {key: before[key] for key in counters}


def test_active_sessions(imported: Obmen) -> None:
    change(imported, "UPDATE session SET status = 'started', finished_at = NULL, retries = 2, waiting = 'no broker', "
           "created_at = '2020-01-01T00:00:00.000Z'")  # fmt: skip
    change(imported, "UPDATE attempt SET outcome = NULL WHERE id = 1")
    told = samples(imported.call("metrics").stdout)
    of_session = labels(shop="main", type="catalog", status="started")
    assert told["obmen_active_session", of_session] == 1
    assert told["obmen_active_session_age_seconds", of_session] > 1e8
    assert told["obmen_waiting_session", labels(shop="main", type="catalog")] == 1
    assert told["obmen_attempts_without_outcome", labels(shop="main")] == 1
    assert told["obmen_lease_expiries_total", labels(shop="main")] == 2


def test_names_of_shops_and_types_are_escaped(imported: Obmen) -> None:
    odd = 'a "b"\\ {c="d"}\nобмен'
    change(imported, "UPDATE tally SET shop = ?", odd)
    imported.call("metrics", "--output", "told.prom")
    told = samples((imported.folder / "told.prom").read_text(encoding="utf-8"))
    assert told["obmen_sessions_total", labels(shop=odd, type="catalog", status="completed")] == 1


def change(obmen: Obmen, statement: str, *parameters: str) -> None:
    with closing(sqlite3.connect(obmen.folder / "journal.sqlite3")) as db:
        db.execute(statement, parameters)
        db.commit()


def test_a_file_for_node_exporter(imported: Obmen) -> None:
    file = imported.folder / "told.prom"
    file.write_text("of before", encoding="utf-8")
    file.chmod(0o600)
    before = os.umask(0o077)
    try:
        done = imported.call("metrics", "--output", str(file))
    finally:
        os.umask(before)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert samples(file.read_text(encoding="utf-8"))["obmen_up", ()] == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert [each.name for each in imported.folder.iterdir() if "told" in each.name] == ["told.prom"]


def test_the_file_is_whole_at_every_moment(tmp_path: Path) -> None:
    file = tmp_path / "told.prom"
    texts = ["a" * 3_000_000, "b" * 2_000_000]
    write_whole(file, texts[0])
    over = threading.Event()

    def write() -> None:
        for number in range(40):
            write_whole(file, texts[number % 2])
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not over.is_set():
        seen.add(file.read_text(encoding="utf-8"))
        assert [each for each in tmp_path.iterdir() if each.suffix == ".prom"] == [file]
    writer.join()
    assert seen <= set(texts)


def test_a_file_that_cannot_be_written(imported: Obmen) -> None:
    (imported.folder / "folder").mkdir()
    for place in ("nowhere/told.prom", "folder"):
        done = imported.call("metrics", "--output", place)
        assert (done.returncode, done.stdout) == (2, "")
        assert re.fullmatch(rf"Error: {place}: cannot be written: .+\n", done.stderr)
    assert not [each for each in imported.folder.rglob("*") if ".prom" in each.name]


def test_a_journal_that_cannot_be_read(obmen: Obmen) -> None:
    for args in (["metrics"], ["metrics", "--output", "told.prom"]):
        done = obmen.call(*args)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1
        assert "journal.sqlite3: there is no such file yet" in done.stderr
        text = done.stdout or (obmen.folder / "told.prom").read_text(encoding="utf-8")
        told = samples(text)
        assert told["obmen_up", ()] == 0
        assert len(told) == 2, "nothing else but the version"
    assert not (obmen.folder / "journal.sqlite3").exists()
    away = {"OBMEN_JOURNAL__URL": "postgresql://127.0.0.1:1/shop"}
    done = obmen.call("metrics", **away)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be reached" in done.stderr


def test_a_bug_is_logged_and_the_scrape_answered(imported: Obmen, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_figures: object) -> Iterator[object]:
        yield from ()
        raise RuntimeError("not thought of")

    monkeypatch.chdir(imported.folder)
    monkeypatch.setattr(importers.metrics, "families", fails)
    scrapes = Scrapes(imported.settings)
    assert samples(scrapes.text())["obmen_up", ()] == 0
    assert "unexpected RuntimeError: not thought of; the log" in str(scrapes.error)
    assert "Traceback" in (imported.folder / "obmen.log").read_text(encoding="utf-8")
    monkeypatch.undo()
    monkeypatch.chdir(imported.folder)
    assert samples(scrapes.text())["obmen_up", ()] == 1
    assert scrapes.error is None


@pytest.mark.parametrize("args", [["--port", "0", "--output", "x"], ["--host", "::1"], ["--port", "65536"]])
def test_wrong_usage(obmen: Obmen, args: list[str]) -> None:
    done = obmen.call("metrics", *args)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@contextmanager
def served(obmen: Obmen, *args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tui", "metrics", "--port", "0", *args],
        cwd=obmen.folder, env={**os.environ, **obmen.env}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stderr
        line = process.stderr.readline()
        assert line.startswith("Metrics: http://"), line
        yield process, line.split()[1]
    finally:
        process.kill()
        process.communicate()


def scraped(address: str, *, code: int = 200) -> Samples:
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.status == code
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        return samples(answer.read().decode())


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_at_a_port(imported: Obmen, ending: signal.Signals) -> None:
    journal, aside = imported.folder / "journal.sqlite3", imported.folder / "aside"
    with served(imported) as (process, address):
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/metrics", address)
        assert scraped(address)["obmen_up", ()] == 1
        journal.rename(aside)
        assert scraped(address)["obmen_up", ()] == 0
        journal.write_text("no database", encoding="utf-8")
        assert scraped(address)["obmen_up", ()] == 0
        aside.replace(journal)
        change(imported, "UPDATE tally SET sessions = 5")
        of_session = labels(shop="main", type="catalog", status="completed")
        assert scraped(address)["obmen_sessions_total", of_session] == 5
        process.send_signal(ending)
        _out, err = process.communicate(timeout=20)
        assert process.returncode == 0
        assert err == ""


def test_many_scrapes_at_once(imported: Obmen) -> None:
    with served(imported) as (_process, address):
        told: list[float] = []
        threads = [
            threading.Thread(target=lambda: told.append(scraped(address)["obmen_up", ()])) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert told == [1] * 8


def test_a_port_that_is_taken(imported: Obmen) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = imported.call("metrics", "--port", port)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"cannot listen on 127.0.0.1, port {port}: " in done.stderr


def test_without_the_library(imported: Obmen) -> None:
    code = (
        "import sys\nfrom importlib.abc import MetaPathFinder\n"
        "sys.modules['prometheus_client'] = None\n"
        "import importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name == 'prometheus_client' else find(name, *rest)\n"
        "from importers.cli import main\nsys.exit(main(['metrics']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=imported.folder, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'Error: metrics need another library: pip install "obmen[metrics]"\n'


# The dashboard


@pytest.fixture(scope="module")
def dashboard() -> Any:
    return json.loads(DASHBOARD.read_text(encoding="utf-8"))


def queries(dashboard: Any) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def test_the_dashboard_shows_all_that_is_told_and_nothing_else(imported: Obmen, dashboard: Any) -> None:
    change(imported, "UPDATE session SET status = 'started', finished_at = NULL")
    change(imported, "UPDATE attempt SET outcome = NULL WHERE id = 1")
    told = {name for name, _labels in samples(imported.call("metrics").stdout)}
    lists = [
        variable["definition"] for variable in dashboard["templating"]["list"] if "definition" in variable
    ]
    shown = {name for text in (*queries(dashboard), *lists) for name in re.findall(r"\bobmen_\w+", text)}
    assert shown == told


def test_labels_that_the_dashboard_asks_for_are_told(imported: Obmen, dashboard: Any) -> None:
    change(imported, "UPDATE session SET status = 'started', finished_at = NULL")
    change(imported, "UPDATE attempt SET outcome = NULL WHERE id = 1")
    names: dict[str, set[str]] = {}
    for name, values in samples(imported.call("metrics").stdout):
        names[name] = {label for label, _value in values}
    asked = [found for query in queries(dashboard) for found in re.findall(r"(obmen_\w+)(\{[^}]*\})?", query)]
    assert asked
    for name, selector in asked:
        assert set(re.findall(r"(\w+)=~", selector)) <= names[name], name
    for query in queries(dashboard):
        of_query = [names[name] for name in re.findall(r"obmen_\w+", query)]
        grouped = {label for group in re.findall(r"by \(([^)]*)\)", query) for label in group.split(", ")}
        assert all(grouped <= found for found in of_query), query


def test_the_dashboard_is_one_that_grafana_imports(dashboard: Any) -> None:
    assert dashboard["schemaVersion"] >= 38, "Grafana 10"
    assert {variable["name"] for variable in dashboard["templating"]["list"]} == {
        "datasource",
        "shop",
        "type",
    }
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = set()
    for panel in panels:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        grid = panel["gridPos"]
        taken = {
            (x, y)
            for x in range(grid["x"], grid["x"] + grid["w"])
            for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not taken & places, f"{panel['title']} lies over another panel"
        assert max(x for x, _y in taken) < 24
        places |= taken
    (age,) = [panel for panel in panels if panel["title"] == "Age of the last good import"]
    assert len(age["fieldConfig"]["defaults"]["thresholds"]["steps"]) == 3
