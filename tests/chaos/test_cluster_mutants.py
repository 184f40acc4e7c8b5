"""The program on servers with one guard taken out of its text: the test that is named beside it must fail.

Those that replace a statement or an attribute at run time are in tests/launch/test_mutants.py. These reach worker
processes, too: each is a copy of the program, with its tests.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("importers", "tui", "tests", "docs")
TESTS_FAILED = 1
"""The exit code of pytest. Where a test is not found it is another one."""
SAID = "said"
"""By the last run of the tests of a copy."""
BROKEN = r"^E .*(Syntax|Name|Import|ModuleNotFound|Attribute|Type)Error\b"
"""What does not run at all is no mutant."""


class Edit(NamedTuple):
    file: str
    old: str
    new: str
    times: int | None = 1
    """None: any number."""

    @property
    def fits(self) -> bool:
        """Otherwise the program has changed, and the mutant would be none."""
        found = (ROOT / self.file).read_text("utf-8").count(self.old)
        return found == self.times if self.times is not None else found > 0


class Mutant(NamedTuple):
    edits: tuple[Edit, ...]
    killer: str
    """The test, as pytest is told."""


JOURNAL, SCHEMA = "importers/sessions/store.py", "importers/sessions/schema/postgres/001_journal.sql"
CATALOG = "importers/catalog/store.py"
WRITES = "importers/catalog/writes.py"
SERVER = "importers/database/postgres.py"
CELERY = "importers/worker/celery_engine.py"
THEIR_CLOCK = "        (row,) = await self.fetch(NOW)\n        return Now(*row)\n"
OUR_CLOCK = "        return Now(time.time(), 'one', Clock().now())\n"
CLAIMED = """\
            claimed = await db.execute(
                sql.CLAIM, session_id, target, now.utc, owner.name, owner.start, owner.boot, now.seconds + lease,
                now.epoch, owner.host,
            )  # fmt: skip
            if claimed != 1:
                return None
"""
TOLD = """\
            args = json({"owner": owner.name})
            if await db.fetch(sql.RECEIVED, session_id):
                kind, text = "log", N_("Taken up again by worker {owner}")
            else:
                kind, text = "received", N_("Received by worker {owner}")
            await db.execute(sql.EVENT, session_id, now.utc, kind, "info", text, args)
"""
GATED = """\
        async with self._database.transaction(gate=GATE) as db:
            if fence is not None and await db.fetch(sql.IS_STALE, journal_id, task_id, fence):
"""
LOOKED_BEFORE = """\
        stale = fence is not None and await self._database.fetch(sql.IS_STALE, journal_id, task_id, fence)
        async with self._database.transaction(gate=GATE) as db:
            if stale:
"""
NOBODY_CATCHES = "    except ZeroDivisionError as error:\n        await journal.wait_for"
DISPATCH = "importers/worker/dispatch.py"
TEXT_TABLES = "importers/catalog/schema/postgres/001_tables.sql"
MERGE = "importers/catalog/merge.py"
DIFF = "plain.only(of_fresh), plain.only(of_same)"
INDENT = 16 * " "
YIELDED = INDENT + "yield transaction\n"
MUTANTS = {
    "no gate, no index": Mutant(
        (
            Edit(JOURNAL, "transaction(gate=new.target)", "transaction()"),
            Edit(SCHEMA, "CREATE UNIQUE INDEX one_active", "CREATE INDEX one_active"),
        ),
        "tests/launch/test_interleavings.py::test_interleaving"
        "[postgres-both_look_in_their_transactions_then_both_create]",
    ),
    "event before the UPDATE": Mutant(
        (Edit(JOURNAL, CLAIMED + TOLD, TOLD + CLAIMED),),
        "tests/launch/test_interleavings.py::test_interleaving[postgres-both_claim]",
    ),
    "the client's clock": Mutant(
        (
            Edit(SERVER, THEIR_CLOCK, OUR_CLOCK, 2),
            Edit(SERVER, "import Now\n", "import Clock, Now\n"),
            Edit(SERVER, "import hashlib\n", "import hashlib\nimport time\n"),
        ),
        "tests/worker/test_wrong_clocks.py::test_times_are_told_in_their_order",
    ),
    "the client's clock judges leases": Mutant(
        (
            Edit(SERVER, THEIR_CLOCK, OUR_CLOCK, 2),
            Edit(SERVER, "import Now\n", "import Clock, Now\n"),
            Edit(SERVER, "import hashlib\n", "import hashlib\nimport time\n"),
        ),
        "tests/worker/test_wrong_clocks.py::test_a_lease_of_the_other_host_holds_and_ends[behind]",
    ),
    "claim not repeatable": Mutant(
        (Edit(JOURNAL, "return await self._claimed(session_id, owner) or await", "return await"),),
        "tests/database/test_lost_commit.py::test_a_claim_of_which_nobody_knows",
    ),
    "no NOTIFY": Mutant(
        (Edit(SERVER, "THEN pg_notify(?1, '')::text END", "THEN ?1::text END"),),
        "tests/database/test_postgres.py::test_a_change_is_told_and_need_not_be_asked_for",
    ),
    "every row is written": Mutant(
        (
            Edit(MERGE, DIFF, DIFF.replace("(of_same)", "(set())")),
            Edit(
                WRITES,
                "            if before != after and set(before) != set(after):\n"
                "                self.replace(table, key, before, after)\n                changed = True\n",
                "            self.replace(table, key, before, after)\n"
                "            changed = changed or set(before) != set(after)\n",
            ),
            Edit(WRITES, "elif before[ident] != row:", "elif before[ident] != row or row[rest:]:"),
        ),
        "tests/kinds/test_both_engines.py::test_the_same_export_again_writes_no_row_and_hardly_any_log",
    ),
    "no catalog lock": Mutant(
        (Edit(CATALOG, "transaction(gate=GATE)", "transaction()"),),
        "tests/contract/test_catalog_commits.py::test_a_late_worker_waits_for_the_other_and_is_refused[postgres]",
    ),
    "fence outside": Mutant(
        (Edit(CATALOG, GATED, LOOKED_BEFORE),),
        "tests/contract/test_catalog_commits.py::test_a_late_worker_waits_for_the_other_and_is_refused[postgres]",
    ),
    "reaper without terminate": Mutant(
        (
            Edit(
                "importers/worker/reaper.py",
                "await catalog.end_others(session_name(journal.journal_id, session.id, session.fence))",
                "session_name(journal.journal_id, session.id, session.fence)",
            ),
        ),
        "tests/worker/test_other_hosts.py::test_what_it_was_about_to_commit_is_ended_before_the_session_is",
    ),
    "staging inside": Mutant(
        (Edit(CATALOG, YIELDED, INDENT + "await transaction.begin()\n" + YIELDED),),
        "tests/kinds/test_short_transactions.py::test_no_transaction_is_open_while_files_are_read",
    ),
    'key without "C"': Mutant(
        (Edit(TEXT_TABLES, 'id text COLLATE "C" NOT NULL', "id text NOT NULL", None),),
        "tests/catalog/test_postgres_schemas.py::test_columns_have_their_types_and_texts_the_order_of_code_points",
    ),
    "late ack": Mutant(
        (Edit(CELERY, "task_acks_late=False", "task_acks_late=True"),),
        "tests/worker/test_celery.py::test_told_to_go_it_ends_what_runs_first",
    ),
    "prefetch": Mutant(
        (Edit(CELERY, "worker_disable_prefetch=True", "worker_disable_prefetch=False"),),
        "tests/worker/test_celery.py::test_no_message_waits_behind_a_worker_that_is_busy",
    ),
    "default max_retries": Mutant(
        (Edit(CELERY, '        "max_retries": 0,\n', ""),),
        "tests/worker/test_celery.py::test_a_broker_that_is_down_is_waited_for_and_that_is_visible",
    ),
    "send error ends the session": Mutant(
        (Edit(DISPATCH, NOBODY_CATCHES.replace("ZeroDivisionError", "BrokerDown"), NOBODY_CATCHES),),
        "tests/worker/test_celery.py::test_a_broker_that_is_down_is_waited_for_and_that_is_visible",
    ),
    "sent again on its way from the queue to the claim": Mutant(
        (Edit("importers/worker/reaper.py", "if session.waiting == Message(IN_QUEUE) and", "if False and"),),
        "tests/worker/test_celery.py::test_what_waits_in_the_queue_is_not_lost_and_what_is_gone_is_sent_again",
    ),
    "group SIGTERM": Mutant(
        (Edit("importers/worker/celery_pool.py", "    leave_signals_to_parent()\n", "    pass\n"),),
        "tests/worker/test_celery_signals.py::"
        "test_what_all_processes_get_lets_the_session_come_to_its_end[command1-SIGTERM]",
    ),
    "host not in the claim": Mutant(
        (Edit("importers/sessions/statements.py", "(source_host IS NULL OR source_host = ?9)", "?9 <> ''"),),
        "tests/launch/test_interleavings.py::test_interleaving[postgres-a_host_without_the_source_claims_first]",
    ),
    "target from URL": Mutant(
        (Edit("importers/targets.py", "key = await identity_of(self.catalog)", "key = self.catalog"),),
        "tests/launch/test_launch_shops.py::test_two_addresses_of_one_database_are_one_target",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_it_can_be_made(name: str) -> None:
    """A small form: its text is still there, and so is the test that is to kill it."""
    mutant = MUTANTS[name]
    assert all(edit.fits for edit in mutant.edits)
    file, _colons, test = mutant.killer.partition("::")
    assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text("utf-8")


@pytest.mark.chaos
@pytest.mark.parametrize("name", MUTANTS)
def test_it_is_killed(tmp_path: Path, name: str) -> None:
    mutant = MUTANTS[name]
    for folder in COPIED:
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert passes(tmp_path, mutant.killer), "a test that fails anyhow kills nothing"
    for edit in mutant.edits:
        file = tmp_path / edit.file
        file.write_text(file.read_text("utf-8").replace(edit.old, edit.new), "utf-8")
    assert not passes(tmp_path, mutant.killer), "it lives"
    told = (tmp_path / SAID).read_text("utf-8")
    assert not re.search(BROKEN, told, re.MULTILINE), told


def passes(root: Path, test: str) -> bool:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", "--timeout", "60", test],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )  # fmt: skip
    (root / SAID).write_text(run.stdout + run.stderr, "utf-8")
    assert run.returncode in (0, TESTS_FAILED), run.stdout + run.stderr
    return run.returncode == 0
