"""Another host: a worker process under another name, which sees other files at the same paths."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.engine_stage import Stage

OTHER_HOST = "elsewhere"
ITS_CLOCK: dict[str, str] = {}
"""The environment that makes it wrong (`shifted`)."""
UNSHARE = ("unshare", "--user", "--map-root-user", "--uts", "--mount")
WORKER = (
    "import sys; from importers.worker import source; source.SETTLE_SECONDS = {settle}; source.LOOK_SECONDS = 0.02; "
    "from importers.worker.__main__ import main; sys.exit(main())"
)


@contextmanager
def worker_elsewhere(
    stage: Stage,
    session_id: int,
    *mounts: Sequence[str | Path],
    settle: float = 0,
    tmp: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """`mounts`: arguments of mount, which its own file system is given. `settle`: see importers/worker/source.py."""
    steps = [shlex.join(["hostname", OTHER_HOST])]
    steps += [shlex.join(["mount", *map(str, mount)]) for mount in mounts]
    steps += [shlex.join(["exec", sys.executable, "-c", WORKER.format(settle=settle), str(session_id)])]
    env = {**os.environ, **ITS_CLOCK, **stage.settings.to_env(), **(env or {})} | (
        {"TMPDIR": str(tmp)} if tmp else {}
    )
    command = [*UNSHARE, "sh", "-ec", "\n".join(steps)]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True) as worker:
        try:
            yield worker
        finally:
            worker.kill()


async def worked_elsewhere(
    stage: Stage, session_id: int, *mounts: Sequence[str | Path], tmp: Path | None = None
) -> int:
    """Its exit code."""
    with worker_elsewhere(stage, session_id, *mounts, tmp=tmp) as worker:
        _out, err = await asyncio.to_thread(worker.communicate, timeout=60)
    assert "Traceback" not in err, err
    return int(worker.returncode)


def bind(there: Path, at: Path) -> tuple[str | Path, ...]:
    """The other host sees at a path what lies elsewhere here."""
    return "--bind", there, at
