"""The journal's figures for Prometheus: as text, as a file for node_exporter, or at a port. Each scrape reads anew, and
only reads.

prometheus_client writes the format. Whoever does not ask for metrics needs neither it nor this module.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from importers import __version__
from importers.errors import ObmenError, UsageError
from importers.logs import log_to, unexpected
from importers.sessions import ACTIVE, FINAL, Outcome, Status
from importers.sessions.figures import Ended, read_figures
from importers.sessions.tally import seconds_between
from importers.texts import N_

if TYPE_CHECKING:
    from prometheus_client import Metric

    from importers.sessions.figures import Figures
    from importers.settings import Settings

STOPPED_BY = (signal.SIGINT, signal.SIGTERM)
READABLE = 0o644
"""By node_exporter, whatever account it has: figures hold no customers' data."""


class Scrapes(Collector):
    """The metrics of the settings' journal. One that cannot be read is a metric as well: `obmen_up` is 0 then."""

    def __init__(self, settings: Settings) -> None:
        self.error: ObmenError | None = None
        """What kept the last scrape from reading the journal. Of several at once, that of any."""
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._settings = settings

    def text(self) -> str:
        return generate_latest(self.registry).decode()

    def collect(self) -> Iterator[Metric]:
        told: list[Metric] = []
        self.error = None
        try:
            told = list(families(read_figures(self._settings.journal.url)))
        except ObmenError as error:
            self.error = error
        except Exception as error:  # noqa: BLE001 (a bug: the next scrape is to be answered, too)
            path = self._settings.log.path
            log_to(path).error("metrics", exc_info=error)
            self.error = ObmenError(unexpected(error, path))
        yield GaugeMetricFamily("obmen_up", "Whether the journal could be read.", value=bool(told))
        yield InfoMetricFamily("obmen_build", "The obmen that tells these metrics.", {"version": __version__})
        yield from told


def families(figures: Figures) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "obmen_journal_schema_version", "Schema of the journal.", value=figures.schema
    )  # fmt: skip
    yield from _ended(figures)
    yield from _attempts(figures)
    yield from _active(figures)
    yield from _last_good(figures)


def _known(figures: Figures) -> set[tuple[str, str]]:
    """Shops and types of which there is anything. What did not happen to these is told as 0: from a series that begins
    with the first failure Prometheus sees no increase, and one that comes and goes cannot be told from one that is
    lost."""
    told = (figures.ended, figures.last_good, figures.active)
    return {(each.shop, each.type) for some in told for each in some}


def _ended(figures: Figures) -> Iterator[Metric]:
    labels = ("shop", "type", "status")
    sessions = CounterMetricFamily(
        "obmen_sessions", "Sessions that have ended, by their first import type.", labels=labels
    )
    seconds = CounterMetricFamily(
        "obmen_session_seconds",
        "Seconds from the first claim by a worker to the end of sessions.",
        labels=labels,
    )
    read = CounterMetricFamily(
        "obmen_records_read", "Records that sessions have read; those of an unchanged export count again.",
        labels=labels,
    )  # fmt: skip
    rejected = CounterMetricFamily(
        "obmen_records_rejected", "Records that sessions have rejected.", labels=labels
    )
    told = {(ended.shop, ended.type, ended.status): ended for ended in figures.ended}
    for values in sorted((*each, status.value) for each in _known(figures) for status in FINAL):
        ended = told.get(values) or Ended(*values, 0, 0.0, 0, 0, 0)
        sessions.add_metric(values, ended.sessions)
        seconds.add_metric(values, ended.seconds)
        read.add_metric(values, ended.read)
        rejected.add_metric(values, ended.rejected)
    yield from (sessions, seconds, read, rejected)

    taken: Counter[str] = Counter()
    for counted in figures.ended:
        taken[counted.shop] += counted.taken
    for active in figures.active:
        taken[active.shop] += active.retries
    expiries = CounterMetricFamily(
        "obmen_lease_expiries",
        "Times that a session was taken from a worker that died or froze.",
        labels=("shop",),
    )
    for shop, times in sorted(taken.items()):
        expiries.add_metric((shop,), times)
    yield expiries


def _attempts(figures: Figures) -> Iterator[Metric]:
    attempts = CounterMetricFamily(
        "obmen_attempts", "Attempts to launch, by what came of them.", labels=("shop", "outcome")
    )
    pending = GaugeMetricFamily(
        "obmen_attempts_without_outcome", "Attempts that are under way, or whose process died on the way.",
        labels=("shop",),
    )  # fmt: skip
    told = {(shop, outcome): count for shop, outcome, count in figures.attempts}
    for shop in sorted({shop for shop, _outcome in told}):
        pending.add_metric((shop,), told.get((shop, None), 0))
        for outcome in Outcome:
            attempts.add_metric((shop, outcome.value), told.get((shop, outcome.value), 0))
    yield from (attempts, pending)


def _active(figures: Figures) -> Iterator[Metric]:
    known = _known(figures)
    sessions = Counter({(*each, status.value): 0 for each in known for status in ACTIVE})
    held_up = Counter(dict.fromkeys(known, 0))
    ages: dict[tuple[str, str, str], float] = {}
    for active in figures.active:
        labels = (active.shop, active.type, active.status)
        sessions[labels] += 1
        ages[labels] = max(ages.get(labels, 0.0), seconds_between(active.created_at, figures.at))
        if active.status == Status.STARTED and active.is_held_up:
            held_up[active.shop, active.type] += 1
    names = ("shop", "type", "status")
    running = GaugeMetricFamily("obmen_active_session", "Sessions that have not ended.", labels=names)
    for labels, count in sorted(sessions.items()):
        running.add_metric(labels, count)
    age = GaugeMetricFamily(
        "obmen_active_session_age_seconds", "Since the oldest of them was launched.", labels=names
    )
    for labels, seconds in sorted(ages.items()):
        age.add_metric(labels, seconds)
    waiting = GaugeMetricFamily(
        "obmen_waiting_session", "Sessions that no worker can take at present, the broker being away for instance.",
        labels=names[:2],
    )  # fmt: skip
    for known_labels, count in sorted(held_up.items()):
        waiting.add_metric(known_labels, count)
    yield from (running, age, waiting)


def _last_good(figures: Figures) -> Iterator[Metric]:
    labels = ("shop", "type")
    at = GaugeMetricFamily(
        "obmen_last_success_timestamp_seconds",
        "When a session with this import type was last completed, dry runs apart.", labels=labels,
    )  # fmt: skip
    age = GaugeMetricFamily(
        "obmen_last_success_age_seconds", "Seconds since then, by the clock of the journal.", labels=labels
    )
    speed = GaugeMetricFamily(
        "obmen_last_session_rows_per_second", "Records that this session has read in a second.", labels=labels
    )
    for good in figures.last_good:
        values = (good.shop, good.type)
        at.add_metric(values, datetime.fromisoformat(good.at).timestamp())
        age.add_metric(values, seconds_between(good.at, figures.at))
        if good.seconds:
            speed.add_metric(values, good.read / good.seconds)
    yield from (at, age, speed)


def write_whole(path: Path, text: str) -> None:
    """Whoever reads `path` finds what was there before or all of `text`. Raises UsageError."""
    try:
        # The name ends as no file that node_exporter reads.
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(handle, READABLE)
                file.write(text)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(
            N_("{path}: cannot be written: {error}"), path=path, error=error.strerror or error
        ) from error


def serve(scrapes: Scrapes, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer scrapes until SIGINT or SIGTERM. `port` 0: any that is free. `ready` is given the address. Raises
    UsageError where nobody can listen there."""
    # Before there is a thread, so that none is interrupted by them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPED_BY)
    try:
        try:
            server, thread = start_http_server(port, host, scrapes.registry)
        except OSError as error:
            raise UsageError(
                N_("cannot listen on {host}, port {port}: {error}; name another with --host and --port"),
                host=host,
                port=port,
                error=error.strerror or error,
            ) from error
        shown = f"[{host}]" if ":" in host else host
        ready(f"http://{shown}:{server.server_port}/metrics")
        signal.sigwait(STOPPED_BY)
        server.shutdown()
        server.server_close()
        thread.join()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
