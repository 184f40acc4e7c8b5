"""What keeps from reaching Redis, and what it says when it will not, in words for the operator."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from importers.texts import N_, Message, plain

REFUSED = N_("Redis refuses user or password; correct them in redis.url")
FORBIDDEN = N_(
    "Redis forbids it to this account: {error}; grant it the right, or name another account in redis.url"
)
ANSWERED = N_("Redis answers with an error: {error}; mend that, or correct redis.url")

_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_OTHER_HOST = (62, 64)
"""How OpenSSL numbers a certificate that is for another name, or for another IP address."""


def why_not(url: str, error: Exception) -> str | Message:
    """Why the server at `url` could not be asked, from the error of its client: nothing secret; "" where that is
    silent."""
    for option, path in parse_qsl(urlsplit(url).query):
        if option in _FILES and not os.access(path, os.R_OK):
            return Message.of(N_("cannot read {path}; correct {option}"), path=plain(path), option=option)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            told = plain(cause.verify_message).rstrip(".")
            if cause.verify_code in _OTHER_HOST:
                return Message.of(
                    N_("its certificate is for another host: {error}; correct the address"), error=told
                )
            return Message.of(
                N_(
                    "its certificate is not trusted: {error}; name the file of who signed it in ?ssl_ca_certs="
                ),
                error=told,
            )
        if isinstance(cause, ssl.SSLError) and "WRONG_VERSION_NUMBER" in str(cause):
            return Message(N_("it does not speak TLS; correct the port, or write redis:// for rediss://"))
        if isinstance(cause, ssl.SSLError):
            return Message.of(
                N_("TLS fails: {error}; correct the options ssl_… of the address"),
                error=plain(str(cause))[:200],
            )
        if isinstance(cause, TimeoutError) and url.startswith("rediss:"):
            return Message(
                N_("no answer in time: it hangs, or does not speak TLS there; see to it, or correct the port")
            )
        if isinstance(cause, ConnectionResetError) and url.startswith("rediss:"):
            return Message(
                N_(
                    "it hangs up, as a server does that wants a certificate: name it in ?ssl_certfile=…&ssl_keyfile="
                )
            )
        if isinstance(cause, ConnectionResetError) and url.startswith("redis:"):
            return Message(
                N_("it hangs up, as a server does that wants TLS: correct the port, or write rediss://")
            )
        if isinstance(cause, OSError) and cause.errno:
            return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return plain(str(error))[:200]


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


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error:
        yield error
        error = error.__cause__ or error.__context__
