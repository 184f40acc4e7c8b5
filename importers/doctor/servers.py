"""Journal and catalog on a server: can they be reached, opened and written, and does the server's clock agree?"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from importers.addresses import CATALOG_SCHEMA, JOURNAL_SCHEMA, postgres_of, without_secrets
from importers.doctor.finding import Check
from importers.errors import ObmenError
from importers.texts import _

if TYPE_CHECKING:
    from importers.settings import Settings

CLOCK_SECONDS = 60.0
"""Nothing is decided by the clock of a host, but its log lines are read beside those of others."""


async def check_server(name: str, config: Settings) -> Check:
    """Nothing is made or changed."""
    from importers.catalog.opening import SCHEMAS as CATALOG
    from importers.database.opening import require_driver
    from importers.sessions.opening import SCHEMAS as JOURNAL

    url, schema, folder = (
        (config.journal.url, JOURNAL_SCHEMA, JOURNAL)
        if name == "journal"
        else (config.catalog.url, CATALOG_SCHEMA, CATALOG)
    )
    try:
        require_driver(url)
        from importers.database.postgres_examine import examine

        address, schema = postgres_of(url, schema)
        began = time.perf_counter()
        found = await examine(address, schema, folder / "postgres")
    except ObmenError as error:
        return Check(
            name, False, str(error), _("mend that, or set {name}.url to another database").format(name=name)
        )
    text = (
        _("{path}, PostgreSQL {version}, schema {schema}, {size} MB, looked at in {milliseconds} ms")
        if found.has_tables
        else _(
            "{path}, PostgreSQL {version}, schema {schema} to be made, {size} MB, looked at in {milliseconds} ms"
        )
    )
    detail = text.format(
        path=without_secrets(address),
        version=found.version.split(" ")[0],
        schema=schema,
        size=found.bytes // 2**20,
        milliseconds=f"{(time.perf_counter() - began) * 1000:.0f}",
    )
    if abs(found.seconds - time.time()) > CLOCK_SECONDS:
        return Check(
            name,
            False,
            _("{server}; its clock and that of this host differ by {seconds} s").format(
                server=detail, seconds=f"{abs(found.seconds - time.time()):.0f}"
            ),
            _("set the clocks by NTP; imports are not disturbed, but times in logs mislead"),
        )
    return Check(name, True, detail)
