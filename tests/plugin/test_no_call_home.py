"""Nothing is told to anybody but the server of the model that is asked."""

from pathlib import Path
from typing import Any

import pytest

WATCH = """
    import socket
    from pathlib import Path

    SEEN = Path(__file__).with_name("seen.txt")
    LOOPBACK = ("127.", "::1", "localhost", "0.0.0.0")

    def watched(name, place, owner):
        real = getattr(owner, name)

        def call(*arguments, **keywords):
            address = arguments[place] if len(arguments) > place else None
            host = address[0] if isinstance(address, tuple) else address
            host = host.decode() if isinstance(host, bytes) else host
            is_local = host is None or str(host).startswith((*LOOPBACK, "/"))
            if host and not is_local:
                with SEEN.open("a") as file:
                    print(name, address, file=file)
                raise OSError("blocked by the test")
            return real(*arguments, **keywords)

        setattr(owner, name, call)

    SEEN.touch()
    for name in ("connect", "connect_ex", "sendto"):
        watched(name, 2 if name == "sendto" else 1, socket.socket)
    for name in ("getaddrinfo", "gethostbyname", "create_connection"):
        watched(name, 0, socket)
"""
SUITE = """
    from llmlab_pytest import llm_task

    ROWS = [{"id": f"s{n}", "input": f"{n}?", "target": "4"} for n in range(3)]

    @llm_task(data=ROWS, scorers=["contains_any"])
    def test_task(score): ...

    def test_behaviour(llm):
        llm("Hi", stream=True)
"""
MODELS = """
[[model]]
alias = "own"
provider = "litellm"
id = "openai/echo"
options = { base_url = "%(url)s" }

[[model]]
alias = "through-litellm"
provider = "litellm"
id = "openai/echo"
options = { base_url = "%(url)s", transport = "litellm" }
"""
OUTPUTS = ("json", "html", "csv", "samples", "lm-eval")


def _run(pytester: pytest.Pytester, *arguments: str) -> str:
    """Run the suite and return what it tried to reach, a line per attempt."""
    pytester.makepyfile(watch=WATCH)
    pytester.syspathinsert()
    result = pytester.runpytest_subprocess(
        "-pwatch",
        "-pno:cacheprovider",
        "--llmlab-cache=refresh",
        "--alluredir=allure",
        *(f"--llmlab-{name}=out-{name}" for name in OUTPUTS),
        *arguments,
    )
    assert "passed" in result.parseoutcomes()
    return (pytester.path / "seen.txt").read_text(encoding="utf-8")


def test_the_watch_sees_an_attempt(pytester: pytest.Pytester) -> None:
    """Else the tests below could not fail."""
    pytester.makepyfile(
        test_it="""
            import socket
            import pytest

            def test_calls():
                with pytest.raises(OSError, match="blocked"):
                    socket.create_connection(("192.0.2.1", 80), timeout=1)
                with pytest.raises(OSError, match="blocked"):
                    socket.getaddrinfo("example.org", 443)
        """
    )
    assert len(_run(pytester).splitlines()) == 2


@pytest.mark.parametrize("workers", ["-n0", "-n2"])
def test_only_the_server_that_is_asked_is_reached(
    pytester: pytest.Pytester,
    openai_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    workers: str,
) -> None:
    """By either transport; litellm fetches no price map and sends no report."""
    for name in ("LITELLM_LOCAL_MODEL_COST_MAP", "LITELLM_MODE"):
        monkeypatch.delenv(name, raising=False)
    pytester.makepyfile(test_it=SUITE)
    with openai_server.OpenAIServer() as server:
        registry = pytester.path / "llmlab_models.toml"
        registry.write_text(MODELS % {"url": server.url}, encoding="utf-8")
        models = ["--llm=own", "--llm=through-litellm", "--llm=scripted"]
        assert _run(pytester, workers, *models) == ""
        assert len(server.bodies) == 2 * 4


@pytest.mark.live
def test_local_models_reach_nobody(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Weights come from a package, and no hub hears of it."""
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    pytester.makepyfile(
        test_it="""
            def test_behaviour(llm):
                llm("Hi", max_tokens=2)
        """
    )
    assert _run(pytester, "--llm=smollm2") == ""
