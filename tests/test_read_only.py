"""Settings for watching: all can be looked at, nothing can be changed; the role of the database sees to it, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from support.engines import PostgresHand

from importers import settings
from importers.control import Control
from importers.errors import DatabaseError, ReadOnly
from importers.events import Options
from importers.launch import new_request
from importers.sessions import open_journal
from importers.sessions.models import NewSession
from tests.conftest import Obmen, make_obmen

WATCHING = {"OBMEN_READ_ONLY": "true"}
NEW = NewSession("r", "k", "h", "t", ("prices",), "/srv/1c", Options(), "a catalog", "anna", "host")
CHANGES = (
    ["import", "catalog"], ["cancel", "1"], ["retry", "1"], ["delete", "1"], ["worker"],
    ["migrate", "--repair"], ["migrate", "--to", "postgresql://h/d"],
)  # fmt: skip
LOOKS = (["sessions"], ["attempts"], ["show", "1"], ["logs", "1"], ["rejects", "1"], ["metrics"], ["doctor"])


@pytest.fixture(scope="module")
def used_server(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Obmen]:
    """Its account may read, and nothing else."""
    obmen = make_obmen(tmp_path_factory.mktemp("server"))
    hand = PostgresHand(postgres)
    obmen.env["OBMEN_JOURNAL__URL"] = hand.url
    obmen.json("import", "customers")
    role = f"watcher_{hand.schema}"
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f"CREATE ROLE {role} LOGIN")
        db.execute(f'GRANT USAGE ON SCHEMA "{hand.schema}" TO {role}')
        db.execute(f'GRANT SELECT ON ALL TABLES IN SCHEMA "{hand.schema}" TO {role}')
    obmen.env["OBMEN_JOURNAL__URL"] = hand.url.replace("//obmen@", f"//{role}@")
    yield obmen
    with psycopg.connect(postgres, autocommit=True) as db:
        db.execute(f"DROP OWNED BY {role}; DROP ROLE {role}")
    hand.drop()


@pytest.fixture(params=["sqlite", "postgres"])
def used(request: pytest.FixtureRequest, used: Obmen) -> Obmen:
    """With a session, in a file or on a server."""
    on_server: Obmen = request.getfixturevalue("used_server") if request.param == "postgres" else used
    return on_server


def test_all_can_be_looked_at(used: Obmen) -> None:
    for command in LOOKS:
        done = used.call(*command, **WATCHING)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert used.json("show", "1", **WATCHING)["status"] == "completed"


@pytest.mark.parametrize("command", CHANGES, ids=lambda command: command[0])
def test_nothing_can_be_changed(used: Obmen, command: list[str]) -> None:
    before = used.json("sessions", **WATCHING)
    done = used.call(*command, **WATCHING)
    assert done.returncode == 2
    assert "these settings are for watching only (read_only = true)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert used.json("sessions", **WATCHING) == before
    assert len(used.json("attempts", **WATCHING)) == 1


async def test_not_even_past_the_settings(used: Obmen) -> None:
    """What opens the journal for watching is refused by the engine itself."""
    config = settings.load(used.folder / "config.toml", used.env)
    journal = await open_journal(config.journal.url, read_only=True)
    try:
        with pytest.raises(DatabaseError, match=r"read-only|cannot be written"):
            await journal.create(NEW, 5, [])
        with pytest.raises(ReadOnly):
            await Control(watching(used), journal).launch(new_request(config, ("customers",)))
        assert len(await journal.sessions()) == 1
        watch = journal.watch()
        assert await watch.changed(1)
    finally:
        await journal.close()


def watching(used: Obmen) -> settings.Settings:
    return settings.load(used.folder / "config.toml", {**used.env, **WATCHING})


def test_an_account_that_may_only_read_is_told_so_in_one_line(used: Obmen) -> None:
    if "OBMEN_JOURNAL__URL" not in used.env:
        pytest.skip("a file has no accounts")
    for command in (["import", "customers", "--force"], ["cancel", "1"], ["delete", "1"]):
        done = used.call(*command)
        assert done.returncode == 1, command
        assert "this account may not do that; grant it the right" in done.stderr
        assert "Traceback" not in done.stderr


def test_nothing_is_made_for_who_watches(tmp_path: Path) -> None:
    obmen = make_obmen(tmp_path)
    done = obmen.call("sessions", **WATCHING)
    assert done.returncode == 1
    assert "there is no such file yet" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["config.toml"]
