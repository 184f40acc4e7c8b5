"""What was measured against what: the table, and the ratios of `results.json` that were recorded before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RECORD = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Ratio:
    what: str
    measured: float
    floor: float
    allowed: float
    unit: str
    noise: float = 1.1
    """It is worse than the recorded one when it is more than so many times as high: a floor of the same run has the
    same noise, a limit has none."""

    @property
    def value(self) -> float:
        return self.measured / self.floor

    @property
    def is_over(self) -> bool:
        return self.value > self.allowed

    def is_worse(self, recorded: float | None) -> bool:
        return recorded is not None and self.value > recorded * self.noise

    def fails(self, recorded: float | None) -> bool:
        """It got worse, or is over what is allowed where it was not. What is known to be over only says so."""
        return self.is_worse(recorded) or (self.is_over and (recorded is None or recorded <= self.allowed))


def table(ratios: Sequence[Ratio], recorded: Mapping[str, float]) -> str:
    lines = [f"{'what':60} {'floor':>10} {'measured':>10} {'ratio':>7} {'allowed':>7} {'recorded':>8}  ok?"]
    for ratio in ratios:
        before = recorded.get(ratio.what)
        floor, measured = _figure(ratio.floor, ratio.unit), _figure(ratio.measured, ratio.unit)
        verdict = ["over" if ratio.is_over else "ok"]
        if ratio.is_worse(before):
            verdict.append("WORSE" if not before else f"WORSE by {ratio.value / before - 1:.0%}")
        lines.append(
            f"{ratio.what:60} {floor:>10} {measured:>10} {ratio.value:>7.2f} {ratio.allowed:>7.2f}"
            f" {'' if before is None else f'{before:.2f}':>8}  {', '.join(verdict)}"
        )
    return "\n".join(lines)


def _figure(number: float, unit: str) -> str:
    return f"{number:.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"


def better(first: Sequence[Ratio], second: Sequence[Ratio]) -> list[Ratio]:
    """Of each thing that was measured twice the lower ratio."""
    return [min(pair, key=lambda ratio: ratio.value) for pair in zip(first, second, strict=True)]


def read_recorded(path: Path = RECORD) -> dict[str, float]:
    if not path.exists():
        return {}
    return {what: row["ratio"] for what, row in json.loads(path.read_text(encoding="utf-8")).items()}


def record(ratios: Sequence[Ratio], path: Path = RECORD) -> None:
    """Write these ratios anew; others that are recorded stay."""
    rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for ratio in ratios:
        rows[ratio.what] = {
            "floor": round(ratio.floor, 4),
            "measured": round(ratio.measured, 4),
            "unit": ratio.unit,
            "ratio": round(ratio.value, 3),
            "allowed": ratio.allowed,
        }
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
