"""The health check: each line can fail, says why and what helps, and the operator's data are only looked at."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import msgspec
import pytest
from support.examination import contents, examine, failing, make_databases

from importers.doctor import checks
from importers.settings import Settings, Source
from tests.conftest import Obmen

NAMES = [
    "settings", "source", "journal", "catalog", "images", "log", "redis", "worker", "logout", "locale", "terminal",
    "one session per confirm", "session type", "one request id per confirm", "one task received", "launch lock",
]  # fmt: skip


async def test_all_is_well_and_the_operators_data_are_left_alone(healthy: Settings, tmp_path: Path) -> None:
    found = await examine(healthy)
    assert failing(found) == {}
    assert list(found) == NAMES
    assert found["one session per confirm"].detail == "1 session from 3 presses"
    assert found["one task received"].detail == "received once, the session is completed"
    assert list(contents(tmp_path)) == [f"{tmp_path}/export/contragents_1_1.xml"], "nothing is made"
    await make_databases(healthy)
    before = contents(tmp_path)
    assert failing(await examine(healthy)) == {}
    assert contents(tmp_path) == before


async def test_a_source_that_is_old(healthy: Settings) -> None:
    week = time.time() - 7 * 86400
    for file in os.scandir(healthy.source.path):
        os.utime(file, (week, week))
    assert list(failing(await examine(healthy))) == ["source"]


def test_a_source_of_pictures_alone_is_in_order(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").write_bytes(b"1")
    assert checks.check_source(tmp_path).ok


async def test_a_source_with_a_gap_and_none_at_all(healthy: Settings, tmp_path: Path) -> None:
    export = Path(healthy.source.path)
    shutil.copy(export / "contragents_1_1.xml", export / "contragents_1_3.xml")
    gap = checks.check_source(export)
    assert (gap.ok, "contragents_1_2: this part is missing" in gap.detail) == (False, True)
    healthy = msgspec.structs.replace(healthy, source=Source(path=str(tmp_path / "nothing")))
    assert list(failing(await examine(healthy))) == ["source"]


@pytest.mark.parametrize("name", ["cut", "root", "later"])
async def test_a_source_that_no_import_could_read(healthy: Settings, name: str) -> None:
    file = Path(healthy.source.path) / "contragents_1_1.xml"
    whole = file.read_text(encoding="utf-8")
    text = {
        "cut": whole[:-30],
        "root": "<html></html>",
        "later": whole.replace("</Контрагенты>", "<Контрагент></Контрагенты>"),
    }[name]
    file.write_text(text, encoding="utf-8")
    found = await examine(healthy)
    assert list(failing(found)) == ["source"]
    assert "contragents_1_1.xml" in found["source"].detail


async def test_an_engine_that_is_not_there(healthy: Settings) -> None:
    worker = msgspec.structs.replace(healthy.worker, engine="celery")
    found = await examine(msgspec.structs.replace(healthy, worker=worker))
    assert list(failing(found)) == ["worker", "launch"]
    assert "needs redis.url" in found["launch"].detail


def test_as_a_command(obmen: Obmen) -> None:
    now = time.time()
    source = obmen.folder / "export"
    shutil.copytree(obmen.settings.source.path, source)
    for file in source.rglob("*"):
        os.utime(file, (now, now))
    obmen.env["OBMEN_SOURCE__PATH"] = str(source)
    assert [check["name"] for check in obmen.json("doctor")] == NAMES
    obmen.env["OBMEN_SOURCE__PATH"] = str(obmen.folder / "nowhere")
    told = obmen.run("--language", "ru", "doctor", LANG="C")  # letters alone
    assert told.returncode == 1
    assert "источник" in told.stdout
    assert "-> укажите в source.path папку или .zip, куда выгружает 1С" in told.stdout
