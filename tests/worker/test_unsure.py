"""A worker that does not know whether its import was committed leaves the answer to who asks the catalog."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine_stage import no_processes, staged
from support.engines import PostgresHand

from importers.database.postgres import PostgresTransaction
from importers.errors import Unsure
from importers.sessions import Status
from importers.worker.run import work


@pytest.mark.parametrize("done", [True, False])
async def test_what_nobody_could_tell_is_found_out_later(
    hand: PostgresHand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    commit = PostgresTransaction.commit

    async def commit_or_not_then_raise(self: PostgresTransaction) -> None:
        await (commit(self) if done else self.rollback())
        raise Unsure("nobody knows")

    async with staged(tmp_path, catalog={"url": hand.url}) as stage:
        no_processes(stage)
        session = (await stage.launch()).session
        assert session
        with monkeypatch.context() as patch:
            patch.setattr(PostgresTransaction, "commit", commit_or_not_then_raise)
            assert await work(session.id, stage.settings) == 1
        assert (await stage.journal.session(session.id)).status is Status.IN_PROGRESS
        stage.change("UPDATE session SET owner_start = '1'")  # this process was another one
        await stage.reap()
        found = await stage.journal.session(session.id)
        assert found.status is (Status.COMPLETED if done else Status.FAILED)
        assert hand.rows("SELECT count(*) > 0 FROM customer") == [(done,)]
