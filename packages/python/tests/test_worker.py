"""What a Python worker does when it, or something around it, ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import baton
from baton import get_context, task

from conftest import Serve, until

EXAMPLES = Path(__file__).parent.parent / "examples"


class Program:
    """A worker as a process of its own, which says in its output what it does."""

    def __init__(self, module: str, *options: str, type_name: str = "") -> None:
        environment = {**os.environ, "PYTHONPATH": f"{EXAMPLES}:{Path(__file__).parent}", "TEST_TYPE": type_name}
        command = [sys.executable, "-m", "baton", "worker", module, *options]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def programs() -> Iterator[list[Program]]:
    made: list[Program] = []
    yield made
    for each in made:
        if each.process.poll() is None:
            each.process.kill()
        each.process.wait(10)


async def _owner(client: baton.Client, handle: baton.TaskHandle) -> Any:
    record, _ = await client.record_of(handle.address, handle.uuid)
    return record.get("owner", {}).get("worker")


async def test_a_killed_worker_is_missed_within_8_s_and_another_runs_its_task(
    client: baton.Client, name: str, serve: Serve, programs: list[Program], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    programs.append(Program("hanging", type_name=name))
    handle = await client.submit(name, ["first"])
    await until(lambda: _is_owned(client, handle), 20)
    killed = time.time() * 1_000
    programs[0].end(signal.SIGKILL)

    @task(name=name)
    def takes_over(_what: str) -> int:
        return get_context().attempt

    await serve(takes_over)
    await handle.wait(20)
    assert (handle.status, handle.result) == ("success", 2)
    record, _ = await client.record_of(handle.address, handle.uuid)
    rescued = next(entry["at"] for entry in record["history"] if entry.get("why", "").startswith("worker "))
    assert rescued - killed < 8_500, "8 s, and what two clocks and a signal may differ by"
    story = [(entry["status"], entry.get("why", "")) for entry in record["history"]]
    assert any(why.startswith("worker ") for _, why in story), story
    # Where it was given back once more before it began, that is what came before.
    if story[-3][1].startswith("worker "):
        assert "task is run again after a rescue: worker" in caplog.text, story


async def test_a_drain_lets_tasks_end_and_gives_back_what_does_not(
    client: baton.Client, name: str, serve: Serve, programs: list[Program]
) -> None:
    programs.append(Program("hanging", "--grace", "0.5", type_name=name))
    handle = await client.submit(name, ["second"])
    await until(lambda: _is_owned(client, handle), 20)
    assert programs[0].end(signal.SIGTERM) == 0
    await handle.refresh()
    assert handle.status == "pending"
    record, _ = await client.record_of(handle.address, handle.uuid)
    assert ("failures" in record, "rescues" in record, record["history"][-1]["why"]) == (False, False, "drain")

    @task(name=name)
    def takes_over(what: str) -> str:
        return what

    await serve(takes_over)
    assert (await handle.wait(10)).result == "second"


async def test_a_worker_that_was_paused_past_its_lease_loses_its_task(
    client: baton.Client, name: str, serve: Serve, programs: list[Program]
) -> None:
    programs.append(Program("hanging", type_name=name))
    handle = await client.submit(name, ["third"])
    await until(lambda: _is_owned(client, handle), 20)
    programs[0].process.send_signal(signal.SIGSTOP)

    @task(name=name)
    def takes_over(what: str) -> str:
        return what

    await serve(takes_over)
    await handle.wait(20)
    programs[0].process.send_signal(signal.SIGCONT)
    await asyncio.sleep(1)
    await handle.refresh()
    assert (handle.status, handle.result) == ("success", "third")


async def test_no_more_runs_at_once_than_it_was_told(client: baton.Client, name: str, serve: Serve) -> None:
    running: list[int] = []
    most: list[int] = []
    lock = threading.Lock()
    together = threading.Barrier(3)

    @task(name=name)
    def counted(_number: int) -> None:
        with lock:
            running.append(1)
            most.append(len(running))
            is_first = len(most) <= 3
        if is_first:
            together.wait(10)
        time.sleep(0.05)
        with lock:
            running.pop()

    await serve(counted, concurrency=3)
    handles = await asyncio.gather(*(client.submit(name, [i]) for i in range(30)))
    await asyncio.gather(*(handle.wait(20) for handle in handles))
    assert {handle.status for handle in handles} == {"success"}
    assert (max(most), len(most)) == (3, 30)


async def test_the_examples_run(client: baton.Client, programs: list[Program]) -> None:
    programs.append(Program("report"))
    environment = {**os.environ, "PYTHONPATH": str(EXAMPLES)}
    command = [sys.executable, str(EXAMPLES / "submit_report.py")]
    output = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert output.returncode == 0, output.stdout + output.stderr
    assert "success" in output.stdout and "aborted" in output.stdout


async def _is_owned(client: baton.Client, handle: baton.TaskHandle) -> bool:
    return await _owner(client, handle) is not None


async def test_a_result_too_large_for_a_message_is_left_at_the_gateway(
    client: baton.Client, serve: Serve, name: str
) -> None:
    @task(name=name)
    async def large() -> str:
        return "x" * 2_000_000

    await serve(large)
    handle = await client.join(name, timeout=30)
    record, _ = await client.record_of(handle.address, handle.uuid)
    assert (handle.status, record["result"]["size"] > 2_000_000) == ("success", True)


async def test_without_a_gateway_such_a_result_is_a_failure_that_says_so(
    client: baton.Client, serve: Serve, name: str
) -> None:
    @task(name=name)
    async def large() -> str:
        return "x" * 2_000_000

    await serve(large, server=baton.Server(gateway=None))
    handle = await client.join(name, timeout=30)
    assert handle.error is not None
    assert (handle.status, handle.error.type) == ("failure", "result_too_large")
    assert "BATON_GATEWAY_URL" in handle.error.message


async def test_a_worker_whose_beats_end_by_an_error_is_told_so(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_worker: baton.Worker, _answer: dict[str, Any], _answered_at: float) -> None:
        raise KeyError("no such field")

    monkeypatch.setattr(baton.Worker, "_hear", breaks)

    @task(name=name)
    def never() -> None:
        pass

    worker = baton.Worker([never])
    with pytest.raises(baton.BatonError, match="it cannot beat: 'no such field'") as told:
        await worker.start()
        try:
            async with asyncio.timeout(5):
                raise await worker.refused()
        finally:
            await worker.drain(grace=0)
    assert told.value.code == "INTERNAL"
