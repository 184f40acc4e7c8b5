"""From the confirm to the end of an import: how often each file of the source is looked into."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.engine_stage import no_processes, staged
from support.looks import Looks

from importers.commerceml.parts import HEAD
from importers.sessions import Status
from importers.worker.run import work

PRODUCTS = "<Товар><Ид>{0}</Ид><Наименование>{0}</Наименование></Товар>"
OFFERS = "<Предложение><Ид>{0}</Ид><Наименование>{0}</Наименование></Предложение>"
PRICES = (
    "<Предложение><Ид>{0}</Ид><Цены><Цена><ИдТипаЦены>t</ИдТипаЦены><ЦенаЗаЕдиницу>5</ЦенаЗаЕдиницу></Цена></Цены>"
    "</Предложение>"
)
NUMBER = 2000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Prices have a file of their own, and the others are longer than a head."""
    folder = tmp_path / "1c"
    folder.mkdir()
    write(folder, NUMBER)
    return folder


def write(folder: Path, number: int) -> None:
    package = "<ПакетПредложений><Предложения>{}</Предложения></ПакетПредложений>"
    for name, form, record in (
        ("import.xml", "<Каталог><Товары>{}</Товары></Каталог>", PRODUCTS),
        ("offers.xml", package, OFFERS),
        ("prices.xml", package, PRICES),
    ):
        body = form.format("".join(record.format(n) for n in range(number)))
        (folder / name).write_text(f"<КоммерческаяИнформация>{body}</КоммерческаяИнформация>", "utf-8")


def sizes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


async def test_a_file_is_looked_at_once_and_read_once(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the launch what the worker must look at; and not once more in search of what it may hold besides."""
    sizes = sizes_in(source)
    assert min(sizes.values()) > HEAD
    async with staged(tmp_path) as stage:
        no_processes(stage)
        looks = Looks(monkeypatch)
        await stage.launch("catalog", "prices", source=str(source))
        assert looks.pop() == {}
        await work(1, stage.settings)
        session = await stage.journal.session(1)
        assert (session.status, session.error) == (Status.COMPLETED, None)
        assert session.by_kind["prices"].created == NUMBER
    seen = looks.pop()
    assert {name: reads[0] for name, reads in seen.items()} == dict.fromkeys(sizes, HEAD)
    assert all(reads[1] >= sizes[name] for name, reads in seen.items())
    # Lists in front of the first product or offer are all that prices want of the others.
    assert {name: len(reads) for name, reads in seen.items()} == {
        "import.xml": 3,
        "offers.xml": 3,
        "prices.xml": 2,
    }
    assert all(reads[2] <= HEAD * 2 for name, reads in seen.items() if name != "prices.xml")


@pytest.mark.parametrize("change", ["another file", "no file"])
async def test_the_worker_goes_by_what_it_finds_itself(tmp_path: Path, source: Path, change: str) -> None:
    """What the launch saw of the source binds nobody."""
    async with staged(tmp_path) as stage:
        no_processes(stage)
        await stage.launch("catalog", source=str(source))
        if change == "another file":
            write(source, 3)
        else:
            for file in sorted(source.iterdir()):  # noqa: ASYNC240 (nothing else runs)
                file.unlink()
        await work(1, stage.settings)
        session = await stage.journal.session(1)
    if change == "another file":
        assert (session.status, session.by_kind["catalog"].created) == (Status.COMPLETED, 6)
    else:
        assert session.status is Status.FAILED
        assert "holds no export of 1C" in str(session.error)
