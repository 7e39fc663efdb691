"""Whether a stream of Gemini's was sent to its end, which litellm does not tell.

litellm 1.106 gives every part the reason "stop" where the vendor sent none, so that a
stream that breaks off looks whole. The lines that were sent say it.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

Wire: TypeAlias = Any
"""An object of litellm."""

_END = re.compile(r'(?<!\\)"(?:finishReason|blockReason)"\s*:\s*"')
"""A key of the vendor's JSON; within a text its quotes have backslashes."""


class Ending:
    """Watches the lines of one stream go by.

    Args:
        stream: of litellm, before it is read. Those of other vendors are left alone.
    """

    def __init__(self, stream: Wire) -> None:
        self._is_watched = False
        self._is_seen = False
        # litellm sends the request when the first part is asked for.
        connect = getattr(stream, "make_call", None)
        if connect is not None:
            stream.make_call = self._watching(connect)

    @property
    def is_missing(self) -> bool:
        """Whether the vendor has not said, up to now, why the answer ended."""
        return self._is_watched and not self._is_seen

    def _watching(self, connect: Callable[..., Awaitable[Wire]]) -> Any:
        async def connect_and_watch(**options: Any) -> Wire:
            parser = await connect(**options)
            self._is_watched = _is_gemini(parser)
            if self._is_watched:
                parser.streaming_response = self._watched(parser.streaming_response)
            return parser

        return connect_and_watch

    async def _watched(self, lines: AsyncIterator[str]) -> AsyncIterator[str]:
        async for line in lines:
            self._is_seen = self._is_seen or bool(_END.search(line))
            yield line


def _is_gemini(parser: object) -> bool:
    kind = type(parser)
    return kind.__name__ == "ModelResponseIterator" and "gemini" in kind.__module__
