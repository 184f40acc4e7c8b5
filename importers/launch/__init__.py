"""The launch: the only place in the program that makes a session.

request = LaunchRequest(kinds=("prices",), source="/srv/1c", idempotency_key=new_key())
result = await launch(request, settings, journal)
"""

from __future__ import annotations

from importers.launch.launching import (
    LaunchRequest,
    LaunchResult,
    launch,
    new_key,
    prepare,
    retry_request,
)

__all__ = ["LaunchRequest", "LaunchResult", "launch", "new_key", "prepare", "retry_request"]
