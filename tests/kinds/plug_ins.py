"""Packages that add import types."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Protocol

import pytest

DOCS = Path(__file__).parents[2] / "docs" / "writing-a-kind.md"
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
"""A whole module, as the documentation has it."""


class Install(Protocol):
    def __call__(self, entry_points: str, **modules: str) -> None: ...


def installer(folder: Path, patch: pytest.MonkeyPatch) -> Install:
    """Makes a package in the folder that adds import types, as pip would leave it."""

    def install(entry_points: str, **modules: str) -> None:
        site = folder / "site"
        info = site / "shop_weights-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-weights\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[obmen.kinds]\n{entry_points}\n")
        for name, source in modules.items():
            (site / f"{name}.py").write_text(source, encoding="utf-8")
            patch.delitem(sys.modules, name, raising=False)
        patch.syspath_prepend(site)

    return install
