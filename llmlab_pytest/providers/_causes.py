"""What led to an exception: clients wrap what happened, and litellm wraps clients."""

from collections.abc import Iterator


def causes(error: BaseException) -> Iterator[BaseException]:
    """Give an exception and what led to it, the latest first."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def class_names(error: BaseException) -> frozenset[str]:
    """Return the names of the classes of an exception and of what led to it."""
    return frozenset(
        kind.__name__ for cause in causes(error) for kind in type(cause).__mro__
    )
