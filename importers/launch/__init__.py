"""The launch: the only place in the program that makes a session.

request = new_request(settings, ("prices",), source="/srv/1c")
result = await launch(request, settings, journal)
"""

from __future__ import annotations

from importers.launch.launching import (
    LaunchRequest,
    LaunchResult,
    launch,
    left_out,
    new_key,
    new_request,
    prepare,
    retry_request,
)

__all__ = [
    "LaunchRequest",
    "LaunchResult",
    "launch",
    "left_out",
    "new_key",
    "new_request",
    "prepare",
    "retry_request",
]
