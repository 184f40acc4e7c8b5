"""Every key of the control room, in one table. Key bar, help, command palette and the bindings come from it.

A letter also fires under the Russian layout: its ЙЦУКЕН twin is bound beside it (`n` and `т`, `ctrl+p` and
`ctrl+з`), the Latin one is shown. Text inputs take printable keys before any binding does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from textual.binding import Binding

from importers.errors import SettingsError
from importers.settings import nearest
from importers.texts import N_, _

if TYPE_CHECKING:
    from textual.binding import BindingType

LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?'
CYRILLIC = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"
TWINS = dict(zip(LATIN, CYRILLIC, strict=True))

NAMED = {
    "enter", "escape", "space", "delete", "insert", "backspace", "home", "end", "pageup", "pagedown",
    "up", "down", "left", "right", *(f"f{number}" for number in range(1, 13)),
}  # fmt: skip
"""Keys that have a name rather than a sign; Tab goes from pane to pane."""
MODIFIERS = ("alt", "ctrl", "shift")
"""In the order in which Textual names them."""
OTHERS = {"ctrl+h", "ctrl+i", "ctrl+j", "ctrl+m"}
"""Terminals send backspace, tab, and enter for these."""
NAMES = {
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    ":": "colon",
    ",": "comma",
    ".": "full_stop",
    "/": "slash",
    "?": "question_mark",
}
"""How Textual calls the keys of the table that are neither letters nor named already."""


@dataclass(frozen=True)
class Key:
    """One row: what a key does on the screens named in `where`."""

    id: str
    keys: str
    """Comma-separated Textual keys; the first one is shown."""
    action: str
    title: str
    """Two words for the key bar (msgid)."""
    hint: str
    """One line for help and palette (msgid)."""
    where: str
    """The screens or widgets that bind it, with commas: keys of PLACES."""
    bar: bool = True
    """Whether the key bar shows it."""
    palette: bool = True
    """Whether the command palette offers it."""
    priority: bool = False
    yields: bool = False
    """Leaves its keys to others when it has nothing to do."""
    keep: bool = False
    """Stays in the key bar when the screen is too narrow for all."""
    shops: bool = False
    """Only where there are several."""
    pair: str = ""
    """The id of the row without which the key bar does not show this one."""

    @property
    def places(self) -> frozenset[str]:
        return frozenset(self.where.split(","))


PLACES = {
    "main": N_("Sessions"),
    "table": N_("Tables"),
    "log": N_("Log"),
    "text": N_("Texts"),
    "launch": N_("Run an import"),
    "choices": N_("Import types"),
    "attempts": N_("Attempts"),
    "doctor": N_("Health check"),
    "session": N_("Session"),
    "rejects": N_("Rejects"),
    "page": N_("A text in full"),
    "ask": N_("A line to fill in"),
    "settings": N_("Settings"),
    "messages": N_("Messages"),
    "question": N_("Question"),
    "help": N_("Help"),
    "app": N_("Everywhere"),
}
"""Where keys work, in the order of the help screen."""

TABLE = (
    Key("launch", "n,f2", "launch", N_("Import"), N_("Run an import from 1C"), "main", keep=True),
    Key("mark", "space", "mark", N_("Mark"), N_("Mark or unmark the session under the cursor"), "main"),
    Key("cancel", "c,f6", "cancel", N_("Cancel"), N_("Cancel the running import"), "main,session"),
    Key("retry", "r,f5", "retry", N_("Retry"), N_("Run the same import again"), "main,session"),
    Key("delete", "x,delete,f8", "delete", N_("Delete"), N_("Delete the marked finished sessions"), "main"),
    Key("filter", "f,/,f4", "filter", N_("Filter"), N_("Show only some sessions: by status, type, operator"), "main"),
    Key("shop", "o", "shop", N_("Shop"), N_("Only the sessions of the next shop"), "main", shops=True),
    Key("open", "f3", "open", N_("Open"), N_("The session on a screen of its own; Enter does the same"), "main",
        bar=False),
    Key("jump", ":", "jump", N_("Go to"), N_("Go to a session by its number"), "main", bar=False),
    Key("sort", "s", "sort", N_("Sort"), N_("Sort by the next column; a click on a title sorts, too"), "main",
        bar=False),
    Key("reverse", "S", "reverse", N_("Reverse"), N_("Sort the other way round"), "main", bar=False),
    Key("export", "w", "export", N_("Write CSV"), N_("Write the marked sessions, or all listed ones, as CSV"), "main",
        bar=False),
    Key("attempts", "a,f7", "attempts", N_("Attempts"), N_("Every confirm and what came of it"), "main"),
    Key("doctor", "d,f9", "doctor", N_("Doctor"), N_("Check settings, source, databases and worker"), "main"),
    Key("log", "1", "tab('log')", N_("Log"), N_("Log of the session"), "main,session", bar=False),
    Key("rejects", "2", "tab('rejects')", N_("Rejects"), N_("Records that were not taken"), "main,session",
        bar=False),
    Key("summary", "3", "tab('summary')", N_("Summary"), N_("Counts and facts of the session"), "main,session",
        bar=False),
    Key("next_tab", "right,l", "next_tab(1)", N_("Next tab"), N_("The next tab"), "main,session", bar=False,
        palette=False),
    Key("previous_tab", "left,h", "next_tab(-1)", N_("Previous tab"), N_("The tab before"), "main,session", bar=False,
        palette=False),
    Key("settings", "i", "app.settings", N_("Settings"), N_("All settings in force, and who says so"), "main",
        bar=False),
    Key("messages", "m", "app.messages", N_("Messages"), N_("All that was said here"), "main", bar=False),
    Key("copy_id", "y", "copy_id", N_("Copy id"), N_("Copy the request id to the clipboard"), "main,session",
        bar=False),
    Key("copy_log", "Y", "copy_log", N_("Copy log"), N_("Copy the log to the clipboard"), "main,session", bar=False),
    Key("unmark", "escape", "unmark", N_("Unmark"), N_("Remove the filter, then all marks"), "main",
        bar=False),
    Key("row_up", "up,k", "cursor_up", N_("Up"), N_("One row up"), "table,choices", bar=False, palette=False),
    Key("row_down", "down,j", "cursor_down", N_("Down"), N_("One row down"), "table,choices", bar=False, palette=False),
    Key("first_row", "home,g", "scroll_top", N_("Beginning"), N_("To the first row of all"), "table,choices", bar=False,
        palette=False),
    Key("last_row", "end,G", "scroll_bottom", N_("End"), N_("To the last row of all"), "table,choices",
        bar=False, palette=False),
    Key("rows_up", "pageup", "page_up", N_("Page up"), N_("One page up"), "table", bar=False, palette=False),
    Key("rows_down", "pagedown", "page_down", N_("Page down"), N_("One page down"), "table", bar=False, palette=False),
    Key("open_row", "enter", "select_cursor", N_("Open"), N_("Open the row under the cursor"), "table", bar=False,
        palette=False),
    Key("up", "up,k", "scroll(-1)", N_("Up"), N_("One line up"), "log,text", bar=False, palette=False),
    Key("down", "down,j", "scroll(1)", N_("Down"), N_("One line down"), "log,text", bar=False, palette=False),
    Key("page_up", "pageup,b", "page(-1)", N_("Page up"), N_("One page up"), "log,text", bar=False, palette=False),
    Key("page_down", "pagedown", "page(1)", N_("Page down"), N_("One page down"), "log,text", bar=False, palette=False),
    Key("top", "home,g", "top", N_("Beginning"), N_("To the first line"), "log,text", bar=False, palette=False),
    Key("follow", "end,G", "follow", N_("Follow"), N_("To the last line, and follow new ones"), "log", bar=False,
        palette=False),
    Key("text_end", "end,G", "bottom", N_("End"), N_("To the last line"), "text", bar=False, palette=False),
    Key("search", "/", "screen.search", N_("Search"), N_("Search the log for words"), "log"),
    Key("next_match", "n", "next_match(1)", N_("Next"), N_("To the next line that was searched for"), "log", bar=False,
        palette=False),
    Key("previous_match", "N", "next_match(-1)", N_("Previous"), N_("To the previous line that was searched for"),
        "log", bar=False, palette=False),
    Key("choose", "space", "choose", N_("Choose"), N_("Choose or drop the type under the cursor"), "launch"),
    Key("confirm", "enter", "confirm", N_("Run"), N_("Run the chosen types, once"), "launch"),
    Key("launch_shop", "o", "shop", N_("Shop"), N_("Import into the next shop"), "launch", shops=True),
    Key("dry_run", "d", "dry_run", N_("Dry run"), N_("Do everything but the commit"), "launch", bar=False),
    Key("force", "f", "force", N_("Force"), N_("Go past the limits on rejects and removals"), "launch", bar=False),
    Key("strict", "e", "strict", N_("Strict"), N_("Fail unless the export has all of these types"), "launch",
        bar=False),
    Key("source", "s", "source", N_("Source"), N_("Change the folder or .zip to read"), "launch"),
    Key("close_launch", "escape", "close", N_("Close"), N_("Close; a launch that was sent goes on"), "launch"),
    Key("goto", "enter", "goto", N_("Open"), N_("Go to the session of this attempt"), "attempts"),
    Key("filter_attempts", "f,/", "filter", N_("Filter"), N_("By request id, type or operator"), "attempts"),
    Key("shop_attempts", "o", "shop", N_("Shop"), N_("Only the attempts on the next shop"), "attempts", shops=True),
    Key("copy_attempt", "y", "copy_id", N_("Copy id"), N_("Copy the request id to the clipboard"), "attempts"),
    Key("close_attempts", "escape,q,a", "close", N_("Back"), N_("Back to the sessions"), "attempts"),
    Key("recheck", "r", "recheck", N_("Again"), N_("Check again"), "doctor"),
    Key("close_doctor", "escape,q,d", "close", N_("Back"), N_("Back to the sessions"), "doctor"),
    Key("yes", "y", "answer(True)", N_("Yes"), N_("Do it"), "question"),
    Key("no", "n,escape,q", "answer(False)", N_("No"), N_("Leave everything as it is"), "question"),
    Key("changes", "4", "tab('changes')", N_("Changes"), N_("What the shop gained and lost"), "session", bar=False),
    Key("files", "5", "tab('files')", N_("Files"), N_("What was read of each file"), "session", bar=False),
    Key("details", "6", "tab('details')", N_("Details"), N_("Facts of the session"), "session", bar=False),
    Key("previous_session", "[", "neighbour(-1)", N_("Previous"), N_("The session before this one in the list"),
        "session", pair="next_session"),
    Key("next_session", "]", "neighbour(1)", N_("Next"), N_("The session behind this one in the list"), "session",
        pair="previous_session"),
    Key("errors", "e", "screen.errors", N_("Errors"), N_("Errors alone, or all lines again"), "log"),
    Key("level", "L", "screen.level", N_("Level"), N_("All lines, warnings and errors, errors alone"), "log"),
    Key("to_time", "t", "screen.to_time", N_("To time"), N_("To the line of a time of day"), "log"),
    Key("wrap", "W", "wrap", N_("Wrap"), N_("Long lines over several rows, or cut"), "log"),
    Key("save_log", "S", "screen.save_log", N_("Save"), N_("Write the whole log to a file"), "log"),
    Key("pager", "o", "screen.pager", N_("Pager"), N_("Read the whole log in $PAGER"), "log"),
    Key("watch", "a", "watch", N_("Watch"), N_("Tell when this session ends"), "session"),
    Key("write_rejects", "w", "write_rejects", N_("Rejects as CSV"), N_("Write the rejects of the session as CSV"),
        "session"),
    Key("back_to_reasons", "escape,backspace", "back", N_("Reasons"), N_("From the rejects back to their reasons"),
        "rejects"),
    Key("close_page", "escape,q,enter", "close", N_("Back"), N_("Close this text"), "page"),
    Key("close_session", "escape,q,f3", "close", N_("Back"), N_("Back to the sessions"), "session", keep=True),
    Key("close_ask", "escape", "close", N_("Close"), N_("Leave without an answer"), "ask"),
    Key("close_settings", "escape,q,i", "close", N_("Back"), N_("Back to the sessions"), "settings"),
    Key("close_messages", "escape,q,m", "close", N_("Back"), N_("Back to the sessions"), "messages"),
    Key("close_help", "escape,q,?,f1", "close", N_("Back"), N_("Close the help"), "help"),
    Key("help", "?,f1", "app.help", N_("Help"), N_("All keys on one page"), "app", keep=True),
    Key("palette", "ctrl+p", "app.command_palette", N_("Commands"), N_("Search for a command"), "app", bar=False,
        palette=False, priority=True),
    Key("quit", "q,f10", "app.quit", N_("Quit"), N_("Leave; imports go on without the screen"), "main", keep=True),
    Key("dismiss", "escape", "app.dismiss", N_("Dismiss"), N_("Remove what is said, before it does anything else"),
        "app", bar=False, palette=False, priority=True, yields=True),
    Key("leave", "ctrl+q", "app.quit", N_("Quit"), N_("Leave; imports go on without the screen"), "app", bar=False,
        palette=False, priority=True),
    Key("suspend", "ctrl+z", "app.suspend_process", N_("Suspend"), N_("Back to the shell; fg comes back here"), "app",
        bar=False, palette=False, priority=True),
    Key("repaint", "ctrl+l", "app.repaint", N_("Repaint"), N_("Paint the whole screen anew"), "app", bar=False,
        palette=False, priority=True),
    Key("interrupt", "ctrl+c", "app.interrupt", N_("How to quit"), N_("Says how to quit"), "app", bar=False,
        palette=False),
)  # fmt: skip


def with_twins(keys: str) -> tuple[str, ...]:
    """The Textual keys of a row, each letter followed by its twin on the Russian layout."""
    found: dict[str, None] = {}
    for key in keys.split(","):
        modifiers, plus, last = key.rpartition("+")
        found[modifiers + plus + NAMES.get(last, last)] = None
        if twin := TWINS.get(last):
            found[modifiers + plus + NAMES.get(twin, twin)] = None
    return tuple(found)


def bindings(*places: str) -> list[BindingType]:
    """The bindings of some places, ready for BINDINGS. A modal screen needs those of "app" too: it hides the app's."""
    return [
        Binding(
            ",".join(with_twins(row.keys)),
            row.action,
            row.title,
            show=row.bar,
            tooltip=row.hint,
            id=row.id,
            priority=row.priority,
        )
        for row in rows(*places)
    ]


def rows(*places: str) -> list[Key]:
    """The rows of some places, in the order of the table."""
    return [_as_set(row) for row in TABLE if row.places.intersection(places)]


_own: dict[str, str] = {}
"""Keys that the settings give to rows, by id."""


def use(own: Mapping[str, str]) -> None:
    """Take these keys for these rows from now on. Raises SettingsError where a row, a key or its meaning is unclear."""
    known = {row.id for row in TABLE}
    for name, keys in own.items():
        if name not in known:
            raise SettingsError(
                N_("setting keys.{name}: there is no such action; {hint}"),
                name=name,
                hint=nearest(name, sorted(known)),
            )
        if wrong := [key for key in keys.split(",") if not _is_key(key)]:
            raise SettingsError(
                N_('setting keys.{name}: "{key}" is no key; examples: n, N, f5, ctrl+k, space, delete'),
                name=name,
                key=wrong[0],
            )
    _own.clear()
    _own.update(own)
    for name in own:
        _require_free(next(_as_set(row) for row in TABLE if row.id == name))


def keymap() -> dict[str, str]:
    """The own keys, as Textual takes them."""
    return {name: ",".join(with_twins(keys)) for name, keys in _own.items()}


def _as_set(row: Key) -> Key:
    return replace(row, keys=_own[row.id]) if row.id in _own else row


def _is_key(key: str) -> bool:
    """One that a terminal can send: Shift makes another letter of a letter, unless it is pressed with Alt."""
    *modifiers, last = key.split("+")
    if modifiers != [each for each in MODIFIERS if each in modifiers] or key in OTHERS:
        return False
    if not modifiers:
        return last in NAMED or (len(last) == 1 and last.isprintable() and not last.isspace())
    is_letter = len(last) == 1 and last.isalpha() and last.islower()
    return last in NAMED or (is_letter and ("shift" not in modifiers or "alt" in modifiers))


def _require_free(row: Key) -> None:
    """No other row that works at the same time has its keys."""
    for other in map(_as_set, TABLE):
        if (
            other.id == row.id
            or row.yields
            or other.yields
            or not any(_meet(*both) for both in product(row.places, other.places))
        ):
            continue
        taken = set(with_twins(other.keys))
        if both := [key for key in row.keys.split(",") if taken.intersection(with_twins(key))]:
            raise SettingsError(
                N_("setting keys.{name}: {key} is a key of {other} as well; give one of the two another key"),
                name=row.id,
                key=both[0],
                other=other.id,
            )


def _meet(one: str, other: str) -> bool:
    """Whether keys of both places work on one screen."""
    return one == other or "app" in {one, other} or any({one, other} <= set(group) for group in TOGETHER)


TOGETHER = (
    ("main", "table"), ("session", "log"), ("session", "text"), ("attempts", "table"), ("settings", "table"),
    ("launch", "choices"), ("doctor", "text"), ("messages", "text"), ("page", "text"), ("help", "text"),
)  # fmt: skip
"""A screen, and what has the focus there at first. What else may have it takes its keys before the screen does."""


def shown_of(row: str) -> str:
    """The key to press for a row of the table, as the key bar shows it."""
    return shown(next(_as_set(one) for one in TABLE if one.id == row).keys.split(",")[0])


def shown(key: str) -> str:
    """A key as people read it: `ctrl+p` as ^p, `escape` as esc."""
    if key == "space":
        return _("space")
    names = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "delete": "del"}
    if len(key) > 1 and key[0] == "f" and key[1:].isdecimal():
        return key.upper()
    return names.get(key, key.replace("ctrl+", "^"))
