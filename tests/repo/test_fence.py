"""The fence of tests/conftest.py: tests stay on this machine."""

import asyncio
import os
import socket
from pathlib import Path

import pytest


def test_names_of_other_hosts_are_not_looked_up() -> None:
    """Resolving a host that is not this machine fails the test that tries."""
    with pytest.raises(AssertionError, match=r"host\.invalid"):
        socket.getaddrinfo("host.invalid", 443)


def test_event_loops_are_fenced_too() -> None:
    """What asyncio opens ends in the same calls."""
    with pytest.raises(AssertionError, match=r"host\.invalid"):
        asyncio.run(asyncio.open_connection("host.invalid", 443))


def test_loopback_is_open() -> None:
    """Servers that a test starts here can be reached."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("localhost", port), timeout=5) as client:
            assert client.getpeername()[1] == port


def test_settings_of_the_user_are_hidden() -> None:
    """No `LLMLAB_*` variable of the shell reaches a test; the cache is temporary."""
    left = {n for n in os.environ if n.startswith("LLMLAB_")} - {"LLMLAB_TEST_NETWORK"}
    assert left == {"LLMLAB_CACHE"}
    assert "llmlab-cache" in Path(os.environ["LLMLAB_CACHE"]).name
