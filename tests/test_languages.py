"""Both languages are complete: every text of the code is in the .po files, translated, and compiled."""

from __future__ import annotations

import ast
import io
import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from importers import texts

TOP = Path(__file__).parents[1]
ROOMS = ("importers", "tui")
KEYWORDS = {"_": None, "N_": None, "ngettext": (1, 2)}


def translations(room: str) -> Catalog:
    with (TOP / room / "locale/ru/LC_MESSAGES" / f"{room}.po").open("rb") as file:
        return read_po(file, locale="ru")


def messages(room: str) -> list[Message]:
    return [message for message in translations(room) if message.id]


@pytest.mark.parametrize("room", ROOMS)
def test_every_text_of_the_code_is_translated(room: str) -> None:
    found = {
        text[0] if isinstance(text, tuple) else text
        for _file, _line, text, _comments, _context in extract_from_dir(TOP / room, keywords=KEYWORDS)
    } - {""}
    known = {m.id[0] if isinstance(m.id, tuple) else m.id for m in messages(room) if all(m.string)}
    assert found - known == set(), "run make locale and translate"
    assert known - found == set(), "run make locale: these are not in the code any more"


def test_no_text_is_hidden_in_an_f_string() -> None:
    """Where what collects texts does not look."""
    found = [
        f"{path.relative_to(TOP)}:{call.lineno}"
        for room in ROOMS
        for path in (TOP / room).rglob("*.py")
        for string_ in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(string_, ast.JoinedStr)
        for call in ast.walk(string_)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in KEYWORDS
        and any(isinstance(arg, ast.Constant) for arg in call.args)
    ]
    assert found == []


def test_a_text_for_any_number_holds_for_one() -> None:
    """A noun behind a number is for ngettext; all others name the number behind it."""
    found = [
        m.id
        for room in ROOMS
        for m in messages(room)
        if isinstance(m.id, str) and re.search(r"\{(count|n|rows)\} (more )?[a-z]+s\b(?!/)", m.id)
    ]
    assert [text for text in found if text not in OF_MANY] == []


OF_MANY = {"{count} records were rejected; the first {kept} are kept"}
"""More than {kept}."""


@pytest.mark.parametrize("room", ROOMS)
def test_a_translation_has_the_fields_of_its_text(room: str) -> None:
    def fields(text: str) -> set[str]:
        return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name}

    for message in messages(room):
        texts_ = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for translated in strings:
            assert fields(translated) <= set().union(*map(fields, texts_)), message.id
            assert fields(translated) >= fields(texts_[-1]) or len(strings) > 1, message.id
            assert "\n" not in translated or "\n" in texts_[0], message.id


@pytest.mark.parametrize("room", ROOMS)
def test_compiled_texts_are_those_of_the_po_file(room: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, translations(room))
    file = TOP / room / "locale/ru/LC_MESSAGES" / f"{room}.mo"
    assert file.read_bytes() == compiled.getvalue(), "run make locale"


@pytest.mark.parametrize(
    ("environ", "language"),
    [
        ({"LANG": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_ALL": "C", "LANG": "ru_RU.UTF-8"}, "en"),
        ({"LANGUAGE": "ru", "LANG": "en_US.UTF-8"}, "ru"),
        ({}, "en"),
    ],
)
def test_language_by_locale(environ: dict[str, str], language: str) -> None:
    assert texts.locale_language(environ) == language


def test_stored_messages_are_shown_in_the_language_of_who_looks() -> None:
    message, args = (
        "[Request {request_id}] Import launch attempt: {kinds}",
        {"request_id": "abc123de", "kinds": "['prices']"},
    )
    assert texts.render(message, args) == "[Request abc123de] Import launch attempt: ['prices']"
    texts.use("ru")
    assert texts.render(message, args) == "[Request abc123de] Попытка запуска импорта: ['prices']"
