"""The page in a real browser: by mouse and keyboard, on a phone, in dark and light.

Chromium comes from the system (Debian's package `chromium`), not from Playwright.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip("playwright.sync_api")

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
CHECKS = (Path(__file__).parent / "checks.js").read_text(encoding="utf-8")


def check(view: Any, name: str) -> Any:
    """Return what a function of checks.js finds."""
    return view.evaluate(f"({CHECKS}).{name}()")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium of this machine.

    For these tests alone: while it runs, so does an event loop in this thread.
    """
    found = [path for name in NAMES if (path := shutil.which(name))]
    if not found:
        pytest.skip("needs a browser: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found[0], args=list(ARGUMENTS)
        )
        yield browser
        browser.close()


@pytest.fixture
def open_view(chromium: Any, page: Any) -> Iterator[Callable[..., Any]]:
    """Open a view; at the end nothing was logged, and nothing asked for elsewhere."""
    troubles: list[str] = []
    contexts: list[Any] = []

    def opened(path: str, **options: Any) -> Any:
        options = {"viewport": DESK, "base_url": page.url, **options}
        context = chromium.new_context(**options)
        contexts.append(context)
        view = context.new_page()
        view.set_default_timeout(20_000)
        view.on("console", lambda message: troubles.append(message.text))
        view.on("pageerror", lambda error: troubles.append(f"{error}"))
        view.on(
            "request",
            lambda request: (
                request.url.startswith(options["base_url"])
                or troubles.append(request.url)
            ),
        )
        view.goto(path)
        return view

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.fixture
def filled(kept: Any) -> Any:
    """Two runs of a quiz on two models, with texts that are long or hostile."""
    for number, run_id in enumerate(("r1", "r2"), start=1):
        kept.run(run_id, day=number)
        for model in ("careful", "hasty"):
            task = "a_task_with_a_rather_long_name/and-another_part_of_it"
            kept.plan(run_id, task, model, 60, gates=("exact >= 0.5",))
            for n in range(60):
                is_right = (n + number) % (10 if model == "careful" else 3) != 0
                kept.result(
                    run_id,
                    task,
                    model,
                    f"sample-{n:03d}",
                    value=float(is_right),
                    said="Paris, of course. " * 30 if is_right else "x" * 400,
                    error="ProviderDown: on fire" if n == 59 else None,
                )
    return kept


TASK = "a_task_with_a_rather_long_name%2Fand-another_part_of_it"
VIEWS = (
    "/runs",
    "/runs/r1",
    "/runs/r1/samples",
    f"/runs/r1/sample?task={TASK}&model=hasty&id=sample-002",
    "/compare?run=r1&run=r2",
    f"/compare/sample?run=r1&run=r2&task={TASK}&id=sample-002",
    "/play?template=Capital+of+{{+land+}}&model=careful&model=hasty",
    "/costs?by=model",
    "/leaderboard",
    "/nothing",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_every_view_fits_and_can_be_read(
    filled: Any, open_view: Callable[..., Any], viewport: Any, scheme: str
) -> None:
    """No scrolling sideways, contrast of WCAG AA, a name for every control."""
    view = open_view("/runs", viewport=viewport, color_scheme=scheme)
    for path in VIEWS[:-1]:
        view.goto(path)
        for closed in view.locator("details:not([open]) > summary").all():
            if closed.is_visible():
                closed.click()
        wide = view.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert wide[0] <= wide[1], path
        assert check(view, "contrast") == [], path
        assert check(view, "nameless") == [], path
        assert view.locator("h1").count() == 1, path


@pytest.mark.parametrize("path", VIEWS[:-1])
def test_keyboard_reaches_everything(
    filled: Any, open_view: Callable[..., Any], path: str
) -> None:
    """Tab passes each link and control once, and shows where it is."""
    view = open_view(path)
    count = check(view, "mark")
    seen = set()
    for _ in range(count + 5):
        view.keyboard.press("Tab")
        place = view.evaluate("() => document.activeElement.dataset.place")
        outline = view.evaluate(
            "() => getComputedStyle(document.activeElement).outlineStyle"
        )
        if place is not None:
            assert outline != "none", view.evaluate(
                "() => document.activeElement.outerHTML"
            )
            seen.add(int(place))
    assert seen == set(range(count))


def test_first_tab_leads_past_the_navigation(
    filled: Any, open_view: Callable[..., Any]
) -> None:
    """A link that only the keyboard shows."""
    view = open_view("/runs")
    view.keyboard.press("Tab")
    view.keyboard.press("Enter")
    view.keyboard.press("Tab")
    assert view.evaluate("() => !!document.activeElement.closest('main')")


def test_samples_are_filtered_and_gone_back_to(
    filled: Any, open_view: Callable[..., Any]
) -> None:
    """A list, a filter, a sample, the next one; and back with the browser's button."""
    view = open_view("/runs")
    view.get_by_role("link", name="r1").click()
    view.get_by_role("link", name="All samples").click()
    view.get_by_label("outcome").select_option("miss")
    view.get_by_label("model").select_option("hasty")
    view.get_by_role("button", name="Filter").click()
    view.get_by_text("of 19 samples").first.wait_for()
    listing = view.url
    view.locator("tbody a").nth(1).click()
    view.get_by_text("2 of 19").wait_for()
    view.get_by_role("link", name="later").click()
    view.get_by_text("3 of 19").wait_for()
    view.go_back()
    view.get_by_text("2 of 19").wait_for()
    view.go_back()
    assert view.url == listing
    assert view.get_by_label("outcome").input_value() == "miss"


def test_runs_are_compared_by_keyboard(
    filled: Any, open_view: Callable[..., Any]
) -> None:
    """Two boxes and a button; what flipped is marked for eye and ear."""
    view = open_view("/runs")
    for name in ("r1", "r2"):
        view.get_by_label(f"compare {name}").focus()
        view.keyboard.press("Space")
    view.get_by_role("button", name="Compare the chosen runs").focus()
    view.keyboard.press("Enter")
    view.get_by_role("heading", name="Comparison").wait_for()
    assert view.locator("td.side.lower").count() > 0
    assert "lower" in view.locator("td.side.lower").first.text_content()
    view.locator("td.title a[href^='/compare/sample']").first.click()
    assert view.locator("del").count() > 0
    assert view.locator("ins").count() > 0
    view.go_back()
    view.get_by_role("heading", name="Comparison").wait_for()


def test_hostile_sample_does_not_run(
    kept: Any, open_view: Callable[..., Any], hostile: str
) -> None:
    """In lists, transcripts and comparisons it is a text, whole."""
    kept.run("r1")
    for model in ("a", "b"):
        kept.plan("r1", "quiz", model, 1)
        said = f"{hostile}{model}"
        value = float(model == "a")
        kept.result("r1", "quiz", model, "s1", said=said, asked=hostile, value=value)
    view = open_view("/runs/r1/samples")
    for path in (
        "/runs/r1/samples",
        "/runs/r1/sample?task=quiz&model=a&id=s1",
        "/compare?run=r1",
        "/compare/sample?run=r1&task=quiz&id=s1",
        "/play?run=r1&task=quiz&model=a&id=s1",
    ):
        view.goto(path)
        assert "owned" not in view.title()
        assert view.locator("main img").count() == 0
    view.go_back()
    assert "<script>document.title='owned'</script>" in view.content().replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


def _ask(view: Any, template: str, *models: str) -> None:
    view.get_by_label("prompt", exact=True).fill(template)
    chosen = view.get_by_role("group", name="models")
    for box in chosen.get_by_role("checkbox").all():
        box.set_checked(box.get_attribute("value") in models)


def test_prompt_is_tried_on_two_models(
    open_view: Callable[..., Any], project: Path
) -> None:
    """Variables at once, answers side by side, their words, saved, gone back to."""
    view = open_view("/play")
    _ask(view, "Capital of {{ land }}?", "careful", "hasty")
    view.get_by_label("land").fill("France")
    view.get_by_text("Scoring").click()
    view.get_by_label("answers contain").fill("Paris")
    view.get_by_role("button", name="Ask").click()
    view.get_by_text("This try cost $0").wait_for()
    answers = view.locator("#cards pre").all_text_contents()
    assert answers == ["It is the town of Paris.", "It is the city of Lyon."]
    states = view.locator("#cards .state").all_text_contents()
    assert states == ["contains_any 1.000", "contains_any 0.000"]
    view.get_by_label("words that differ from").select_option(label="careful")
    sync_api.expect(view.locator("ins")).to_have_text(["city ", "Lyon."])
    sync_api.expect(view.locator("del")).to_have_text(["town ", "Paris."])
    view.get_by_text("Save as an eval").click()
    view.get_by_label("name", exact=True).fill("capitals")
    view.get_by_role("button", name="Save").click()
    view.get_by_text("Wrote capitals.task.toml").wait_for()
    assert (project / "capitals.task.toml").is_file()
    first = view.url
    _ask(view, "Which town has France?", "careful")
    view.keyboard.press("Control+Enter")
    view.get_by_label("prompt", exact=True).press("Control+Enter")
    view.get_by_text("This try cost $0").wait_for()
    assert view.url != first
    view.go_back()
    view.get_by_label("land").wait_for()
    assert view.url == first
    assert view.get_by_label("land").input_value() == "France"


def test_mistake_in_a_prompt_is_said_where_it_is_written(
    open_view: Callable[..., Any],
) -> None:
    """A template that cannot be read; a variable without a value asks nothing."""
    view = open_view("/play")
    view.get_by_label("prompt", exact=True).fill("{{ land")
    view.get_by_text("has an error").wait_for()
    view.get_by_label("prompt", exact=True).fill("Who?")
    view.get_by_text("has an error").wait_for(state="hidden")


def test_hostile_answer_does_not_run(
    open_view: Callable[..., Any],
) -> None:
    """Shown whole, alone and compared by words."""
    view = open_view("/play?template=hostile&model=careful&answers=2")
    view.get_by_role("button", name="Ask").click()
    view.get_by_text("This try cost $0").wait_for()
    assert "<script>" in view.locator("#cards pre").first.text_content()
    view.get_by_label("words that differ from").select_option(index=1)
    view.locator("#cards pre span").first.wait_for()
    assert view.locator("#cards img, #cards script").count() == 0
    assert "owned" not in view.title()


def test_try_is_stopped(open_view: Callable[..., Any], remote: Any) -> None:
    """What has come stays; what had not may be billed all the same."""
    served = remote("hang")
    query = "template=Capital+of+France%3F&model=careful&model=remote"
    view = open_view(f"/play?{query}", base_url=served.url)
    view.get_by_role("button", name="Ask").click()
    view.get_by_text("1 of 2 answers").wait_for()
    view.get_by_role("button", name="Stop").click()
    view.locator("#state", has_text="Stopped").wait_for()
    texts = view.locator("#cards pre").all_text_contents()
    assert "It is the town of Paris." in texts
    assert view.get_by_role("button", name="Ask").is_enabled()
    assert "may be billed" in view.locator("#cards").text_content()


def test_answer_that_breaks_off_is_no_answer(
    open_view: Callable[..., Any], remote: Any
) -> None:
    """A stream that ends with an error: its words are void, its cost is unknown."""
    served = remote("error-in-stream")
    query = "template=Capital+of+France%3F&model=remote"
    view = open_view(f"/play?{query}", base_url=served.url)
    view.get_by_role("button", name="Ask").click()
    view.get_by_text("This try cost ?").wait_for()
    assert "no answer" in view.locator("#cards .soft").text_content()
    assert "Overloaded" in view.locator("#cards pre").text_content()
