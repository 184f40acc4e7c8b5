"""The control room in a browser: a page behind a token, and a room of its own for each tab.

textual-serve has the terminal of the page, and runs a program at the other end of a websocket. Who may ask for either,
and how long a room lives, is decided here. What a tab shows goes with the tab; imports go on without it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import ipaddress
import os
import secrets
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import textual_serve
from aiohttp import WSCloseCode, web
from aiohttp.typedefs import Handler, Middleware
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

from importers import texts
from importers.errors import UsageError
from importers.output import print_line
from importers.texts import N_, _

STATIC = Path(textual_serve.__file__).parent / "static"
PAGE = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
ENTERED = '<!doctype html><meta http-equiv="refresh" content="0; url=."><title>obmen</title>'
"""A page of ours that goes on to the room: browsers keep the cookie from what another site redirects to."""
POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; font-src 'self'; "
    "img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
TERMINAL = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
"""What the page's terminal is, wherever the server was started."""
PLAIN_SCREEN = b"\x1b[?1049l\x1b[m\x1b[2J\x1b[H"
NO_SYNC, SYNC = "\x1b[?2026;0$y", "\x1b[?2026;2$y"
"""The page's terminal knows no synchronized output, but it answers when it has drawn what came before the question.
That is all that a room wants to know, which else would write frame after frame into a slow line (painting.py)."""
LEAVE_SECONDS = 5.0
"""How long a room has for leaving in order; more than it takes itself."""
HEARTBEAT_SECONDS = 15.0
SMALLEST, LARGEST = 2, 1000
"""Columns or rows that a page may ask for."""


class Gate:
    """Lets in who knows the token: from the address that was printed, once, and from the cookie from then on."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        # Cookies are a host's, whatever the port: two servers on one must not take each other's away.
        self._cookie = f"obmen-{hashlib.sha256(self.token.encode()).hexdigest()[:12]}"

    def _knows(self, told: str) -> bool:
        return hmac.compare_digest(told.encode(errors="replace"), self.token.encode())

    @property
    def middleware(self) -> Middleware:
        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path == "/" and "token" in request.query:
                return self._enter(request) if self._knows(request.query["token"]) else _refused()
            told = request.cookies.get(self._cookie, "")
            return await handler(request) if self._knows(told) else _refused()

        return guard

    def _enter(self, request: web.Request) -> web.Response:
        """The token moves from the address bar into a cookie that no script can read."""
        response = web.Response(text=ENTERED, content_type="text/html", headers={"Cache-Control": "no-store"})
        behind_tls = request.headers.get("X-Forwarded-Proto") == "https"
        response.set_cookie(self._cookie, self.token, httponly=True, samesite="Strict", secure=behind_tls)
        return response


def _refused() -> web.Response:
    text = _(
        "The control room opens by the address, with its token, that obmen serve printed when it started."
    )
    return web.Response(text=f"{text}\n", status=web.HTTPForbidden.status_code)


class Tab(AppService):
    """The room of one tab: a process that ends with it, and it with the process."""

    def __init__(self, command: Sequence[str], socket_: web.WebSocketResponse) -> None:
        super().__init__(
            "",
            write_bytes=socket_.send_bytes,
            write_str=socket_.send_str,
            close=self._close,
            download_manager=DownloadManager(),
        )
        self._command = command
        self._socket = socket_
        self._last_words = asyncio.StreamReader()

    async def _close(self) -> None:
        await self._socket.close()

    async def _open_app_process(self, width: int = 80, height: int = 24) -> asyncio.subprocess.Process:
        """Without a shell, and out of reach of ^C at the server, which ends rooms in order instead."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            env=self._build_environment(width, height) | TERMINAL | {"LINES": str(height)},
            start_new_session=True,
        )
        self._process, self._stdin = process, process.stdin
        if process.stderr:  # textual-serve would print them on our stdout
            self._last_words = process.stderr
            process.stderr = asyncio.StreamReader()
            process.stderr.feed_eof()
        return process

    async def run(self) -> None:
        """Until the room ends. What it then says (of settings that cannot be read, for instance) is for its page."""
        words = asyncio.create_task(self._last_words.read())
        await super().run()
        if told := (await words).decode(errors="replace").strip():
            print_line(told, err=True)
            await self.on_data(PLAIN_SCREEN + told.replace("\n", "\r\n").encode())
        await self._close()

    async def on_data(self, payload: bytes) -> None:
        with suppress(ConnectionError):  # the tab is gone; its room must be read on, or it could not leave
            await super().on_data(payload)

    async def stop(self) -> None:
        """As a terminal hangs up: what was confirmed is sent first. One that hangs is killed."""
        if self._process is None or self._task is None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGHUP)
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
        await self._task
        await self._process.wait()


class Rooms:
    """The routes of the server. `command` opens a room."""

    def __init__(self, command: Sequence[str], title: str) -> None:
        self._command = command
        self._title = title
        self._sockets: set[web.WebSocketResponse] = set()

    def application(self, gate: Gate) -> web.Application:
        app = web.Application(middlewares=[gate.middleware])
        app.add_routes(
            [web.get("/", self._page), web.get("/ws", self._room), web.static("/static", STATIC)],
        )
        app.on_response_prepare.append(_add_headers)
        app.on_shutdown.append(self._close)
        return app

    async def _page(self, _request: web.Request) -> web.Response:
        nonce = secrets.token_urlsafe(16)
        shown = {
            "language": texts.language(),
            "title": self._title,
            "opening": _("Opening the control room…"),
            "closed": _("The control room is closed; imports go on without it."),
            "again": _("Open it again"),
        }
        text = PAGE.substitute({name: html.escape(value) for name, value in shown.items()}, nonce=nonce)
        headers = {"Content-Security-Policy": POLICY.format(nonce=nonce), "Cache-Control": "no-store"}
        return web.Response(text=text, content_type="text/html", headers=headers)

    async def _room(self, request: web.Request) -> web.StreamResponse:
        if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
            return _refused()  # another site's page, in a browser that has the cookie
        socket_ = web.WebSocketResponse(heartbeat=HEARTBEAT_SECONDS, timeout=LEAVE_SECONDS)
        await socket_.prepare(request)
        tab = Tab(self._command, socket_)
        self._sockets.add(socket_)
        try:
            await tab.start(_cells(request, "width", 80), _cells(request, "height", 24))
            async for message in socket_:
                if message.type == web.WSMsgType.TEXT:
                    await _pass_on(tab, socket_, message.json())
        finally:
            await tab.stop()
            self._sockets.discard(socket_)
        return socket_

    async def _close(self, _app: web.Application) -> None:
        await asyncio.gather(*(one.close(code=WSCloseCode.GOING_AWAY) for one in [*self._sockets]))


async def _pass_on(tab: Tab, socket_: web.WebSocketResponse, message: object) -> None:
    """What the page sends: ["stdin", text], ["resize", {width, height}], ["ping", data], ["focus"], ["blur"]."""
    match message:
        case ["stdin", str(text)]:
            await tab.send_bytes(text.replace(NO_SYNC, SYNC).encode(errors="replace"))
        case ["resize", {"width": int(width), "height": int(height)}]:
            await tab.set_terminal_size(_bounded(width), _bounded(height))
        case ["ping", data]:
            await socket_.send_json(["pong", data])
        case ["focus"]:
            await tab.focus()
        case ["blur"]:
            await tab.blur()


def _cells(request: web.Request, name: str, default: int) -> int:
    told = request.query.get(name, "")
    return _bounded(int(told)) if told.isdecimal() else default


def _bounded(cells: int) -> int:
    return max(SMALLEST, min(cells, LARGEST))


async def _add_headers(_request: web.Request, response: web.StreamResponse) -> None:
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


def is_loopback(host: str) -> bool:
    """Whether what is said to this address stays on the machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def serve(
    command: Sequence[str], host: str, port: int, *, title: str, ready: Callable[[str, int], None]
) -> None:
    """Until SIGINT or SIGTERM, which end all rooms. `ready` is given the address, with its token, and the port, which
    was any that is free for 0. Raises UsageError where nobody can listen there."""
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    gate = Gate()
    # No log of requests: the first one of a browser holds the token.
    runner = web.AppRunner(
        Rooms(command, title).application(gate), access_log=None, shutdown_timeout=2 * LEAVE_SECONDS
    )
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            code = error.errno or 0  # of a name that is not known it is negative
            raise UsageError(
                N_("cannot listen on {host}, port {port}: {error}; name another with --host and --port"),
                host=host,
                port=port,
                error=os.strerror(code) if code > 0 else error.strerror,
            ) from error
        port = runner.addresses[0][1]
        ready(f"http://{_shown(host)}:{port}/?token={gate.token}", port)
        await stopped.wait()
    finally:
        await runner.cleanup()


def _shown(host: str) -> str:
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 (all of them: one by which the machine can be found)
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
