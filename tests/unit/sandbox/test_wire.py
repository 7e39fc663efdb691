"""Values as bytes: the same value comes back, and noise is refused, never run."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmlab_pytest.sandbox._wire import Handle, WireError, decode, encode, receive

_HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | st.binary()
    | st.text(st.characters(exclude_categories=()))
    | st.just(...)
)
_VALUES = st.recursive(
    _HASHABLE,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(_HASHABLE, inner)
        | st.sets(_HASHABLE)
        | st.frozensets(_HASHABLE)
    ),
    max_leaves=20,
)


def _refuse(value: object) -> Any:
    raise TypeError(value)


def _same(left: Any, right: Any) -> bool:
    return type(left) is type(right) and repr(left) == repr(right)


@given(_VALUES)
def test_value_comes_back_as_it_was(value: object) -> None:
    """Every plain value survives, with its type and the order of its parts."""
    again = decode(encode(value, _refuse), _refuse)
    assert again == value
    assert _same(again, value) or isinstance(value, (set, frozenset, dict, list, tuple))


def test_numbers_that_equal_nothing_come_back() -> None:
    """NaN stays NaN, minus zero keeps its sign."""
    nan, zero, infinite = decode(encode([math.nan, -0.0, -math.inf], _refuse), _refuse)
    assert math.isnan(nan)
    assert math.copysign(1, zero) == -1
    assert infinite == -math.inf


@given(st.binary(max_size=64))
def test_noise_is_a_value_or_refused(content: bytes) -> None:
    """Whatever arrives, decoding ends with a value or a `WireError`."""
    try:
        value = decode(content, lambda handle: handle)
    except WireError:
        return
    assert isinstance(value, object)


@given(_VALUES, st.integers(min_value=0), st.integers(0, 255))
def test_damaged_value_is_a_value_or_refused(value: Any, at: int, byte: int) -> None:
    """One wrong byte never raises anything else than `WireError`."""
    content = bytearray(encode(value, _refuse))
    content[at % len(content)] = byte
    try:
        decode(bytes(content), lambda handle: handle)
    except WireError:
        return


def test_handles_are_resolved_by_the_receiver() -> None:
    """An object that is no plain data crosses as its number and its type's name."""
    content = encode([object()], lambda value: Handle(7, type(value).__name__))
    assert decode(content, lambda handle: (handle.number, handle.kind)) == [
        (7, "object")
    ]


@pytest.mark.parametrize("depth", [99, 101])
def test_depth_is_bounded(depth: int) -> None:
    """A hundred levels cross, more are refused on both sides."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    if depth < 100:
        assert decode(encode(value, _refuse), _refuse) == value
        return
    with pytest.raises(WireError, match="deep"):
        encode(value, _refuse)
    with pytest.raises(WireError, match="deep"):
        decode(b"l\0\0\0\1" * depth + b"N\0\0\0\0", _refuse)


def test_announced_length_is_bounded() -> None:
    """A message that announces gigabytes is refused before anything is read."""
    with pytest.raises(WireError, match="4294967295 bytes"):
        receive(lambda wanted: b"\xff" * wanted)
    with pytest.raises(WireError, match="closed"):
        receive(lambda _: b"")
