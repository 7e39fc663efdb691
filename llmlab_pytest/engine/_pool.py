"""The models that are loaded; local ones take turns in memory."""

import asyncio
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable

from llmlab_pytest.core import LlmlabError, Model, ModelError, ModelSpec, redact

Loader = Callable[[ModelSpec], Model]


class ModelPool:
    """Loads each model once, and unloads the longest unused when too many are local.

    Args:
        load: turns a spec into a model; called on a thread of its own.
        max_local: how many models with `concurrency` 1 stay loaded at a time.
    """

    def __init__(self, load: Loader, *, max_local: int) -> None:
        self._load = load
        self._max_local = max_local
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._users: Counter[str] = Counter()
        self._failures: dict[str, LlmlabError] = {}
        self._loading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._released = asyncio.Event()

    async def acquire(self, spec: ModelSpec) -> Model:
        """Return the loaded model, kept until `release`.

        Raises:
            LlmlabError: it cannot be loaded; later calls raise the same at once.
        """
        key = _key(spec)
        async with self._loading[key]:
            if key in self._failures:
                raise self._failures[key]
            if key not in self._models:
                await self._make_room()
                self._models[key] = await self._loaded(spec)
            self._models.move_to_end(key)
            self._users[key] += 1
            return self._models[key]

    def release(self, spec: ModelSpec) -> None:
        """Say that one use of the model has ended."""
        self._users[_key(spec)] -= 1
        self._released.set()

    def close(self) -> None:
        """Close every model."""
        while self._models:
            self._models.popitem()[1].close()

    async def _loaded(self, spec: ModelSpec) -> Model:
        try:
            return await asyncio.to_thread(self._load, spec)
        except LlmlabError as error:
            self._failures[_key(spec)] = error
            raise
        except (
            Exception
        ) as error:  # the boundary to providers: theirs may raise anything
            failure = ModelError(
                f"{spec.alias!r} ({spec.provider}:{spec.id}) could not be loaded: "
                f"{type(error).__name__}: {redact(str(error))}",
                fix="See the cause above.",
            )
            self._failures[_key(spec)] = failure
            raise failure from error

    async def _make_room(self) -> None:
        """Close the longest unused local model; wait while all are in use."""
        while len(local := self._local()) >= self._max_local:
            idle = [key for key in local if not self._users[key]]
            if idle:
                await asyncio.to_thread(self._models.pop(idle[0]).close)
            else:
                self._released.clear()
                await self._released.wait()

    def _local(self) -> list[str]:
        return [key for key, model in self._models.items() if model.concurrency == 1]


def _key(spec: ModelSpec) -> str:
    return f"{spec.alias}:{spec.fingerprint}"
