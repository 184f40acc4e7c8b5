"""A server that answers a client as told, and as no Redis would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

Answer = Callable[[bytes], bytes | None]
"""The reply to one command (its words in capitals); None: as a Redis would."""
PLAIN = {
    b"PING": b"+PONG\r\n",
    b"CLIENT": b"+OK\r\n",
    b"SELECT": b"+OK\r\n",
    b"HELLO": b"%1\r\n+proto\r\n:3\r\n",
}
ENDLESS = 64 * 1024
"""Replies of this size are sent again and again."""


@asynccontextmanager
async def fake_redis(answer: Answer) -> AsyncIterator[str]:
    """Its address."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while header := await reader.readline():
                words = []
                for _ in range(int(header[1:])):
                    size = int((await reader.readline())[1:])
                    words.append((await reader.readexactly(size + 2))[:-2])
                command = words[0].upper()
                reply = answer(command) or PLAIN.get(command, b"-ERR unknown command\r\n")
                writer.write(reply)
                await writer.drain()
                while len(reply) == ENDLESS:
                    writer.write(reply)
                    await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client went
        finally:
            writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()
