"""Pictures of the control room for the readme, from real imports of the sample export: `python docs/screens.py`."""

from __future__ import annotations

import asyncio
import getpass
import re
import socket
import tempfile
from pathlib import Path

import msgspec

from importers import settings
from importers.launch import launch, new_request
from importers.sample import EXPORT
from importers.sessions import Session, open_journal
from importers.settings import Settings
from tui.app import ObmenApp

DOCS = Path(__file__).parent
SIZE = (140, 32)
IMPORTS = (("catalog", "stocks", "prices"), ("customers",), ("prices",), ("images", "stocks"))


async def main() -> None:
    for language, name in (("en", "screen.svg"), ("ru", "screen.ru.svg")):
        with tempfile.TemporaryDirectory() as folder:
            config = _settings(Path(folder), language)
            for kinds in IMPORTS:
                await _import(kinds, config)
            svg = await _picture(config)
        shown = re.sub(rf"{socket.gethostname()}:\d+", "shop:4711", svg)
        user = getpass.getuser()
        shown = shown.replace(user + "&#160;" * (8 - len(user)), "operator")
        (DOCS / name).write_text(shown, encoding="utf-8")


def _settings(folder: Path, language: str) -> Settings:
    return settings.load(
        None,
        {
            "OBMEN_LANGUAGE": language,
            "OBMEN_SOURCE__PATH": str(EXPORT),
            "OBMEN_CATALOG__URL": f"sqlite:///{folder}/catalog.sqlite3",
            "OBMEN_JOURNAL__URL": f"sqlite:///{folder}/journal.sqlite3",
            "OBMEN_IMAGES__PATH": f"{folder}/images",
            "OBMEN_LOG__PATH": f"{folder}/obmen.log",
        },
    )


async def _import(kinds: tuple[str, ...], config: Settings) -> Session:
    journal = await open_journal(config.journal.url)
    try:
        result = await launch(new_request(config, kinds), config, journal)
        assert result.session, result
        while not (session := await journal.session(result.session.id)).status.final:
            await asyncio.sleep(0.05)
        return session
    finally:
        await journal.close()


async def _picture(config: Settings) -> str:
    shown = msgspec.structs.replace(
        config, source=msgspec.structs.replace(config.source, path="/srv/1c/export")
    )
    app = ObmenApp(shown)
    async with app.run_test(size=SIZE) as pilot:
        for _look in range(20):  # the journal is read, the log is loaded
            await pilot.pause(0.1)
        return app.export_screenshot(title="obmen")


if __name__ == "__main__":
    asyncio.run(main())
