"""Processes that race for the same launches (`chaos/race.py`): what they race for, and what came of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from support.engine_stage import write_export

TESTS = Path(__file__).parents[1]
CONFIG = """\
journal.url = "{journal}"
redis.url = "{redis}"
worker.engine = "{engine}"
# However long it takes until the last one's turn comes: it is the same launch.
launch.recency_seconds = 3600
log.path = "obmen.log"
source.path = "export"
"""
SHOP = """\
[shops.t{n}]
catalog.url = "{catalog}"
images.path = "images{n}"
"""


def write_config(
    folder: Path, targets: int, redis: str = "", journal: str = "", catalogs: Sequence[str] = ()
) -> Path:
    """A shop a target, all with the same export. `journal`, `catalogs`: addresses on a server; none: in files. With
    those of catalogs a session goes through Celery, and else nowhere."""
    write_export(folder / "export")
    journal = journal or "sqlite:///journal.sqlite3"
    catalogs = catalogs or [f"sqlite:///{target}.sqlite3" for target in range(targets)]
    engine = "celery" if catalogs[0].startswith("postgres") else "process"
    text = CONFIG.format(journal=journal, redis=redis, engine=engine)
    text += "".join(SHOP.format(n=n, catalog=url) for n, url in enumerate(catalogs))
    config = folder / "config.toml"
    config.write_text(text, encoding="utf-8")
    return config


def race(
    folder: Path,
    processes: int,
    targets: int,
    redis: str = "",
    during: Callable[[], None] = lambda: None,
    journal: str = "",
    catalogs: Sequence[str] = (),
    naive: bool = False,
) -> Any:
    """What race.py found; `during` is called again and again while it runs."""
    write_config(folder, targets, redis, journal, catalogs)
    command = [sys.executable, str(TESTS / "chaos" / "race.py"), str(folder), str(processes), str(targets)]
    command += ["naive"] if naive else []
    child = subprocess.Popen(
        command,
        env={**os.environ, "PYTHONPATH": f"{TESTS.parent}:{TESTS}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    over = threading.Event()

    def disturb() -> None:
        while not over.wait(0.05):
            during()

    disturber = threading.Thread(target=disturb)
    disturber.start()
    out, err = child.communicate(timeout=3000)
    over.set()
    disturber.join()
    assert (child.returncode, err) == (0, "")
    return json.loads(out)
