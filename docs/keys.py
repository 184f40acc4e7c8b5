"""The keys of every screen, written into the guides from tui/keys.py: `python docs/keys.py`."""

from __future__ import annotations

import re
from pathlib import Path

from importers import texts
from importers.texts import _
from tui import LOCALE
from tui.keys import PLACES, TABLE, shown

DOCS = Path(__file__).parent
GUIDES = {"en": DOCS / "guide.md", "ru": DOCS / "guide.ru.md"}
BEGIN, END = "<!-- docs/keys.py writes from here -->\n", "<!-- to here -->\n"


def section(language: str) -> str:
    """A line for each key: where it works, and what it does there."""
    before = texts.language()
    texts.add_domain("tui", LOCALE)
    texts.use(language)
    try:
        lines = []
        for place, title in PLACES.items():
            lines += [f"\n**{_(title)}**\n", "| | |", "|---|---|"]
            for key in TABLE:
                if place in key.places:
                    pressed = " ".join(f"`{shown(one)}`" for one in key.keys.split(","))
                    hint = re.sub(r"^\W+ ", "", _(key.hint))
                    lines.append(f"| {pressed} | {hint} |")
        return "\n".join(lines).lstrip("\n") + "\n"
    finally:
        texts.use(before)


def rewritten(page: str, language: str) -> str:
    """A guide with its keys as they are."""
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:start] + section(language) + page[end:]


if __name__ == "__main__":
    for language, path in GUIDES.items():
        path.write_text(rewritten(path.read_text(encoding="utf-8"), language), encoding="utf-8")
