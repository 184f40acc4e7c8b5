"""The command line: everything the control room does, for cron and scripts
(docs/guarantees.md, "What scripts hold on to").

Every listing has `--json`: one JSON document on stdout, while log lines go to stderr.
Exit codes: 0 done, 1 failed or cancelled or unknown id, 2 usage or bad source, 3 joined or refused.
"""

from __future__ import annotations

from importers.cli import changing, checking, completing, launching, looking, measuring, moving
from importers.cli.group import cli, settings_of
from importers.cli.main import main

__all__ = [
    "changing",
    "checking",
    "cli",
    "completing",
    "launching",
    "looking",
    "main",
    "measuring",
    "moving",
    "settings_of",
]
