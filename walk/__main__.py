"""`make walk`: each size and language is walked in a room of its own; the pages get their pictures."""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from importers import texts
from importers.sample import EXPORT
from tui import commands  # noqa: F401 (adds the texts of the screen)
from walk.film import Frame, cast, svg
from walk.steady import FOLDER, Steady
from walk.steps import BAD_PRICES, STEPS, Walker
from walk.terminal import Missed, Terminal, require_tmux

PICTURES = {"wide", "chosen", "rejects", "summary", "filter", "attempts"}
"""Those of the pages; the recording has every frame."""


def main() -> int:
    options = _options()
    require_tmux()
    for language in options.language or (("en", "ru") if options.pictures else ("en",)):
        frames = walk(options.size, language, short=options.short, photographed=bool(options.pictures))
        if frames is None:
            return 1
        if options.pictures:
            save(options.pictures, frames, language)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="walk", description=__doc__)
    parser.add_argument("--size", type=_size, default=(80, 24), help="columns and rows: 60x20, 80x24, 140x40")
    parser.add_argument("--language", choices=("en", "ru"), action="append")
    parser.add_argument("--short", action="store_true", help="the first steps and the last")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="write the pictures and the recording"
    )
    return parser.parse_args()


def _size(text: str) -> tuple[int, int]:
    columns, rows = text.split("x")
    return int(columns), int(rows)


def walk(
    size: tuple[int, int], language: str, *, short: bool = False, photographed: bool = False
) -> list[Frame] | None:
    """The frames that were shown; None when a step failed: it is printed, with the screen."""
    texts.use(language)
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER, dir="/tmp"))
    try:
        _export(folder / "obmen" / "demo" / "export")
        with Terminal(folder, size, language, photographed=photographed) as terminal:
            walker = Walker(terminal, Steady(getpass.getuser()) if photographed else None)
            modes = terminal.modes
            for number, step in enumerate((one for one in STEPS if one.short or not short), 1):
                started = time.monotonic()
                try:
                    step.take(walker)
                except Missed as missed:
                    print(terminal.text, f"step {number} failed: {step.title}", f"missed: {missed}", sep="\n")
                    return None
                print(f"{number:3} {time.monotonic() - started:4.1f} s  {step.title}", flush=True)
            if terminal.modes != modes:
                print(f"the terminal was left as {terminal.modes}, not {modes}")
                return None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(f"walked at {size[0]}x{size[1]} in {language}: {time.monotonic() - began:.1f} s")
    return walker.frames


def _export(folder: Path) -> None:
    """The sample export, with some prices that nobody can read, just written."""
    shutil.copytree(EXPORT, folder)
    (path,) = folder.glob("prices/prices_1_1_*.xml")
    whole = path.read_text(encoding="utf-8-sig")
    whole = whole.replace("<ЦенаЗаЕдиницу>", "<ЦенаЗаЕдиницу>по запросу ", BAD_PRICES - 1)
    start, type_id, rest = whole.rpartition("<ИдТипаЦены>")
    path.write_text(start + type_id + rest[rest.index("<") :], encoding="utf-8-sig")
    written = time.time() - 300
    for one in folder.rglob("*"):
        os.utime(one, (written, written))


def save(folder: Path, frames: list[Frame], language: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    end = "" if language == "en" else f".{language}"
    for frame in frames:
        if frame.name in PICTURES:
            (folder / f"{frame.name}{end}.svg").write_text(svg([frame]), encoding="utf-8")
    recorded = [frame for frame in frames if frame.seconds]
    (folder / f"walk{end}.svg").write_text(svg(recorded, caption=True), encoding="utf-8")
    (folder / f"walk{end}.cast").write_text(cast(recorded, "obmen"), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
