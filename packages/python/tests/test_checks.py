"""What is wrong with a program is said where it stands, before anything is sent."""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

import baton
from baton import Backoff, InvalidArgumentError, Most, Rate, Server, TaskScope, Worker, task
from baton._checks import DEFINITION
from conftest import Serve

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
        with pytest.raises(TypeError, match="takes a list of functions with @task"):
            made()
    job = task(name="job")(_body)
    with pytest.raises(TypeError, match=r"queues is a list of names: \['fast'\]"):
        Worker([job], queues="fast")
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
    with pytest.raises(InvalidArgumentError, match="a command takes 786432 bytes, and this one has"):
        await client.submit("job", ["x" * 800_000])
    with pytest.raises(InvalidArgumentError, match="^handle: is what submit"):
        await client.wait("id")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="^handle: is what submit"):
        client.events("id")  # type: ignore[arg-type]


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
