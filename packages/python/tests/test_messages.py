"""What is said: in the log of a worker, and to whoever starts one the wrong way."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Serve, until

import baton
from baton import Server, TaskOptions, get_context, task


def _said(caplog: pytest.LogCaptureFixture, handle: baton.TaskHandle) -> list[str]:
    about = [each for each in caplog.records if getattr(each, "task", None) == handle.uuid]
    return [f"{each.levelname} {each.getMessage()}" for each in about]


async def test_a_worker_says_what_became_of_its_tasks(
    client: baton.Client, serve: Serve, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    @task(name=name, max_attempts=2, backoff=baton.Backoff(initial="50ms"), timeout="60s")
    async def works(how: str) -> None:
        body = asyncio.current_task()
        assert body is not None
        if how == "fails":
            raise ValueError("the disk is gone")
        if how == "cleanup":
            get_context().on_cleanup(lambda: 1 / 0)
        if how in ("cancelled", "late"):
            get_context().on_abort(body.cancel)
            await asyncio.sleep(30)

    await serve(works)
    fails, fine, cleanup = await works("fails"), await works("fine"), await works("cleanup")
    late = await works("late", options=TaskOptions(timeout=0.5))
    # The worker hears that its word was taken a moment after everybody else.
    await until(lambda: _has(caplog, "task timed out"))
    cancelled = await works.schedule("cancelled")
    # One that is cancelled before it has begun is no worker's to tell of.
    await until(lambda: _is_abortable(client, cancelled))
    assert await cancelled.cancel() == "aborted"
    await cancelled.wait(10)
    assert _said(caplog, fails) == [
        "INFO task failed and is tried again: ValueError: the disk is gone",
        "INFO task failed: ValueError: the disk is gone",
    ]
    assert _said(caplog, fine) == ["DEBUG task succeeded"]
    assert _said(caplog, cleanup)[-1] == "INFO task failed: ZeroDivisionError: division by zero"
    assert (late.status, _said(caplog, late)) == ("timed_out", ["INFO task timed out"])
    await until(lambda: _has(caplog, "task aborted"))
    assert _said(caplog, cancelled) == ["INFO task aborted"]


async def _is_abortable(client: baton.Client, handle: baton.TaskHandle) -> bool:
    record, _ = await client.record_of(handle.address, handle.uuid)
    return record["status"] == "in_progress" and record.get("abortable") is True


async def test_it_says_when_no_supervisor_answers(name: str, caplog: pytest.LogCaptureFixture) -> None:
    @task(name=name)
    def never() -> None:
        pass

    async with baton.Worker([never], server=Server(namespace="NOBODY_IS_HERE")):
        await until(lambda: _has(caplog, "no supervisor answers"), 12)


async def _has(caplog: pytest.LogCaptureFixture, text: str) -> bool:
    return text in caplog.text


def _run(*arguments: str, **variables: str) -> tuple[int, str]:
    tests = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": str(tests), "TEST_TYPE": "py.messages", **variables}
    command = [sys.executable, "-m", "baton", "worker", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=20, check=False)
    return ended.returncode, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("arguments", "variables", "code", "words"),
    [
        (["nowhere"], {}, 2, "there is no module nowhere"),
        (["hanging.py"], {}, 2, "without .py"),
        (["broken"], {}, 2, "RuntimeError: MY_SETTING is not set"),
        (["json"], {}, 2, "the module json has no task"),
        (["hanging", "--concurrency", "0"], {}, 2, "1 to 10000"),
        (["hanging", "--concurrency", "x"], {}, 2, "a whole number, 1 to 10000"),
        (["./hanging.py"], {}, 2, "without .py and folders"),
        (["hanging"], {"BATON_METRICS_HOST": "nope.invalid"}, 2, "BATON_METRICS_HOST must be an IP address"),
        (["hanging"], {"NATS_USER": "a", "BATON_QUEUES": "a b"}, 2, "NATS_USER\nBATON_QUEUES must be"),
        (["hanging", "--name", "a b"], {"BATON_CONCURENCY": "3"}, 2, "is BATON_CONCURRENCY meant?"),
        (["hanging", "--name", "a b"], {}, 2, "80 letters"),
        (["hanging", "--log", "xml"], {}, 2, "invalid choice: 'xml'"),
        (["hanging", "--queue", "a b"], {}, 2, "queues: is 1 to 100 letters"),
        (["hanging"], {"TEST_TYPE": "no type!"}, 2, "hanging.py, line 9: 'no type!' is no type: that is 1 to 100"),
        (["hanging"], {"BATON_LOG_LEVEL": "loud"}, 2, "BATON_LOG_LEVEL must be one of"),
        (["hanging"], {"BATON_METRICS_PORT": "70000"}, 2, "BATON_METRICS_PORT must be a whole number from 0 to 65535"),
        (["hanging"], {"BATON_METRICS_PORT": "-1"}, 2, "BATON_METRICS_PORT must be a whole number from 0 to 65535"),
        (["hanging"], {"NATS_URL": "http://here"}, 2, "CONFIG_INVALID: NATS_URL must begin with"),
        (["hanging"], {"NATS_USER": "alice"}, 2, "NATS_PASSWORD is missing beside NATS_USER"),
        (["hanging"], {"NATS_CERT": "/a"}, 2, "NATS_KEY is missing beside NATS_CERT"),
        (["hanging"], {"NATS_CREDS": "/no/such.creds"}, 2, "NATS_CREDS: /no/such.creds cannot be read"),
        (["hanging"], {"NATS_CREDS": __file__}, 2, "NATS_CREDS needs the package nkeys"),
        (["hanging"], {"NATS_CA": "/no/such.ca"}, 2, "NATS_CA: /no/such.ca cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told_in_words(
    arguments: list[str], variables: dict[str, str], code: int, words: str
) -> None:
    ended, output = _run(*arguments, **variables)
    assert (ended, words in output) == (code, True), output
    assert "cannot be imported" in output or "Traceback" not in output, output


def test_a_worker_waits_for_nats_and_ends_when_it_is_told_to() -> None:
    environment = {**os.environ, "NATS_URL": "nats://127.0.0.1:9", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-m", "baton", "worker", "hanging"]
    with subprocess.Popen(
        command, env={**environment, "TEST_TYPE": "py.messages"}, stderr=subprocess.PIPE, text=True
    ) as program:
        assert program.stderr is not None
        assert "waiting for NATS: no nats-server at nats://127.0.0.1:9" in program.stderr.readline()
        program.terminate()
        assert program.wait(10) == 0


def _formatted(record: logging.LogRecord) -> dict[str, Any]:
    line = baton.JsonFormatter().format(record)
    assert "\n" not in line
    parsed: dict[str, Any] = json.loads(line)
    return parsed


async def test_lines_in_json_have_the_fields_of_services(
    client: baton.Client, serve: Serve, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    @task(name=name)
    def fails() -> None:
        get_context().log.warning("half of %d", 10, exc_info=ZeroDivisionError("by\nzero"))
        raise ValueError("no")

    caplog.set_level(logging.INFO)
    await serve(fails)
    trace = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"}
    handle = await client.join(fails, options=TaskOptions(trace=trace), timeout=20)
    await until(lambda: _has(caplog, "task failed"))
    said, failed = (_formatted(each) for each in caplog.records if getattr(each, "task", None) == handle.uuid)
    err = said.pop("err")
    assert (err["type"], err["message"]) == ("ZeroDivisionError", "by\nzero")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said.pop("time"))
    about = {"task": handle.uuid, "type": name, "attempt": 1, "trace_id": _trace_id(trace)}
    whole = {"level": "warn", "service": "worker", "pid": os.getpid(), "logger": "baton.task", "msg": "half of 10"}
    assert said == {**about, **whole}
    assert (failed["level"], failed["msg"]) == ("info", "task failed: ValueError: no")


def _trace_id(trace: dict[str, str]) -> str:
    return trace["traceparent"].split("-")[1]


def test_a_line_is_written_whatever_is_in_it() -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    knot: list[Any] = []
    knot.append(knot)
    for value, shown in ((Broken(), "<Broken>"), (float("nan"), "nan"), (knot, "[[...]]"), ({1: Broken()}, None)):
        line = _formatted(logging.makeLogRecord({"msg": "said", "levelname": "INFO", "value": value}))
        assert line["msg"] == "said"
        assert shown is None or line["value"] == shown
    assert _formatted(logging.makeLogRecord({"msg": "said", "levelname": "LOUD", "pid": 7}))["pid"] == os.getpid()


def test_the_program_writes_them() -> None:
    ended, output = _run("large", "--log", "json")
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    assert ended == 2
    refusal = "supervisors refuse this worker: INVALID_ARGUMENT: definitions: that of 'py.messages' is too large to be kept"
    assert any(line["level"] == "error" and line["msg"] == refusal for line in lines), output


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("NATS_URL", "BATON_NAMESPACE", "NATS_USER", "NATS_CA", "NATS_INBOX_PREFIX"):
        monkeypatch.setenv(variable, "")
    server = Server()
    assert (server.servers, server.namespace, server.inbox_prefix) == ("nats://127.0.0.1:4222", "BATON", "_INBOX")
    assert (server.user, server.ca, server.must_be_secure) == (None, None, False)
    assert Server(servers="nats://a:1, tls://b:2").must_be_secure


def test_two_tasks_of_one_name_are_refused(name: str) -> None:
    def made() -> baton.Task[..., Any]:
        @task(name=name)
        def same() -> None:
            pass

        return same

    one = made()
    baton.Worker([one, one])
    with pytest.raises(ValueError, match="two tasks are named"):
        baton.Worker([one, made()])
    with pytest.raises(ValueError, match="concurrency"):
        baton.Worker([one], concurrency=0)
