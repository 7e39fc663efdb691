"""Python's search for garbage, kept away from the items of a run.

Every search looks at everything that was collected before, and all of it stays: of
38,681 items it took 1.3 s of the 5.5 s of their collection. While 10,000 run, whose
garbage is rarely circular, searches took a seventh of the time.
"""

import gc

import pytest

_SELDOM = 20_000
"""So many new objects are searched together, where Python takes some hundreds; they are
few megabytes."""


class GarbagePause:
    """No search from now to `end`; then fewer, and none among what there is.

    Until the end of the run. Nothing where the search was off already.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._is_on = gc.isenabled()
        self._usual = gc.get_threshold()
        gc.disable()
        self._config = config
        config.add_cleanup(self.end)

    def end(self) -> None:
        """Let Python search among what comes; calling it again does nothing."""
        if self._is_on:
            self._is_on = False
            first, *others = self._usual
            gc.freeze()
            if first:  # 0: no search but on demand
                gc.set_threshold(max(first, _SELDOM), *others)
            gc.enable()
            self._config.add_cleanup(self._stop)

    def _stop(self) -> None:
        gc.unfreeze()
        gc.set_threshold(*self._usual)
