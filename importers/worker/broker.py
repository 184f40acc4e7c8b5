"""Redis as Celery's broker, reached as redis-py reads its address.

kombu reads addresses by rules of its own, and tells them to whoever asks a worker. So it is given one that may be seen,
and its connections are made of ours.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.redis import Channel, Transport
from redis.connection import ConnectionPool, UnixDomainSocketConnection

from importers.addresses import without_secrets

TRANSPORT_ALIASES.setdefault("unix", TRANSPORT_ALIASES["redis"])
"""Celery takes the address apart once more where it tells its configuration."""
logging.getLogger("kombu.connection").addFilter(lambda record: "insecure SSL" not in record.getMessage())
"""There it also warns of a `rediss://` without options: those of ours it does not see, and it connects to nothing."""
_OF_TCP = ("socket_connect_timeout", "socket_keepalive", "socket_keepalive_options")


def shown_to_celery(url: str) -> str:
    """What Celery's log, banner and answers may show, in a form that kombu can take apart."""
    return without_secrets(url).replace("…@", "").replace("…", "").replace(";", "%3B")


def transport_of(url: str) -> type[Transport]:
    """kombu's transport, to the server, the database and the account that redis-py finds in `url`.

    A class for each address: of all that kombu is given, this alone is told to nobody."""
    pool = ConnectionPool.from_url(url)

    class ChannelToAddress(Channel):
        connection_class = pool.connection_class

        def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
            params: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]  # its types lack it
            params |= pool.connection_kwargs
            if pool.connection_class is UnixDomainSocketConnection:
                for option in _OF_TCP:
                    params.pop(option, None)
            return params

    class TransportToAddress(Transport):
        Channel = ChannelToAddress
        can_parse_url = True

        def as_uri(self, uri: str, include_password: bool = False, mask: str = "**") -> str:
            return uri

        @staticmethod
        def __json__() -> str:
            """In what a worker answers to `celery inspect stats`."""
            return "redis"

    return TransportToAddress
