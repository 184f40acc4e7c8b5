"""Journal and catalog on a server: can they be reached, opened and written, and does the server's clock agree?"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from importers.addresses import CATALOG_SCHEMA, JOURNAL_SCHEMA, is_postgres, postgres_of, without_secrets
from importers.doctor.finding import Check
from importers.errors import ObmenError
from importers.targets import all_targets
from importers.texts import _

if TYPE_CHECKING:
    from importers.settings import Settings

CLOCK_SECONDS = 60.0
"""Nothing is decided by the clock of a host, but its log lines are read beside those of others."""
ANSWER_SECONDS = 4.0
"""A server that says nothing for so long is taken for one that hangs."""


async def silent_servers(config: Settings) -> frozenset[str]:
    """Addresses of databases whose server says nothing. All are asked at once, as each look at such a one would take
    its time."""
    from importers.database.opening import require_driver

    urls = {config.journal.url, *(target.catalog for target in all_targets(config))}
    asked = sorted(url for url in urls if is_postgres(url))
    try:
        for url in asked:
            require_driver(url)
    except ObmenError:  # the line of each database tells
        return frozenset()
    answered = await asyncio.gather(*map(_answers, asked))
    return frozenset(url for url, answer in zip(asked, answered, strict=True) if not answer)


async def _answers(url: str) -> bool:
    from importers.database.postgres_examine import answers

    try:
        return await answers(postgres_of(url, CATALOG_SCHEMA)[0], ANSWER_SECONDS)
    except ObmenError:
        return True


def check_silent(name: str, url: str) -> Check:
    """What is said of one of them."""
    return Check(
        name,
        False,
        _("{path}: the server gave no answer in {seconds} s").format(
            path=without_secrets(url), seconds=f"{ANSWER_SECONDS:.0f}"
        ),
        _(
            "see whether it hangs, or something on the way to it; or set {name}.url to another database"
        ).format(name=name),
    )


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
    if name != "journal" and not found.may_identify:
        return Check(
            name,
            False,
            _(
                "{server}; {account} may not run pg_control_system(): an account that may takes it for another "
                "catalog, and could import at the same time"
            ).format(server=detail, account=found.account),
            _("let a superuser run there: GRANT EXECUTE ON FUNCTION pg_control_system() TO {account}").format(
                account=found.account
            ),
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
