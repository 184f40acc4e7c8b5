"""A real /proc that shows an account nothing of others' processes."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys

import pytest

from importers.processes import process_of

LOOK = """
import os, sys
from importers.processes import WorkerProcess
uid, pid, start, host, boot = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
owner = WorkerProcess(host, pid, start, boot)
owner.is_dead()  # all that is imported late: the account may be unable to read this Python
os.setgroups([])
os.setgid(uid)  # hidepid hides nothing from group 0
os.setuid(uid)
owner.kill()
print(owner.is_dead(), WorkerProcess(host, 2**22 + 1, start, boot).is_dead())
"""


@pytest.mark.parametrize("options", ["hidepid=1", "hidepid=2", "subset=pid,hidepid=2"])
def test_anothers_live_worker_is_not_dead(sleeper: subprocess.Popen[bytes], options: str) -> None:
    mount = ["unshare", "--mount", "sh", "-ec", f'mount -t proc -o {options} proc /proc; exec "$@"', "sh"]
    if os.geteuid() or subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("only root can mount /proc anew, where it may")
    owner = process_of(sleeper.pid)
    look = [
        sys.executable, "-c", LOOK, str(pwd.getpwnam("nobody").pw_uid), str(owner.pid), owner.start, owner.host,
        owner.boot,
    ]  # fmt: skip
    done = subprocess.run([*mount, *look], capture_output=True, text=True, check=False)
    assert (done.stdout.split(), done.stderr) == (["False", "True"], "")
    assert sleeper.poll() is None
