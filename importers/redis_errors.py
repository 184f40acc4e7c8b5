"""What Redis says when it cannot, or will not, in words for who looks after it."""

from __future__ import annotations

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from importers.texts import N_, Message, plain

REFUSED = N_("Redis refuses user or password; correct them in redis.url")
FORBIDDEN = N_(
    "Redis forbids it to this account: {error}; grant it the right, or name another account in redis.url"
)
ANSWERED = N_("Redis answers with an error: {error}; mend that, or correct redis.url")


def refusal(error: BaseException) -> Message | None:
    """What was answered, with the cure; None where nothing was. `error`: redis-py's, or one that was made of that."""
    if isinstance(error, AuthenticationError):
        return Message(REFUSED)
    if isinstance(error, NoPermissionError):
        return Message.of(FORBIDDEN, error=in_short(error))
    if isinstance(error, ResponseError):
        return Message.of(ANSWERED, error=in_short(error))
    return refusal(error.__cause__) if error.__cause__ else None


def in_short(error: BaseException) -> str:
    return plain(str(error))[:200] or type(error).__name__
