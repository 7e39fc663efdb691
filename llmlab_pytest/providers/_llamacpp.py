"""The provider `llamacpp`: a GGUF model run by llama.cpp, on this machine.

Fast and small: weights stay quantised. Log-likelihoods therefore differ from those of
the unpacked weights in torch (activations are quantised, too), by about 0.01 a token;
compare scores within one provider. Log-likelihoods of a batch share the beginnings of
their texts. Answers are written one by one, each on an empty cache, so that one never
depends on the ones before it. The workers of xdist share one process. Grammars,
adapters and several devices are left out.

Options in the model registry: `threads` (all cores; divided by the workers where these
cannot share), `n_ctx` (`context_tokens` of the model, else that of its file, 8,192 at
most), `gpu_layers` (0), `truncate` as for `transformers`.
"""

import math
import time
from collections.abc import Collection, Iterator, Sequence

import numpy as np
from jinja2 import TemplateError

from llmlab_pytest.core import ContinuationLogprob, Message, ModelError, ModelSpec
from llmlab_pytest.providers._chat import ChatTemplate
from llmlab_pytest.providers._llamacpp_native import NativeError, NativeModel, Node
from llmlab_pytest.providers._local_continuation import Finding, Prefix, Scored
from llmlab_pytest.providers._local_decoding import OptionKind, known_options
from llmlab_pytest.providers._local_forest import Pack, Tokens, plan_packs
from llmlab_pytest.providers._local_model import TRUNCATE_CHOICES, LocalModel
from llmlab_pytest.providers._local_row import Row
from llmlab_pytest.providers._local_worker import (
    LocalWorker,
    StopSignal,
    usable_threads,
)
from llmlab_pytest.providers._weights import digest_of_weights, find_weights
from llmlab_pytest.providers._weights_gguf import GgufHeader, read_gguf_header

_OPTIONS: dict[str, OptionKind] = {
    "threads": int,
    "n_ctx": int,
    "gpu_layers": int,
    "truncate": TRUNCATE_CHOICES,
}
_MOST_CONTEXT_TOKENS = 8192
_MAX_SEQUENCES = 32
_PACK_TOKENS = 512


class LlamaCpp(LocalModel):
    """A `Model` that computes with llama.cpp in a thread of its own."""

    def __init__(self, spec: ModelSpec) -> None:
        """Load the model of `spec`: calling this class is calling the provider.

        Raises:
            ConfigError: an option of the spec is unknown or wrong.
            MissingDependency: the package that carries the weights is not installed.
            ModelError: the file is missing, damaged, or refused by llama.cpp.
        """
        options = known_options(spec, _OPTIONS)
        path = find_weights(spec)
        if path.is_dir():
            raise ModelError(
                f"{str(path)!r} of model {spec.alias!r} is a folder.",
                allowed="llama.cpp needs a .gguf file.",
                fix="Name a .gguf file, or use the provider 'transformers'.",
            )
        header = read_gguf_header(path)
        context_tokens = options.get("n_ctx") or _context_tokens(spec, header)
        try:
            native = NativeModel(
                path,
                context_tokens=context_tokens,
                threads=options.get("threads", usable_threads()),
                gpu_layers=options.get("gpu_layers", 0),
                max_sequences=_MAX_SEQUENCES,
            )
        except NativeError as error:
            raise ModelError(
                f"llama.cpp cannot load {str(path)!r} of {spec.alias!r}: {error}.",
                allowed=f"The file is GGUF of architecture {header.architecture!r}.",
                fix="Update llama-cpp-python, lower n_ctx, or use another file.",
            ) from error
        super().__init__(
            spec,
            _NativeBackend(native, header, context_tokens),
            LocalWorker(f"llmlab-{spec.alias}", initializer=lambda: None),
            truncate=options.get("truncate", "auto"),
            digest=digest_of_weights(path),
        )


def _context_tokens(spec: ModelSpec, header: GgufHeader) -> int:
    trained = header.number("context_length") or _MOST_CONTEXT_TOKENS
    return min(trained, spec.context_tokens or _MOST_CONTEXT_TOKENS)


class _NativeBackend:
    """A native model behind the `Backend` protocol."""

    def __init__(
        self, native: NativeModel, header: GgufHeader, context_tokens: int
    ) -> None:
        self._native = native
        self._path: Tokens = ()
        """What the cache holds, as part of every sequence."""
        self.context_tokens = context_tokens
        first = native.first_token()
        self.prefix = Prefix(first, native.detokenize([first], with_special=True))
        self.ends = native.end_tokens()
        self._chat = _chat_template(header)
        self.has_chat_template = self._chat is not None

    def encode(self, text: str, *, add_special: bool | None = None) -> list[int]:
        """Return the tokens of `text`; BOS and EOS as the file says unless told."""
        return self._native.tokenize(text, add_special=add_special is not False)

    def detokenize(self, ids: Sequence[int]) -> str:
        """Return the text of `ids` without special tokens."""
        return self._native.detokenize(ids)

    def render(self, messages: Sequence[Message]) -> str:
        """Apply the chat template of the file."""
        if self._chat is None:
            msg = "the file has no chat template"
            raise TemplateError(msg)
        return self._chat.render(messages)

    def special_token(self, text: str) -> int | None:
        """Return the id if `text` is exactly one special token."""
        ids = self._native.tokenize(text, add_special=False)
        if len(ids) == 1 and self._native.is_control(ids[0]):
            return ids[0]
        return None

    def generate(
        self, rows: Sequence[Row], signal: StopSignal
    ) -> Iterator[tuple[int, Row]]:
        """Bring every row to its end, one after another."""
        started = time.perf_counter()
        for index, row in enumerate(rows):
            begun = time.perf_counter()
            self._generate(row, signal, started)
            row.compute_s = time.perf_counter() - begun
            yield index, row

    def _generate(self, row: Row, signal: StopSignal, started: float) -> None:
        self._forget()
        fresh = row.prompt
        row.read_tokens += len(fresh)
        position = 0
        while row.stop_reason is None:
            signal.check()
            last = len(fresh) - 1
            nodes = [
                Node(token, position + index, (0,), index == last)
                for index, token in enumerate(fresh)
            ]
            for logits in self._native.evaluate(nodes):
                self._take(row, logits)
            if row.ttft_s is None:
                row.ttft_s = time.perf_counter() - started
            position += len(fresh)
            fresh = row.tokens[-1:]

    def _take(self, row: Row, logits: np.ndarray) -> None:
        token = int(logits.argmax()) if row.decoding.is_greedy else draw(logits, row)
        logprob = None
        if row.decoding.token_logprobs:
            logprob = float(logits[token]) - logsumexp(logits)
        row.take(token, logprob, self.detokenize)

    def score(
        self, sequences: Sequence[Scored], signal: StopSignal
    ) -> Iterator[Finding]:
        """Yield what is found about each sequence as soon as it is known."""
        packs = plan_packs(
            sequences,
            cached=self._path,
            budget_tokens=_PACK_TOKENS,
            most_members=_MAX_SEQUENCES,
            capacity_tokens=self.context_tokens,
        )
        for pack in packs:
            signal.check()
            yield from self._score_pack(pack, sequences)

    def _score_pack(self, pack: Pack, sequences: Sequence[Scored]) -> Iterator[Finding]:
        """Evaluate the pack once; only the asked numbers of each row are kept."""
        started = time.perf_counter()
        asked: dict[int, set[int]] = {}
        pairs = pack.readings(sequences)
        for node, target in {pair for own in pairs for pair in own}:
            asked.setdefault(node, set()).add(target)
        found: dict[tuple[int, int], tuple[float, bool]] = {}
        for node, logits in zip(sorted(asked), self._run(pack, asked), strict=True):
            total, best = logsumexp(logits), int(logits.argmax())
            for target in asked[node]:
                found[node, target] = float(logits[target]) - total, best == target
        spent_s = time.perf_counter() - started
        for place, index in enumerate(pack.members):
            read = [found[pair] for pair in pairs[place]]
            yield Finding(
                sequence=index,
                logprob=ContinuationLogprob(
                    loglikelihood=math.fsum(value for value, _ in read),
                    is_greedy=all(is_best for _, is_best in read),
                    tokens=len(read),
                ),
                tokens_read=pack.costs[place],
                compute_s=spent_s * pack.costs[place] / max(1, len(pack.tokens)),
            )

    def _run(self, pack: Pack, wanted: Collection[int]) -> Iterator[np.ndarray]:
        """Yield the logits of the wanted new tokens; keep the last path.

        Each member is a sequence of llama.cpp that owns the part of the spine it builds
        on; the cells of the spine are stored once.
        """
        path, self._path = pack.last_path()[0], ()
        owners: list[list[int]] = [[] for _ in pack.tokens]
        for member, nodes in enumerate(pack.paths):
            self._native.cut(member, pack.depths[nodes[0]])
            for node in nodes:
                owners[node].append(member)
        for spare in range(len(pack.members), _MAX_SEQUENCES):
            self._native.cut(spare, 0)
        yield from self._native.evaluate(
            [
                Node(token, depth, owners[index], index in wanted)
                for index, (token, depth) in enumerate(
                    zip(pack.tokens, pack.depths, strict=True)
                )
            ]
        )
        self._native.keep_only(len(pack.members) - 1, sequences=_MAX_SEQUENCES)
        self._path = path

    def _forget(self) -> None:
        self._path = ()
        self._native.forget()

    def measure(self) -> dict[str, str]:
        """Return nothing: what llama.cpp's quantised products reach is not known."""
        return {}

    def close(self) -> None:
        """Release context and weights."""
        self._native.close()


def _chat_template(header: GgufHeader) -> ChatTemplate | None:
    source = header.metadata.get("tokenizer.chat_template")
    if not source:
        return None
    tokens = header.metadata.get("tokenizer.ggml.tokens", [])
    names = {"bos_token": "bos", "eos_token": "eos", "unk_token": "unknown"}
    special = {}
    for name, key in names.items():
        token = header.metadata.get(f"tokenizer.ggml.{key}_token_id")
        special[name] = tokens[token] if token is not None else ""
    return ChatTemplate(source, special_tokens=special)


def logsumexp(logits: np.ndarray) -> float:
    """Return log(sum(exp(logits))), summed in double precision."""
    highest = float(logits.max())
    return highest + float(np.log(np.exp(logits - highest).sum(dtype=np.float64)))


def draw(logits: np.ndarray, row: Row) -> int:
    """Sample a token by inverting the cumulative distribution, likeliest token first.

    `top_p` keeps the smallest set of tokens whose probabilities sum to at least that
    much (Holtzman et al. 2020, section 3.1).
    """
    scaled = logits.astype(np.float64) / row.decoding.temperature
    weights = np.exp(scaled - scaled.max())
    order = np.argsort(-weights, kind="stable")
    cumulative = np.cumsum(weights[order] / weights.sum())
    nucleus = int((cumulative < row.decoding.top_p).sum()) + 1
    cumulative = cumulative[:nucleus]
    point = row.uniform() * float(cumulative[-1])
    return int(order[int((cumulative <= point).sum())])
