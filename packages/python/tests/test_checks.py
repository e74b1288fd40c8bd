"""What is wrong with a program is said where it stands, before anything is sent."""

from __future__ import annotations

import asyncio
import datetime
import itertools
import json
import os
import pathlib
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import baton
from baton import Backoff, InvalidArgumentError, Most, Rate, Server, TaskOptions, TaskScope, Worker, get_context, task
from baton._checks import DEFINITION
from baton._requests import Requests
from conftest import Serve, until

_SCHEMAS = os.environ.get("BATON_SCHEMAS", "")


def _body() -> None: ...


def _fault(**options: Any) -> str:
    with pytest.raises(InvalidArgumentError) as raised:
        task(name="job", **options)(_body)
    assert raised.value.code == "INVALID_ARGUMENT"
    return str(raised.value)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"timeout": "xx"}, "timeout"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"scope": "mine"}, "scope"),
        ({"queue": "a b"}, "queue"),
        ({"priority": "urgent"}, "priority"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": True}, "max_attempts"),
        ({"concurrency": 0}, "concurrency"),
        ({"units": 10_001}, "units"),
        ({"tags": {"a b": 1}}, "tags"),
        ({"tags": ["a"]}, "tags"),
        ({"title": ""}, "title"),
        ({"group": "\ud800"}, "group"),
        ({"args_schema": []}, "args_schema"),
        ({"args_schema": {"x": object()}}, "args_schema"),
        ({"backoff": "fast"}, "backoff"),
        ({"backoff": {"first": 1}}, "backoff.first"),
        ({"backoff": Backoff(jitter=2)}, "backoff.jitter"),
        ({"rate": Rate(units=1, window="1ms")}, "rate.window"),
        ({"rate": {"units": 1}}, "rate"),
        ({"per_group": Most(when_full="cancel_newest")}, "per_group.when_full"),
        ({"mode": "debounce"}, "window"),
        ({"window": 5}, "window"),
        ({"mode": "debounce", "window": 5, "max_wait": 1}, "max_wait"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_name(options: dict[str, Any], field: str) -> None:
    assert _fault(**options).startswith(f"task 'job': {field}: "), _fault(**options)


def test_what_is_no_option_and_no_task_is_no_riddle() -> None:
    with pytest.raises(TypeError, match="@task has no option retries: it has name, scope, queue"):
        task(name="job", retries=3)(_body)  # type: ignore[call-overload]
    with pytest.raises(TypeError, match="stands before a function"):
        task("job")  # type: ignore[call-overload]
    for made in (lambda: Worker([print]), lambda: Worker(print)):  # type: ignore[list-item,arg-type]
        with pytest.raises(InvalidArgumentError, match="takes a list of functions with @task"):
            made()
    job = task(name="job")(_body)
    with pytest.raises(InvalidArgumentError, match=r"^queues: is a list of names, such as \['fast'\]"):
        Worker([job], queues="fast")
    with pytest.raises(InvalidArgumentError, match="^queues: is a list"):
        Worker([job], queues=None)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^server: is Server"):
        Worker([job], server="nats://127.0.0.1")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^metrics_host: is an IP address"):
        Worker([job], metrics_host=5)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^admin: needs a user"):
        baton.Client(admin=True)
    with pytest.raises(TypeError, match="a generator has no result"):

        @task
        def pages() -> Any:
            yield 1

    with pytest.raises(TypeError, match="page can be given by name only"):

        @task
        def render(*, page: int) -> None: ...

    with pytest.raises(TypeError, match="retry_on is a function of the exception"):
        task(name="job", retry_on=int)(_body)  # type: ignore[call-overload]
    with pytest.raises(InvalidArgumentError, match="^queues: is 1 to 100 letters"):
        Worker([job], queues=["a b"])
    with pytest.raises(ValueError, match="two tasks are named 'job'"):
        Worker([job, task(name="job")(_body)])
    with pytest.raises(InvalidArgumentError, match="Baton's own"):
        task(name="baton.bulk")(_body)


def test_what_can_be_is_taken() -> None:
    made = task(
        name="job",
        scope=TaskScope.SHARED,
        timeout=0,
        expires="1d",
        backoff=Backoff(initial="10ms", factor=2),
        per_key=Most(concurrency=1, rate=Rate(units=2, window="1m"), when_full="cancel_running"),
        mode="debounce",
        window=5,
        max_wait="5s",
        tags={"a": "b", "c": 1.5, "d": False},
        limit_key="all",
    )(_body)
    assert made.definition.fields()["limit_key"] == "all"


@pytest.mark.skipif(not _SCHEMAS, reason="needs the schemas of the repository")
def test_the_rules_are_those_of_the_protocol() -> None:
    claim = json.loads(pathlib.Path(_SCHEMAS, "work-claim.json").read_text())
    told = claim["properties"]["definitions"]["items"]["properties"]
    assert DEFINITION.keys() | {"type", "isolation"} == told.keys()
    _compare(DEFINITION, told)


def _compare(rules: Any, told: Any) -> None:
    for name, rule in rules.items():
        one = told[name]
        if isinstance(rule, dict):
            _compare(rule, one["properties"])
            continue
        says, holds = rule
        words = one.get("description") or next((each.get("description") for each in one.get("anyOf", [])), None)
        if words is not None:
            assert says == words, name
        for value in _samples(one):
            assert holds(value) is _fits(value, one), (name, value)


def _samples(one: Any) -> list[Any]:
    numbers = [n + d for n in (one.get("minimum", 0), one.get("maximum", 31_622_400)) for d in (-1, 0, 1)]
    texts = [*one.get("enum", []), "", "a", "a b", "5m", "x" * 100, "x" * 101, "x" * 256, "x" * 257, "x" * 4_001]
    return [*numbers, *texts, True, [], 1.5]


def _fits(value: Any, schema: Any) -> bool:
    """As much of JSON Schema as these have."""
    if "anyOf" in schema:
        return any(_fits(value, each) for each in schema["anyOf"])
    kinds: dict[str, Callable[[Any], bool]] = {
        "string": lambda v: isinstance(v, str),
        "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
        "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
        "object": lambda v: isinstance(v, dict),
        "null": lambda v: v is None,
    }
    if not kinds[schema["type"]](value):
        return False
    if isinstance(value, str):
        length = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10_000)
        return length and value in schema.get("enum", [value]) and re.search(schema.get("pattern", ""), value) is not None
    if isinstance(value, (int, float)):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    return True


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ({"namespace": "shop"}, "BATON_NAMESPACE must be"),
        ({"namespace": "A" * 33}, "BATON_NAMESPACE must be"),
        ({"servers": "nats://"}, "NATS_URL must be an address"),
        ({"servers": "nats://a b:4222"}, "NATS_URL must be an address"),
        ({"servers": "nats://127.0.0.1:70000"}, "NATS_URL must be an address"),
        ({"servers": " , "}, "NATS_URL names no server"),
        ({"servers": "http://127.0.0.1"}, "NATS_URL must begin with"),
        ({"inbox_prefix": "mine"}, "NATS_INBOX_PREFIX must be"),
        ({"inbox_prefix": "_INBOX_publisher.a.b.c"}, "NATS_INBOX_PREFIX must be"),
        ({"gateway": "gateway:8088"}, "BATON_GATEWAY_URL must begin"),
    ],
)
async def test_settings_are_checked_before_anything_is_sent(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(baton.BatonError, match=fault) as raised:
        await baton.connect(user="alice", server=Server(**settings))
    assert raised.value.code == "CONFIG_INVALID"


@pytest.mark.parametrize(
    ("variable", "value", "fault"),
    [
        ("BATON_CONCURRENCY", "0", "BATON_CONCURRENCY must be a whole number from 1 to 10000"),
        ("BATON_QUEUES", "a b", "BATON_QUEUES must be queue names"),
        ("BATON_NAMESPACE", "shop", "BATON_NAMESPACE must be"),
        ("NATS_URL", "nats://", "NATS_URL must be an address"),
    ],
)
def test_the_program_ends_with_2_and_the_name_of_the_variable(variable: str, value: str, fault: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "baton", "worker", "traced"],
        cwd=pathlib.Path(__file__).parent,
        env={**os.environ, variable: value},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert ended.returncode == 2 and fault in ended.stderr and "Traceback" not in ended.stderr, ended.stderr


def test_no_server_is_one_error_and_not_the_story_of_the_library() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", "import asyncio, baton; asyncio.run(baton.connect(user='alice'))"],
        env={**os.environ, "NATS_URL": "nats://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.stderr.count("Traceback") == 1 and "is it running?" in ended.stderr.splitlines()[-1]


async def test_a_client_says_what_it_takes(client: baton.Client) -> None:
    with pytest.raises(InvalidArgumentError, match="^user: is text"):
        baton.Client(user="")
    for args in ("abc", {"a": 1}, None):
        with pytest.raises(InvalidArgumentError, match="^args: is a list"):
            await client.submit("job", args)  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^task: is a function with @task"):
        await client.submit(_body, [])  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^options: is TaskOptions"):
        await client.submit("job", [], options={"timeout": 5})  # type: ignore[arg-type]
    with pytest.raises(baton.PayloadTooLargeError, match="a command takes 786432 bytes, and this one has"):
        await client.submit("job", ["x" * 800_000])
    with pytest.raises(InvalidArgumentError, match="^handle: is what submit"):
        await client.wait("id")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^handle: is what submit"):
        client.events("id")  # type: ignore[arg-type]
    handle = await client.submit("py.nobody_serves_this", options=TaskOptions(task_key="one"))
    for use in (client.cancel, client.why):
        for what in (handle, "nope"):
            with pytest.raises(InvalidArgumentError, match="^id: is the id of a task"):
                await use(what)  # type: ignore[operator]
    with pytest.raises(InvalidArgumentError, match="^timeout: is a number of seconds or text"):
        await handle.wait("soon")
    with pytest.raises(baton.WaitTimeoutError, match="after 0.05 s"):
        await handle.wait("50ms")
    assert await handle.cancel() == "aborted"


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"timeout": datetime.timedelta(seconds=5)}, "timeout"),
        ({"run_at": "tomorrow"}, "run_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"depends_on": [5]}, "depends_on"),
        ({"depends_on": [{"task": "a", "on_failure": "shrug"}]}, "depends_on"),
        ({"strict": 1}, "strict"),
        ({"task_key": ""}, "task_key"),
        ({"when_aborting": "wait"}, "when_aborting"),
        ({"trace": "x"}, "trace"),
        ({"trace": {"traceparent": 5}}, "trace"),
    ],
)
async def test_an_option_of_a_submit_that_cannot_be_is_refused_by_its_name(
    client: baton.Client, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{field}: "):
        await client.submit("job", options=TaskOptions(**options))


async def test_a_handle_names_what_a_task_waits_for(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    async def number(value: int) -> int:
        return value + sum(get_context().get_dependency_results())

    first = await client.submit(number, [1])
    last = await client.submit(number, [10], options=TaskOptions(depends_on=[first]))
    named = await client.submit(number, [20], options=TaskOptions(depends_on=[{"task": first, "on_failure": "ignore"}]))
    await serve(number)
    assert [(await each.wait("20s")).result for each in (last, named)] == [11, 21]


async def test_what_had_ended_before_is_read_when_it_is_waited_for(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    async def listed() -> list[int]:
        return [1, 2, 3]

    await serve(listed)
    options = TaskOptions(operation_id=f"{name}.once")
    assert (await client.join(listed, options=options)).result == [1, 2, 3]
    again = await client.submit(listed, options=options)
    assert (again.ended, (await again.wait(5)).result) == (True, [1, 2, 3])


async def test_requests_of_several_users_in_one_program_do_not_meet(serve: Serve, name: str) -> None:
    @task(name=name)
    async def whose() -> str | None:
        return get_context().user

    await serve(whose)

    connected = asyncio.Barrier(3)

    async def request(user: str) -> str:
        async with await baton.connect(user=user):
            await connected.wait()
            return str((await whose()).result)

    assert await asyncio.gather(*(request(user) for user in ("alice", "bob", "carol"))) == ["alice", "bob", "carol"]
    async with await baton.connect(user="alice"):
        async with baton.Client(user="root", admin=True):
            assert (await whose()).result == "root"
        assert (await whose()).result == "alice"


async def test_a_body_that_raises_when_it_is_to_stop_is_run_again_after_a_drain(client: baton.Client, name: str) -> None:
    begun: list[int] = []

    @task(name=name)
    async def long() -> int:
        context = get_context()
        begun.append(context.attempt)
        while len(begun) == 1:
            context.raise_if_stopped()
            await asyncio.sleep(0.01)
        return context.attempt

    first = Worker([long])
    await first.start()
    handle = await client.submit(long)
    await until(_has_begun(begun))
    await first.drain(grace=0)
    async with Worker([long]):
        assert (await handle.wait(15)).status == "success"
    assert len(begun) == 2


def _has_begun(begun: list[int]) -> Callable[[], Awaitable[bool]]:
    async def has() -> bool:
        return len(begun) > 0

    return has


async def test_retry_on_takes_exceptions(client: baton.Client, serve: Serve, name: str) -> None:
    def failing(kind: str) -> baton.Task[..., Any]:
        retry_on: Any = ValueError if kind == "one" else (ValueError, OSError)

        @task(name=f"{name}.{kind}", max_attempts=3, retry_on=retry_on, backoff=Backoff(initial=0, jitter=0))
        async def fails(is_worth_it: bool) -> None:
            raise ValueError if is_worth_it else KeyError

        return fails

    tasks = [failing("one"), failing("several")]
    await serve(*tasks)
    for each in tasks:
        assert [(await each(worth)).attempt for worth in (True, False)] == [3, 1]


async def test_definitions_that_no_claim_can_carry_end_the_start() -> None:
    large = [task(name=f"py.large_{n}", args_schema={"description": "x" * 8_000})(_body) for n in range(150)]
    with pytest.raises(baton.BatonError, match="it cannot claim: .* do not fit into a message"):
        await Worker(large).start()


async def test_the_next_run_of_a_task_is_not_taken_for_the_one_before(serve: Serve, client: baton.Client, name: str) -> None:
    """A beat may tell of a run that has ended since, when its worker has the next one of the same task."""
    began: dict[str, list[float]] = {}

    @task(name=name, max_attempts=40, backoff=Backoff(initial=0, max=0, jitter=0))
    async def again() -> int:
        context = get_context()
        began.setdefault(context.idempotency_key, []).append(time.monotonic())
        context.update_task(payload={"attempt": context.attempt})
        if context.attempt < 40:
            raise OSError("once more")
        return context.attempt

    await serve(again, concurrency=20)
    handles = [await client.submit(again, options=TaskOptions(task_key=f"{name}{n}")) for n in range(20)]
    for handle in handles:
        assert (await handle.wait(30)).attempt == 40
    # What is dropped comes back after ten seconds, at the least.
    assert max(later - earlier for each in began.values() for earlier, later in itertools.pairwise(each)) < 9


async def test_once_a_worker_has_started_its_definition_applies_to_a_submit_by_name(
    client: baton.Client, serve: Serve, name: str
) -> None:
    """From another client than the worker's program: by the name of the type alone."""
    for number in range(8):
        type_name = f"{name}.{number}"
        counted: list[int] = []

        @task(name=type_name, max_attempts=3, backoff=Backoff(initial="10ms", jitter=0))
        async def twice() -> str:
            counted.append(1)
            if len(counted) < 3:
                raise OSError("not yet")
            return "done"

        await serve(twice)
        handle = await (await client.submit(type_name)).wait(10)
        assert (handle.status, handle.attempt) == ("success", 3), number


async def test_what_was_said_last_is_said_again_to_another_supervisor(
    client: baton.Client, serve: Serve, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Any] = []
    answered = asyncio.Event()
    ask = Requests.ask

    async def as_if_moved(self: Requests, verb: str, body: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        answer = await ask(self, verb, body, timeout)
        payloads = [run["payload"] for run in body.get("running", []) if "payload" in run]
        if verb == "beat" and answer is not None:
            answered.set()
        if answer is not None and payloads:
            said.extend(payloads)
            answer["supervisor"] = "the one that has taken over"
        return answer

    monkeypatch.setattr(Requests, "ask", as_if_moved)

    async def is_said_again() -> bool:
        return len(said) >= 2

    @task(name=name)
    async def tells() -> None:
        # From the first answer on it knows who speaks for it.
        await answered.wait()
        get_context().update_task(payload={"page": 1})
        await until(is_said_again)

    await serve(tells)
    assert (await (await tells.schedule()).wait(10)).payload == {"page": 1}
