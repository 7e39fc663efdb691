"""Load a causal language model and its tokenizer into torch, quickly and quietly.

`from_pretrained(gguf_file=...)` parses the header three times into objects and asks
`gguf` for a table of tensor names once per module: of the 18 s that SmolLM2-135M takes
on two cores, 2 s turn blocks into numbers. For architecture `llama` with the standard
tensors, this module reads the header once, names the tensors itself and hands
transformers a finished state dict; the weights are equal bit by bit (a live test says
so). Any other GGUF file takes the official way.
"""

import contextlib
import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import transformers
from gguf import GGMLQuantizationType
from gguf.quants import dequantize
from safetensors import SafetensorError

from llmlab_pytest.core import ModelError, ModelSpec
from llmlab_pytest.providers._weights_gguf import (
    GgufHeader,
    GgufTensor,
    read_gguf_header,
)

# Progress bars and advice would land in the middle of pytest's output.
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

_CONFIG_KEYS = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "feed_forward_length": "intermediate_size",
    "embedding_length": "hidden_size",
    "rope.dimension_count": "head_dim",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
    "vocab_size": "vocab_size",
}
_ROPE_KEY = "rope.freq_base"
_TOKEN_KEYS = {
    "bos_token_id": "bos_token_id",
    "eos_token_id": "eos_token_id",
    "unknown_token_id": "unk_token_id",
    "padding_token_id": "pad_token_id",
}
_TOP_TENSORS = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
_LAYER_TENSORS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_LAYER_TENSOR = re.compile(r"blk\.(\d+)\.(\w+)\.weight")
# `dequantize` works on 16 rows at a time in Python; rows of this length keep its
# temporaries in the cache and the number of steps small (135M: 1.2 s instead of 2.4).
_ROW_BYTES = 1 << 12
# What transformers, torch and safetensors raise for files they cannot use.
_REFUSALS = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    SafetensorError,
)


class Loaded(NamedTuple):
    """A model ready to run."""

    model: transformers.PreTrainedModel
    tokenizer: transformers.PreTrainedTokenizerBase


def load_weights(
    path: Path,
    spec: ModelSpec,
    *,
    dtype: torch.dtype,
    device: str,
    attention: str | None,
) -> Loaded:
    """Load the model at `path` in evaluation mode.

    Args:
        path: a `.gguf` file, or a folder with `config.json`, safetensors, tokenizer.
        spec: of the model, named in errors.
        dtype: of the weights.
        device: name of a torch device.
        attention: transformers' `attn_implementation`; `None` for its own choice.

    Raises:
        ModelError: files are missing, damaged or of an architecture nobody knows.
    """
    how: dict[str, Any] = {"dtype": dtype}
    if attention is not None:
        how["attn_implementation"] = attention
    try:
        # The official loaders draw progress bars and warn on stderr unasked.
        with contextlib.redirect_stderr(io.StringIO()):
            loaded = (
                _load_file(path, how) if path.is_file() else _load_folder(path, how)
            )
            return Loaded(loaded.model.to(device).eval(), loaded.tokenizer)
    except _REFUSALS as error:
        reason = f"{type(error).__name__}: {error}"
        raise ModelError(
            f"Model {spec.alias!r} cannot be loaded from {str(path)!r} ({reason}).",
            allowed="transformers needs a .gguf file or a folder with config.json, "
            "*.safetensors and tokenizer files, of an architecture it supports.",
            fix="Check the id of the model, or load it with another provider.",
        ) from error


def _load_folder(path: Path, how: Mapping[str, Any]) -> Loaded:
    _require_files(path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        path, local_files_only=True, **how
    )
    return Loaded(model, tokenizer)


def _require_files(path: Path) -> None:
    wanted = {
        "config.json": ["config.json"],
        "*.safetensors": ["*.safetensors"],
        "tokenizer.json (or tokenizer.model, vocab.json)": [
            "tokenizer.json",
            "tokenizer.model",
            "vocab.json",
        ],
    }
    missing = [
        name
        for name, globs in wanted.items()
        if not any(next(path.glob(glob), None) for glob in globs)
    ]
    if missing:
        found = (
            ", ".join(sorted(file.name for file in path.iterdir())[:12]) or "nothing"
        )
        raise ModelError(
            f"The model folder {str(path)!r} lacks {' and '.join(missing)}; it holds "
            f"{found}.",
            fix="Copy the whole model folder, as saved by save_pretrained().",
        )


def _load_file(path: Path, how: Mapping[str, Any]) -> Loaded:
    header = read_gguf_header(path)
    names = _state_names(header)
    # AutoTokenizer would read the configuration through the slow reader first.
    tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(
        path.parent, gguf_file=path.name
    )
    if names is None:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent,
            gguf_file=path.name,
            quantization_config=_unpacked(),
            **how,
        )
        return Loaded(model, tokenizer)
    config = _llama_config(header)
    model = transformers.LlamaForCausalLM.from_pretrained(
        None, config=config, state_dict=_state(header, names, config), **how
    )
    return Loaded(model, tokenizer)


def _unpacked() -> object:
    """Ask newer versions to unpack blocks, not to fetch a kernel from the hub."""
    maker = getattr(transformers, "GgufConfig", None)
    return maker(dequantize=True) if maker else None


def _state_names(header: GgufHeader) -> dict[str, str] | None:
    """Name the tensors as torch does, or `None` if this is no plain llama."""
    if header.architecture != "llama" or "mistral" in str(
        header.metadata.get("general.name", "")
    ):
        return None
    plain = {*_CONFIG_KEYS, _ROPE_KEY}
    present = {
        key.removeprefix("llama.")
        for key in header.metadata
        if key.startswith("llama.")
    }
    if not present <= plain or not plain - {"vocab_size"} <= present:
        return None
    names: dict[str, str] = {}
    for tensor in header.tensors:
        name = _TOP_TENSORS.get(tensor.name) or _layer_name(tensor.name)
        if name is None:
            return None
        names[tensor.name] = name
    return names


def _layer_name(name: str) -> str | None:
    match = _LAYER_TENSOR.fullmatch(name)
    part = _LAYER_TENSORS.get(match[2]) if match else None
    return f"model.layers.{match[1]}.{part}.weight" if match and part else None


def _llama_config(header: GgufHeader) -> transformers.LlamaConfig:
    metadata = header.metadata
    values = {
        name: metadata[f"llama.{key}"]
        for key, name in _CONFIG_KEYS.items()
        if f"llama.{key}" in metadata
    }
    values.setdefault("vocab_size", len(metadata["tokenizer.ggml.tokens"]))
    for key, name in _TOKEN_KEYS.items():
        values[name] = metadata.get(f"tokenizer.ggml.{key}")
    tensors = {tensor.name for tensor in header.tensors}
    return transformers.LlamaConfig(
        **values,
        tie_word_embeddings="output.weight" not in tensors,
        rope_parameters={
            "rope_type": "default",
            "rope_theta": metadata[f"llama.{_ROPE_KEY}"],
        },
    )


def _state(
    header: GgufHeader,
    names: Mapping[str, str],
    config: transformers.LlamaConfig,
) -> dict[str, torch.Tensor]:
    content = np.memmap(header.path, mode="r", dtype=np.uint8)
    heads = {
        "attn_q": config.num_attention_heads,
        "attn_k": config.num_key_value_heads,
    }
    state = {}
    for tensor in header.tensors:
        weight = _unpack(content, tensor)
        part = tensor.name.split(".")[-2]
        if part in heads:
            weight = _unpermute(weight, heads[part])
        # Plain float tensors are still read-only views of the file here.
        owned = np.require(weight, requirements=["C", "W"])
        state[names[tensor.name]] = torch.from_numpy(owned)
    return state


def _unpack(content: np.ndarray, tensor: GgufTensor) -> np.ndarray:
    """Turn the blocks of one tensor into float32 numbers of its shape."""
    stop = tensor.offset_bytes + tensor.length_bytes
    blocks = content[tensor.offset_bytes : stop]
    kind = GGMLQuantizationType(tensor.ggml_type)
    rows = _row_count(tensor)
    return np.asarray(dequantize(blocks.reshape(rows, -1), kind)).reshape(tensor.shape)


def _row_count(tensor: GgufTensor) -> int:
    """Return into how many rows to cut a tensor: rows must be whole blocks."""
    rows = tensor.shape[0] if len(tensor.shape) > 1 else 1
    while rows % 2 == 0 and tensor.length_bytes // rows < _ROW_BYTES:
        rows //= 2
    return rows


def _unpermute(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undo llama.cpp's order of rotary rows: (heads, half, 2) to (heads, 2, half)."""
    half = weight.shape[0] // heads // 2
    shaped = weight.reshape(heads, half, 2, *weight.shape[1:])
    return shaped.swapaxes(1, 2).reshape(weight.shape)
