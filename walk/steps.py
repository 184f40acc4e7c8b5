"""What a person does in the control room, one step after the other, and what must be on the screen then.

Texts are asked for as the room words them, in the language of the walk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from importers import words
from importers.sessions.models import Status
from importers.texts import _, ngettext
from tui import present
from walk.film import Frame
from walk.steady import Steady
from walk.terminal import PROMPT, Terminal

KEYS = {
    "Enter": "enter",
    "Escape": "esc",
    "Space": "space",
    "Down": "↓",
    "C-u": "ctrl+u",
    "BSpace": "backspace",
}
BAD_PRICES = 3
"""Of the export that is walked on."""
SMALL, LARGE = (60, 20), (140, 32)
SECONDS = {
    "empty": 1.5, "launch": 1.5, "chosen": 2, "running": 0.8, "list": 2, "session": 1.2, "reasons": 1.5,
    "rejects": 2, "summary": 2, "changes": 1.5, "files": 1.5, "all": 2, "tried": 1.5, "filter": 1.5, "attempts": 1.5,
    "help": 1.5,
}  # fmt: skip
"""How long a frame stays in the recording; others are not in it."""


class Walker:
    """Presses keys and looks; keeps the frames of what it shows, where `steady` makes them the same on every day."""

    def __init__(self, terminal: Terminal, steady: Steady | None = None) -> None:
        self.terminal = terminal
        self.frames: list[Frame] = []
        self._steady = steady
        self._pressed: list[str] = []

    def press(self, *keys: str) -> None:
        self.terminal.press(*keys)
        self._pressed += [KEYS.get(key, key) for key in keys]

    def type(self, text: str) -> None:
        self.terminal.type(text)
        self._pressed.append(text)

    def see(self, *wanted: str, gone: Iterable[str] = ()) -> None:
        """Wait until all of it is on the screen, wherever its lines are broken, and none of `gone`."""
        gone = [_joined(text) for text in gone]

        def found(text: str) -> bool:
            text = _joined(text)
            return all(_joined(one) in text for one in wanted) and not any(one in text for one in gone)

        self.terminal.wait(found, " ".join([*map(repr, wanted), *(f"without {one!r}" for one in gone)]))

    def see_list(self, gone: Iterable[str] = ()) -> None:
        """The sessions: there alone an import can be launched."""
        self.see(f"n {_('Import')}", gone=gone)

    def see_end(self, wanted: str) -> None:
        """It is in the last row of the terminal."""
        last = self.terminal.size[1] - 1
        self.terminal.wait(lambda text: wanted in text.split("\n")[last], f"{wanted!r} in the last row")

    def dismiss(self, notice: str) -> None:
        self.see(notice)
        self.press("Escape")
        self.see(gone=[notice])

    def show(self, name: str) -> None:
        """A frame: a picture of that name, and for its seconds in the recording."""
        if self._steady is None:
            return
        rows = self._steady.rows(self.terminal.settled())
        self.frames.append(Frame(name, "  ".join(self._pressed), rows, SECONDS.get(name, 0)))
        self._pressed.clear()

    @property
    def is_wide(self) -> bool:
        return self.terminal.size[0] >= 80


def _joined(text: str) -> str:
    return "".join(text.split())


@dataclass(frozen=True)
class Step:
    title: str
    take: Callable[[Walker], None]
    short: bool
    """Whether the short walk has it."""


STEPS: list[Step] = []


def step(*, short: bool = False) -> Callable[[Callable[[Walker], None]], Callable[[Walker], None]]:
    def add(take: Callable[[Walker], None]) -> Callable[[Walker], None]:
        STEPS.append(Step((take.__doc__ or "").strip(), take, short))
        return take

    return add


@step(short=True)
def start(walker: Walker) -> None:
    """obmen demo opens an empty list"""
    walker.see(PROMPT)
    walker.type("obmen demo\n")
    walker.see(
        _("No imports yet: press {key} to run one").format(key="n"), _("export {age} old").split("{")[0]
    )
    walker._pressed[:] = ["obmen demo"]
    walker.show("empty")


@step(short=True)
def launch(walker: Walker) -> None:
    """n opens the launch dialog; three types are chosen, and confirmed"""
    walker.press("n")
    walker.see(_title("🚀 Run an import from 1C"), present.number(1152))
    walker.show("launch")
    walker.press("Space")
    walker.see(present.number(3252 - BAD_PRICES))
    walker.press("Down", "Down", "Down", "Space", "Down", "Space")
    walker.see("[1]", "[2]", "[3]")
    walker.show("chosen")
    walker.press("Enter")
    walker.see("#1", gone=[_title("🚀 Run an import from 1C")])
    walker.show("running")


@step(short=True)
def ending(walker: Walker) -> None:
    """the row tells that it has ended, and how many records were rejected; esc takes the notice away"""
    completed = _ended(Status.COMPLETED, "!")
    walker.see(completed, str(BAD_PRICES), f"#1 {completed}" if walker.is_wide else completed)
    walker.show("list")
    walker.dismiss(_("WARNING"))


@step(short=True)
def session(walker: Walker) -> None:
    """enter opens the session; / searches its log, n goes on"""
    walker.press("Enter")
    walker.see(f"[1 {_('Log')}]", f"/ {_('Search')}")
    walker.show("session")
    walker.press("/")
    walker.see(_("Search for"))
    completed = _("Completed in {seconds} s").partition(" ")[0]
    walker.type(completed)
    walker.press("Enter")
    walker.see(completed, gone=[_("Search for")])
    walker.press("n")
    walker.see(_("No other line has: {text}").format(text=completed))
    walker.show("search")
    walker.dismiss(_("No other line has: {text}").partition(":")[0])


@step()
def tabs(walker: Walker) -> None:
    """2 to 6 are its rejects, counts, changes, files and facts"""
    walker.press("2")
    walker.see(f"[2 {_('Rejects')} {BAD_PRICES}]", _("Reason"), "ИдТипаЦены")
    walker.show("reasons")
    walker.press("Enter")
    walker.see("prices_1_1", _("File and line"), "по запросу")
    walker.show("rejects")
    walker.press("Enter")
    title = f"  {_('Reject')}  "
    walker.terminal.wait(lambda text: title in text.replace("\n", "  \n"), repr(title))
    walker.show("reject")
    walker.press("Escape", "Escape")
    walker.see(_("Reason"), gone=["prices_1_1"])
    walker.see(f"[2 {_('Rejects')} {BAD_PRICES}]")
    walker.press("3")
    walker.see(f"[3 {_('Summary')}]", present.number(1626))
    walker.show("summary")
    for number, name, title, wanted in (
        (4, "changes", _("Changes"), "+813"),
        (5, "files", _("Files"), _("Size")),
        (6, "details", _("Details"), _("Request")),
    ):
        walker.press(str(number))
        walker.see(f"[{number} {title}]" if walker.is_wide else wanted, wanted)
        walker.show(name)
    walker.press("1")
    walker.see(f"[1 {_('Log')}]")


@step(short=True)
def back(walker: Walker) -> None:
    """q leads back to the list"""
    walker.press("q")
    walker.see_list()


@step()
def dry_run(walker: Walker) -> None:
    """all types as a dry run, launched with a Russian layout"""
    walker.type("т")
    walker.see(_title("🚀 Run an import from 1C"), present.number(1152))
    for _row in range(7):
        walker.press("Space", "Down")
    walker.see("[7]")
    walker.type("в")
    walker.see("[x]", _("Dry run: everything but the commit"))
    walker.show("all")
    walker.press("Enter")
    walker.see("#2", _ended_dry("!"), gone=[_title("🚀 Run an import from 1C")])
    walker.show("tried")
    walker.dismiss(_("WARNING"))


@step()
def find(walker: Walker) -> None:
    """f filters, esc drops the filter; s sorts, S the other way; : goes to a number"""
    both = ngettext("{count} session", "{count} sessions", 2).format(count=2)
    walker.press("f")
    walker.see(_("Filter") + ":")
    walker.type("failed")
    walker.see(_("No session matches the filter"))
    walker.press("C-u")
    walker.see(both)  # letters overtake a key that is bound, when they are typed at once
    walker.type("dry")
    walker.press("Enter")
    walker.see(_("{count} of {total}").format(count=1, total=2), "#2")
    walker.show("filter")
    walker.press("Escape")
    walker.see(both)
    walker.press("s")
    walker.see(_("Sorted by: {column}").format(column=_("Type")))
    walker.press("S")
    walker.see("▴")
    walker.dismiss(_("Sorted by: {column}").partition("{")[0])
    walker.press(":")
    walker.see(_("Go to session"))
    walker.type("1")
    walker.press("Enter")
    walker.see("#1 !")


@step()
def marks(walker: Walker) -> None:
    """space marks, esc takes the mark away"""
    walker.press("Space")
    walker.see(ngettext("{count} marked", "{count} marked", 1).format(count=1))
    walker.show("mark")
    walker.press("Escape")
    walker.see(gone=[ngettext("{count} marked", "{count} marked", 1).format(count=1)])


@step()
def screens(walker: Walker) -> None:
    """attempts, doctor, settings, messages and help open and close by their keys"""
    for key, name, wanted in (
        ("a", "attempts", _("Attempts: every confirm and what came of it").partition(":")[0] + ":"),
        ("d", "doctor", _("Health check")),
        ("i", "settings", "journal.url"),
        ("m", "messages", _("Messages")),
        ("?", "help", _("Mark or unmark the session under the cursor")),
    ):
        walker.press(key)
        walker.see(wanted, gone=[_("Checking…"), _("checking…")])
        walker.show(name)
        walker.press("q")
        walker.see_list(gone=[wanted])


@step(short=True)
def suspend(walker: Walker) -> None:
    """ctrl+z gives the shell back, fg the room"""
    walker.press("C-z")
    walker.see("Stopped")
    walker.type("echo $((40 + 2))n\n")
    walker.see("42n")
    walker.type("fg\n")
    walker.see_list(gone=["42n"])


@step()
def resize(walker: Walker) -> None:
    """the terminal becomes small and large, and as it was"""
    for name, size in (("narrow", SMALL), ("wide", LARGE), ("as before", walker.terminal.size)):
        walker.terminal.resize(size)
        walker.see_end(f"q {_('Quit')}")
        walker.show(name)


@step(short=True)
def leave(walker: Walker) -> None:
    """q of a Russian layout leaves; the terminal is as before, the exit code 0"""
    walker.type("й")
    walker.see(PROMPT, gone=["ID"])
    walker.type('echo "exit $?"\n')
    walker.see("exit 0")


def _title(text: str) -> str:
    """Without the sign in front of it."""
    return _(text).partition(" ")[2]


def _ended(status: Status, sign: str) -> str:
    return f"{sign} {words.status(status)}"


def _ended_dry(sign: str) -> str:
    return f"{sign} {_('dry run')}"
