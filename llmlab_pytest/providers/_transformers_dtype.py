"""Which numbers a model computes with."""

import torch

DTYPES = ("auto", "float32", "bfloat16", "float16")


def resolve_dtype(name: str, device: str) -> torch.dtype:
    """Return the type of weights and activations.

    `auto` is bfloat16 where the device multiplies it in hardware, which halves memory
    and at least doubles the rate of products; float32 elsewhere, since emulated
    bfloat16 is slower than that.

    Args:
        name: one of `DTYPES`.
        device: name of a torch device.
    """
    if name == "auto":
        name = "bfloat16" if _multiplies_bfloat16(device) else "float32"
    dtype: torch.dtype = getattr(torch, name)
    return dtype


def _multiplies_bfloat16(device: str) -> bool:
    kind = torch.device(device).type
    if kind == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if kind != "cpu" or not hasattr(torch.cpu, "get_capabilities"):
        return False
    # avx512_bf16 and amx_bf16 of x86, bf16 of Arm.
    flags = torch.cpu.get_capabilities()
    return any(flags[flag] is True for flag in flags if flag.endswith("bf16"))
