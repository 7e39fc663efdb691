"""The few functions of llama.cpp that evaluation needs, with Python types.

`llama_cpp.Llama` keeps logits of the whole context or of the last token only, reuses
one linear prefix and writes one sequence id per token. A token tree needs more, so this
module drives the C functions: a token carries the ids of all sequences that pass
through it, and logits are produced for the asked positions alone.

Native messages go to the logger of this module; nothing is printed.
"""

import atexit
import ctypes
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import llama_cpp
import numpy as np
from llama_cpp import _utils

_LOG = logging.getLogger(__name__)
# ggml_log_level: none, info, warn, error, debug, and "continue the last line".
_LEVELS = {1: logging.DEBUG, 2: logging.INFO, 3: logging.ERROR}
_RECENT_ERRORS: list[str] = []
_ERROR_LEVEL = 3
_TOO_FEW_CELLS = 1
# Names for the flags of C functions.
_PARSE_SPECIAL = True
_KEEP_SPECIAL = False
_ERASE_DATA = False
_TO_THE_END = -1


def _log_native(level: int, text: bytes, _user_data: object) -> None:
    line = text.decode(errors="replace").rstrip()
    if not line:
        return
    if level == _ERROR_LEVEL:
        _RECENT_ERRORS.append(line)
        del _RECENT_ERRORS[:-3]
    _LOG.log(_LEVELS.get(level, logging.DEBUG), "%s", line)


# The module keeps the callback alive: C code calls it until the process ends.
_CALLBACK = llama_cpp.llama_log_callback(_log_native)
llama_cpp.llama_log_set(_CALLBACK, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()
# Compiled by GCC 12, ggml's instructions for AMX tiles are illegal (ggml 0.25, seen on
# a Xeon): the process dies at the first batch. Without extra buffers it uses AVX-512.
_HAS_AMX = b"AMX_INT8 = 1" in llama_cpp.llama_print_system_info()
for _name in ("outnull_file", "errnull_file"):
    # llama_cpp opens /dev/null twice and leaves it to the interpreter's end, where
    # `-W error` would complain.
    _file = getattr(_utils, _name, None)
    if _file is not None:
        atexit.register(_file.close)


class NativeError(RuntimeError):
    """llama.cpp refused something; the text is its own last message."""


class Node(NamedTuple):
    """One token to evaluate."""

    token: int
    position: int
    sequences: Sequence[int]
    """Every sequence that the token belongs to."""
    wants_logits: bool


class NativeModel:
    """A model, its vocabulary and one context; used from one thread at a time."""

    def __init__(
        self,
        path: Path,
        *,
        context_tokens: int,
        threads: int,
        gpu_layers: int,
        max_sequences: int,
    ) -> None:
        """Load the file and allocate a context.

        Raises:
            NativeError: the file or the context was refused.
        """
        _RECENT_ERRORS.clear()
        self._context = self._model = None
        parameters = llama_cpp.llama_model_default_params()
        parameters.n_gpu_layers = gpu_layers
        if _HAS_AMX:
            parameters.use_extra_bufts = False
        self._model = llama_cpp.llama_model_load_from_file(
            str(path).encode(), parameters
        )
        if not self._model:
            raise NativeError("; ".join(_RECENT_ERRORS) or "no reason given")
        self._vocab = llama_cpp.llama_model_get_vocab(self._model)
        self.vocabulary_size = llama_cpp.llama_vocab_n_tokens(self._vocab)
        self._context = llama_cpp.llama_init_from_model(
            self._model,
            _context_parameters(context_tokens, threads, max_sequences),
        )
        if not self._context:
            self.close()
            raise NativeError("; ".join(_RECENT_ERRORS) or "no memory for the context")
        self._memory = llama_cpp.llama_get_memory(self._context)
        self.batch_tokens = llama_cpp.llama_n_batch(self._context)
        self._batch = llama_cpp.llama_batch_init(self.batch_tokens, 0, max_sequences)

    def close(self) -> None:
        """Free the context and the weights."""
        if self._context:
            llama_cpp.llama_batch_free(self._batch)
            llama_cpp.llama_free(self._context)
        if self._model:
            llama_cpp.llama_model_free(self._model)
        self._context = self._model = None

    # Vocabulary -----------------------------------------------------------------------

    def tokenize(self, text: str, *, add_special: bool) -> list[int]:
        """Return token ids; names of special tokens in the text become those tokens."""
        raw = text.encode()
        room = len(raw) + 8
        while True:
            tokens = (llama_cpp.llama_token * room)()
            count = llama_cpp.llama_tokenize(
                self._vocab, raw, len(raw), tokens, room, add_special, _PARSE_SPECIAL
            )
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def detokenize(self, ids: Sequence[int], *, with_special: bool = False) -> str:
        """Return the text of `ids`."""
        tokens = (llama_cpp.llama_token * len(ids))(*ids)
        room = 16 * len(ids) + 16
        while True:
            buffer = ctypes.create_string_buffer(room)
            count = llama_cpp.llama_detokenize(
                self._vocab, tokens, len(ids), buffer, room, _KEEP_SPECIAL, with_special
            )
            if count >= 0:
                return buffer.raw[:count].decode(errors="replace")
            room = -count

    def end_tokens(self) -> frozenset[int]:
        """Return the tokens that end an answer, as llama.cpp sees it."""
        return frozenset(
            token
            for token in range(self.vocabulary_size)
            if llama_cpp.llama_vocab_is_eog(self._vocab, token)
        )

    def is_control(self, token: int) -> bool:
        """Whether the token is special, not text."""
        return bool(llama_cpp.llama_vocab_is_control(self._vocab, token))

    def first_token(self) -> int:
        """Return BOS, or EOS where the vocabulary has no BOS."""
        bos = int(llama_cpp.llama_vocab_bos(self._vocab))
        return bos if bos >= 0 else max(0, int(llama_cpp.llama_vocab_eos(self._vocab)))

    # Evaluation -----------------------------------------------------------------------

    def forget(self) -> None:
        """Empty the cache: the next tokens start at position 0."""
        llama_cpp.llama_memory_clear(self._memory, _ERASE_DATA)

    def cut(self, sequence: int, length: int) -> None:
        """Take from a sequence all tokens from position `length` on."""
        llama_cpp.llama_memory_seq_rm(self._memory, sequence, length, _TO_THE_END)

    def keep_only(self, sequence: int, *, sequences: int) -> None:
        """Make every sequence `0..sequences-1` a copy of one; cells are shared."""
        for other in range(sequences):
            if other != sequence:
                self.cut(other, 0)
                llama_cpp.llama_memory_seq_cp(
                    self._memory, sequence, other, 0, _TO_THE_END
                )

    def evaluate(self, nodes: Sequence[Node]) -> Iterator[np.ndarray]:
        """Add `nodes` to the cache; yield logits, shape (vocabulary,), where wanted.

        An array is valid until the next one is taken from a later batch.

        Raises:
            NativeError: the cache is full or the computation failed.
        """
        for start in range(0, len(nodes), self.batch_tokens):
            part = nodes[start : start + self.batch_tokens]
            self._fill(part)
            status = llama_cpp.llama_decode(self._context, self._batch)
            if status:
                reason = "the cache is full" if status == _TOO_FEW_CELLS else "failed"
                raise NativeError(f"llama_decode: {reason} (status {status})")
            for index, node in enumerate(part):
                if node.wants_logits:
                    pointer = llama_cpp.llama_get_logits_ith(self._context, index)
                    yield np.ctypeslib.as_array(pointer, (self.vocabulary_size,))

    def _fill(self, nodes: Sequence[Node]) -> None:
        batch = self._batch
        batch.n_tokens = len(nodes)
        for index, node in enumerate(nodes):
            batch.token[index] = node.token
            batch.pos[index] = node.position
            batch.n_seq_id[index] = len(node.sequences)
            for place, sequence in enumerate(node.sequences):
                batch.seq_id[index][place] = sequence
            batch.logits[index] = node.wants_logits


def _context_parameters(
    context_tokens: int, threads: int, max_sequences: int
) -> llama_cpp.llama_context_params:
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = context_tokens
    parameters.n_batch = min(parameters.n_batch, context_tokens)
    parameters.n_threads = parameters.n_threads_batch = threads
    parameters.n_seq_max = max_sequences
    # One cache for all sequences: cells of a shared prefix are stored once, and a
    # single sequence may use the whole context.
    parameters.kv_unified = True
    parameters.no_perf = True
    return parameters
