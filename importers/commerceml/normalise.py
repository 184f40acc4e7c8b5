"""Values as 1C writes them, made canonical (docs/commerceml.md 1.6). `None` always means "no value"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, localcontext

ZERO_GUID = "00000000-0000-0000-0000-000000000000"
"""How 1C writes an empty reference: not set."""
INVISIBLE = "\ufeff\u200b\u2060"
_EDGES = INVISIBLE + "".join(filter(str.isspace, map(chr, range(0x3001))))
_ODD = INVISIBLE + "0-"
"""What begins with another character is neither "not set" nor hidden."""
MAX_ID = 255
"""Characters. Those of 1C have 36 to 73, and of other systems hardly more than 100. A longer id is rejected: all that
is told of a product or offer repeats it."""

_UNIT = (
    r"%|[а-яёА-ЯЁ][а-яёА-ЯЁ./]{0,9}[23²³]?|[₽$€]"
    r"|(?i:rub|rur|usd|eur|uah|kzt|kgs|byn|byr|gel|amd|azn|uzs|cny|pcs?|kg|gr?|mg|ml|mm|cm|km|m[23²³]?)"
)
"""What may follow a number. No other Latin letters: 1e999, 0xff and 12abc are no numbers with a unit."""
_NUMBER = re.compile(rf"([+-]?)0*([0-9]{{0,30}})(?:\.([0-9]{{0,30}}))?(?:{_UNIT})?")
_PLAIN = re.compile(r"[1-9][0-9]{0,14}(?:\.[0-9]{1,10})?|0")
_CONTROLS = re.compile(r"[\x00-\x1f]")
_SPACES = re.compile(r"[\s\u200b\ufeff\u2060]+")

CURRENCIES = {
    "РУБ": "RUB", "RUR": "RUB", "643": "RUB", "810": "RUB", "РУБЛЬ": "RUB", "РУБЛИ": "RUB", "Р": "RUB", "₽": "RUB",
    "ГРН": "UAH", "980": "UAH", "840": "USD", "$": "USD", "978": "EUR", "€": "EUR", "398": "KZT", "ТЕНГЕ": "KZT",
    "417": "KGS", "СОМ": "KGS", "933": "BYN",
}  # fmt: skip


KNOWN_CURRENCIES = frozenset(
    (*CURRENCIES.values(), "BYR", "GEL", "AMD", "AZN", "UZS", "TJS", "TMT", "MDL", "CNY", "TRY", "GBP", "PLN")
)
"""Others are kept as they are written, and warned about."""


def text(value: str | None) -> str | None:
    """Without white space, NBSP and invisible marks at both ends; None for nothing and for "not set"."""
    if value is None:
        return None
    value = value.strip()
    if not value or (value[0] in _ODD or value[-1] in INVISIBLE):
        value = value.strip(_EDGES)
        return None if not value or is_unset(value) else value
    return value


class _Known(dict[str | None, str | None]):
    """To look up what was read before costs half of reading it: names and references come again and again."""

    def __missing__(self, value: str | None) -> str | None:
        if len(self) >= MAX_KNOWN:
            self.clear()
        read = text(value)
        if value is None or len(value) <= MAX_ID:
            self[value] = read
        return read


MAX_KNOWN = 10_000
known_text = _Known().__getitem__
"""As `text`, for what an export has few different ones of."""


def is_unset(value: str) -> bool:
    """What 1C writes for "not set": zero GUID, 0001-01-01, -999 999 999,9 with any spaces."""
    if value[0] == "0":
        return value in (ZERO_GUID, "0001-01-01", "0001-01-01T00:00:00")
    return value[0] == "-" and _SPACES.sub("", value).replace(",", ".") == "-999999999.9"


def number(value: str | None) -> str | None:
    """Canonical decimal text ("-1234.5"), None for no value. Raises ValueError: not a plain decimal number."""
    if value is None:
        return None
    if _PLAIN.fullmatch(value):  # nearly all
        return value.rstrip("0").rstrip(".") if "." in value else value
    value = text(value)
    if value is None:
        return None
    match = _NUMBER.fullmatch(_SPACES.sub("", value).replace(",", "."))
    if not match or not (match[2] or match[3] or "0" in value):
        raise ValueError(value)
    sign, whole, fraction = match[1], match[2] or "0", (match[3] or "").rstrip("0")
    canonical = f"{whole}.{fraction}" if fraction else whole
    return f"-{canonical}" if sign == "-" and canonical != "0" else canonical


def total(values: Iterable[str]) -> str:
    """The exact sum of canonical numbers, canonical."""
    with localcontext(prec=100):
        return number(format(sum(map(Decimal, values), Decimal()), "f")) or "0"


def currency(value: str | None) -> str | None:
    """ISO 4217 letters where known, else as written."""
    value = text(value)
    return CURRENCIES.get(value.upper().rstrip("."), value) if value else None


def boolean(value: str | None) -> bool | None:
    value = known_text(value)
    return value.lower() in ("true", "1", "да", "истина") if value else None


def image_path(value: str | None) -> str | None:
    """Relative, with `/`, or an http(s) address as it is; None when there is none. Raises ValueError when it would lead
    out of the folder."""
    value = text(value)
    if value is None:
        return None
    if _CONTROLS.search(value):
        raise ValueError(value)
    if is_address(value):
        return value
    path = value.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or ":" in path or not parts:
        raise ValueError(value)
    return "/".join(parts)


def is_address(path: str) -> bool:
    """Whether a picture is somewhere on the web: kept, never fetched."""
    return path[:8].lower().startswith(("http://", "https://"))


def identity(value: str | None) -> str | None:
    """An id: opaque, case kept. Raises ValueError when it is absurdly long."""
    value = text(value)
    if value and len(value) > MAX_ID:
        raise ValueError(value[:40] + "…")
    return value


def goods_identity(value: str | None) -> str | None:
    """The id of a Товар or Предложение: `product`, or `product#characteristic`. Nothing and the zero GUID are no
    characteristic. Raises ValueError when it is absurdly long, or has no product."""
    value = identity(value)
    if value and "#" in value:
        product, _sharp, characteristic = value.partition("#")
        if not product:
            raise ValueError(value[:40])
        if not characteristic or characteristic == ZERO_GUID:
            return product
    return value
