"""Form 1: a test with the fixture `llm`."""

import pytest


def run(pytester: pytest.Pytester, *arguments: str, code: str = "") -> pytest.RunResult:
    if code:
        pytester.makepyfile(test_it=code)
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_llm_runs_once_per_chosen_model(pytester: pytest.Pytester) -> None:
    """Two models give two items, in the order of the option."""
    pytester.makefile(
        ".toml",
        llmlab_models='[[model]]\nalias = "twin"\nprovider = "scripted"\n'
        'id = "shipped:scripted.toml"\n',
    )
    code = "def test_it(llm):\n    assert llm('capital of France?').text.count('Paris')"
    result = run(pytester, "-v", "--llm", "twin,scripted", code=code)
    result.assert_outcomes(passed=2)
    result.stdout.re_match_lines(
        [r".*test_it\[twin\] PASSED.*", r".*test_it\[scripted\] PASSED.*"]
    )


def test_failed_assert_fails_the_test(pytester: pytest.Pytester) -> None:
    """A behaviour test fails like any other test."""
    code = "def test_it(llm):\n    assert llm('capital of France?').text == 'Rome'"
    result = run(pytester, "--llm", "scripted", code=code)
    result.assert_outcomes(failed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_reply_tells_usage_cost_and_time(pytester: pytest.Pytester) -> None:
    """A reply carries text, usage, cost and latency; ttft only when streamed."""
    code = """
        def test_it(llm):
            reply = llm("What is the capital of France?")
            assert reply.text == "The capital of France is Paris."
            assert (reply.usage.input_tokens, reply.usage.output_tokens) == (6, 6)
            assert reply.cost_usd == 0.0
            assert reply.latency_s >= 0.0
            assert reply.ttft_s is None
            assert not reply.prefetched
            assert reply.model == "scripted"
    """
    run(pytester, "--llm", "scripted", code=code).assert_outcomes(passed=1)


def test_messages_chat_and_map_reach_the_model(pytester: pytest.Pytester) -> None:
    """Every way of asking arrives; the scripted model echoes the last user turn."""
    code = """
        def test_messages(llm):
            assert llm([{"role": "user", "content": "one"}]).text == "one"

        def test_chat(llm):
            assert llm.chat("a", "b", "c", system="s").text == "c"

        def test_map(llm):
            assert [r.text for r in llm.map(["x", "y"])] == ["x", "y"]

        def test_complete(llm):
            assert llm.complete("raw text").text == "raw text"

        def test_loglikelihood(llm):
            short, long = llm.loglikelihood("c", [" a", " longer"])
            assert short.loglikelihood > long.loglikelihood
    """
    run(pytester, "--llm", "scripted", code=code).assert_outcomes(passed=5)


def test_agenerate_works_in_an_asyncio_test(pytester: pytest.Pytester) -> None:
    """An asynchronous test awaits replies in its own event loop."""
    code = """
        import asyncio
        import pytest

        @pytest.mark.asyncio
        async def test_it(llm):
            replies = await asyncio.gather(*(llm.agenerate(t) for t in "abc"))
            assert [reply.text for reply in replies] == ["a", "b", "c"]
    """
    run(pytester, "--llm", "scripted", code=code).assert_outcomes(passed=1)


def test_requires_skips_a_model_without_the_capability(
    pytester: pytest.Pytester,
) -> None:
    """`llm_requires` skips with a reason; without it the call is a clear error."""
    pytester.makefile(
        ".toml",
        llmlab_models='[[model]]\nalias = "chatty"\nprovider = "scripted"\n'
        'id = "shipped:scripted.toml"\ncapabilities = ["chat"]\n',
    )
    code = """
        import pytest

        @pytest.mark.llm_requires("loglikelihood")
        def test_skipped(llm):
            llm.loglikelihood("a", ["b"])

        def test_error(llm):
            llm.loglikelihood("a", ["b"])
    """
    result = run(pytester, "-rs", "--llm", "chatty", code=code)
    result.assert_outcomes(skipped=1, errors=1)
    result.stdout.fnmatch_lines(
        [
            "*Unsupported: llm.loglikelihood() needs the capability 'loglikelihood'*",
            "*SKIPPED*chatty (scripted) has no loglikelihood*",
        ]
    )


def test_models_mark_restricts_the_choice(pytester: pytest.Pytester) -> None:
    """`llm_models` keeps those of the chosen models that it selects."""
    code = """
        import pytest

        @pytest.mark.llm_models("scripted")
        def test_it(llm):
            assert llm.name == "scripted"
    """
    result = run(pytester, "--llm", "scripted,gpt-4o-mini", code=code)
    result.assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--llm", "scriptd"],
            "*Unknown model 'scriptd' in --llm. Did you mean 'scripted'?*",
        ),
        (["--llm=@cluod"], "*Unknown model group 'cluod' in --llm. Did you mean*"),
        (
            ["--llmlab-limit", "many"],
            "*--llmlab-limit is 'many'. It takes a whole number, at least 0.*",
        ),
        (
            ["--llm", "scripted", "--llmlab-resume", "nope"],
            "*--llmlab-resume asks for the run 'nope'*Its latest runs: none.*",
        ),
    ],
    ids=["model", "group", "limit", "resume"],
)
def test_wrong_option_is_one_clear_line(
    pytester: pytest.Pytester, arguments: list[str], message: str
) -> None:
    """A wrong option says what was seen and what would do, without a trace."""
    code = "def test_it(llm): llm('hi')"
    result = run(pytester, *arguments, code=code)
    assert result.ret != pytest.ExitCode.OK
    text = result.stdout.str() + result.stderr.str()
    assert "INTERNALERROR" not in text
    pytest.LineMatcher(text.splitlines()).fnmatch_lines([message])


def test_environment_and_ini_choose_models(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment wins over the ini file, the command line over both."""
    pytester.makeini("[pytest]\nllmlab_models = nobody")
    code = "def test_it(llm): assert llm.name == 'scripted'"
    monkeypatch.setenv("LLMLAB_MODELS", "scripted")
    run(pytester, code=code).assert_outcomes(passed=1)
    monkeypatch.setenv("LLMLAB_MODELS", "nobody")
    run(pytester, "--llm", "scripted").assert_outcomes(passed=1)
    monkeypatch.delenv("LLMLAB_MODELS")
    result = run(pytester)
    result.stdout.fnmatch_lines(["*Unknown model 'nobody' in ini llmlab_models*"])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("llm([])", "no messages"),
        ("llm([{'role': 'user'}])", "'content'"),
        ("llm([{'role': 'robot', 'content': 'x'}])", "'robot'"),
        ("llm([{'role': 'user', 'content': [3]}])", "a text or a list of"),
        ("llm([{'role': 'user', 'content': []}])", "a text or a list of"),
        ("llm([{'role': 'user', 'content': 'x', 'name': 'y'}])", "'tool_call_id'"),
        ("llm([{'role': 'user', 'content': 'x', 'tool_call_id': '1'}])", "a tool's"),
        ("llm('x', tools=[{'description': 'y'}])", "It is a Tool, or has 'name'"),
        ("llm('x', tools=[{'name': 'a b'}])", "1 to 64 letters"),
        ("llm('x', tools=[{'name': 'auto'}])", "a name of its own"),
        ("llm('x', tools=[{'name': 'y'}, {'name': 'y'}])", "a name of its own"),
        ("llm('x', tools=[{'name': 'y'}], tool_choice='z')", "Known: auto"),
        ("llm('x', tool_choice='auto')", "there are no tools"),
        ("llm('x', response_schema={'type': 'robot'})", "is no JSON Schema"),
        ("llm('x', response_schema={'a': {1}})", "cannot be written as JSON"),
        ("llm.complete('x', response_schema={'type': 'object'})", "with messages"),
        ("llm.chat('a', 'b')", "2 turns"),
        ("llm('x', max_token=3)", "'max_tokens'"),
        ("llm('x', max_tokens=0)", "at least 1"),
        ("llm('x', temperature=-1)", "at least 0"),
        ("llm('x', top_p=3)", "at most 1"),
        ("llm('x', seed='x')", "a whole number"),
        ("llm('x', stop=[1])", "a list of strings"),
    ],
)
def test_wrong_call_says_what_is_allowed(
    pytester: pytest.Pytester, call: str, said: str
) -> None:
    """A call that cannot be made is an error that names what was given."""
    pytester.makepyfile(test_it=f"def test_it(llm):\n    {call}\n")
    result = run(pytester, "--llm=scripted")
    assert said in " ".join(" ".join(result.outlines).split())
    assert result.parseoutcomes() == {"errors": 1}


def test_llm_can_be_taken_dynamically(pytester: pytest.Pytester) -> None:
    """`request.getfixturevalue` gives the one chosen model; of several, none."""
    pytester.makepyfile(
        test_it="""
        def test_it(request):
            assert "Paris" in request.getfixturevalue("llm")("Capital of France?").text
        """
    )
    assert run(pytester, "--llm=scripted").parseoutcomes() == {"passed": 1}
    several = run(pytester, "--llm=scripted,smollm2")
    several.stdout.fnmatch_lines(["*requested dynamically while scripted, smollm2*"])


def test_json_that_cannot_be_written_fails_the_run(pytester: pytest.Pytester) -> None:
    """Whoever waits for the file must not find an old one behind a green run."""
    pytester.makepyfile(test_it="def test_it(llm):\n    assert llm('x').text\n")
    pytester.mkdir("out.json")
    result = run(pytester, "--llm=scripted", "--llmlab-json=out.json")
    result.stdout.fnmatch_lines(["*--llmlab-json cannot write*out.json*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "INTERNALERROR" not in result.stdout.str()
