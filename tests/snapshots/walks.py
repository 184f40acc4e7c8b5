"""Every screen in every state that an operator may find it in."""

from __future__ import annotations

from fixed_journal import RUNNING, SESSIONS
from pictured_room import Keys, Walk
from told_journal import (
    LONG,
    NORTH,
    WAITING,
    EmptyJournal,
    LockedJournal,
    SlowJournal,
    ToldJournal,
)

from importers.launch import LaunchResult
from importers.sessions.models import Outcome
from importers.texts import Message

LAUNCH = ("n", "space", "enter")
BACK = ("escape",)

WALKS = {
    "sessions": Walk(
        {
            "main": (),
            "main_log_from_the_beginning": ("tab", "home"),
            "main_rejects": ("tab", "tab", "down", "2"),
            "main_failed_summary": ("down", "3"),
            "main_marked": ("1", "space", "space", "space"),
            "question_delete": ("x",),
            "main_sorted": ("n", "escape", "escape", "s", "s", "s"),
        }
    ),
    "filter": Walk(
        {
            "filter_asked": ("f",),
            "filter_typed": ("c", "u", "s", "t", "o", "m", "e", "r", "s"),
            "filter_kept": ("enter",),
            "filter_finds_nothing": ("f", *" nobody", "enter"),
        }
    ),
    "running": Walk(
        {
            "session_running_log": ("enter",),
            "ask_search": ("/",),
            "session_log_searched": (*"2500", "enter"),
            "session_log_errors": ("e",),
            "ask_time": ("e", "t"),
            "session_running_summary": ("escape", "3"),
            "session_running_details": ("6",),
            "question_cancel": ("c",),
        }
    ),
    "ended": Walk(
        {
            "session_log_empty": ("down", "enter"),
            "session_reasons": ("2",),
            "session_rejects": ("enter",),
            "page_reject": ("enter",),
            "session_summary": ("escape", "escape", "3"),
            "session_changes": ("4",),
            "session_files": ("5",),
            "session_details": ("6",),
            "question_retry": ("r",),
            "session_failed": ("n", "]", "3"),
            "session_failed_log": ("1",),
            "session_cancelled": ("]", "3"),
            "session_dry_run": ("]", "]"),
            "session_dry_run_question": ("r",),
        }
    ),
    "launch": Walk(
        {
            "launch": ("n",),
            "launch_source": ("s",),
            "launch_unavailable": ("enter", "down", "down", "space"),
            "launch_chosen": ("home", "space", "end", "up", "up", "space"),
            "launch_options": ("d", "f", "e"),
        }
    ),
    "launch_created": Walk(
        {"launched": LAUNCH}, answer=LaunchResult("00c0ffee", Outcome.CREATED, RUNNING, lock="unavailable")
    ),
    "launch_joined": Walk(
        {"joined": ("n", "space", "down", "space", "enter")},
        answer=LaunchResult("0badf00d", Outcome.JOINED, RUNNING),
    ),
    "launch_refused": Walk(
        {"refused": LAUNCH},
        answer=LaunchResult(
            "deadbeef",
            Outcome.REFUSED,
            None,
            Message.of(
                "{path}: there is no such folder or .zip; name the one that 1C writes", path="/srv/1c"
            ),
        ),
    ),
    "launch_ended": Walk(
        {"ended_at_once": LAUNCH}, answer=LaunchResult("00c0ffee", Outcome.CREATED, SESSIONS[2])
    ),
    "others": Walk(
        {
            "attempts": ("a", "down"),
            "attempts_filtered": ("f", *"joined", "enter"),
            "doctor": ("escape", "escape", "d"),
            "settings": ("escape", "i", "down"),
            "page_setting": ("enter",),
            "messages_none": ("escape", "escape", "m"),
            "messages": ("escape", "ctrl+c", "s", "m"),
            "ask_jump": ("escape", "escape", ":", "1", "2"),
            "help": ("escape", "question_mark"),
        }
    ),
    "palette": Walk(
        {
            "palette": ("ctrl+p",),
            "palette_nothing": (*"zzz",),
        }
    ),
    "nothing_yet": Walk(
        {
            "empty": (),
            "empty_attempts": ("a",),
            "empty_filter": ("escape", "f", "x"),
        },
        EmptyJournal,
    ),
    "loading": Walk({"loading": ()}, SlowJournal),
    "no_journal": Walk({"no_journal": ()}, LockedJournal),
    "long_names": Walk(
        {
            "long": (),
            "long_summary": ("3",),
            "long_session": ("enter",),
            "long_details": ("6",),
            "long_files": ("5",),
            "long_changes": ("4",),
            "long_attempts": ("escape", "a"),
        },
        lambda: ToldJournal(LONG),
    ),
    "waiting": Walk({"waiting": (), "waiting_session": ("enter",)}, lambda: ToldJournal(WAITING)),
    "watchers": Walk({"read_only": ("down",), "read_only_session": ("enter",)}, read_only=True),
    "watchers_of_nothing": Walk({"read_only_empty": ()}, EmptyJournal, read_only=True),
    "shops": Walk(
        {
            "shops": (),
            "shops_one": ("o",),
            "shops_attempts": ("escape", "a"),
            "shops_launch": ("escape", "n"),
            "shops_launch_chosen": ("o", "space"),
            "shops_session_details": ("escape", "enter", "6"),
        },
        lambda: ToldJournal(*NORTH),
        shops=("main", "north"),
    ),
}

SHORT: dict[str, Keys] = {
    "main": (),
    "launch_chosen": ("n", "space"),
    "session_running_summary": ("escape", "enter", "3"),
}
TERMINALS = {
    "light": {"COLORFGBG": "0;15"},
    "ssh": {"SSH_CONNECTION": "10.0.0.1 1 10.0.0.2 22"},
    "ascii": {"TERM": "linux", "LANG": "C"},
}
"""Of other kinds, which show SHORT."""
