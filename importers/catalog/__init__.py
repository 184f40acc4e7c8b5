"""The shop's tables and how they are written. `open_catalog(url)` gives a catalog on its database."""

from importers.catalog.opening import open_catalog, session_name

__all__ = ["open_catalog", "session_name"]
