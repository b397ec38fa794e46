"""A WebSocket client with the defaults of `websockets`, permessage-deflate included.

Arguments: the URL, and after it parameters of permessage-deflate to ask for instead of the defaults, as in
client_max_window_bits=10 or client_no_context_takeover.

Takes one order a line on standard input: {"text": ".."}, {"binary": "hex"}, {"fragments": ["..", ".."]} (one text
message, a ping after each fragment but the last) or {"close": 1000}. Logs what happens as JSON lines: open, received,
closed.
"""

import asyncio
import hashlib
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory


def log(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


async def lines():
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield json.loads(line)


async def fragments_with_pings(connection, fragments):
    for index, fragment in enumerate(fragments):
        if index > 0:
            await connection.ping()
        yield fragment


async def send(connection):
    async for order in lines():
        if "text" in order:
            await connection.send(order["text"])
        elif "binary" in order:
            await connection.send(bytes.fromhex(order["binary"]))
        elif "fragments" in order:
            await connection.send(fragments_with_pings(connection, order["fragments"]))
        elif "close" in order:
            await connection.close(order["close"])


async def receive(connection):
    try:
        while True:
            message = await connection.recv()
            data = message.encode() if isinstance(message, str) else message
            opcode = "text" if isinstance(message, str) else "binary"
            if len(data) > 4096:
                log("received", opcode=opcode, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            else:
                log("received", opcode=opcode, text=data.decode(errors="replace"))
    except ConnectionClosed as closed:
        frame = closed.rcvd
        log("closed", code=frame.code if frame else None, reason=frame.reason if frame else str(closed))


def compression(parameters):
    if not parameters:
        return {"compression": "deflate"}
    pairs = (parameter.partition("=") for parameter in parameters)
    values = {name: int(value) if value else True for name, _, value in pairs}
    return {"compression": None, "extensions": [ClientPerMessageDeflateFactory(**values)]}


async def main():
    async with connect(sys.argv[1], max_size=2**24, **compression(sys.argv[2:])) as connection:
        host, port = connection.local_address[:2]
        local = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        deflate = any(extension.name == "permessage-deflate" for extension in connection.protocol.extensions)
        log("open", local=local, deflate=deflate)
        sender = asyncio.create_task(send(connection))
        await receive(connection)
        sender.cancel()
        try:
            await sender
        except (asyncio.CancelledError, ConnectionClosed):
            pass


asyncio.run(main())
