"""What code, tests, SQL and pages cite is in the repository: pages, their headings, files, functions.

The forms: a page or a file by its path; `file::name` for a function in it; `docs/page.md 1.4`, `docs/page.md, 4` and
`docs/page.md, "Heading"` for a heading; and two short ones, for `docs/guarantees.md`: a number after the word
"guarantee", and the founding report.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
GUARANTEES = "docs/guarantees.md"
ROOMS = ("importers", "tui", "tests", "bench", "docs")
WRITTEN = ("*.py", "*.sql", "*.md", "*.toml", "*.tcss")
SOURCES = sorted(
    {
        *(path for kind in WRITTEN for room in ROOMS for path in (TOP / room).rglob(kind)),
        *(path for kind in WRITTEN for path in TOP.glob(kind)),
        TOP / "Makefile",
    }
    - {Path(__file__)}  # it holds examples that lead nowhere
)

PATH = r"(?<![\w./*-])(?:\.\./)*\w[\w./-]*"
PAGE = re.compile(rf"({PATH}\.md)\b(?!\.)(?:[`)]*,? (\d+(?:\.\d+)?)(?: to (\d+\.\d+))?|[`)]*, \"([^\"]+)\")?")
FILE = re.compile(rf"({PATH}\.(?:py|sql|toml|tcss))(?:::(\w+(?:\.\w+)*))?")
GUARANTEE = re.compile(r"\bguarantees? (\d+(?:(?:, | and |, and )\d+)*)", re.IGNORECASE)
FOUNDING_REPORT = re.compile(r"\bfounding[ _]report\b", re.IGNORECASE)
TITLE = re.compile(
    r"(?<![\w.])([A-Z]{4,})(?: \d+\.\d|, (?:decisions?|guarantees?|part \d|[A-Z][a-z]{4,}))"
    r"|(?<=\()([A-Z]{4,})(?=: [\w\"])"
)
"""In prose: a word in capitals that is cited like a document, with a section, a topic or a heading behind it."""


def joined(text: str) -> str:
    """Without the line breaks in which a citation may be broken, and the comment marks behind them."""
    return re.sub(r"\s*\n\s*(?:#+ |--\s|\* )?", " ", text)


@cache
def headings(page: Path) -> frozenset[str]:
    """The headings of a page, those with a number also by the number alone."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    found = {title.strip() for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    return frozenset(found | {m[1] for title in found if (m := re.match(r"(\d+(?:\.\d+)?)\.? ", title))})


@cache
def names(file: Path) -> frozenset[str]:
    """The functions, classes and methods of a file."""

    def of(node: ast.AST, outer: str) -> Iterator[str]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield outer + child.name
                if isinstance(child, ast.ClassDef):
                    yield from of(child, f"{outer}{child.name}.")

    return frozenset(of(ast.parse(file.read_text(encoding="utf-8")), ""))


def prose_of(source: Path, text: str) -> str:
    """What is written for people: the comments and free-standing texts of Python, all of anything else."""
    if source.suffix != ".py":
        return text
    tokens = [
        token for token in tokenize.generate_tokens(io.StringIO(text).readline) if token.type != tokenize.NL
    ]
    starts = (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE, tokenize.COMMENT)
    return "\n".join(
        token.string
        for before, token in zip([tokens[0], *tokens], tokens, strict=False)
        if token.type == tokenize.COMMENT
        or (token.type == tokenize.STRING and (token is tokens[0] or before.type in starts))
    )


def found(name: str, source: Path) -> Path | None:
    """The file of that name: by its path in the repository, seen from the one that cites it, or among the pages."""
    places = (TOP / name, source.parent / name, TOP / "docs" / name)
    return next((place for place in places if place.is_file()), None)


def dangling(text: str, source: Path) -> Iterator[str]:
    """The citations of a text that lead nowhere."""
    text = re.sub(r"https?://[^\s'\")]+", "", text)
    everything = joined(text)
    for cited in PAGE.finditer(everything):
        page = found(cited[1], source)
        if page is None or not {*filter(None, cited.groups()[1:])} <= headings(page):
            yield cited[0]
    for cited in FILE.finditer(everything):
        if cited[1].split("/")[0] in ROOMS or cited[2]:
            file = found(cited[1], source)
            if file is None or (cited[2] and cited[2] not in names(file)):
                yield cited[0]
    for cited in GUARANTEE.finditer(everything):
        if not {*re.findall(r"\d+", cited[1])} <= headings(TOP / GUARANTEES):
            yield cited[0]
    if (cited_report := FOUNDING_REPORT.search(everything)) and "The founding report" not in headings(
        TOP / GUARANTEES
    ):
        yield cited_report[0]
    for cited in TITLE.finditer(joined(prose_of(source, text))):
        word = cited[1] or cited[2]
        if not re.search(rf"(?:\b|_){word}(?:_| =)|_{word}\b", text):  # else a name in the same file
            yield cited[0]


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(TOP)))
def test_citations_lead_somewhere(source: Path) -> None:
    assert list(dangling(source.read_text(encoding="utf-8"), source)) == []


@pytest.mark.parametrize(
    "text",
    [
        "see docs/format.md",
        "[the format](format.md)",
        "docs/commerceml.md 1.1 to 1.6",
        "(docs/commerceml.md, 1.4)",
        'docs/guarantees.md, "The launch, step by step"',
        "guarantees 1, 2 and 10",
        "the founding\n    report",
        "tests/test_citations.py::test_what_leads_nowhere_is_found",
        "importers/sessions/store.py::JournalStore.create",
        "https://example.org/NOWHERE.md",
        "IDLE: bytes of MAX_IDLE",
    ],
)
def test_what_leads_somewhere_is_left_alone(text: str) -> None:
    assert list(dangling(text, TOP / "docs" / "page.md")) == []


@pytest.mark.parametrize(
    "text",
    [
        "docs/nowhere.md",
        "NOWHERE.md, 3",
        "docs/commerceml.md 1.9",
        "docs/commerceml.md 1.3 to 1.9",
        "`docs/guarantees.md`, 11",
        'docs/guarantees.md, "Another story"',
        "guarantee 11",
        "guarantees 1, 2\n-- and 12",
        "tests/nowhere.py",
        "tests/test_citations.py::test_nothing",
        "importers/sessions/store.py::JournalStore.nothing",
        "importers/nowhere.sql",
        "(NOWHERE 1.4)",
        "(NOWHERE: clocks)",
        "NOWHERE,\n    decisions: absence",
    ],
)
def test_what_leads_nowhere_is_found(text: str) -> None:
    assert len(list(dangling(text, TOP / "docs" / "page.md"))) == 1


def test_a_test_of_a_guarantee_runs_in_make_test_or_the_page_says_where() -> None:
    """Of the tests themselves; some of their parameters may be chaos."""
    text = joined((TOP / GUARANTEES).read_text(encoding="utf-8"))
    cited = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`( \(`make chaos`\))?", text)
    assert [(file, name, bool(said)) for file, name, said in cited] == [
        (file, name, is_chaos(TOP / file, name)) for file, name, _said in cited
    ]


def is_chaos(file: Path, test: str) -> bool:
    (function,) = (
        node
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == test
    )
    return "pytest.mark.chaos" in map(ast.unparse, function.decorator_list)


def test_every_guarantee_names_a_test_that_holds_it() -> None:
    text = (TOP / GUARANTEES).read_text(encoding="utf-8")
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    numbered = [section for section in sections if section[0].isdigit()]
    assert [int(section.split(".")[0]) for section in numbered] == [*range(1, 11)]
    for section in numbered:
        assert re.search(r"tests/[\w/]+\.py::test_\w+", section), section.splitlines()[0]
