"""What the system and libraries say in errors of ours, as their `{error}` or `{why}`: marked, so that it is translated.

Python does not ask the system for another language than English. The journal keeps these texts as they came, and
`texts.READS` tells them in the language of who looks.
"""

from __future__ import annotations

from importers.texts import N_

OF_SYSTEM = (
    N_("Address already in use"),
    N_("Bad file descriptor"),
    N_("Broken pipe"),
    N_("Cannot allocate memory"),
    N_("Cannot assign requested address"),
    N_("Connection refused"),
    N_("Connection reset by peer"),
    N_("Connection timed out"),
    N_("Device or resource busy"),
    N_("Disk quota exceeded"),
    N_("Exec format error"),
    N_("File exists"),
    N_("File name too long"),
    N_("File too large"),
    N_("Input/output error"),
    N_("Invalid argument"),
    N_("Is a directory"),
    N_("Network is unreachable"),
    N_("No route to host"),
    N_("No space left on device"),
    N_("No such device or address"),
    N_("No such file or directory"),
    N_("Not a directory"),
    N_("Operation not permitted"),
    N_("Permission denied"),
    N_("Read-only file system"),
    N_("Stale file handle"),
    N_("Too many levels of symbolic links"),
    N_("Too many open files"),
    N_("Too many open files in system"),
)
OF_NAMES = (
    N_("Name or service not known"),
    N_("No address associated with hostname"),
    N_("Temporary failure in name resolution"),
)
OF_CONNECTIONS = (
    N_("connection timeout expired"),
    N_("received invalid response to SSL negotiation"),
    N_("server closed the connection unexpectedly"),
)
"""What libpq and psycopg say of a server that is there, but does not answer as PostgreSQL does."""
OF_ARCHIVES = (
    N_("Bad magic number for central directory"),
    N_("Bad magic number for file header"),
    N_("Bad offset for central directory"),
    N_("File is not a zip file"),
    N_("Truncated central directory"),
    N_("Truncated file header"),
)
