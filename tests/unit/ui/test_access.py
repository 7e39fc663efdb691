"""Who may ask the page: rebinding, forgery, frames and the token."""

import http.client
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llmlab_pytest.commands import main
from llmlab_pytest.core import ConfigError, redact
from llmlab_pytest.ui._access import choose_token, is_loopback

SHOWN = "a-token-of-this-test-0123456789"
ANYWHERE = ".".join("0000")
WAIT_S = 60.0


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8765",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "user@127.0.0.1",
        "localhost@evil.example",
        "10.0.0.7",
        "127.0.0.1/",
        "[::1",
        "",
    ],
)
def test_rebound_name_is_refused(page: Any, host: str) -> None:
    """A name of another page that is made to mean this machine reads nothing."""
    reply = page.get("/runs", Host=host)
    assert reply.status in {400, 403}
    assert "No run yet" not in reply.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "[::1]:80"])
def test_names_of_this_machine_are_taken(page: Any, host: str) -> None:
    """On any port: a tunnel may lead here from another one."""
    assert page.get("/runs", Host=host).status == 200


def test_further_names_are_taken_where_they_are_allowed(
    serve: Callable[..., Any],
) -> None:
    """`--allow-host` names them."""
    page = serve(names=["lab.example"])
    assert page.get("/runs", Host="Lab.Example:8080").status == 200
    assert page.get("/runs", Host="other.example").status == 403


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost", ""],
)
def test_post_from_another_page_is_refused(page: Any, origin: str) -> None:
    """A form or script of another page is told by its origin."""
    reply = page.post("/token", {}, Origin=origin)
    assert reply.status == 403
    assert "must come from this page" in reply.json["error"]


def test_post_without_an_origin_is_refused(page: Any) -> None:
    """Browsers always send one with a POST; whoever does not is no page of ours."""
    reply = page.ask("POST", "/token", {}, b"{}")
    assert reply.status == 403
    assert "must carry its Origin" in reply.json["error"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(page: Any, method: str) -> None:
    """Among them the question whether another page may: there is no CORS."""
    reply = page.ask(method, "/runs", {"Origin": "https://evil.example"}, b"")
    assert reply.status == 403
    assert not [h for h in reply.headers if h.lower().startswith("access-control")]


@pytest.mark.parametrize(
    ("site", "mode", "status"),
    [
        ("cross-site", "no-cors", 403),
        ("same-site", "cors", 403),
        ("cross-site", "navigate", 200),
        ("same-origin", "cors", 200),
        ("none", "navigate", 200),
    ],
)
def test_other_pages_may_link_and_not_embed(
    page: Any, site: str, mode: str, status: int
) -> None:
    """An image, a script or a fetch of another page does not make the store work."""
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
    assert page.get("/runs", **headers).status == status


@pytest.mark.parametrize("path", ["/runs", "/page/ui.css", "/none", "/", "/runs/r9"])
def test_every_answer_carries_the_policy(page: Any, path: str) -> None:
    """No inline script, nothing from elsewhere, no frame; errors too."""
    headers = page.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Server"] == "llmlab"


@pytest.mark.parametrize(
    "path",
    ["/page/../_server.py", "/page/..%2f_server.py", "/page/%2e%2e/_server.py"],
)
def test_only_the_files_of_the_page_are_served(page: Any, path: str) -> None:
    """No path leads out of them."""
    reply = page.get(path)
    assert reply.status == 404
    assert "import" not in reply.text


def test_nothing_is_seen_without_the_token(serve: Callable[..., Any]) -> None:
    """But the form that asks for it, and the files of the page."""
    page = serve(token=SHOWN)
    for path in ("/runs", "/", "/runs/r1", "/none"):
        reply = page.get(path)
        assert reply.status == 401
        assert 'type="password"' in reply.text
        assert SHOWN not in reply.text
    assert page.get("/page/ui.css").status == 200
    assert page.post("/play/ask", {}).status == 401


def test_token_opens_the_page_for_this_browser(serve: Callable[..., Any]) -> None:
    """By a cookie that no script or other page gets, and that is not the token."""
    page = serve(token=SHOWN)

    def enter(text: str) -> Any:
        headers = {
            "Origin": page.url,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return page.ask("POST", "/token", headers, f"token={text}".encode())

    wrong = enter("not-it")
    assert wrong.status == 401
    assert "Set-Cookie" not in wrong.headers
    right = enter(SHOWN)
    assert (right.status, right.headers["Location"]) == (303, "/runs")
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert SHOWN not in cookie
    pair = cookie.partition(";")[0]
    assert page.get("/runs", Cookie=pair).status == 200
    assert page.get("/runs", Cookie=f"{pair}x").status == 401


def test_programs_show_the_token_each_time(serve: Callable[..., Any]) -> None:
    """As a bearer; in an address it would stand in logs."""
    page = serve(token=SHOWN)
    assert page.get("/runs", Authorization=f"Bearer {SHOWN}").status == 200
    assert page.get("/runs", Authorization=f"Bearer {SHOWN}x").status == 401
    assert page.get(f"/runs?token={SHOWN}").status == 401


def test_token_is_needed_beyond_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one each time, unless the environment holds one; never a short one."""
    monkeypatch.delenv("LLMLAB_UI_TOKEN", raising=False)
    assert choose_token("127.0.0.1") == (None, False)
    first, is_new = choose_token(ANYWHERE)
    again, _ = choose_token(ANYWHERE)
    assert first is not None
    assert is_new
    assert first != again
    assert str(first) not in redact(f"the token is {first}")
    monkeypatch.setenv("LLMLAB_UI_TOKEN", SHOWN)
    assert choose_token("127.0.0.1") == (SHOWN, False)
    monkeypatch.setenv("LLMLAB_UI_TOKEN", "short")
    with pytest.raises(ConfigError, match="5 characters"):
        choose_token("127.0.0.1")


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("127.8.8.8", True),
        ("::1", True),
        (ANYWHERE, False),
        ("::", False),
        ("192.168.0.2", False),
        ("lab.example", False),
    ],
)
def test_loopback_is_told_from_the_rest(host: str, is_here: bool) -> None:
    """What is not known to be this machine is not."""
    assert is_loopback(host) is is_here


def test_taken_port_is_said(page: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With what to do, and exit code 2."""
    assert main(["ui", "--port", f"{page.port}"]) == 2
    assert f"port {page.port}" in capsys.readouterr().err


@pytest.fixture
def command(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `llmlab ui` as people do, in an empty project."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        llmlab = Path(sys.executable).with_name("llmlab")
        words = [str(llmlab), "ui", "--port", "0", *arguments]
        process = subprocess.Popen(
            words,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"llmlab ui: http://.*:(\d+)/ \(Ctrl-C ends it\)\n", line)
    assert found, line
    return int(found[1])


def _get(port: int, headers: dict[str, str]) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    connection.request("GET", "/runs", headers=headers)
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_command_serves_until_it_is_ended(
    command: Callable[..., subprocess.Popen[str]], name: str, tmp_path: Path
) -> None:
    """At once, with exit code 0, nothing on standard error, and no store made."""
    process = command()
    status, text = _get(_port(process), {})
    assert status == 200
    assert "No run yet" in text
    process.send_signal(getattr(signal, name))
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_command_tells_a_new_token_once(
    command: Callable[..., subprocess.Popen[str]],
) -> None:
    """Where others can reach the page; requests write nothing about it."""
    process = command("--host", ANYWHERE)
    port = _port(process)
    assert process.stdout is not None
    found = re.fullmatch(r"token, told once: (\S{32})\n", process.stdout.readline())
    assert found
    assert _get(port, {})[0] == 401
    assert _get(port, {"Authorization": f"Bearer {found[1]}"})[0] == 200
    process.terminate()
    out, err = process.communicate(timeout=WAIT_S)
    assert found[1] not in out + err
