"""Events of a streamed reply: the part of server-sent events that APIs use."""

from collections.abc import AsyncIterator


async def read_events(received: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Yield the data of each event; comments and other fields are skipped.

    An event that the end of the stream cuts off is not one.

    Source: WHATWG HTML, "Server-sent events", interpreting an event stream.
    """
    rest = b""
    data: list[str] = []
    async for piece in received:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode(errors="replace")
            if text.startswith("data:"):
                data.append(text[len("data:") :].removeprefix(" "))
            elif not text and data:
                yield "\n".join(data)
                data = []
