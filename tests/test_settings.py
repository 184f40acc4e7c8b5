"""Settings: where they are looked for, what overrides what, and errors that name the key and the cure."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from importers import settings
from importers.errors import SettingsError
from importers.settings import Settings, load

TOP = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load_text(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "obmen.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {"XDG_CONFIG_HOME": str(tmp_path), **environ})


def test_config_toml_holds_every_setting_with_its_default(tmp_path: Path) -> None:
    documented = settings._read(TOP / "config.toml")
    defaults = msgspec.to_builtins(Settings())
    assert documented == defaults


def test_every_setting_is_explained_in_one_comment() -> None:
    for line in (TOP / "config.toml").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            assert "  # " in line, line


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    found = load_text(tmp_path, '[source]\npath = "in/1c"\n[catalog]\nurl = "sqlite:///shop.db"\n')
    assert found.source.path == str(tmp_path / "in/1c")
    assert found.catalog.url == f"sqlite:///{tmp_path}/shop.db"


def test_environment_overrides_the_file(tmp_path: Path) -> None:
    found = load_text(
        tmp_path,
        "[launch]\nrecency_seconds = 7.0\n",
        OBMEN_LAUNCH__RECENCY_SECONDS="2",
        OBMEN_WORKER__RETRIES="1",
        OBMEN_LANGUAGE="ru",
        OBMEN_SOURCE__PATH="/srv/1c",
    )
    assert (found.launch.recency_seconds, found.worker.retries) == (2.0, 1)
    assert (found.language, found.source.path) == ("ru", "/srv/1c")


def test_settings_survive_the_way_to_a_worker(tmp_path: Path) -> None:
    found = load_text(tmp_path, '[redis]\nurl = "redis://h/1"\n[limits]\nmax_reject_share = 0.5\n')
    assert settings.from_env(found.to_env()) == found


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[sorce]\npath = 'x'\n", ("sorce", "source")),
        ("[source]\npaht = 'x'\n", ("source.paht", "source.path")),
        ("[launch]\nrecency_seconds = 'five'\n", ("launch.recency_seconds",)),
        ("[worker]\nengine = 'thread'\n", ("worker.engine", "process")),
        ("[limits]\nmax_reject_share = 7.0\n", ("limits.max_reject_share", "7.0")),
        ("[catalog]\nurl = 'mysql://x'\n", ("mysql://x", "sqlite:///")),
        ("source = 'x'\n", ("source",)),
        ("[source\n", ("TOML",)),
    ],
)
def test_a_wrong_setting_is_named_with_its_file(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as error:
        load_text(tmp_path, text)
    for part in (*parts, "obmen.toml"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


def test_unknown_environment_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="OBMEN_SOURCE__PAHT"):
        load_text(tmp_path, "", OBMEN_SOURCE__PAHT="x")


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml", {})


def test_order_of_search(tmp_path: Path) -> None:
    user = tmp_path / "user" / "obmen"
    user.mkdir(parents=True)
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "user")}
    assert settings.find(None, environ) is None
    (user / "config.toml").touch()
    assert settings.find(None, environ) == user / "config.toml"
    (tmp_path / "config.toml").touch()
    assert settings.find(None, environ) == tmp_path / "config.toml"
    (tmp_path / "other.toml").touch()
    assert (
        settings.find(None, {**environ, "OBMEN_CONFIG": str(tmp_path / "other.toml")})
        == tmp_path / "other.toml"
    )


@pytest.mark.parametrize(
    "text",
    [
        'source.path = "a\\u0000b"',
        'source.path = "~nobody-of-this-name/x"',
        f"launch.recency_seconds = {'9' * 5000}",
        "x = " + "[" * 20_000,
    ],
    ids=["NUL", "no such account", "long number", "deep"],
)
def test_what_no_setting_can_be_is_an_error_of_the_settings(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        settings.load(tmp_path / "config.toml", {})
    assert len(str(caught.value).splitlines()) == 1


def test_journal_and_catalog_are_two_databases(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'catalog.url = "sqlite:///shop.sqlite3"\njournal.url = "sqlite:///shop.sqlite3"', encoding="utf-8"
    )
    with pytest.raises(
        SettingsError, match=r"shop\.sqlite3: catalog\.url and journal\.url must be two places"
    ):
        settings.load(tmp_path / "config.toml", {})
