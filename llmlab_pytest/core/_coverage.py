"""What a run exercised of what there is to exercise: risks, rules, tools, slices."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """One risk, rule, tool, prompt or slice."""

    name: str
    samples: int
    """Results without an error that exercised it; 0: never."""
    tasks: tuple[str, ...] = ()
    """The tasks they belong to, sorted."""
    is_declared: bool = True
    """Whether the project's list has it; what is not may be a slip of the pen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """All of one kind."""

    kind: str
    items: tuple[Covered, ...]
    """Those that are declared in their order, then others that were exercised."""
    at_least: float | None = None
    """The share of declared ones that has to be exercised; `None`: any."""

    @property
    def declared(self) -> tuple[Covered, ...]:
        """Those that the share is of."""
        return tuple(item for item in self.items if item.is_declared)

    @property
    def never(self) -> tuple[str, ...]:
        """Names of the declared ones that nothing exercised."""
        return tuple(item.name for item in self.declared if not item.samples)

    @property
    def is_short(self) -> bool:
        """Whether less was exercised than has to be."""
        share, least = self.share, self.at_least
        return share is not None and least is not None and share < least

    @property
    def share(self) -> float | None:
        """The part of the declared ones that was exercised; `None` without any."""
        count = len(self.declared)
        return 1 - len(self.never) / count if count else None
