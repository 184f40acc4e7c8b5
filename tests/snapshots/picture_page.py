"""`make snapshots`: all accepted pictures in colours, on a page to look at."""

from __future__ import annotations

from html import escape
from itertools import groupby
from pathlib import Path

from rich.color import blend_rgb
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from taking_pictures import DITTO, read

ACCEPTED = Path(__file__).parent / "pictures"
PAGE = Path("build/pictures.html")
START = """<!doctype html><meta charset="utf-8"><title>Pictures</title>
<style>body { background: #888 } figure { display: inline-block; vertical-align: top }
pre { font: 13px/1.2 monospace; background: #000; color: #ccc; margin: 0 }</style>
"""


def painted(picture: str) -> str:
    shown, looks, legend = (part.splitlines() for part in picture.split("--\n"))
    styles = {line[0]: _css(line[3:]) for line in legend}
    width = max(map(len, [*shown, *looks]))
    above, rows = "", []
    for text, row in zip(shown, looks, strict=True):
        above = above if row == DITTO else row
        cells = zip(text.ljust(width), above.ljust(width), strict=True)
        spans = (
            (styles[look], "".join(character for character, _look in some))
            for look, some in groupby(cells, key=lambda cell: cell[1])
        )
        rows.append("".join(f'<span style="{style}">{escape(some)}</span>' for style, some in spans))
    return "\n".join(rows)


def _css(words: str) -> str:
    style, theme = Style.parse(words), DEFAULT_TERMINAL_THEME
    letters = (style.color.get_truecolor(theme) if style.color else theme.foreground_color)  # fmt: skip
    behind = style.bgcolor.get_truecolor(theme, foreground=False) if style.bgcolor else theme.background_color
    if style.reverse:
        letters, behind = behind, letters
    if style.dim:
        letters = blend_rgb(letters, behind)
    bold = "; font-weight: bold" if style.bold else ""
    line = "; text-decoration: underline" if style.underline else ""
    return f"color: {letters.hex}; background: {behind.hex}{bold}{line}"


def main() -> None:
    figures = [
        f"<figure><figcaption>{path.stem}, {title}</figcaption><pre>{painted(picture)}</pre></figure>\n"
        for path in sorted(ACCEPTED.iterdir())
        for title, picture in read(path).items()
    ]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(START + "".join(figures))
    print(PAGE)  # noqa: T201 (where to look)


if __name__ == "__main__":
    main()
