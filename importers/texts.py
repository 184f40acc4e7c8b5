"""Texts that people see: gettext with English as the source language.

`_("…")` translates now. `N_("…")` only marks a text for extraction: it is stored as it is (the journal keeps
messages in English with their arguments) and translated when somebody looks, in the language of who looks.
"""

from __future__ import annotations

import gettext
import locale
import os
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

LANGUAGES = ("en", "ru")
LOCALE = Path(__file__).parent / "locale"

_translations: gettext.NullTranslations = gettext.NullTranslations()
_domains: list[tuple[str, Path]] = [("importers", LOCALE)]
_language = "en"


def use(language: str) -> None:
    """Speak `language`: `en`, `ru`, or `auto` = by the locale of the environment."""
    global _translations, _language
    _language = locale_language() if language == "auto" else language
    _translations = gettext.NullTranslations()
    for domain, folder in reversed(_domains):
        found = gettext.translation(domain, folder, [_language], fallback=True)
        found.add_fallback(_translations)
        _translations = found


def add_domain(domain: str, folder: Path) -> None:
    """Add the texts of another room (the screen's), searched after the engine's own."""
    if (domain, folder) not in _domains:
        _domains.append((domain, folder))
        use(_language)


def language() -> str:
    """The language in use, `en` or `ru`."""
    return _language


def locale_language(environ: Mapping[str, str] = os.environ) -> str:
    """`ru` for a Russian locale (LANGUAGE, LC_ALL, LC_MESSAGES, LANG in that order), else `en`."""
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := environ.get(name):
            return "ru" if value.lower().startswith("ru") else "en"
    return "ru" if (locale.getlocale()[0] or "").startswith("ru") else "en"


def _(text: str) -> str:
    return _translations.gettext(text)


def ngettext(one: str, many: str, number: int) -> str:
    return _translations.ngettext(one, many, number)


def N_(text: str) -> str:  # noqa: N802 (the name that gettext tools know)
    return text


class Message(msgspec.Struct, frozen=True):
    """One sentence, told now and shown later: `str(message)` is it in the language of who looks.

    `text` is English, marked with N_; `args` fill its `{name}` fields. Both are what the journal stores. Where the
    arg `why` is a sentence itself, "why" is that in English, for whoever knows no better, "why." its text, and
    "why.who" its arg `who`, which again may be one.
    """

    text: str
    args: dict[str, str] = {}

    @classmethod
    def of(cls, text: str, /, **args: object) -> Message:
        """With arguments of any type: a Message stays one, all else is text from now on."""
        stored: dict[str, str] = {}
        for name, value in args.items():
            if isinstance(value, Message):
                stored[name] = _filled(value.text, value.args, str)
                stored[f"{name}."] = value.text
                stored |= {f"{name}.{inner}": arg for inner, arg in value.args.items()}
            else:
                stored[name] = str(value)
        return cls(text, stored)

    def __str__(self) -> str:
        return render(self.text, self.args)


def render(message: str, args: Mapping[str, object]) -> str:
    """A stored message in the language of who looks; `{name}` fields are filled from `args`, as `READS` says."""
    return _filled(message, args, _)


def _filled(text: str, args: Mapping[str, object], translate: Callable[[str], str]) -> str:
    text = translate(text) if text else ""
    if not args:  # it may be no text of ours, and have braces of its own
        return text
    shown: dict[str, object] = {}
    for name, value in args.items():
        if "." in name:
            continue
        if (inner := args.get(f"{name}.")) is not None:
            begin = f"{name}."
            inner_args = {
                of[len(begin) :]: arg for of, arg in args.items() if of.startswith(begin) and of != begin
            }
            shown[name] = _filled(str(inner), inner_args, translate)
        else:
            shown[name] = plain(shorten(value)) if isinstance(value, str) else value
    if translate is not str:  # it is told, not stored
        for name in shown.keys() & READS:
            shown[name] = READS[name](str(shown[name]))
    return text.format_map(shown)


def _each(names: str) -> str:
    return ", ".join(map(_, names.split(", ")))


def when(at: str | None, now: datetime | None = None) -> str:
    """A time of the journal on the reader's clock, with its offset; the year only where it is another one."""
    if not at:
        return ""
    local, today = _local(at), (now or datetime.now(UTC)).astimezone()
    form = _("%m-%d") if local.year == today.year else _("%Y-%m-%d")
    return f"{local.strftime(form)} {_time(local)}"


def clock_of(at: str, now: datetime | None = None) -> str:
    """The same without the date, if it is today's."""
    local, today = _local(at), (now or datetime.now(UTC)).astimezone()
    return _time(local) if local.date() == today.date() else when(at, now)


def _local(at: str) -> datetime:
    return datetime.fromisoformat(at).astimezone()


def _time(local: datetime) -> str:
    return f"{local:%H:%M:%S}{local.isoformat()[-6:]}"


def decimal(value: float | str) -> str:
    """With the reader's decimal sign; of a number one digit after it."""
    text = value if isinstance(value, str) else f"{value:.1f}"
    return text.replace(".", "," if language() == "ru" else ".")


def _said(text: str) -> str:
    """What the system and libraries say is translated, where it is one of our texts: importers/system_texts.py."""
    return _(text) if text else ""


TABLES = {
    "category": N_("groups"),
    "customer": N_("customers"),
    "image": N_("images"),
    "offer": N_("offers"),
    "price": N_("prices"),
    "price_type": N_("price types"),
    "product": N_("products"),
    "product_type": N_("product categories"),
    "property": N_("properties"),
    "property_value": N_("property values"),
    "stock": N_("stocks"),
    "unit": N_("units"),
    "warehouse": N_("warehouses"),
}


def table(name: str) -> str:
    """What a table of the catalog holds."""
    return _(TABLES.get(name, name))


READS: dict[str, Callable[[str], str]] = {
    "error": _said,
    "why": _said,
    "table": table,
    "kind": _,
    "kinds": _each,
    "outcome": _,
    "seconds": decimal,
    "since": when,
}
"""How arguments are told that the journal keeps in English or for machines, by their names."""


LONGEST = 500
"""So many characters of a name or an id are told; an export may hold one of megabytes."""


def shorten(value: str, longest: int = LONGEST) -> str:
    """`value`, or its beginning and "…"."""
    return value if len(value) <= longest else f"{value[: longest - 1]}…"


_UNPRINTABLE: dict[int, str | None] = dict.fromkeys(
    [
        *range(0x20),
        *range(0x7F, 0xA0),
        0x061C,
        *range(0x200E, 0x2010),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
    ],
    "\N{REPLACEMENT CHARACTER}",
)
_UNPRINTABLE |= {ord("\t"): " ", ord("\n"): " ", ord("\r"): None}


def is_text(value: str) -> bool:
    """False for what the system gave us though it is no UTF-8 and for what no path can hold."""
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)


def plain(text: str) -> str:
    """One line that is safe to print: no control characters (an id may hold an escape sequence), no bidi tricks, no
    halves of characters (a file name may be no UTF-8)."""
    return text.translate(_UNPRINTABLE)


def width(text: str) -> int:
    """Cells that `text` takes in a terminal."""
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def fitted(text: str, cells: int, mark: str = "…") -> str:
    """As much of `text` as has room, ended by `mark` where that is not all."""
    if width(text) <= cells:
        return text
    while text and width(text) >= cells:
        text = text[:-1]
    return f"{text}{mark}" if cells > 0 else ""


LETTERS_ONLY = ("linux", "vt", "ansi", "cons", "dumb")
"""Terminals, by how their names begin, whose fonts lack signs."""

SPELLED = {
    "✓": "+", "✗": "x", "▸": ">", "◂": "<", "◦": "o", "▴": "^", "▾": "v", "…": "~", "·": ".", "•": "*",
    "–": "-", "—": "-", "«": "<", "»": ">", "„": '"', "“": '"', "”": '"', "‘": "'", "’": "'", "№": "N",
    "▶": ">", "🚀": ">>", "⚠": "!", "×": "x", "≤": "<", "≥": ">", "→": ">", "←": "<", "↑": "^", "↓": "v",
    "▁": "_", "▂": "_", "▃": "-", "▄": "-", "▅": "=", "▆": "=", "▇": "#", "█": "#", "▉": "#", "▊": "#", "▋": "#",
    "▌": "|", "▍": "|", "▎": "|", "▏": "|", "▐": "|", "▕": "|", "▔": "-", "▀": "-", "░": ".", "▒": ":", "▓": "#",
    "\N{NO-BREAK SPACE}": " ",
}  # fmt: skip
"""What each sign becomes on terminals and in locales without them, in as many cells."""

COERCED = ("C.UTF-8", "C.utf8")
"""What Python itself writes into $LC_CTYPE where the locale is C: of the terminal it tells nothing."""


def has_signs(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the terminal, and the locale in which it is written to, have more than letters."""
    ctype = environ.get("LC_CTYPE")
    if ctype in COERCED:
        ctype = None
    locale = environ.get("LC_ALL") or ctype or environ.get("LANG") or "C"
    is_utf8 = any(name in locale.upper() for name in ("UTF-8", "UTF8"))
    return is_utf8 and not environ.get("TERM", "").startswith(LETTERS_ONLY)


def plain_json(text: str) -> str:
    """JSON that is safe to print, with the same meaning: what `plain` replaces is written as \\uXXXX."""
    return text.translate(_escaped())


@cache
def _escaped() -> dict[int, str]:
    return {code: f"\\u{code:04x}" for code in _UNPRINTABLE if code >= 0x7F}
