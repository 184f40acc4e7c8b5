"""Several shops in one file: what each has, what the environment says of one, and what is refused."""

from __future__ import annotations

import string
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_settings import TOP, load_text

from importers import settings
from importers.errors import SettingsError
from importers.settings import Catalog, Images, Limits, Prices, Settings, Shop, Source

TWO = """
[source]
path = "1c"
[limits]
max_reject_share = 0.2
[shops.main]
[shops.big-outlet]
source.path = "outlet/1c"
catalog.url = "sqlite:///outlet/shop.db"
images.path = "outlet/pictures"
prices.keep_unlisted = "*"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def test_a_shop_has_keys_of_its_own_and_the_others_of_the_top(tmp_path: Path) -> None:
    found = load_text(tmp_path, TWO)
    assert found.shop_names == ("main", "big-outlet")
    main, outlet = (found.for_shop(name) for name in found.shop_names)
    assert (main.source.path, outlet.source.path) == (f"{tmp_path}/1c", f"{tmp_path}/outlet/1c")
    assert outlet.catalog.url == f"sqlite:///{tmp_path}/outlet/shop.db"
    assert outlet.images.path == f"{tmp_path}/outlet/pictures"
    assert outlet.limits == main.limits == Limits(0.2)
    assert (main.prices.keep_unlisted, outlet.prices.keep_unlisted) == ("", "*")
    assert outlet.journal == main.journal == found.journal
    assert outlet.shop_names == ("main",), "flat, as of an installation with one shop"


def test_a_file_without_shops_has_one(tmp_path: Path) -> None:
    found = load_text(tmp_path, "source.path = '1c'")
    assert (found.shops, found.shop_names) == ({}, ("main",))
    assert found.for_shop("main") is found


def test_each_shop_has_a_folder_of_its_own_and_main_stays_where_it_was(tmp_path: Path) -> None:
    """Else a shop would seem empty from the day on which its owner adds a second one."""
    alone = load_text(tmp_path, "")
    found = load_text(tmp_path, "[shops.main]\n[shops.b]")
    assert found.for_shop("main") == alone
    data = tmp_path / "home/.local/share/obmen"
    assert alone.catalog.url == f"sqlite:///{data}/catalog.sqlite3"
    assert found.for_shop("b").catalog.url == f"sqlite:///{data}/b/catalog.sqlite3"
    assert found.for_shop("b").images.path == f"{data}/b/images"
    assert found.for_shop("b").log == alone.log


def test_the_environment_overrides_what_it_names(tmp_path: Path) -> None:
    found = load_text(
        tmp_path,
        TWO,
        OBMEN_SOURCE__PATH="/top",
        OBMEN_LIMITS__MAX_REMOVED_SHARE="0.9",
        OBMEN_SHOPS__BIG_OUTLET__LIMITS__MAX_REJECT_SHARE="0.7",
        OBMEN_SHOPS__MAIN__CATALOG__URL="sqlite:///main.db",
        OBMEN_DEFAULT_SHOP="big-outlet",
    )
    main, outlet = (found.for_shop(name) for name in found.shop_names)
    assert (main.source.path, outlet.source.path) == ("/top", f"{tmp_path}/outlet/1c")
    assert (main.limits, outlet.limits) == (Limits(0.2, 0.9), Limits(0.7, 0.9))
    assert main.catalog.url == f"sqlite:///{tmp_path}/main.db"
    assert found.default_shop == "big-outlet"
    one = load_text(tmp_path, "", OBMEN_SHOPS__MAIN__SOURCE__PATH="/1c")
    assert (one.shop_names, one.for_shop("main").source.path) == (("main",), "/1c")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("[shops.a]\nsorce.path = 'x'", ("shops.a.sorce", "shops.a.source")),
        ("[shops.a]\nsource.paht = 'x'", ("shops.a.source.paht", "shops.a.source.path")),
        ("[shops.a]\njournal.url = 'x'", ("shops.a.journal", "shops.a.source", "shops.a.prices")),
        ("[shop.a]\nsource.path = 'x'", ("unknown setting shop;", "shops")),
        ("[shops.a]\nlimits.max_reject_share = 7.0", ("shops.a.limits.max_reject_share", "7.0")),
        ("[shops.a]\nlimits.max_reject_share = 'x'", ("shops.a.limits.max_reject_share",)),
        ("[shops.a]\ncatalog.url = 'mysql://x'", ("shops.a.catalog.url", "sqlite:///")),
        ("[shops.a]\nsource.path = ''", ("shops.a.source.path", "empty")),
        ("[shops.a]\nimages.path = ' '", ("shops.a.images.path",)),
        ("[shops.A]", ("shops.A", "a-z, 0-9 and -")),
        (f"[shops.{'a' * 33}]", ("32",)),
        ("shops = 5", ("setting shops", "[shops.name]")),
        ("shops.a = 5", ("setting shops.a", "[shops.name]")),
        ("default_shop = 'b'\n[shops.bb]\n[shops.c]", ("default_shop", "did you mean bb?")),
        ("default_shop = 'zz'\n[shops.b]\n[shops.c]", ("default_shop", "known: b, c")),
        ("default_shop = 'b'", ("default_shop", "known: main")),
    ],
)
def test_a_wrong_setting_of_a_shop_is_named(tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as error:
        load_text(tmp_path, text)
    for part in (*parts, "obmen.toml"):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("OBMEN_SHOPS__BIG_OUTLET__CATALOG__URI", "OBMEN_SHOPS__BIG_OUTLET__CATALOG__URL"),
        ("OBMEN_SHOPS__BIG_OUTLETS__CATALOG__URL", "OBMEN_SHOPS__BIG_OUTLET__CATALOG__URL"),
        ("OBMEN_SHOP__MAIN__CATALOG__URL", "OBMEN_SHOPS__MAIN__CATALOG__URL"),
        ("OBMEN_DEFAULT_SHOPS", "OBMEN_DEFAULT_SHOP"),
    ],
)
def test_a_misspelt_variable_of_a_shop_is_told_the_right_one(tmp_path: Path, name: str, near: str) -> None:
    with pytest.raises(SettingsError, match=rf"\${name}: .*did you mean \${near}\?"):
        load_text(tmp_path, TWO, **{name: "s3cret"})


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("[shops.a]\ncatalog.url = 's3cret@host'", {}),
        ("[shops.a]\ncatalog.'s3cret@x' = 1", {}),
        ("[shops.'s3cret@x']", {}),
        ("default_shop = 's3cret'\n[shops.a]\n[shops.b]", {}),
        ("[shops.a]", {"OBMEN_SHOPS__A__CATALOG__URL": "s3cret@host"}),
        ("[shops.a]", {"OBMEN_SHOPS__A__LIMITS__MAX_REJECT_SHARE": "s3cret"}),
        ("[shops.a]", {"OBMEN_DEFAULT_SHOP": "s3cret"}),
        ("[shops.a]", {"OBMEN_SHOPS": "s3cret"}),
        ("[shops.a]", {"OBMEN_SHOPS__A": "s3cret"}),
        ("[shops.a]", {"OBMEN_SHOPS__A__CATALOG": "s3cret"}),
    ],
)
def test_an_error_shows_no_value(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as error:
        load_text(tmp_path, text, **environ)
    assert "s3cret" not in str(error.value)
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("catalog.url = 'sqlite:///x'\n[shops.a]\n[shops.b]", "shops.a and shops.b import into one catalog"),
        (
            "catalog.url = 'postgresql://h/x'\n[shops.a]\n[shops.b]\ncatalog.url = 'postgres://h/x?schema=public'",
            "shops.a and shops.b import into one catalog",
        ),
        (
            "[shops.a]\ncatalog.url = 'sqlite:///x'\n[shops.b]\ncatalog.url = 'sqlite:///link'",
            "shops.a and shops.b import into one catalog",
        ),
        ("images.path = 'x'\n[shops.a]\n[shops.b]", "shops.a and shops.b have one folder of images"),
        (
            "[shops.a]\nimages.path='p'\n[shops.b]\nimages.path='p/q'",
            "shops.a.images.path and shops.b.images.path must",
        ),
        (
            "[shops.a]\nimages.path='p'\n[shops.b]\nsource.path='p/q'",
            "shops.a.images.path and shops.b.source.path must",
        ),
        (
            "[shops.a]\nimages.path='p'\n[shops.b]\ncatalog.url='sqlite:///p/q'",
            "shops.b.catalog.url must not lie in shops.a.images.path",
        ),
        (
            "[shops.a]\ncatalog.url = 'sqlite:///x'\n[shops.b]\ncatalog.url='sqlite:///x-wal'",
            "beside shops.a.catalog.url",
        ),
        (
            "[shops.a]\ncatalog.url = 'sqlite:///x'\n[journal]\nurl = 'sqlite:///x'",
            "shops.a.catalog.url and journal.url must be two places",
        ),
        (
            "[journal]\nurl = 'postgresql://h/x?schema=s'\n[shops.a]\ncatalog.url = 'postgresql://h/x?schema=s'",
            "shops.a.catalog.url and journal.url must be two schemas",
        ),
    ],
)
def test_shops_lie_apart(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "x").touch()
    (tmp_path / "link").symlink_to("x")
    with pytest.raises(SettingsError) as error:
        load_text(tmp_path, text)
    assert told in str(error.value)


def test_two_shops_can_be_made_of_one_export(tmp_path: Path) -> None:
    found = load_text(tmp_path, "source.path = '1c'\n[shops.a]\n[shops.b]")
    assert found.for_shop("a").source == found.for_shop("b").source


def test_the_example_of_config_toml_works(tmp_path: Path) -> None:
    lines = (TOP / "config.toml").read_text(encoding="utf-8").splitlines()
    example = "\n".join(line.removeprefix("# ") for line in lines[lines.index("# [shops.main]") :])
    assert load_text(tmp_path, example).shop_names == ("main", "outlet")


def test_nobody_needs_a_home_whose_shops_name_all_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "data_dir", lambda _environ: 1 / 0)
    text = "journal.url = 'sqlite:///j'\nlog.path = 'log'\n"
    for name in ("a", "b"):
        text += f"[shops.{name}]\ncatalog.url = 'sqlite:///{name}/c'\nimages.path = '{name}/i'\n"
    assert load_text(tmp_path, text).shop_names == ("a", "b")


texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"))
shares = st.floats(0, 1)
shops = st.builds(
    Shop,
    st.builds(Source, texts),
    st.builds(Catalog, texts),
    st.builds(Limits, shares, shares),
    st.builds(Prices, texts),
    st.builds(Images, texts),
)
names = st.text(string.ascii_lowercase + string.digits + "-", min_size=1, max_size=32)


@given(st.dictionaries(names, shops, max_size=4), st.sampled_from(["auto", "ru"]), texts)
def test_settings_survive_the_way_to_a_worker(shops: dict[str, Shop], language: str, default: str) -> None:
    told = msgspec.convert({"language": language, "default_shop": default}, Settings)
    told = msgspec.structs.replace(told, shops=shops)
    assert settings.from_env({"OBMEN_SHOPS__X__CATALOG__URL": "x", **told.to_env()}) == told


@given(st.sets(names, min_size=1, max_size=6))
def test_each_shop_has_variables_of_its_own(names: set[str]) -> None:
    """However many - stand in a name, and wherever."""
    known = settings._variables(names)
    for name in names:
        variable = f"OBMEN_SHOPS__{name.upper().replace('-', '_')}__CATALOG__URL"
        assert known[variable] == ("shops", name, "catalog", "url")
