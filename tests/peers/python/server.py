"""A WebSocket echo server with the defaults of `websockets`, permessage-deflate included.

GET /health is answered by plain HTTP on the same port. Logs what it sees as JSON lines. Arguments: --port N, --digests (every
message is logged as its SHA-256, not only large ones).
"""

import argparse
import asyncio
import hashlib
import http
import json

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State


def log(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def name(address):
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def on_request(connection, request):
    log("accepted", peer=name(connection.remote_address))
    if request.path == "/health":
        log("request", peer=name(connection.remote_address), method="GET", path=request.path, bytes=0)
        return connection.respond(http.HTTPStatus.OK, "ok\n")
    return None


async def echo(connection, shown):
    peer = name(connection.remote_address)
    deflate = any(extension.name == "permessage-deflate" for extension in connection.protocol.extensions)
    log("opened", peer=peer, path=connection.request.path, deflate=deflate)
    try:
        async for message in connection:
            data = message.encode() if isinstance(message, str) else message
            opcode = "text" if isinstance(message, str) else "binary"
            if len(data) > shown:
                log("message", peer=peer, opcode=opcode, sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))
            else:
                log("message", peer=peer, opcode=opcode, text=data.decode(errors="replace"))
            # What came before a Close frame is still to be logged when it can no longer be echoed.
            if connection.state is State.OPEN:
                await connection.send(message)
    except ConnectionClosed:
        pass
    await connection.wait_closed()
    received = connection.protocol.close_rcvd
    # 1005 stands for a Close frame without a status code (RFC 6455 §7.4.1).
    log("closed", peer=peer, code=received.code if received is not None and received.code != 1005 else None)


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--digests", action="store_true")
    arguments = parser.parse_args()
    port = arguments.port
    shown = -1 if arguments.digests else 4096

    async def handle(connection):
        await echo(connection, shown)

    async with serve(handle, ["0.0.0.0", "::"], port, process_request=on_request, max_size=2**24) as server:
        for listener in server.sockets:
            log("listening", address=name(listener.getsockname()))
        await server.serve_forever()


asyncio.run(main())
