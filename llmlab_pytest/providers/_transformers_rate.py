"""What a model's layers ask of the machine, and what the machine gives one of them.

Counted are the products of the linear layers, 2 FLOP per weight and token (Kaplan et
al. 2020, "Scaling Laws for Neural Language Models", section 2.1, C_forward ≈ 2N with
embeddings apart). Attention over the context, embedding and output layer are left out,
and so are models whose layers are not plain: experts, of which a token meets a few, and
matrices that are no linear layers (GPT-2's).
"""

import time
from collections.abc import Iterator

import torch
from torch import nn
from transformers import PreTrainedModel

_ROWS = 512
"""As many tokens as a pass has."""
_MEASURED_S = 0.2
_MATRIX_DIMENSIONS = 2


def layer_flop(model: PreTrainedModel) -> float | None:
    """Return the FLOP of the layers' matrices per token; `None` if they are not plain.

    Linear layers are known by `in_features` and `out_features`, so that those with
    packed weights count as well.
    """
    layers = list(_layers(model))
    known = {id(part) for layer in layers for part in layer.parameters()}
    known |= {id(part) for module in _apart(model) for part in module.parameters()}
    unknown = [
        part
        for part in model.parameters()
        if id(part) not in known and part.dim() >= _MATRIX_DIMENSIONS
    ]
    if unknown or not layers:
        return None
    return 2.0 * sum(_weights(layer) for layer in layers)


def matrix_flops(model: PreTrainedModel) -> float:
    """Return the FLOP/s of the model's largest linear layer by itself, at its best.

    Takes 0.2 s, in the thread, the type and the number of threads of the model.
    """
    layer = max(_layers(model), key=_weights)
    # Random numbers: some processors are quicker with zeros.
    rows = torch.randn(_ROWS, layer.in_features).to(model.device, model.dtype)
    best_s = float("inf")
    begun = time.perf_counter()
    with torch.inference_mode():
        while time.perf_counter() - begun < _MEASURED_S:
            started = time.perf_counter()
            # Reading a number waits for a device that computes asynchronously.
            float(layer(rows)[0, 0])
            best_s = min(best_s, time.perf_counter() - started)
    return 2.0 * _ROWS * _weights(layer) / best_s


def _layers(model: PreTrainedModel) -> Iterator[nn.Module]:
    """Yield the linear layers apart from the output layer."""
    apart = _apart(model)
    for module in model.modules():
        has_shape = hasattr(module, "in_features") and hasattr(module, "out_features")
        if has_shape and not any(module is other for other in apart):
            yield module


def _apart(model: PreTrainedModel) -> list[nn.Module]:
    """Return embeddings, learned positions among them, and the output layer."""
    tables = [part for part in model.modules() if isinstance(part, nn.Embedding)]
    head = model.get_output_embeddings()
    return [*tables, head] if head is not None else tables


def _weights(layer: nn.Module) -> int:
    return int(layer.in_features) * int(layer.out_features)
