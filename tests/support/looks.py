"""How far the files of an export are read, and how often."""

from __future__ import annotations

import pytest

from importers.commerceml.parts import Part, PartFile


class Looks:
    """Every look into a file from now on: how many bytes were read of it each time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._of: dict[str, list[int]] = {}
        init, read = PartFile.__init__, PartFile.read

        def init_noted(file: PartFile, bytes_: object, part: Part) -> None:
            init(file, bytes_, part)  # type: ignore[arg-type]
            self._of.setdefault(part.name, []).append(0)

        def read_noted(file: PartFile, size: int = -1) -> bytes:
            data = read(file, size)
            self._of[file._part.name][-1] += len(data)
            return data

        monkeypatch.setattr(PartFile, "__init__", init_noted)
        monkeypatch.setattr(PartFile, "read", read_noted)

    def pop(self) -> dict[str, list[int]]:
        """Those since the last time."""
        looks, self._of = self._of, {}
        return looks
