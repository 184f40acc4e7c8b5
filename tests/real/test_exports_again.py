"""Real exports once more: recognised or not, what is told is what a full pass tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.again import Place, again_both_ways, settle

from importers.events import Options
from tests.conftest import EXPORTS
from tests.real.test_exports import sources

KINDS = ("catalog", "attributes", "variants", "stocks", "prices", "customers")
FORCE = Options(force=True)


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="no real exports here")
@pytest.mark.parametrize("kinds", [KINDS, ("catalog", "stocks", "prices")], ids=",".join)
@pytest.mark.parametrize("source", sources(), ids=lambda path: str(path.relative_to(EXPORTS)))
async def test_real_exports(
    tmp_path: Path, source: Path, kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(source)
    place = Place(tmp_path / "shop", source)
    first = await place.take(*kinds, options=FORCE)
    if first.exit_code:
        pytest.skip(first.error)
    foretold = place.known()
    seen = await again_both_ways(place, *kinds, options=FORCE, monkeypatch=monkeypatch)
    assert seen.recognised == bool(foretold)
    seen = await again_both_ways(place, *kinds, options=FORCE, monkeypatch=monkeypatch)
    assert seen.recognised
