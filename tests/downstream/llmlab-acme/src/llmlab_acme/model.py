"""A model that says a text forwards or backwards."""

import time
from collections.abc import Sequence

from llmlab_pytest import (
    Completion,
    ConfigError,
    GenerateRequest,
    ModelSpec,
    Request,
    Unsupported,
    Usage,
)


class Acme:
    """Follows the `Model` protocol."""

    concurrency = 4
    batch_size = 1

    def __init__(self, spec: ModelSpec) -> None:
        if spec.id not in ("forward", "backward"):
            raise ConfigError(
                f"acme has no model {spec.id!r}.", allowed="forward or backward"
            )
        self.spec = spec
        self.digest = f"acme {spec.id} 1"

    async def run(self, requests: Sequence[Request]) -> list[Completion]:
        """Answer every request, in order."""
        return [self._answer(request) for request in requests]

    def close(self) -> None:
        """Nothing to release."""

    def _answer(self, request: Request) -> Completion:
        if not isinstance(request, GenerateRequest) or isinstance(request.prompt, str):
            raise Unsupported("acme takes messages only.", fix="Use llm.chat(...).")
        started = time.perf_counter()
        text = request.prompt[-1].content
        return Completion(
            text=text if self.spec.id == "forward" else text[::-1],
            model=self.spec.alias,
            usage=Usage(
                input_tokens=len(text.split()), output_tokens=len(text.split())
            ),
            stop_reason="stop",
            latency_s=time.perf_counter() - started,
            cost_usd=0.0,
        )
