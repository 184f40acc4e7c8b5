"""Files for those who deploy: commands, options, variables and places in them are those that obmen has."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest

from importers import settings
from importers.cli import cli
from importers.errors import SettingsError

TOP = Path(__file__).parents[1]
FOLDER = TOP / "docs" / "deployment"
UNITS = sorted(FOLDER.glob("*.service"))
TIMERS = sorted(FOLDER.glob("*.timer"))
SYSTEMD = shutil.which("systemd-analyze")


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def require_command(*words: str) -> None:
    """That it starts with these words; without any it is the control room."""
    assert words[0].rpartition("/")[2] == "obmen"
    if words[1:]:
        command = cli.commands[words[1]]
        command.make_context(words[1], [*words[2:]], parent=click.Context(cli))


def test_the_compose_file_sets_what_there_is_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    told = dict(re.findall(r'^    (OBMEN_\w+): "?([^"\n]+)"?$', read("compose.yaml"), re.MULTILINE))
    assert len(told) == read("compose.yaml").count("OBMEN_")
    found = settings.load(None, told)
    assert (found.worker.engine, found.source.shared) == ("celery", True)
    services = re.findall(r"^  (\w+):$", read("compose.yaml").partition("\nservices:\n")[2], re.MULTILINE)
    hosts = {urlsplit(url).hostname for url in (found.journal.url, found.catalog.url, found.redis.url)}
    assert hosts <= {*services}


def test_the_compose_file_mounts_what_is_set() -> None:
    text = read("compose.yaml")
    mounted = re.findall(r'"[./\w-]+:(/[\w/]+)(?::ro)?"', text)
    for place in ("/srv/1c", "/srv/images", "/var/log/obmen"):
        assert place in mounted
        assert place in read("Dockerfile")
    assert (FOLDER / re.findall(r"context: (\S+)", text)[0]).resolve() == TOP
    assert (TOP / re.findall(r"dockerfile: (\S+)", text)[0]).exists()


def test_commands_of_the_compose_file() -> None:
    commands = [found for found in re.findall(r"command: \[(.+)\]", read("compose.yaml")) if "obmen" in found]
    assert len(commands) == 2
    for command in commands:
        require_command(*command.split(", "))


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_commands_of_the_units(unit: Path) -> None:
    (command,) = re.findall(r"^ExecStart=(.+)$", unit.read_text(encoding="utf-8"), re.MULTILINE)
    require_command(*command.split())
    (variable,) = re.findall(r"^Environment=(\w+)=", unit.read_text(encoding="utf-8"), re.MULTILINE)
    with pytest.raises(SettingsError, match="no such settings file"):
        settings.load(None, {variable: "/nowhere.toml"})


@pytest.mark.skipif(SYSTEMD is None, reason="no systemd here")
def test_units_are_as_systemd_reads_them(tmp_path: Path) -> None:
    """It names what it leaves out, and says nothing else."""
    units = [tmp_path / path.name for path in (*UNITS, *TIMERS)]
    for unit in units:
        text = read(unit.name).replace("/opt/obmen/bin/obmen", sys.executable)
        unit.write_text(text, encoding="utf-8")
    assert SYSTEMD
    said = subprocess.run(
        [SYSTEMD, "verify", *units], capture_output=True, text=True, check=False, timeout=30
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")


def test_a_worker_that_is_stopped_may_end_its_session() -> None:
    unit = read("obmen-worker.service")
    assert re.findall(r"^KillMode=(.+)$", unit, re.MULTILINE) == ["mixed"]
    assert re.findall(r"^TimeoutStopSec=(.+)$", unit, re.MULTILINE) == ["1h"]
    assert re.findall(r"^    stop_grace_period: (.+)$", read("compose.yaml"), re.MULTILINE) == ["1h"]


def test_each_timer_has_its_service() -> None:
    assert {timer.stem for timer in TIMERS} <= {unit.stem for unit in UNITS}


def test_the_image_installs_what_it_copies() -> None:
    project = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    text = read("Dockerfile")
    (extra,) = re.findall(r"pip install .*/src\[(\w+)\]", text)
    assert extra in project["project"]["optional-dependencies"]
    (python,) = re.findall(r"FROM python:([\d.]+)-slim", text)
    assert project["project"]["requires-python"] == f">={python}"
    sent = set(re.findall(r"^!(.+)$", read("Dockerfile.dockerignore"), re.MULTILINE))
    assert {"pyproject.toml", project["project"]["readme"], "importers", "tui"} <= sent
    assert all((TOP / name).exists() for name in sent)
