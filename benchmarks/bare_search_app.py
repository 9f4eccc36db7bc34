"""Three bare searches a request: what ``search`` is compared with.

The same index, the same three searches, over HTTP on one core; nothing is fused, learned, logged or
authenticated. ``BARE_DATABASE`` names a database of the product.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from desirepath.domain.clock import SystemClock
from desirepath.storage.open import open_storage

TOP_K = 100

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_decode = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def create_app() -> Callable[[Message, Receive, Send], Awaitable[None]]:
    """Open the database that the environment names."""
    storage = open_storage(os.environ["BARE_DATABASE"], SystemClock(), migrate=False)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        inputs = _decode(body)["inputs"]
        with storage.read() as session:
            documents = session.documents
            found = [
                documents.search_text(1, ("title",), inputs["query"], TOP_K),
                documents.search_text(1, ("text",), inputs["query"], TOP_K),
                documents.search_vector(1, "image", inputs["vector"], TOP_K),
            ]
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _encode(found)})

    return app
