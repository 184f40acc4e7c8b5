"""The control room in a browser: who is let in, how long a room lives, and an import by keys in a real Chromium."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from browser_stage import BROWSER, browser
from tui_stage import CONFIG

from importers.processes import start_of
from tests.conftest import Obmen
from tui import painting, serving

ASK = painting.ASK.encode()


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str
    """With the token."""
    stderr: Path

    @property
    def base(self) -> str:
        return self.address.partition("?")[0]

    @property
    def token(self) -> str:
        return self.address.partition("?token=")[2]

    def rooms(self) -> list[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [child for child in map(int, children) if start_of(child)]


@contextmanager
def served(folder: Path, *options: str, language: str = "en") -> Iterator[Server]:
    path = folder / "stderr"
    with path.open("w") as stderr:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tui",
                "--config",
                "config.toml",
                f"--language={language}",
                "serve",
                "--port=0",
                *options,
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    with process:
        try:
            assert process.stdout
            address = process.stdout.readline().strip()
            assert address, path.read_text()
            yield Server(process, address, path)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "config.toml").write_text(CONFIG)
    with served(folder) as running:
        yield running


@pytest.fixture
async def stranger() -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that was told nothing; `unsafe`: it keeps cookies of addresses without a name, too."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield http


@asynccontextmanager
async def room(
    server: Server, http: aiohttp.ClientSession, greeting: str = "No imports yet"
) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, bytes]]:
    """Of a tab that was let in, once it is on the screen; and what was shown until then."""
    await http.get(server.address)
    async with http.ws_connect(f"{server.base}ws?width=80&height=24", origin=server.base.rstrip("/")) as tab:
        shown = b""
        while greeting.encode() not in shown:
            shown += await tab.receive_bytes(timeout=15)
        yield tab, shown


def told_to(pid: int) -> str:
    """A process's arguments and environment, as `ps` shows them."""
    return "".join(Path(f"/proc/{pid}/{name}").read_text() for name in ("cmdline", "environ"))


async def ended(pid: int, handle: int) -> None:
    """Wait until a process is gone, by its pidfd."""
    ready, _, _ = await asyncio.to_thread(select.select, [handle], [], [], 10)
    os.close(handle)
    assert ready, f"{pid} still runs"


PATHS = ["", "?token=", "?token=wrong", "?token=%D0%B9", "static/js/textual.js", "ws", "nowhere"]


@pytest.mark.parametrize("path", PATHS)
async def test_strangers_are_told_what_to_do_and_no_more(
    server: Server, stranger: aiohttp.ClientSession, path: str
) -> None:
    for cookies in ({}, {"obmen": server.token}):
        async with stranger.get(server.base + path, cookies=cookies) as answer:
            assert answer.status == 403
            assert "that obmen serve printed" in await answer.text()
            assert "Set-Cookie" not in answer.headers


async def test_the_token_moves_from_the_address_into_a_cookie(
    server: Server, stranger: aiohttp.ClientSession
) -> None:
    async with stranger.get(server.address) as answer:
        assert answer.status == 200
        (cookie,) = answer.cookies.values()
        assert cookie["httponly"]
        assert cookie["samesite"] == "Strict"
        assert 'content="0; url=."' in await answer.text()
        assert not cookie["secure"]
    behind_tls = {"X-Forwarded-Proto": "https"}
    async with aiohttp.ClientSession() as http, http.get(server.address, headers=behind_tls) as answer:
        assert [cookie["secure"] for cookie in answer.cookies.values()] == [True]
    async with stranger.get(server.base) as answer:
        assert answer.status == 200
        page = await answer.text()
        assert server.token not in page
        assert "://" not in page, "the page needs nothing from elsewhere"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    async with stranger.get(f"{server.base}static/js/textual.js") as answer:
        assert answer.status == 200
    async with stranger.get(f"{server.base}static/") as answer:
        assert answer.status == 403


@pytest.mark.parametrize("origin", [None, "https://shop.example", "http://127.0.0.1:1"])
async def test_pages_of_other_sites_get_no_room(
    server: Server, stranger: aiohttp.ClientSession, origin: str | None
) -> None:
    await stranger.get(server.address)
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await stranger.ws_connect(f"{server.base}ws", origin=origin)
    assert refused.value.status == 403
    assert server.rooms() == []


async def test_each_tab_has_a_room_that_ends_with_it(server: Server, stranger: aiohttp.ClientSession) -> None:
    async with room(server, stranger) as (one, _):
        (first,) = server.rooms()
        handle = os.pidfd_open(first)
        assert os.getpgid(first) != os.getpgid(server.process.pid), (
            "^C at the server would reach its room, too"
        )
        async with room(server, stranger) as (other, _):
            assert len(server.rooms()) == 2
            (second,) = {*server.rooms()} - {first}
            await one.close()
            await ended(first, handle)
            assert server.rooms() == [second]
            os.kill(second, signal.SIGKILL)
            while (await other.receive(timeout=10)).type is aiohttp.WSMsgType.BINARY:
                pass
            assert other.closed, "a tab does not outlive its room"


async def test_quitting_by_key_closes_the_tab(server: Server, stranger: aiohttp.ClientSession) -> None:
    async with room(server, stranger) as (tab, _):
        (pid,) = server.rooms()
        handle = os.pidfd_open(pid)
        await tab.send_json(["stdin", "q"])
        await ended(pid, handle)
        while (await tab.receive(timeout=10)).type is aiohttp.WSMsgType.BINARY:
            pass
        assert tab.closed


class FakePage:
    def __init__(self) -> None:
        self.shown = b""
        self.began = asyncio.Event()
        self.closed = asyncio.Event()

    async def send_bytes(self, data: bytes) -> None:
        self.shown += data
        self.began.set()

    send_str = send_bytes

    async def close(self) -> None:
        self.closed.set()


async def tab_of(code: str) -> tuple[serving.Tab, FakePage]:
    """A tab with a program of ours for a room."""
    page: Any = FakePage()
    tab = serving.Tab([sys.executable, "-c", f"print('__GANGLION__', flush=True)\n{code}"], page)
    await tab.start(80, 24)
    return tab, page


async def test_a_room_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "LEAVE_SECONDS", 0.1)
    code = """
import signal, os, time
signal.signal(signal.SIGHUP, signal.SIG_IGN)
os.write(1, b"D\\0\\0\\0\\1x")
time.sleep(99)
"""
    tab, page = await tab_of(code)
    await page.began.wait()
    await tab.stop()
    await page.closed.wait()
    assert tab._process
    assert tab._process.returncode == -signal.SIGKILL


async def test_the_last_words_of_a_room_are_on_its_page(capsys: pytest.CaptureFixture[str]) -> None:
    tab, page = await tab_of("import sys; sys.exit('Error: config.toml: wrong\\nin two lines')")
    await page.closed.wait()
    await tab.stop()
    assert page.shown.endswith(b"\x1b[HError: config.toml: wrong\r\nin two lines")
    assert capsys.readouterr().out == ""


async def test_settings_and_options_hold_in_a_browser(obmen: Obmen, stranger: aiohttp.ClientSession) -> None:
    with (obmen.folder / "config.toml").open("a") as config:
        config.write("[screen]\nmouse = false\n")
    with served(obmen.folder, "--title", "Магазин", language="ru") as server:
        async with room(server, stranger, "Импортов ещё не было") as (_tab, shown):
            assert shown.rfind(b"\x1b[?1003l") > shown.rfind(b"\x1b[?1003h") > 0
        async with stranger.get(server.base) as answer:
            page = await answer.text()
            assert '<html lang="ru">' in page
            assert "<title>Магазин</title>" in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
async def test_rooms_end_with_the_server(
    obmen: Obmen, stranger: aiohttp.ClientSession, number: signal.Signals
) -> None:
    with served(obmen.folder) as server:
        async with room(server, stranger):
            (pid,) = server.rooms()
            handle = os.pidfd_open(pid)
            server.process.send_signal(number)
            await ended(pid, handle)
        assert server.process.wait(10) == (-number if number == signal.SIGKILL else 0)
        assert "Traceback" not in server.stderr.read_text()


def test_a_room_that_was_left_alone_ends_without_being_told(obmen: Obmen) -> None:
    env = {
        **os.environ,
        "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver",
        "COLUMNS": "80",
        "ROWS": "24",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "tui"],
        cwd=obmen.folder,
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdin
            assert process.stdout
            shown = b""
            while b"No imports yet" not in shown:
                data = os.read(process.stdout.fileno(), 65536)
                assert data, shown
                shown += data
            process.stdin.close()  # and nothing else: what it writes is still read
            process.stdout.read()
            assert process.wait(10) == 128 + signal.SIGHUP
        finally:
            process.kill()


async def test_the_token_is_told_once_and_nowhere_else(obmen: Obmen, stranger: aiohttp.ClientSession) -> None:
    with served(obmen.folder) as server:
        async with room(server, stranger):
            for pid in (server.process.pid, *server.rooms()):
                assert server.token not in told_to(pid)
        server.process.terminate()
        assert server.process.stdout
        assert server.token not in server.process.stdout.read()
        for path in obmen.folder.rglob("*"):
            assert not path.is_file() or server.token.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(("host", "warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
def test_a_line_that_others_can_read_is_warned_of(obmen: Obmen, host: str, *, warned: bool) -> None:
    with served(obmen.folder, "--host", host) as server:
        server.process.terminate()
        server.process.wait(10)
        assert ("ssh -L" in server.stderr.read_text()) is warned


def test_a_port_that_is_taken_is_one_line(server: Server, obmen: Obmen) -> None:
    port = server.base.rpartition(":")[2].rstrip("/")
    done = obmen.run("serve", "--port", port)
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_name_that_is_not_known_is_one_line_in_the_readers_language(obmen: Obmen) -> None:
    done = obmen.run("--language", "ru", "serve", "--host", "nowhere.invalid")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert re.search("не удаётся слушать nowhere.invalid, порт 8000: [а-я ]+; укажите другие", done.stderr)


def test_keys_that_no_room_would_take_are_told_before_it_listens(obmen: Obmen) -> None:
    config = obmen.folder / "keys.toml"
    config.write_text('[keys]\nlaunch = "x"\n', encoding="utf-8")
    for command in ("serve", "doctor"):
        done = obmen.run("--config", str(config), command)
        assert "keys.launch: x is a key of delete as well" in (done.stderr + done.stdout), command
        assert done.returncode == (2 if command == "serve" else 1)


def test_without_its_library_serve_says_which(obmen: Obmen) -> None:
    code = "import sys; sys.modules['textual_serve'] = None; from tui.commands import main; sys.exit(main(['serve']))"
    done = subprocess.run([sys.executable, "-c", code], cwd=obmen.folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == 'Error: serve needs another library: pip install "obmen[serve]"\n'


def test_nothing_of_it_is_loaded_without_serve() -> None:
    code = "import sys, tui.app, tui.commands; print({'aiohttp', 'textual_serve', 'tui.serving'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.skipif(not BROWSER, reason="no chromium, chromium-browser or google-chrome on PATH")
async def test_an_import_by_keys_in_a_browser(
    obmen: Obmen, tmp_path: Path, rows: Callable[..., list[tuple[Any, ...]]]
) -> None:
    with served(obmen.folder, "--title", "Shop <1>") as server:
        async with browser(tmp_path / "browser") as page:
            await page.ask("Page.navigate", url=server.address)
            await page.wait_for("No imports yet")
            await page.press("n")
            await page.wait_for("[ ] Product catalog")
            await page.press(" ")
            await page.wait_for("[1] Product catalog")
            await page.press("\r")
            await page.wait_for("completed")
            assert await page.value_of("location.href") == server.base
            assert await page.value_of("document.title") == "Shop <1>"
            assert await page.value_of("document.cookie") == ""
            await page.press("\t")
            await page.press("o")
            await page.wait_for("a browser has no place for")
            assert page.raw.count(ASK) > 3, "a frame waits until the page has drawn the last one"
            await page.press("q")
            await page.wait_for(lambda _text: page.closed)
            assert page.complaints == []
        assert rows(obmen.folder / "journal.sqlite3", "SELECT status FROM session") == [("completed",)]
