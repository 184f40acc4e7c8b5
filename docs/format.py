"""Writes docs/format.md: what obmen reads, from the definitions that it reads by. `python docs/format.py`."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from importers.commerceml import contents, normalise, records
from importers.kinds.inspect import COUNTED_AS
from importers.kinds.registry import KINDS, records_of

PAGE = Path(__file__).with_name("format.md")

HEAD = """\
# What obmen reads

The names, records and fields, written by `docs/format.py` from the definitions that obmen reads by. What the elements
mean, how they vary, and what becomes of them: [commerceml.md](commerceml.md).

## Files

A source is a folder or a .zip, also with .zips in it. The records that a file may hold follow from the name that 1C
gives it:

{names}

Any other name (`import.xml`, `offers0_1.xml`, `offers___guid.xml`, …) may hold everything. Where an export has files of
its own for prices (`prices…`), stocks (`rests…`) or customers (`contragents…`), another file that has none of these is
not read for them. Files are read set by set, the older first, so that the newest has the last word: a set is as old
as the `ДатаФормирования` of its newest part, else as that file; its parts (`goods_1_1_<guid>`, `import0_1`, also in
several archives) are in the order of their numbers. Missing numbers, and files that cannot be recognised because they
are empty, cut, or in another encoding, are told, and nothing is removed by absence then. Two digits of a date are no
part.

Encoding: the byte order mark, else UTF-16 or UTF-8 where the bytes show it, else what the file declares. Names in a
.zip are cp866 unless it says that they are Unicode. DOCTYPE, entities and external references are refused. A file that
comes, goes or changes while the export is read fails the session; pictures may come later.

## What counts as one record

{counts}

For prices and stocks each price and each stock of one warehouse counts. A row that a full export no longer holds counts
as read and removed, so that always read = created + updated + unchanged + removed + rejected. Duplicates: the last one
counts, the others are *unchanged*.

## Currencies

{currencies}; others are kept as they are, and unknown ones are warned about.

## Records

Sent on from the reader to the import types (`importers/commerceml/records.py`).
"""


def page() -> str:
    names = "\n".join(f"- `{name}…`: {_listed(held)}" for name, held in contents.NAMES.items())
    counts = "\n".join(f"- {kind}: {_listed(records_of(kind))}" for kind in KINDS if kind != "images")
    by_code: dict[str, list[str]] = {}
    for written, code in normalise.CURRENCIES.items():
        by_code.setdefault(code, []).append(written)
    currencies = "; ".join(f"{', '.join(written)} → {code}" for code, written in by_code.items())
    return HEAD.format(names=names, counts=counts, currencies=currencies) + "".join(_records())


def _listed(held: frozenset[type[records.Record]]) -> str:
    return ", ".join(sorted(COUNTED_AS.get(record, record.__name__) for record in held))


def _records() -> list[str]:
    """A heading, the docstring, and a table of the fields for every record."""
    tree = ast.parse(inspect.getsource(records))
    found = []
    for node in tree.body:
        if not isinstance(node, ast.ClassDef) or node.name == "Record":
            continue
        text = re.sub(r"\s*\n\s*", " ", (ast.get_docstring(node) or "").strip())
        rows = [
            f"\n### {node.name}\n\n{text}\n\n" if text else f"\n### {node.name}\n\n",
            "| field | type | |\n|---|---|---|\n",
        ]
        for at, field in enumerate(node.body):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                after = node.body[at + 1] if at + 1 < len(node.body) else None
                note = ""
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    note = re.sub(r"\s*\n\s*", " ", str(after.value.value).strip())
                kind = ast.unparse(field.annotation).replace("|", "\\|")
                rows.append(f"| `{field.target.id}` | `{kind}` | {note} |\n")
        found.append("".join(rows))
    return found


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
