"""The launch dialog: choose import types, confirm once.

The idempotency key is minted when the dialog opens. The first press of the confirm disables it before anything
is awaited; the launch itself belongs to the room, so that closing the dialog does not stop it.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from pathlib import Path

import msgspec
from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from importers.errors import ObmenError
from importers.events import Options
from importers.kinds.registry import names
from importers.launch import LaunchResult, new_key, new_request
from importers.launch.survey import has_products
from importers.sessions import Journal, Session
from importers.targets import Target, target_of
from importers.texts import N_, _, ngettext
from tui import present
from tui.keys import bindings, rows, shown_of
from tui.room import Room
from tui.widgets.bars import KeyBar
from tui.widgets.choices import Choices
from tui.widgets.path_input import PathInput

OPTIONS = (
    ("dry_run", N_("Dry run: everything but the commit")),
    ("force", N_("Go past the limits on rejects and removals")),
    ("strict", N_("Fail unless the export has all of these types")),
)
"""Fields of `Options`, one line each; their keys have the same names."""
RECENT = 200
"""Sessions whose sources are offered again."""
AT_ONCE_SECONDS = 0.1
"""So long an answer is awaited before anything is painted that says so: mostly it is there by then, and a launch that
shares its time with three paints takes twice as long."""
SPARE = 20
"""Cells that two lines may lose where they are broken between names."""


class LaunchScreen(ModalScreen[LaunchResult | None]):
    """Dismissed with what came of the confirm; None when it was closed without one, or before the answer."""

    BINDINGS = bindings("launch", "app")
    AUTO_FOCUS = "Choices"

    def __init__(self, room: Room, shop: str | None = None) -> None:
        """`shop`: the one that it begins with; None: that of the settings, or none until the operator chooses."""
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (26, "-tall")]
        self._room = room
        self._key = new_key()
        self._shops = room.settings.shop_names
        one = self._shops[0] if len(self._shops) == 1 else room.settings.default_shop
        self._shop = shop if shop in self._shops else one or None
        self._source = self._target.source if self._target else ""
        self._options = Options()
        self._trouble = ""
        """Why what the source holds could not be counted: an import meets it where it reads the same."""
        self._sent = False
        self._ignored = 0
        self._left = False
        self._answered = asyncio.Event()
        self._answer: LaunchResult | None = None
        self._would_join: Session | None = None
        """Runs in this catalog: a confirm would launch nothing."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide"):
            several = len(self._shops) > 1
            yield Static(
                _("🚀 Run an import from 1C"), classes="title close" if several else "title", markup=False
            )
            if several:
                yield Static(id="shop")
            with Horizontal(classes="line"):
                yield Static(_("Source") + "  ", markup=False)
                yield PathInput(self._source, id="source")
            yield Choices(self._room.now)
            yield Static(id="options")
            yield Static(id="running", markup=False)
            yield Static(id="status")
            # Alone in its row: terminals disagree on the width of its sign.
            sign, label = present.sign_apart(_("▶️ Run the import"))
            yield Button(Content.assemble((sign, "not bold"), (label, "bold")), id="confirm", compact=True)
            yield KeyBar(rows("launch", "app"))

    def on_mount(self) -> None:
        self._room.changed.subscribe(self, lambda _none: self._look_for_running(), immediate=True)
        self.run_worker(self._remember_sources(), group="survey", exit_on_error=False)
        self._look_for_running()
        self._show_shop()
        self._show_options()
        self._show_choice()
        self._survey()

    # Whose import it is

    @property
    def _target(self) -> Target | None:
        return target_of(self._room.settings, self._shop) if self._shop else None

    def action_shop(self) -> None:
        """The next shop: with its own source and catalog, so nothing is chosen any more."""
        if self._sent:
            return
        at = self._shops.index(self._shop) + 1 if self._shop else 0
        self._shop = self._shops[at % len(self._shops)]
        self._source = target_of(self._room.settings, self._shop).source
        self.query_one(Input).value = self._source
        self._show_shop()
        self._look_for_running()
        self._survey()

    @on(events.Click, "#shop")
    def click_shop(self) -> None:
        self.action_shop()

    def _show_shop(self) -> None:
        for line in self.query("#shop").results(Static):
            name = (self._shop, "bold") if self._shop else (_("none is chosen yet"), "yellow")
            line.update(Text.assemble(_("Shop") + "  ", name, (f"  {shown_of('launch_shop')}", "dim")))
            line.scroll_visible(animate=False)  # a small screen shows a part of the dialog

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "shop" or len(self._shops) > 1

    # What the source holds

    async def _remember_sources(self) -> None:
        """Those used before."""
        if (journal := self._room.journal) is None:
            return
        recent = await journal.find(limit=RECENT)
        used = dict.fromkeys(session.source for session in recent.sessions if session.upload is None)
        self.query_one(PathInput).remember(tuple(used))

    def _look_for_running(self) -> None:
        if self._sent:  # what it would find is this launch's own session
            return
        self.run_worker(self._show_running(), group="running", exit_on_error=False)

    async def _show_running(self) -> None:
        """What runs now in this catalog: a confirm would join it. Else what runs in another."""
        if (journal := self._room.journal) is None:
            return
        running = await self._room.running(journal)
        would_join = await self._active(journal) if running else None
        line = self.query_one("#running", Static)
        line.display = bool(running)
        if (would_join and would_join.id) != (self._would_join and self._would_join.id):
            self._would_join = would_join
            if self.query_one(Choices).chosen and not self._sent:
                self._show_choice()
        if running:
            session = would_join or running[-1]
            line.update(
                _("Runs now: session {id}, {type}, {status}, by {operator}").format(
                    id=session.id,
                    type=self._room.what(session),
                    status=present.state(session),
                    operator=present.plain(session.operator),
                )
            )

    async def _active(self, journal: Journal) -> Session | None:
        """By the catalog, not the shop: a launch joins by that, and two shops may have one."""
        if (target := self._target) is None:
            return None
        try:
            return await journal.active(await target.key())
        except ObmenError:  # the catalog does not say which one it is: the launch tells why
            return None

    def _survey(self) -> None:
        """Look at the source that the input names. Until that is done nothing can be chosen, so nothing launched."""
        if (target := self._target) is None:
            self.query_one(Choices).clear()
            self._show_choice()
            return
        self._trouble = ""
        self.query_one(Choices).clear(_("Looking at the source…"), waiting=True)
        self._show_choice()
        self._source = _path(self.query_one(Input).value)
        self.run_worker(
            self._load_holdings(self._source, target), group="holdings", exclusive=True, exit_on_error=False
        )

    async def _load_holdings(self, source: str, target: Target) -> None:
        """What is known at once, then what was counted: the dialog can be used meanwhile."""
        choices = self.query_one(Choices)
        try:
            there_are = await has_products(target)
            async with aclosing(self._room.record_counts.views(source)) as views:
                async for view in views:
                    counting = not view.counted
                    choices.set_holdings(view.kinds, source, has_products=there_are, counting=counting)
                    self._trouble = present.message(view.error)
                    self._show_choice()
        except Exception as error:  # noqa: BLE001 (said in the dialog, and logged)
            choices.clear()
            self._set_status(self._room.explain(error), "bold red")

    # Choosing

    def action_choose(self) -> None:
        if not self._sent:
            self.query_one(Choices).choose()

    def action_dry_run(self) -> None:
        self._toggle("dry_run")

    def action_force(self) -> None:
        self._toggle("force")

    def action_strict(self) -> None:
        self._toggle("strict")

    @on(events.Click, "#options")
    def click_option(self, event: events.Click) -> None:
        self._toggle(OPTIONS[min(event.y, len(OPTIONS) - 1)][0])

    def action_source(self) -> None:
        self.query_one(Input).focus()

    @on(events.DescendantFocus)
    def _show_choice_again(self) -> None:
        if self.query_one(Choices).is_listed and not self._sent:
            self._show_choice()

    def on_input_submitted(self) -> None:
        self.query_one(Choices).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """What was found in another source is not told of this one."""
        if self._sent or not self._target or _path(event.value) == self._source:
            return
        self._source = self._trouble = ""
        self.workers.cancel_group(self, "holdings")
        self.query_one(Choices).clear(_("Enter looks at this source"))
        self._show_choice()

    def on_input_blurred(self, event: Input.Blurred) -> None:
        if not self._sent and _path(event.value) != self._source:
            self._survey()

    def on_choices_changed(self) -> None:
        self._show_choice()

    def on_choices_refused(self, event: Choices.Refused) -> None:
        self._set_status(event.reason, "yellow")

    def on_path_input_several(self, event: PathInput.Several) -> None:
        if len(event.names) < 2:
            self._set_status(_("Nothing to complete: Enter looks at this source"), "yellow")
            return
        names = present.plain("  ".join(event.names))
        self._set_status(present.fitted(names, 2 * self.query_one("#status").size.width - SPARE))

    def _toggle(self, option: str) -> None:
        if not self._sent:
            ticked = not getattr(self._options, option)
            self._options = msgspec.structs.replace(self._options, **{option: ticked})
            self._show_options()
            self._show_choice_again()

    def _show_options(self) -> None:
        text = Text()
        for option, title in OPTIONS:
            ticked = "x" if getattr(self._options, option) else " "
            text.append(f" [{ticked}] ").append(shown_of(option), "bold").append(f"  {_(title)}\n")
        text.rstrip()
        self.query_one("#options", Static).update(text)

    def _show_choice(self) -> None:
        chosen = self.query_one(Choices).chosen
        self.query_one("#confirm", Button).disabled = self._sent or not chosen
        if self.query_one(Input).has_focus and not self.query_one(Choices).is_waiting:
            self._set_status(_("Tab completes the path; up and down bring those used before."))
        elif chosen or self._trouble:
            sentence = self._sentence(chosen) if chosen else ""
            text = "\n".join(filter(None, (self._trouble, sentence)))
            self._set_status(text, "yellow" if self._would_join or self._trouble else "")
        elif not self._shop:
            self._set_status(_("Choose the shop first: press {key}").format(key=shown_of("launch_shop")))
        else:
            self._set_status(_("Choose one or more types. The first one chosen is the type of the session."))

    def _sentence(self, chosen: tuple[str, ...]) -> str:
        """What a confirm will do."""
        what = ", ".join(present.kind(kind) for kind in sorted(chosen, key=names().index))
        shop = f" ({self._shop})" if len(self._shops) > 1 else ""
        first = present.kind(chosen[0])
        if self._would_join:
            text = _(
                "Session {id} has not ended: you will be shown that one, and nothing of this is imported."
            )
            return text.format(id=self._would_join.id)
        if self._options.dry_run:
            text = _("One session of the type {first} will try {types}{shop}, and write nothing.")
        else:
            text = _("One session of the type {first} will import {types}{shop}: all of it, or nothing.")
        text = text.format(first=first, types=what, shop=shop)
        if self._options.force:
            text += " " + _("No limit on rejects and removals stops it.")
        if self._options.strict:
            text += " " + _("It fails unless the source has all of these types.")
        return text

    def _set_status(self, text: str, style: str = "") -> None:
        self.query_one("#status", Static).update(Text(text, style))

    # Confirming

    def action_confirm(self) -> None:
        """Launch, once: everything that stops a second press happens before the first await."""
        if self._sent:
            self._ignored += 1
            self._set_status(
                ngettext(
                    "The launch was sent already: one more press was ignored",
                    "The launch was sent already: {count} more presses were ignored",
                    self._ignored,
                ).format(count=self._ignored),
                "yellow",
            )
            return
        choices = self.query_one(Choices)
        if not (kinds := choices.chosen):
            if choices.is_listed:
                self._set_status(_("Choose at least one type first"), "yellow")
            elif choices.is_waiting:  # else it says why nothing can be chosen
                self._set_status(
                    _("The source is still looked at: confirm when its types are here"), "yellow"
                )
            return
        self._sent = True
        choices.focus()  # a disabled button would hand it on, and the next Enter with it
        self.query_one("#confirm", Button).disabled = True
        self._set_status(_("Launching…"))
        request = new_request(
            self._room.settings,
            kinds,
            shop=self._shop,
            source=self._source,
            key=self._key,
            options=self._options,
        )
        self.run_worker(self._paint_once(), group="painting")
        self._room.launch(request, self._done)

    async def _paint_once(self) -> None:
        """Nothing until the answer is there, if it is at once, or the dialog is left."""
        with self.app.batch_update(), suppress(TimeoutError):
            async with asyncio.timeout(AT_ONCE_SECONDS):
                await self._answered.wait()

    def _done(self, result: LaunchResult | None) -> None:
        self._answer = result
        self._answered.set()
        self._leave_when_answered()

    def on_screen_resume(self) -> None:
        """The palette or the help above the dialog was closed."""
        self._leave_when_answered()

    def _leave_when_answered(self) -> None:
        if self._answered.is_set() and self.app.screen is self:
            self._leave(self._answer)

    def _leave(self, result: LaunchResult | None) -> None:
        if not self._left:
            self._left = True
            self.dismiss(result)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_confirm()

    def action_close(self) -> None:
        self._leave(None)


def _path(text: str) -> str:
    """As it is typed into the input."""
    return str(Path(text).expanduser().absolute())
