"""What a client may say and do, against real services."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any, cast

import pytest

import baton
from baton import TaskOptions, TaskScope, task
from baton._connection import request

from conftest import Serve, until

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def _record(handle: baton.TaskHandle, client: baton.Client) -> dict[str, Any]:
    return (await client.record_of(handle.address, handle.uuid))[0]


async def test_what_a_submit_says_of_its_task_stands_in_its_record(client: baton.Client, name: str) -> None:
    options = TaskOptions(
        task_key="k",
        scope=TaskScope.SHARED,
        group="tenant 7",
        units=3,
        max_rescues=5,
        on_orphan="fail",
        abort_grace="7s",
        trace={"traceparent": PARENT, "tracestate": "a=1"},
    )
    handle = await client.submit(name, [], options=options)
    record = await _record(handle, client)
    assert (record["scope"], record["group"], record["units"]) == ("shared", "tenant 7", 3)
    assert (record["traceparent"], record["tracestate"]) == (PARENT, "a=1")
    policy = record["policy"]
    assert (policy["maxRescues"], policy["onOrphan"], policy["abortGraceMs"]) == (5, "fail", 7_000)


async def test_a_definition_has_a_group_units_and_a_schema_that_every_door_holds_to(
    client: baton.Client, serve: Serve, name: str
) -> None:
    schema = {"type": "array", "prefixItems": [{"type": "integer"}], "items": False, "default": None}

    @task(name=name, group="all", units=2, args_schema=schema)
    async def counted(_number: int) -> None:
        pass

    await serve(counted)
    handle = await counted.schedule(1)
    record = await _record(handle, client)
    assert (record["group"], record["units"]) == ("all", 2)

    async def is_held_to() -> bool:
        try:
            await client.submit(name, ["one"])
        except baton.InvalidArgumentError as refused:
            assert "args[0]" in str(refused) and refused.code == "INVALID_ARGUMENT"
            return True
        return False

    await until(is_held_to)


async def test_strict_refuses_a_type_that_nobody_has_ever_served(client: baton.Client, name: str) -> None:
    with pytest.raises(baton.UnknownTypeError) as refused:
        await client.submit(name, options=TaskOptions(strict=True))
    assert refused.value.code == "UNKNOWN_TYPE"


async def test_a_signal_is_kept_once_for_a_task_and_comes_too_late_for_one_that_has_ended(
    client: baton.Client, serve: Serve, name: str
) -> None:
    handle = await client.submit(name)
    again = uuid.uuid4().hex
    assert await handle.signal("approved", {"by": "bob"}, operation_id=again) == "kept"
    assert await client.signal(handle.uuid, "approved", {"by": "bob"}, operation_id=again) == "kept"
    assert await client.signal(handle.uuid, "seen", address=handle.address) == "kept"
    signals = (await _record(handle, client))["signals"]
    assert [each["name"] for each in signals] == ["approved", "seen"]
    with pytest.raises(baton.TaskNotFoundError):
        await client.signal("01a225aa-6938-7408-bc84-b9de5fa3352b", "approved")

    @task(name=name)
    async def done() -> None:
        pass

    await serve(done)
    await handle.wait(10)
    with pytest.raises(baton.TaskEndedError) as late:
        await handle.signal("approved")
    assert late.value.code == "TASK_ENDED"


async def test_why_a_task_waits_is_told_as_data_and_in_words(client: baton.Client, serve: Serve, name: str) -> None:
    handle = await client.submit(name)

    async def is_told() -> bool:
        why = await handle.why()
        return why.waits and [each["kind"] for each in why.reasons] == ["no_worker"] and "No worker" in why.text[0]

    await until(is_told, 15)
    later = await client.submit(name, options=TaskOptions(delay="1h"))
    why = await client.why(later.uuid)
    assert [each["kind"] for each in why.reasons] == ["starts_at"]
    async with baton.Client(user="mallory") as other:
        with pytest.raises(baton.TaskNotFoundError):
            await other.why(handle.uuid, address=handle.address)

    @task(name=name)
    async def done() -> None:
        pass

    await serve(done)
    await handle.wait(10)
    ended = await handle.why()
    assert (ended.waits, ended.reasons, ended.position) == (False, [], None)


async def test_closing_a_client_leaves_the_one_that_was_connected_since(client: baton.Client, name: str) -> None:
    @task(name=name)
    async def called() -> None:
        pass

    first = await baton.connect(user="first")
    async with await baton.connect(user="second"):
        await first.close()
        handle = await called.schedule()
        assert (await _record(handle, client))["creator"] == "second"
    # That of the fixture is open still.
    assert (await _record(await called.schedule(), client))["creator"] == "alice"
    await client.close()
    with pytest.raises(RuntimeError, match="no client"):
        await called.schedule()
    for use in (first.submit(name), first.record_of("00.x.y", "id")):
        with pytest.raises(baton.NotConnectedError, match="not open"):
            await use


async def test_a_time_limit_counts_that_is_over_in_the_moment_of_an_answer() -> None:
    """Where the library's wait is over in the same turn of the loop, it does not let the limit through (Python 3.11)."""

    class Answers:
        async def request(self, _subject: str, _body: bytes, *, timeout: float, headers: Any) -> str:
            return await asyncio.wait_for(answer, timeout)

    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05) as limit:
            when = limit.when()
            assert when is not None
            loop.call_at(when, answer.set_result, "just in time")
            await request(cast(Any, Answers()), "a", b"", timeout=5)
            await asyncio.sleep(5)
