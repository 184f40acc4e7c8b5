"""Every import type runs over each engine of the catalog. Tests of files alone take `file_shop`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from exchange import Exchange
from plug_ins import Install, installer
from shops import NewShop, Shop
from support.engines import Hand, SqliteHand

if TYPE_CHECKING:
    from model_of_files import Compare

pytest.register_assert_rewrite("model_of_files")  # its comparison should tell what differs


@pytest.fixture(scope="session", params=["sqlite", pytest.param("postgres", marks=pytest.mark.chaos)])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def new_hand(engine: str, request: pytest.FixtureRequest) -> Callable[[Path], AbstractContextManager[Hand]]:
    """On a catalog that is not there yet, or empty; that of a file lies at the path. For as long as one likes, also
    within a test, once for each example."""

    @contextmanager
    def new(path: Path) -> Iterator[Hand]:
        if engine == "sqlite":
            yield SqliteHand(path)
            return
        with request.getfixturevalue("schemas").taken() as hand:
            yield hand

    return new


@pytest.fixture(scope="session")
def new_shop(new_hand: Callable[[Path], AbstractContextManager[Hand]]) -> NewShop:
    """A shop in a folder of its own, as `new_hand`."""

    @contextmanager
    def new() -> Iterator[Shop]:
        with tempfile.TemporaryDirectory() as folder, new_hand(Path(folder) / "catalog.sqlite3") as hand:
            yield Shop(hand, Path(folder) / "images", looks_ahead=True)

    return new


@pytest.fixture
def make_hand(
    new_hand: Callable[[Path], AbstractContextManager[Hand]], tmp_path: Path
) -> Iterator[Callable[[str], Hand]]:
    """A catalog by its name, for this test."""
    with ExitStack() as stack:
        yield lambda name: stack.enter_context(new_hand(tmp_path / f"{name}.sqlite3"))


@pytest.fixture
def shop(make_hand: Callable[[str], Hand], tmp_path: Path) -> Shop:
    return Shop(make_hand("catalog"), tmp_path / "images", looks_ahead=True)


@pytest.fixture
def file_shop(tmp_path: Path) -> Shop:
    """One whose catalog is a file."""
    return Shop(SqliteHand(tmp_path / "catalog.sqlite3"), tmp_path / "images", looks_ahead=True)


@pytest.fixture
def compare(new_shop: NewShop) -> Compare:
    """See `model_of_files.compare`."""
    from model_of_files import compare  # here: it is to be rewritten first

    return partial(compare, new_shop)


@pytest.fixture
def exchange(shop: Shop, tmp_path: Path) -> Exchange:
    return Exchange(shop, tmp_path / "1c")


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return installer(tmp_path, monkeypatch)
