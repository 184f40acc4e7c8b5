"""Pictures that a worker did not live to put in place."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from support.engine_stage import no_processes, staged
from support.workers import session_1

from importers.sessions import Status
from importers.worker.run import _Run, work

PICTURES = {f"i/{n}.jpg": bytes([n]) * 100 for n in range(20)}

DYING = """
import asyncio, itertools, os, signal, sys
from importers import settings
from importers.worker.run import work
rename, calls = os.rename, itertools.count()
def rename_or_die(*args, **rest):
    if next(calls) == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*args, **rest)
os.rename = rename_or_die
asyncio.run(work(1, settings.load()))
"""


async def test_the_pictures_of_a_worker_that_was_killed_after_its_commit_are_put_in_place(
    tmp_path: Path,
) -> None:
    async with staged(tmp_path) as stage:
        no_processes(stage)
        write_pictures(tmp_path / "export", PICTURES)
        await stage.launch("catalog", "images")
        worker = await asyncio.create_subprocess_exec(
            sys.executable, "-c", DYING, env={**os.environ, **stage.settings.to_env()}
        )
        assert await worker.wait() == -signal.SIGKILL
        there = [path for path in PICTURES if (tmp_path / "images" / path).exists()]
        assert 0 < len(there) < len(PICTURES)
        assert await stage.reap() == 1
        assert (await session_1(stage))[0] is Status.COMPLETED
        found = {path: (tmp_path / "images" / path).read_bytes() for path in PICTURES}
        assert found == PICTURES
        assert sorted(path.name for path in (tmp_path / "images/i").iterdir()) == sorted(
            Path(path).name for path in PICTURES
        )


async def test_pictures_that_cannot_be_put_in_place_are_told_in_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with staged(tmp_path) as stage:
        no_processes(stage)
        write_pictures(tmp_path / "export", PICTURES)
        check = _Run._may_commit

        async def in_the_way(self: _Run) -> None:
            (tmp_path / "images/i/3.jpg").mkdir()
            await check(self)

        monkeypatch.setattr(_Run, "_may_commit", in_the_way)
        await stage.launch("catalog", "images")
        await work(1, stage.settings)
        assert (await session_1(stage))[0] is Status.COMPLETED
        (line,) = [line for line in await stage.journal.events(1) if line.level == "error"]
        assert (line.args["count"], line.args["path"]) == (1, "i/3.jpg")

        # A session of any type tries again, even one that fails.
        monkeypatch.setattr(_Run, "_may_commit", check)
        (tmp_path / "images/i/3.jpg").rmdir()
        await stage.launch("customers")
        (tmp_path / "export/contragents_1_1.xml").write_text("<")
        await work(2, stage.settings)
        assert (await stage.journal.session(2)).status is Status.FAILED
        assert (tmp_path / "images/i/3.jpg").read_bytes() == PICTURES["i/3.jpg"]


async def test_pictures_alone_can_be_launched(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        no_processes(stage)
        write_pictures(tmp_path / "export", PICTURES)
        await stage.launch("catalog")
        await work(1, stage.settings)
        source = tmp_path / "alone"
        for path, content in PICTURES.items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        assert (await stage.launch("prices", source=str(source))).session is None
        result = await stage.launch("images", source=str(source))
        assert result.session
        await work(result.session.id, stage.settings)
        session = await stage.journal.session(result.session.id)
        assert (session.status, session.counts.created) == (Status.COMPLETED, len(PICTURES))


def write_pictures(folder: Path, pictures: dict[str, bytes]) -> None:
    """Beside what is there: a product with these pictures."""
    named = "".join(f"<Картинка>{path}</Картинка>" for path in pictures)
    (folder / "import.xml").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация><Каталог><Ид>c</Ид><Товары><Товар><Ид>p</Ид>'
        f"<Наименование>P</Наименование>{named}</Товар></Товары></Каталог></КоммерческаяИнформация>",
        encoding="utf-8",
    )
    for path, content in pictures.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
