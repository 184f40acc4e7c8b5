"""The rejects of a session by why: groups with their counts, and those of one group page by page.

    for group in await groups(journal.database, 7):
        page = await of_group(journal.database, group)            # then after=page[-1].id

A group is one reason of one import type, whatever its arguments: "has no Ид", "{field} is no number: {value}".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from importers.sessions.models import StoredReject
from importers.sessions.rows import struct

if TYPE_CHECKING:
    from importers.database.protocol import Reader

GROUPS = (
    "SELECT session_id, kind, reason, count(*) AS count, min(id) AS first FROM reject WHERE session_id = ?1 "
    "GROUP BY session_id, kind, reason ORDER BY count(*) DESC, min(id)"
)
OF_GROUP = (
    "SELECT id, session_id, kind, file, line, record_id, reason, args, fragment FROM reject "
    "WHERE session_id = ?1 AND kind = ?2 AND reason = ?3 AND id >= ?4 AND id > ?5 ORDER BY id LIMIT ?6"
)


class RejectGroup(msgspec.Struct, frozen=True):
    session_id: int
    kind: str
    reason: str
    """English, to be translated; its arguments differ by reject."""
    count: int
    """Of those that are kept, MAX_REJECTS at most."""
    first: int
    """The id of its first reject."""


async def groups(database: Reader, session_id: int) -> list[RejectGroup]:
    """The largest first. Raises DatabaseError."""
    return [struct(row, RejectGroup) for row in await database.fetch(GROUPS, session_id)]


async def of_group(
    database: Reader, group: RejectGroup, *, after: int = 0, limit: int = 200
) -> list[StoredReject]:
    """As they came. Raises DatabaseError."""
    rows = await database.fetch(
        OF_GROUP, group.session_id, group.kind, group.reason, group.first, after, limit
    )
    return [struct(row, StoredReject) for row in rows]
