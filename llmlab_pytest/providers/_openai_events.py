"""Events of a streamed reply: the part of server-sent events that APIs use."""

from codecs import BOM_UTF8 as _BOM
from collections.abc import AsyncGenerator, AsyncIterator


async def read_events(received: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """Yield the data of each event; comments and other fields are skipped.

    A line that the end of the stream cuts off is not read.

    Source: WHATWG HTML, "Server-sent events", interpreting an event stream.
    """
    rest, is_start = b"", True
    data: list[str] = []
    async for piece in received:
        rest += piece
        if is_start and len(rest) >= len(_BOM):
            rest, is_start = rest.removeprefix(_BOM), False
        *lines, rest = rest.split(b"\n")
        for line in lines:
            text = line.removesuffix(b"\r").decode(errors="replace")
            if text.startswith("data:"):
                data.append(text[len("data:") :].removeprefix(" "))
            elif not text and data:
                yield "\n".join(data)
                data = []
    if data:  # servers may leave out the last empty line
        yield "\n".join(data)
