import asyncio
import threading

import pytest

from llmlab_pytest.providers._local_worker import (
    Interrupted,
    LocalWorker,
    StopSignal,
    usable_threads,
)


def test_worker_runs_jobs_in_one_thread_of_its_own() -> None:
    """The event loop's thread never computes, and the initializer runs first."""
    started = []
    worker = LocalWorker("w", initializer=lambda: started.append(threading.get_ident()))

    async def twice() -> list[int]:
        def who(_: StopSignal) -> int:
            return threading.get_ident()

        return [await worker.run(who), await worker.run(who)]

    first, second = asyncio.run(twice())
    worker.close()
    assert first == second == started[0]
    assert first != threading.get_ident()


def test_cancelled_run_stops_its_job() -> None:
    """A job whose caller is gone ends at its next check."""
    worker = LocalWorker("w", initializer=lambda: None)
    running, ended = threading.Event(), threading.Event()

    def endless(signal: StopSignal) -> None:
        running.set()
        try:
            while True:
                signal.check()
        except Interrupted:
            ended.set()
            raise

    async def cancel() -> None:
        task = asyncio.create_task(worker.run(endless))
        await asyncio.to_thread(running.wait, 5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert ended.wait(5)
    worker.close()


@pytest.mark.parametrize("workers", ["2", "64", "junk"])
def test_threads_are_shared_among_xdist_workers(
    workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each xdist worker takes its part of the cores, at least one."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    alone = usable_threads()
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", workers)
    parts = int(workers) if workers.isdecimal() else 1
    assert usable_threads() == max(1, alone // parts)
