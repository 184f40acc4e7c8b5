"""A real browser without a window, driven as its developer tools do, and what its page was told to show."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pyte

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for path in map(shutil.which, NAMES) if path), None)
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
    "--enable-unsafe-swiftshader", "--window-size=1000,700",
)  # fmt: skip
KEYS = {
    "\t": {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9, "text": ""},
    "\r": {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13},
    " ": {"key": " ", "code": "Space", "windowsVirtualKeyCode": 32},
}


class Page:
    """The one page of a browser."""

    def __init__(self, devtools: aiohttp.ClientWebSocketResponse) -> None:
        self._devtools = devtools
        self._asked = 0
        self.screen = pyte.Screen(200, 60)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.closed = False
        """Whether the room at the other end of it is gone."""
        self.complaints: list[str] = []
        """Of the page's scripts, and of what its policy forbade."""

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self._asked += 1
        number = self._asked
        await self._devtools.send_json({"id": number, "method": method, "params": params})
        while (message := await self._next()).get("id") != number:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    async def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self._devtools.receive_str(timeout=15))
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.webSocketFrameReceived" and params["response"]["opcode"] == 2:
            data = base64.b64decode(params["response"]["payloadData"])
            self.raw += data
            self._stream.feed(data)
        elif method == "Network.webSocketClosed":
            self.closed = True
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])
        return message

    async def wait_for(self, wanted: str | Callable[[str], bool]) -> None:
        """Until the terminal shows it."""
        found = (lambda text: wanted in text) if isinstance(wanted, str) else wanted
        try:
            async with asyncio.timeout(15):
                while not found(self.text):
                    await self._next()
        except TimeoutError:
            raise AssertionError(f"{wanted!r} did not appear:\n{self.text}\n{self.complaints}") from None

    async def press(self, keys: str) -> None:
        for key in keys:
            told = {"text": key, **KEYS.get(key, {"key": key})}
            await self.ask("Input.dispatchKeyEvent", type="keyDown", **told)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", **told)

    async def value_of(self, script: str) -> Any:
        return (await self.ask("Runtime.evaluate", expression=script))["result"].get("value")


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Page]:
    assert BROWSER
    process = await asyncio.create_subprocess_exec(
        BROWSER,
        *OPTIONS,
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "HOME": str(folder)},
    )
    assert process.stderr
    try:
        async with aiohttp.ClientSession() as http:
            while b"DevTools listening on" not in (line := await process.stderr.readline()):
                assert line, "the browser does not start"
            address = line.decode().split("ws://")[1].split("/")[0]
            async with http.get(f"http://{address}/json/list") as answer:
                pages = [one for one in await answer.json() if one["type"] == "page"]
            async with http.ws_connect(pages[0]["webSocketDebuggerUrl"], max_msg_size=0) as devtools:
                page = Page(devtools)
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await page.ask(f"{domain}.enable")
                yield page
    finally:
        process.terminate()
        while await process.stderr.read(65536):
            pass
        await process.wait()
