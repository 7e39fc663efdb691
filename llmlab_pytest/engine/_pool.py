"""The models that are loaded; local ones take turns in memory."""

import asyncio
import logging
import threading
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable

from llmlab_pytest.core import LlmlabError, Model, ModelError, ModelSpec, redact

Loader = Callable[[ModelSpec], Model]
_LOG = logging.getLogger(__name__)


class ModelPool:
    """Loads each model once, and unloads the longest unused when too many are local.

    Args:
        load: turns a spec into a model; called in a thread.
        max_local: how many models with `concurrency` 1 are in memory at a time.
    """

    def __init__(self, load: Loader, *, max_local: int) -> None:
        self._load = load
        self._max_local = max_local
        self._models: OrderedDict[str, Model] = OrderedDict()
        self._users: Counter[str] = Counter()
        self._failures: dict[str, LlmlabError] = {}
        self._loading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._moving = 0
        self._changed = asyncio.Event()
        self._arrived: dict[str, Model] = {}
        self._is_closed = False
        self._arrival = threading.Lock()

    async def acquire(self, spec: ModelSpec) -> Model:
        """Return the loaded model, kept until `release`.

        Raises:
            LlmlabError: it cannot be loaded; later calls raise the same at once.
        """
        key = _key(spec)
        async with self._loading[key]:
            if key in self._failures:
                raise self._failures[key].with_traceback(None)
            if key not in self._models:
                await self._fetch(spec)
            self._models.move_to_end(key)
            self._users[key] += 1
            return self._models[key]

    def release(self, spec: ModelSpec) -> None:
        """Say that one use of the model has ended."""
        self._users[_key(spec)] -= 1
        self._changed.set()

    async def close(self) -> None:
        """Close every model; one that is still loading is closed when it arrives."""
        with self._arrival:
            self._is_closed = True
            models = [*self._models.values(), *self._arrived.values()]
        self._models.clear()
        for model in models:
            await _close(model)

    async def _fetch(self, spec: ModelSpec) -> None:
        key = _key(spec)
        await self._make_room()
        self._moving += 1
        try:
            await asyncio.to_thread(self._loaded, spec)
            self._models[key] = self._arrived.pop(key)
        except LlmlabError as error:
            self._failures[key] = error
            raise
        finally:
            self._moving -= 1
            self._changed.set()

    def _loaded(self, spec: ModelSpec) -> None:
        """Load a model, in a thread; whoever asked for it may be gone by the end."""
        try:
            model = self._load(spec)
        except LlmlabError:
            raise
        except BaseException as error:  # the boundary to providers: any may be raised
            raise ModelError(
                f"{spec.alias!r} ({spec.provider}:{spec.id}) could not be loaded: "
                f"{type(error).__name__}: {redact(str(error))}",
                fix="See the cause above.",
            ) from error
        _check(model, spec)
        with self._arrival:
            if not self._is_closed:
                self._arrived[_key(spec)] = model
                return
        model.close()

    async def _make_room(self) -> None:
        """Close the longest unused local model; wait while all are in use.

        A model on its way in or out counts: it takes memory, and whether it is local
        is known once it is loaded.
        """
        while len(local := self._local()) + self._moving >= self._max_local:
            idle = [key for key in local if not self._users[key]]
            if idle:
                self._moving += 1
                try:
                    await _close(self._models.pop(idle[0]))
                finally:
                    self._moving -= 1
            else:
                self._changed.clear()
                await self._changed.wait()

    def _local(self) -> list[str]:
        return [key for key, model in self._models.items() if model.concurrency == 1]


def _check(model: object, spec: ModelSpec) -> None:
    """Refuse what the engine could not run: it would wait for ever."""
    if not isinstance(model, Model):
        raise ModelError(
            f"The provider {spec.provider!r} returned a {type(model).__name__!r} "
            f"for {spec.alias!r}.",
            allowed="A provider returns a llmlab_pytest.Model.",
        )
    if min(model.concurrency, model.batch_size) < 1:
        raise ModelError(
            f"{spec.alias!r} has concurrency={model.concurrency} and "
            f"batch_size={model.batch_size}.",
            allowed="Both are at least 1.",
            fix="Set them in the model's options, or report it to its provider.",
        )


async def _close(model: Model) -> None:
    """Close a model in a thread; that this fails is no reason to fail a call."""
    closing = asyncio.get_running_loop().run_in_executor(None, model.close)
    await asyncio.wait([closing])
    if error := closing.exception():
        _LOG.warning(
            "Closing %r failed with %s: %s",
            model.spec.alias,
            type(error).__name__,
            redact(str(error)),
        )


def _key(spec: ModelSpec) -> str:
    return f"{spec.alias}:{spec.fingerprint}"
