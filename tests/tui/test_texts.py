"""Every text of the screen exists in Russian, and the compiled catalogue is the written one."""

from __future__ import annotations

import gettext
import re
import string
from itertools import chain
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from textual._border import BORDER_CHARS

import tui.app
from tui import keys, present
from tui.signs import spelled

ROOM = Path(tui.app.__file__).parent
RUSSIAN = ROOM / "locale" / "ru" / "LC_MESSAGES"
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}
FOUNDING_REPORT = {
    "🚀 Run an import from 1C": "🚀 Запустить импорт из 1С",
    "▶️ Run the import": "▶️ Запустить импорт",
    "⚠️ An import was already launched recently": "⚠️ Импорт уже запущен недавно",
}


def extracted() -> set[str | tuple[str, ...]]:
    return {message for _file, _line, message, _notes, _context in extract_from_dir(ROOM, keywords=KEYWORDS)}  # type: ignore[misc]


@pytest.fixture(scope="module")
def russian() -> dict[str, tuple[str, ...]]:
    """msgid → its translations, one for each plural form."""
    with (RUSSIAN / "tui.po").open("rb") as file:
        catalogue = read_po(file, locale="ru")
    found = {}
    for message in catalogue:
        if message.id and not message.fuzzy:
            text = message.string
            one = message.id if isinstance(message.id, str) else message.id[0]
            found[one] = (text,) if isinstance(text, str) else tuple(text)
    return found


def test_every_text_is_translated(russian: dict[str, tuple[str, ...]]) -> None:
    ids = {message if isinstance(message, str) else message[0] for message in extracted()}
    assert len(ids) > 100
    assert sorted(ids - set(russian)) == []
    assert [one for one in ids if not all(russian[one])] == []


def test_nothing_is_translated_that_nobody_says(russian: dict[str, tuple[str, ...]]) -> None:
    ids = {message if isinstance(message, str) else message[0] for message in extracted()}
    assert sorted(set(russian) - ids) == []


def test_the_compiled_catalogue_is_up_to_date(russian: dict[str, tuple[str, ...]]) -> None:
    with (RUSSIAN / "tui.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    for message in extracted():
        if isinstance(message, str):
            assert compiled.gettext(message) == russian[message][0]
        else:
            one, many = message[:2]
            assert tuple(compiled.ngettext(one, many, count) for count in (1, 2, 5)) == russian[one]


def test_fields_are_the_same_in_both_languages(russian: dict[str, tuple[str, ...]]) -> None:
    for message in extracted():
        ids = (message,) if isinstance(message, str) else message[:2]
        wanted = {
            name for one in ids for _text, name, _spec, _conversion in string.Formatter().parse(one) if name
        }
        for text in russian[ids[0]]:
            named = {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}
            assert named <= wanted, text


@pytest.mark.parametrize(("english", "wanted"), FOUNDING_REPORT.items())
def test_words_of_the_founding_report(russian: dict[str, tuple[str, ...]], english: str, wanted: str) -> None:
    assert russian[english] == (wanted,)


def test_texts_with_literals_inside_f_strings_would_not_be_collected() -> None:
    for path in ROOM.rglob("*.py"):
        assert "{_(" + '"' not in path.read_text(encoding="utf-8"), path
        assert "{_(" + "'" not in path.read_text(encoding="utf-8"), path


def test_signs_are_narrow() -> None:
    """Wide or ambiguous glyphs would push the columns apart in some terminals."""
    import unicodedata

    signs = [
        *present.STATUS_SIGNS.values(),
        *present.OUTCOME_SIGNS.values(),
        *(sign for _f, sign in present.COUNT_SIGNS),
    ]
    assert {unicodedata.east_asian_width(sign) for sign in signs} <= {"N", "Na"}


def test_a_terminal_of_letters_has_another_sign_for_each_of_ours(russian: dict[str, tuple[str, ...]]) -> None:
    style = (ROOM / "tui.tcss").read_text(encoding="utf-8")
    borders = [BORDER_CHARS[name] for name in BORDER_CHARS if name and re.search(rf"\b{name}\b", style)]
    assert BORDER_CHARS["vkey"] in borders
    ours = "".join(chain(russian, *russian.values(), *chain(*borders)))
    assert {sign for sign in ours if sign != "?" and "?" in spelled(sign)} == set()


def test_key_bar_fits_80_columns_in_russian(russian: dict[str, tuple[str, ...]]) -> None:
    """The keys that every session allows; cancel, retry and delete push the less needed ones out."""
    kept = [
        row
        for row in keys.rows("main", "app")
        if row.bar and not row.shops and row.id not in {"cancel", "retry", "delete"}
    ]
    room = sum(
        present.width(keys.shown(row.keys.split(",")[0])) + present.width(russian[row.title][0]) + 3
        for row in kept
    )
    assert room <= 80
