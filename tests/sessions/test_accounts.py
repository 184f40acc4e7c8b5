"""Two operators with Unix accounts of their own, in one group, share a server (docs/guide.md)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.engine_stage import PEOPLE, make_settings, rows, write_export

GROUP = 61000
"""Any number will do: the kernel asks no file for it."""
HERE = Path(__file__).parent

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as two other accounts")


class Operator:
    def __init__(self, account: pwd.struct_passwd, folder: Path, scratch: Path) -> None:
        self.name = account.pw_name
        path = os.pathsep.join((str(HERE.parent), str(HERE.parents[1])))
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "as_account.py"), str(account.pw_uid), str(GROUP), str(scratch)],
            env={**os.environ, **make_settings(folder).to_env(), "PYTHONPATH": path},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, command: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return msgspec.json.decode(self.process.stdout.readline())

    def leave(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Shared as the guide says: group-writable and setgid. Not tmp_path, which is below a folder of one account."""
    made = Path(tempfile.mkdtemp(prefix="obmen-shared-"))
    write_export(made / "export")
    for path in (made, *made.rglob("*")):
        os.chown(path, 0, GROUP)
        path.chmod(0o2770 if path.is_dir() else 0o640)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def arrive(folder: Path, tmp_path: Path) -> Iterator[Callable[[int], Operator]]:
    accounts = [account for account in pwd.getpwall() if account.pw_uid not in (0, os.getuid())]
    with ExitStack() as stack:

        def come(number: int) -> Operator:
            operator = Operator(accounts[number], folder, tmp_path / str(number))
            stack.callback(operator.leave)
            return operator

        yield come


def test_two_accounts_of_one_group(arrive: Callable[[int], Operator], folder: Path) -> None:
    """Whoever comes first, both see, join, cancel, import and delete; whatever the umask says."""
    anna, boris = arrive(0), arrive(1)
    outcome, session_id, *_ = anna("launch")
    assert (outcome, session_id) == ("created", 1)
    assert boris("sessions") == [[1, anna.name, "started"]]
    outcome, session_id, reason = boris("launch")
    assert (outcome, session_id) == ("joined", 1)
    assert f"launched by {anna.name}@" in reason
    assert boris("cancel 1") == [1, anna.name, "cancelled"]
    assert boris("delete 1") == [1]
    outcome, session_id, *_ = boris("launch")
    assert (outcome, session_id) == ("created", 2)
    assert boris("work 2") == 0
    assert rows(folder / "catalog.sqlite3", "SELECT id, name FROM customer") == list(PEOPLE.items())
    assert anna("sessions") == [[2, boris.name, "completed"]]
    assert anna("delete 2") == [2]
    outcome, session_id, *_ = anna("launch")
    assert (outcome, session_id) == ("created", 3)
    assert anna("work 3") == 0, "into the catalog that the other made"
    assert boris("sessions") == [[3, anna.name, "completed"]]
    log = (folder / "obmen.log").read_text(encoding="utf-8")
    assert log.count("Import launched") == 3
    for file in ("journal.sqlite3", "catalog.sqlite3", "obmen.log"):
        found = (folder / file).stat()
        assert (found.st_gid, oct(found.st_mode & 0o777)) == (GROUP, "0o660")
    assert {(folder / file).stat().st_uid for file in ("journal.sqlite3", "catalog.sqlite3")} != {0}


def test_the_files_of_a_killed_account_stay_everybodys(
    arrive: Callable[[int], Operator], folder: Path
) -> None:
    """SQLite's -wal and -shm lie there, made by the one that was killed."""
    anna = arrive(0)
    assert anna("launch")[0] == "created"
    anna.leave()
    assert (folder / "journal.sqlite3-wal").stat().st_uid != 0
    boris = arrive(1)
    assert boris("sessions") == [[1, anna.name, "started"]]
    assert boris("reap") == 1, "the dead account's worker is noticed"
    assert boris("work 1") == 0
    assert boris("sessions") == [[1, anna.name, "completed"]]


def test_without_a_shared_folder_the_other_is_told(arrive: Callable[[int], Operator], folder: Path) -> None:
    """No traceback: the file, and the cure."""
    folder.chmod(0o777)
    anna, boris = arrive(0), arrive(1)
    assert anna("launch")[0] == "created"
    assert boris("sessions") == (
        f"DatabaseError: {folder}/journal.sqlite3: cannot be opened; check that the path is right and this account may "
        "write there"
    )
