"""Settings: where they are looked for, what overrides what, and errors that name the key and the cure."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest
from support.engine_stage import make_settings

from importers import settings
from importers.errors import SettingsError
from importers.settings import Settings, load
from importers.settings_file import read

TOP = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load_text(tmp_path: Path, text: str, **environ: str) -> Settings:
    path = tmp_path / "obmen.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {"XDG_CONFIG_HOME": str(tmp_path), **environ})


def test_config_toml_holds_every_setting_with_its_default(tmp_path: Path) -> None:
    documented = read(TOP / "config.toml")
    defaults = msgspec.to_builtins(Settings())
    assert defaults.pop("shops") == {}
    assert documented == defaults


def test_every_setting_is_explained_in_one_comment() -> None:
    for line in (TOP / "config.toml").read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            assert "  # " in line, line


def test_so_are_those_in_addresses(tmp_path: Path) -> None:
    home = Path("~").expanduser()
    config = tmp_path / "obmen.toml"
    config.write_text(
        'journal.url = "postgresql://u@db/j?passfile=../p%20f&sslrootcert=system"\n'
        'catalog.url = "postgresql://u@db/c?schema=s&sslcert=~/c&sslkey=/k"\n'
        'redis.url = "rediss://h?ssl_ca_certs=ca.pem"\n',
        encoding="utf-8",
    )
    found = settings.load(config)
    assert found.journal.url == f"postgresql://u@db/j?passfile={tmp_path}/../p%20f&sslrootcert=system"
    assert found.catalog.url == f"postgresql://u@db/c?schema=s&sslcert={home}/c&sslkey=/k"
    assert found.redis.url == f"rediss://h?ssl_ca_certs={tmp_path}/ca.pem"
    assert settings.from_env(found.to_env()) == found


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


S3CRET = "redis://:s3cret@host:6379/x"


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("", {"OBMEN_CATALOG__URL": "postgresql://u:s3cret@host/db#x"}),
        ("[journal]\nurl = 'postgresql://u:s3cret@host/db?s3cret=s3cret'", {}),
        (
            "catalog.url = 'postgresql://u:s3cret@h/d?schema=a'\njournal.url = 'postgresql://u:s3cret@h/d?schema=a'",
            {},
        ),
        ("", {"OBMEN_REDIS__URL": S3CRET}),
        ("", {"OBMEN_REDIS_URL": S3CRET}),
        ("", {"OBMEN_LANGUAGE": S3CRET}),
        ("", {"OBMEN_WORKER__ENGINE": S3CRET}),
        ("", {"OBMEN_WORKER__RETRIES": S3CRET}),
        ("", {"OBMEN_LIMITS__MAX_REJECT_SHARE": S3CRET}),
        ("", {"OBMEN_LOG__PATH": f"{S3CRET}\0"}),
        ("", {"OBMEN_IMAGES__PATH": f"~{S3CRET}"}),
        ("", {"OBMEN_REDIS__URL": "redis://:s3cret@h\udcff"}),
        (f"language = '{S3CRET}'", {}),
        (f"redis = '{S3CRET}'", {}),
        (f"redis.url = ['{S3CRET}']", {}),
        (f"redis.url = {S3CRET}", {}),
        (f"redis.url = '{S3CRET}\n", {}),
        (f"redis.url '{S3CRET}'", {}),
        (f"'{S3CRET}' = 1", {}),
        (f"redis.'{S3CRET}' = 1", {}),
        (f"[redis.'{S3CRET}']\n[redis.'{S3CRET}']", {}),
        (f"redis = {{ '{S3CRET}' = 1, '{S3CRET}' = 2 }}", {}),
        (f"redis.url = 'x'\nredis.url.'{S3CRET}' = 1", {}),
    ],
)
def test_an_error_shows_no_value(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as error:
        load_text(tmp_path, text, **environ)
    assert "s3cret" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["obmen.toml"], "nothing was made"


def test_a_misspelt_variable_is_told_the_right_one(tmp_path: Path) -> None:
    for name in ("OBMEN_CATALOG_URL", "OBMEN_CATALOG__URI", "OBMEN_CATALOG"):
        with pytest.raises(SettingsError, match=rf"\${name}: .*did you mean \$OBMEN_CATALOG__URL\?"):
            load_text(tmp_path, "", **{name: "x"})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("limits.max_reject_share = nan", "limits.max_reject_share"),
        ("limits.max_removed_share = -0.1", "limits.max_removed_share"),
        ("launch.recency_seconds = inf", "launch.recency_seconds"),
        ("worker.lease_seconds = true", "worker.lease_seconds"),
        ("worker.heartbeat_seconds = 16", "worker.heartbeat_seconds"),
        ("worker.retries = 1.5", "worker.retries"),
        ("journal.keep_events_days = -1", "journal.keep_events_days"),
        ("language = ''", "language"),
        ("source.path = ''", "source.path"),
        ("source.path = '  '", "source.path"),
        ("log.path = ' '", "log.path"),
        ("worker.engine = 'celery'", "worker.engine"),
        ("redis.url = 'localhost'", "redis.url"),
        ("catalog.url = 'postgres://h/db?x=y'", "catalog.url"),
    ],
)
def test_no_setting_is_taken_that_would_mean_nothing(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError, match=rf"obmen\.toml:1: setting {key}: "):
        load_text(tmp_path, text)
    section, name = f".{key}".rsplit(".", 1)
    variable = f"OBMEN_{section.strip('.')}{'__' if section else ''}{name}".upper()
    value = text.partition(" = ")[2].strip("'")
    with pytest.raises(SettingsError, match=rf"environment: setting {key}: "):
        load_text(tmp_path, "", **{variable: value})


def test_journal_and_catalog_may_share_a_database_of_a_server_but_no_schema(tmp_path: Path) -> None:
    found = load_text(
        tmp_path, "catalog.url = 'postgres://h/db'\njournal.url = 'postgresql://h/db'\nsource.path = 'in'"
    )
    assert found.catalog.url == found.journal.url == "postgresql://h/db"
    assert settings.from_env(found.to_env()) == found
    with pytest.raises(SettingsError, match=r"catalog\.url and journal\.url must be two schemas"):
        load_text(
            tmp_path, "catalog.url = 'postgresql://h/db?schema=obmen'\njournal.url = 'postgresql://h/db'"
        )


PLACES = {
    "catalog.url": "sqlite:///{}",
    "journal.url": "sqlite:///{}",
    "log.path": "{}",
    "images.path": "{}",
    "source.path": "{}",
}


@pytest.mark.parametrize("other", [key for key in PLACES if key != "catalog.url"])
@pytest.mark.parametrize(
    "spelling", ["a/x", "./a/x", "a/../a/x", "link/x", "a/symbolic", "a/hard", "{top}/a/x"]
)
def test_no_two_settings_mean_one_place(tmp_path: Path, other: str, spelling: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "a" / "x").touch()
    (tmp_path / "a" / "symbolic").symlink_to("x")
    os.link(tmp_path / "a" / "x", tmp_path / "a" / "hard")
    same = spelling.format(top=tmp_path)
    text = f"catalog.url = 'sqlite:///a/x'\n{other} = '{PLACES[other].format(same)}'"
    with pytest.raises(SettingsError, match=rf"catalog\.url and {other} must be two places"):
        load_text(tmp_path, text)


@pytest.mark.parametrize(
    ("images", "source"),
    [("1c/pictures", "1c"), ("shop", "shop/1c"), ("./1c/../1c/x", "1c"), ("link/x", "1c"), ("1c", "1c")],
)
def test_pictures_and_export_lie_apart(tmp_path: Path, images: str, source: str) -> None:
    (tmp_path / "1c").mkdir()
    (tmp_path / "link").symlink_to("1c")
    with pytest.raises(SettingsError, match=r"images\.path"):
        load_text(tmp_path, f"images.path = '{images}'\nsource.path = '{source}'")
    assert load_text(tmp_path, "images.path = '1c-pictures'\nsource.path = '1c'")


@pytest.mark.parametrize(
    ("key", "name"), [("catalog.url", "shop.db"), ("journal.url", "j.db"), ("log.path", "log")]
)
@pytest.mark.parametrize("place", ["{}", "deep/{}", "../shop-pictures/{}", "/link/{}", "/mark"])
def test_no_picture_can_take_the_place_of_a_file_of_ours(
    tmp_path: Path, key: str, name: str, place: str
) -> None:
    """Pictures may be named like anything, so no database and no log lies among them, nor a link's file."""
    (tmp_path / "shop-pictures").mkdir()
    (tmp_path / "link").symlink_to("shop-pictures")
    (tmp_path / "mark").symlink_to(f"shop-pictures/{name}")
    place = place.format(name)
    file = place[1:] if place.startswith("/") else f"shop-pictures/{place}"
    text = f"images.path = 'shop-pictures'\n{key} = '{PLACES[key].format(file)}'"
    with pytest.raises(SettingsError, match=rf": {key} must not lie in images\.path") as error:
        load_text(tmp_path, text)
    assert "\n" not in str(error.value)
    assert load_text(tmp_path, text.replace("images.path = 'shop", "images.path = 'shops"))


def test_no_picture_can_take_the_place_of_the_settings(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"obmen\.toml: the settings file must not lie in images\.path"):
        load_text(tmp_path, "images.path = '.'\nsource.path = '/srv/1c'")


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
@pytest.mark.parametrize("database", ["catalog.url", "journal.url"])
@pytest.mark.parametrize("other", PLACES)
def test_what_sqlite_keeps_beside_a_database_is_left_to_it(
    tmp_path: Path, suffix: str, database: str, other: str
) -> None:
    if other == database:
        return
    (tmp_path / "link").symlink_to("db")
    (tmp_path / "other").symlink_to(f"db{suffix}")
    for linked, beside in (("db", f"db{suffix}"), ("link", f"db{suffix}"), ("db", "other")):
        text = f"{database} = 'sqlite:///{linked}'\n{other} = '{PLACES[other].format(beside)}'"
        with pytest.raises(SettingsError, match=rf"beside {database}; set {other} to another"):
            load_text(tmp_path, text)


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for address in ("sqlite:///data", "sqlite:///data/", f"sqlite:///{tmp_path}/data"):
        with pytest.raises(SettingsError, match=r"journal\.url: sqlite:.*names no file"):
            load_text(tmp_path, f"journal.url = '{address}'")


def test_capitals_in_the_scheme_name_the_same_catalog(tmp_path: Path) -> None:
    assert load_text(tmp_path, "catalog.url = 'SQLITE:///x.db'").catalog.url == f"sqlite:///{tmp_path}/x.db"


def test_without_a_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that names the cure, unless all places are named."""

    def nobody(path: Path) -> Path:
        if path.parts[:1] == ("~",):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.setattr(Path, "expanduser", nobody)
    with pytest.raises(SettingsError, match=r"no home directory; set \$HOME"):
        load(None, {})
    named = make_settings(tmp_path)
    assert load(None, named.to_env()) == named


def test_a_relative_data_directory_is_none(tmp_path: Path) -> None:
    """A worker, which has another working directory, would take another one."""
    assert settings.data_dir({"XDG_DATA_HOME": "data"}).is_absolute()
    assert settings.data_dir({"XDG_DATA_HOME": str(tmp_path)}) == tmp_path / "obmen"


def test_a_worker_is_given_every_setting_and_reads_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text("broken", encoding="utf-8")
    told = make_settings(
        tmp_path,
        redis={"url": "redis://:a%2Fb@h/1"},
        worker={"lease_seconds": 0.1 + 0.2, "retries": 3},
        limits={"max_reject_share": 1 / 3},
    )
    told = msgspec.structs.replace(told, language="ru")
    environ = {"OBMEN_CONFIG": "nowhere.toml", "OBMEN_NO_SUCH__THING": "1", **told.to_env()}
    monkeypatch.setattr(settings, "find", lambda *_: 1 / 0)
    assert settings.from_env(environ) == told
    assert settings.from_env({}) == Settings()
