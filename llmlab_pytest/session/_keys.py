"""Addresses of calls: what makes two calls of two runs the same call."""

from collections import Counter
from typing import NamedTuple

from llmlab_pytest.core import ModelSpec, Request, digest_of
from llmlab_pytest.engine import Allowance, Asker, Call
from llmlab_pytest.store import request_json


def sample_key(
    spec: ModelSpec, *, task_hash: str, data_hash: str, sample_id: str, epoch: int
) -> str:
    """Address the call of one sample; the request follows from these parts."""
    return digest_of(
        ["sample", spec.fingerprint, task_hash, data_hash, sample_id, epoch]
    )


class CallAddress(NamedTuple):
    """Where a call made inside a test stands."""

    key: str
    """The address of the call, unique in its run."""
    place: str
    """The test."""
    number: int
    """How often the test has asked the same, this time included."""


class CallCounter:
    """Numbers equal calls of one test, so that asking twice is two calls."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def address(self, spec: ModelSpec, *, nodeid: str, request: Request) -> CallAddress:
        """Address a call made inside a test."""
        # Under --dist loadgroup xdist appends "@group" to the node id; a resumed run
        # may be distributed otherwise.
        place = nodeid.rpartition("]@")[0] or nodeid
        base = digest_of(["test", spec.fingerprint, place, request_json(request)])
        self._seen[base] += 1
        number = self._seen[base]
        return CallAddress(f"{base}-{number}", place, number)

    def call(
        self,
        spec: ModelSpec,
        nodeid: str,
        request: Request,
        allowance: Allowance | None,
    ) -> Call:
        """Describe a call made inside a test.

        Args:
            spec: the model.
            nodeid: the test's.
            request: what is asked, with nothing left open.
            allowance: what the test may spend; `None`: as much as the run.
        """
        address = self.address(spec, nodeid=nodeid, request=request)
        return Call(
            key=address.key,
            spec=spec,
            build=lambda: request,
            owner=nodeid.partition("::")[0],
            epoch=address.number,
            asker=Asker(address.place, is_test=True, allowance=allowance),
        )
