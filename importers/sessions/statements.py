"""All that the journal says to its database, in the SQL of every engine: see `importers.database.protocol`.

Each guard stands inside the statement that writes. Those of a worker begin with ?1 = the session and ?2 = the fence
under which it holds it.
"""

from __future__ import annotations

from importers.sessions.models import ACTIVE, FINAL, WAS_DRY_RUN, Status


def _listed(words: frozenset[Status]) -> str:
    """In the order of the index `one_active`: SQLite takes it only where its condition is repeated to the letter."""
    return ", ".join(f"'{word}'" for word in Status if word in words)


def _marks(count: int) -> str:
    return ", ".join(f"?{number}" for number in range(1, count + 1))


IS_ACTIVE = f"status IN ({_listed(ACTIVE)})"
IS_FINAL = f"status IN ({_listed(FINAL)})"
IS_CLAIMED = "status IN ('in_progress', 'cancelling')"
COLUMNS = (
    "id, request_id, task_id, kinds, status, source, target, operator, host, created_at, options, started_at, "
    "finished_at, by_kind, done, total, running_kind, error, error_args, owner, fence, "
    "shop, source_host, source_print, upload, waiting, waiting_args"
)
"""Those of a Session."""

JOURNAL_ID = "SELECT journal_id FROM meta"

# Looking; finding sessions: see `importers.sessions.queries`

SESSION = f"SELECT {COLUMNS} FROM session WHERE id = ?1"
ACTIVE_OF = f"SELECT {COLUMNS} FROM session WHERE target = ?1 AND {IS_ACTIVE}"
ANY_ACTIVE = f"SELECT id, status FROM session WHERE {IS_ACTIVE} ORDER BY id"
ACTIVE_SESSIONS = (
    f"SELECT {COLUMNS}, owner_start, owner_boot, lease_until, lease_epoch, dispatched_clock, created_clock, boot_id, "
    f"dispatches, retries FROM session WHERE {IS_ACTIVE}"
)
ACTIVE_SESSIONS_OF = f"{ACTIVE_SESSIONS} AND target = ?1"
NAMES = (
    "SELECT DISTINCT 'operator', operator FROM facet UNION SELECT DISTINCT 'shop', shop FROM facet "
    "UNION SELECT DISTINCT 'kinds', kinds FROM facet "
    "UNION SELECT DISTINCT 'error', error FROM session WHERE error IS NOT NULL ORDER BY 1, 2"
)
_EVENT = "SELECT id, session_id, at, type, level, message, args FROM event WHERE session_id = ?1"
# The index of lines that tell of trouble is taken only where its condition is repeated to the letter.
_LEAST = {"info": "", "warning": " AND level <> 'info'", "error": " AND level <> 'info' AND level = 'error'"}


def events(least: str, *, backwards: bool) -> str:
    """Those of a level or a worse one, behind the line ?2, or backwards from it."""
    bound = "id < ?2 ORDER BY id DESC" if backwards else "id > ?2 ORDER BY id"
    return f"{_EVENT}{_LEAST[least]} AND {bound} LIMIT ?3"


def line_behind(least: str) -> str:
    """The id of one of those behind the line ?2, with ?3 of them in between."""
    return (
        f"SELECT id FROM event WHERE session_id = ?1{_LEAST[least]} AND id > ?2 ORDER BY id LIMIT 1 OFFSET ?3"
    )


_REJECT = (
    "SELECT id, session_id, kind, file, line, record_id, reason, args, fragment FROM reject "
    "WHERE session_id = ?1"
)
REJECTS = f"{_REJECT} AND id > ?2 ORDER BY id LIMIT ?3"
REJECTS_FOR = f"{_REJECT} AND id > ?2 AND reason = ?4 ORDER BY id LIMIT ?3"
REASONS = "SELECT reason, count(*) FROM reject WHERE session_id = ?1 GROUP BY reason ORDER BY 2 DESC, 1"
DETAIL = "SELECT value FROM detail WHERE session_id = ?1 AND name = ?2"
DRY_ATTEMPT = (
    "coalesce((SELECT facet.dry_run FROM session JOIN facet ON facet.id = session.facet "
    "WHERE session.id = attempt.session_id AND attempt.outcome IN ('created', 'replayed')), "
    f"CASE WHEN reason = '{WAS_DRY_RUN}' THEN 1 END)"
)
"""Whether the session that an attempt made only tries; NULL of who made none: also who joined one may have wanted
something else."""
ATTEMPT_COLUMNS = (
    "id, request_id, idempotency_key, kinds, source, target, operator, host, pid, at, outcome, session_id, lock, "
    f"reason, reason_args, shop, {DRY_ATTEMPT} AS dry_run"
)

# Acting on sessions

CANCEL = (
    "UPDATE session SET status = CASE status WHEN 'started' THEN 'cancelled' ELSE 'cancelling' END, "
    "waiting = NULL, "
    "finished_at = CASE status WHEN 'started' THEN ?2 END, error = CASE status WHEN 'started' THEN ?3 END, "
    "error_args = ?4, fence = CASE status WHEN 'started' THEN fence + 1 ELSE fence END "
    "WHERE id = ?1 AND status IN ('started', 'in_progress')"
)
CANCELLED_BY = "SELECT args FROM event WHERE session_id = ?1 AND type = 'cancel' ORDER BY id LIMIT 1"


def tell_dry_runs(count: int) -> str:
    """Attempts that made sessions which will be deleted."""
    return (
        f"UPDATE attempt SET reason = '{WAS_DRY_RUN}', reason_args = '{{}}' WHERE reason IS NULL AND request_id IN "
        "(SELECT request_id FROM session JOIN facet ON facet.id = session.facet "
        f"WHERE session.id IN ({_marks(count)}) AND facet.dry_run = 1 AND session.{IS_FINAL})"
    )


def delete(count: int) -> str:
    return f"DELETE FROM session WHERE id IN ({_marks(count)}) AND {IS_FINAL} RETURNING id"


PRUNABLE = (
    "SELECT id FROM session WHERE id >= (SELECT min(session_id) FROM event) "
    "AND finished_at < ?1 AND EXISTS (SELECT 1 FROM event WHERE session_id = session.id) ORDER BY id LIMIT ?2"
)
"""Sessions that ended before ?1 and have something to prune; who has rejects has log lines. Those in front of the first
were pruned."""
MADE = "SELECT id, created_at FROM session ORDER BY id DESC"


def prune(count: int) -> tuple[str, ...]:
    return (
        f"DELETE FROM event WHERE session_id IN ({_marks(count)})",
        f"DELETE FROM reject WHERE session_id IN ({_marks(count)})",
        f"DELETE FROM detail WHERE session_id IN ({_marks(count)})",
    )


# Launching

BEGIN_ATTEMPT = (
    "INSERT INTO attempt (request_id, idempotency_key, kinds, source, target, operator, host, pid, at, shop) "
    f"VALUES ({_marks(10)}) ON CONFLICT (request_id) DO NOTHING"
)
END_ATTEMPT = (
    "UPDATE attempt SET outcome = ?2, session_id = ?3, lock = ?4, reason = ?5, reason_args = ?6 "
    "WHERE request_id = ?1"
)
ANSWERED = "SELECT params_hash, session_id FROM launch_key WHERE idempotency_key = ?1"
SESSION_AND_KEY = f"SELECT {COLUMNS}, idempotency_key FROM session WHERE id = ?1"
ACTIVE_OR_RECENT = (
    f"SELECT {COLUMNS} FROM session WHERE id IN (SELECT id FROM session WHERE target = ?1 AND {IS_ACTIVE} "
    # On both sides of now: a row from the future must not block for ever.
    "UNION ALL SELECT id FROM session WHERE target = ?1 AND created_clock > ?3 AND created_clock < ?4 "
    "AND boot_id = ?2 AND kinds = ?5 AND source = ?6 AND options = ?7 "
    "AND CASE WHEN upload IS NULL THEN coalesce(source_host, '') ELSE source_print END = ?8 AND id > ?9) "
    f"ORDER BY {IS_ACTIVE} DESC, id DESC LIMIT 1"
)
CREATE = (
    "INSERT INTO session (request_id, idempotency_key, task_id, kinds, source, options, target, status, operator, "
    "host, created_at, created_clock, boot_id, fence, source_host, source_print, upload, shop) "
    f"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'started', {', '.join(f'?{n}' for n in range(8, 18))}) RETURNING id"
)
ANSWER = "INSERT INTO launch_key VALUES (?1, ?2, ?3) ON CONFLICT (idempotency_key) DO NOTHING"
MARK_DISPATCHED = (
    "UPDATE session SET dispatched_clock = ?2, dispatches = dispatches + 1, waiting = NULL, "
    "owner = ?3, owner_start = ?4, "
    "owner_boot = ?5 WHERE id = ?1 AND status = 'started' AND dispatched_clock IS NULL RETURNING dispatches"
)
_OF_DISPATCH = "WHERE id = ?1 AND status = 'started' AND dispatches = ?2 AND dispatched_clock IS NOT NULL"
DISPATCHED_TO = f"UPDATE session SET owner = ?3, owner_start = ?4, owner_boot = ?5 {_OF_DISPATCH}"
WAIT_FOR = (
    "UPDATE session SET dispatched_clock = NULL, dispatches = dispatches - 1, waiting = ?3, waiting_args = ?4 "
    f"{_OF_DISPATCH}"
)
NOTE_WAITING = "UPDATE session SET waiting = ?2, waiting_args = ?3 WHERE id = ?1 AND status = 'started'"
LEFT_QUEUE = f"UPDATE session SET dispatched_clock = ?3, waiting = NULL {_OF_DISPATCH}"
UNMARK_DISPATCHED = f"UPDATE session SET dispatched_clock = NULL {_OF_DISPATCH}"

# Working

CLAIM = (
    "UPDATE session SET status = 'in_progress', fence = fence + 1, waiting = NULL, "
    "started_at = coalesce(started_at, ?3), "
    "owner = ?4, owner_start = ?5, owner_boot = ?6, lease_until = ?7, lease_epoch = ?8 "
    "WHERE id = ?1 AND target = ?2 AND status = 'started' AND (source_host IS NULL OR source_host = ?9)"
)
CLAIMED = (
    f"SELECT {COLUMNS} FROM session "
    f"WHERE id = ?1 AND {IS_CLAIMED} AND owner = ?2 AND owner_start = ?3 AND owner_boot = ?4"
)
RECEIVED = "SELECT 1 FROM event WHERE session_id = ?1 AND type = 'received'"
EVENT_COLUMNS = ("session_id", "at", "type", "level", "message", "args")
EVENT = f"INSERT INTO event ({', '.join(EVENT_COLUMNS)}) VALUES ({_marks(6)})"
BEAT = (
    f"UPDATE session SET lease_until = ?3, lease_epoch = ?4 WHERE id = ?1 AND fence = ?2 AND {IS_CLAIMED} "
    "RETURNING status"
)
STATUS_OF = "SELECT status FROM session WHERE id = ?1 AND fence = ?2"
PROGRESS = (
    "UPDATE session SET done = ?3, total = ?4, running_kind = ?5, by_kind = ?6 "
    f"WHERE id = ?1 AND fence = ?2 AND {IS_CLAIMED}"
)
TELL_DETAIL = (
    "INSERT INTO detail (session_id, name, value) VALUES (?1, ?2, ?3) "
    "ON CONFLICT (session_id, name) DO UPDATE SET value = excluded.value"
)
REJECT = (
    "INSERT INTO reject (session_id, kind, file, line, record_id, reason, args, fragment) "
    f"VALUES ({_marks(8)})"
)
FINISH = (
    "UPDATE session SET status = ?3, finished_at = ?4, by_kind = ?5, running_kind = NULL, waiting = NULL, "
    "error = ?6, error_args = ?7, done = CASE ?3 WHEN 'completed' THEN total ELSE done END, "
    f"fence = fence + 1 WHERE id = ?1 AND fence = ?2 AND {IS_ACTIVE}"
)
RECALL = "SELECT key, state, told FROM known WHERE target = ?1 AND key = ?2"
FORGET_CHANGED = "DELETE FROM known WHERE target = ?1 AND (state <> ?2 OR key = ?3)"
REMEMBER = "INSERT INTO known (target, state, key, told) VALUES (?1, ?2, ?3, ?4)"
FORGET_OLD = (
    "DELETE FROM known WHERE target = ?1 AND id NOT IN "
    "(SELECT id FROM known WHERE target = ?1 ORDER BY id DESC LIMIT ?2)"
)
START_AGAIN = (
    "UPDATE session SET status = 'started', fence = fence + 1, retries = retries + 1, owner = NULL, "
    "dispatched_clock = NULL WHERE id = ?1 AND fence = ?2 AND status = 'in_progress'"
)

# Uploads

ADD_PIECE = (
    "INSERT INTO upload (name, n, made_clock, boot_id, piece) VALUES (?1, ?2, ?3, ?4, ?5) "
    "ON CONFLICT (name, n) DO NOTHING"
)
PIECE = "SELECT piece FROM upload WHERE name = ?1 AND n = ?2"
_NEEDED = f"(SELECT upload FROM session WHERE upload IS NOT NULL AND {IS_ACTIVE})"
ORPHANS = (
    f"SELECT name FROM upload WHERE name NOT IN {_NEEDED} "
    "GROUP BY name HAVING max(made_clock) < ?1 OR max(boot_id) <> ?2"
)
DROP_UPLOAD = f"DELETE FROM upload WHERE name = ?1 AND name NOT IN {_NEEDED}"
DROP_UPLOAD_OF = f"DELETE FROM upload WHERE name = (SELECT upload FROM session WHERE id = ?1 AND {IS_FINAL})"
"""What a session came with that has ended."""

# Counting

COUNT_END = (
    "INSERT INTO tally (shop, type, status, sessions, seconds, read, rejected, taken) "
    "SELECT shop, ?2, ?3, 1, ?4, ?5, ?6, retries + ?7 FROM session WHERE id = ?1 "
    "ON CONFLICT (shop, type, status) DO UPDATE SET sessions = tally.sessions + 1, "
    "seconds = tally.seconds + excluded.seconds, read = tally.read + excluded.read, "
    "rejected = tally.rejected + excluded.rejected, taken = tally.taken + excluded.taken"
)
"""?7: 1 when it is taken from its worker with that; each time before was a retry."""
LAST_GOOD = (
    f"INSERT INTO last_good (shop, type, at, seconds, read) VALUES ({_marks(5)}) "
    "ON CONFLICT (shop, type) DO UPDATE SET at = excluded.at, seconds = excluded.seconds, read = excluded.read"
)
ENDED = "SELECT shop, type, status, sessions, seconds, read, rejected, taken FROM tally ORDER BY shop, type, status"
GOOD = "SELECT shop, type, at, seconds, read FROM last_good ORDER BY shop, type"
ACTIVE_NOW = (
    f"SELECT shop, kinds, status, created_at, retries, waiting IS NOT NULL FROM session WHERE {IS_ACTIVE}"
)
OUTCOMES = "SELECT shop, outcome, count(*) FROM attempt GROUP BY shop, outcome ORDER BY shop, outcome"
