"""Every key of the control room, in one table. Key bar, help, command palette and the bindings come from it.

A letter also fires under the Russian layout: its ЙЦУКЕН twin is bound beside it (`n` and `т`, `ctrl+p` and
`ctrl+з`), the Latin one is shown. Text inputs take printable keys before any binding does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.binding import Binding

from importers.texts import N_, _

if TYPE_CHECKING:
    from textual.binding import BindingType

LATIN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./" + '~QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>?'
CYRILLIC = "ёйцукенгшщзхъфывапролджэячсмитьбю." + "ЁЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ,"
TWINS = dict(zip(LATIN, CYRILLIC, strict=True))

NAMES = {",": "comma", ".": "full_stop", "/": "slash", "?": "question_mark"}
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
    """The screen or widget that binds it: a key of PLACES."""
    bar: bool = True
    """Whether the key bar shows it."""
    palette: bool = True
    """Whether the command palette offers it."""
    priority: bool = False
    keep: bool = False
    """Stays in the key bar when the screen is too narrow for all."""
    shops: bool = False
    """Only where there are several."""


PLACES = {
    "main": N_("Sessions"),
    "table": N_("Tables"),
    "log": N_("Log"),
    "launch": N_("Run an import"),
    "attempts": N_("Attempts"),
    "doctor": N_("Health check"),
    "question": N_("Question"),
    "help": N_("Help"),
    "app": N_("Everywhere"),
}
"""Where keys work, in the order of the help screen."""

TABLE = (
    Key("launch", "n", "launch", N_("Import"), N_("🚀 Run an import from 1C"), "main", keep=True),
    Key("mark", "space", "mark", N_("Mark"), N_("Mark or unmark the session under the cursor"), "main"),
    Key("cancel", "c", "cancel", N_("Cancel"), N_("Ask the running import to stop"), "main"),
    Key("retry", "r", "retry", N_("Retry"), N_("Run the same import again"), "main"),
    Key("delete", "x,delete", "delete", N_("Delete"), N_("Delete the marked finished sessions"), "main"),
    Key("filter", "f,/", "filter", N_("Filter"), N_("Show only some sessions: by status, type, operator"), "main"),
    Key("shop", "o", "shop", N_("Shop"), N_("Only the sessions of the next shop"), "main", shops=True),
    Key("attempts", "a", "attempts", N_("Attempts"), N_("Every confirm and what came of it"), "main"),
    Key("doctor", "d", "doctor", N_("Doctor"), N_("Check settings, source, databases and worker"), "main"),
    Key("log", "1", "tab('log')", N_("Log"), N_("Log of the session"), "main", bar=False),
    Key("rejects", "2", "tab('rejects')", N_("Rejects"), N_("Records that were not taken"), "main", bar=False),
    Key("summary", "3", "tab('summary')", N_("Summary"), N_("Counts and facts of the session"), "main", bar=False),
    Key("copy_id", "y", "copy_id", N_("Copy id"), N_("Copy the request id to the clipboard"), "main", bar=False),
    Key("copy_log", "Y", "copy_log", N_("Copy log"), N_("Copy the log to the clipboard"), "main", bar=False),
    Key("unmark", "escape", "unmark", N_("Unmark"), N_("Remove all marks and the filter"), "main", bar=False),
    Key("row_up", "up,k", "cursor_up", N_("Up"), N_("One row up"), "table", bar=False, palette=False),
    Key("row_down", "down,j", "cursor_down", N_("Down"), N_("One row down"), "table", bar=False, palette=False),
    Key("first_row", "home,g", "scroll_top", N_("Beginning"), N_("To the first row"), "table", bar=False,
        palette=False),
    Key("last_row", "end,G", "scroll_bottom", N_("End"), N_("To the last row; older ones are loaded there"), "table",
        bar=False, palette=False),
    Key("up", "up,k", "scroll(-1)", N_("Up"), N_("One line up"), "log", bar=False, palette=False),
    Key("down", "down,j", "scroll(1)", N_("Down"), N_("One line down"), "log", bar=False, palette=False),
    Key("page_up", "pageup,b", "page(-1)", N_("Page up"), N_("One page up"), "log", bar=False, palette=False),
    Key("page_down", "pagedown", "page(1)", N_("Page down"), N_("One page down"), "log", bar=False, palette=False),
    Key("top", "home,g", "top", N_("Beginning"), N_("To the first line"), "log", bar=False, palette=False),
    Key("follow", "end,G", "follow", N_("Follow"), N_("To the last line, and follow new ones"), "log", bar=False,
        palette=False),
    Key("choose", "space", "choose", N_("Choose"), N_("Choose or drop the type under the cursor"), "launch"),
    Key("confirm", "enter", "confirm", N_("Run"), N_("Run the chosen types, once"), "launch"),
    Key("launch_shop", "o", "shop", N_("Shop"), N_("Import into the next shop"), "launch", shops=True),
    Key("dry_run", "d", "dry_run", N_("Dry run"), N_("Do everything but the commit"), "launch", bar=False),
    Key("force", "f", "force", N_("Force"), N_("Go past the limits on rejects and removals"), "launch", bar=False),
    Key("strict", "e", "strict", N_("Strict"), N_("Fail unless the export has something of every type"), "launch",
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
    Key("close_help", "escape,q,?,f1", "close", N_("Back"), N_("Close the help"), "help"),
    Key("help", "?,f1", "app.help", N_("Help"), N_("All keys on one page"), "app", keep=True),
    Key("palette", "ctrl+p", "app.command_palette", N_("Commands"), N_("Search for a command"), "app", bar=False,
        palette=False, priority=True),
    Key("quit", "q", "app.quit", N_("Quit"), N_("Leave; imports go on without the screen"), "main", keep=True),
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
    return [row for row in TABLE if row.where in places]


def shown(key: str) -> str:
    """A key as people read it: `ctrl+p` as ^p, `escape` as esc."""
    if key == "space":
        return _("space")
    names = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn", "delete": "del", "f1": "F1"}
    return names.get(key, key.replace("ctrl+", "^"))
