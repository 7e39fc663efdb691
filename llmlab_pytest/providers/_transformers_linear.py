"""Linear layers whose weights oneDNN has laid out once for its own kernels.

torch hands a float32 product to MKL, which reorders the weights again in every call: a
step that decodes eight rows then takes twice the time (SmolLM2-135M on two cores with
AVX-512: 22 ms instead of 41 for the layers' products; 1,024 rows 10 % less). The same
operators serve torch's own compiler; where they are missing, or do not give `linear`'s
numbers, a model stays as it is.
"""

import logging

import torch
from torch import nn

_LOG = logging.getLogger(__name__)
# Not public by name, but torch's own compiler puts them into what it exports.
_PACK, _MULTIPLY = "_reorder_linear_weight", "_linear_pointwise"
_KINDS = (torch.float32, torch.bfloat16)
_LEAST_WEIGHTS = 1 << 14
"""Smaller matrices stay in a core's cache: there is nothing to win."""
_MOST_COPIED_BYTES = 1 << 29
"""A head that shares its weights with the embedding costs them once more."""


class PackedLinear(nn.Module):
    """A linear layer on the CPU whose weights are packed; it cannot be trained."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
        self._packed = getattr(torch.ops.mkldnn, _PACK)(linear.weight.detach())
        self._multiply = getattr(torch.ops.mkldnn, _MULTIPLY)

    @property
    def weight(self) -> torch.Tensor:
        """A copy of the weights, (outputs, inputs)."""
        weight: torch.Tensor = self._packed.to_dense()
        return weight

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return `inputs @ weight.T + bias`, (..., outputs)."""
        output: torch.Tensor = self._multiply(
            inputs, self._packed, self.bias, "none", [], ""
        )
        return output


def pack_linears(model: nn.Module) -> int:
    """Pack the linear layers of a model on the CPU, in place; return how many.

    Each layer's own weights are freed as soon as they are packed.
    """
    if not can_pack():
        return 0
    shared = {id(part.weight) for part in model.modules() if _is_embedding(part)}
    found = [
        (parent, name)
        for parent in model.modules()
        for name, child in parent.named_children()
        if _is_worth_it(child, is_shared=id(getattr(child, "weight", 0)) in shared)
    ]
    for parent, name in found:  # no list of the layers: it would keep their weights
        setattr(parent, name, PackedLinear(getattr(parent, name)))
    return len(found)


def can_pack() -> bool:
    """Whether this torch has the operators, and they give `linear`'s numbers."""
    if not torch.backends.mkldnn.is_available():
        return False
    linear = nn.Linear(48, 32)
    inputs = torch.linspace(-1, 1, 2 * 3 * 48).reshape(2, 3, 48)
    with torch.inference_mode():
        try:
            output = PackedLinear(linear)(inputs)
        except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
            _LOG.debug("linear layers are not packed: %s", error)
            return False
        return bool(torch.allclose(output, linear(inputs), atol=1e-5))


def _is_embedding(module: nn.Module) -> bool:
    return isinstance(module, nn.Embedding)


def _is_worth_it(module: nn.Module, *, is_shared: bool) -> bool:
    """Whether a module is a plain linear layer, and large enough."""
    if type(module) is not nn.Linear:
        return False
    weight = module.weight
    if weight.device.type != "cpu" or weight.dtype not in _KINDS:
        return False
    if is_shared and weight.nbytes > _MOST_COPIED_BYTES:
        return False
    return bool(weight.numel() >= _LEAST_WEIGHTS)
