"""Health checks, each with a cure: what is set up wrong, and the checklist of the founding report on a scratch journal.

The checklist launches a real import of the sample export with the operator's own lock and worker engine, but on a
journal and a catalog in a temporary folder: the operator's data are only looked at.
"""

from __future__ import annotations

from importers.doctor.checks import check
from importers.doctor.finding import Check

__all__ = ["Check", "check"]
