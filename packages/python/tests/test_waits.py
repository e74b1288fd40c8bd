"""Tasks that wait for signals in Python, without a slot."""

from __future__ import annotations

import asyncio
from typing import Any


import baton
from baton import get_context, task

from conftest import Serve, until


async def _waits(client: baton.Client, handle: baton.TaskHandle) -> bool:
    record, _ = await client.record_of(handle.address, handle.uuid)
    return "waiting" in record


async def test_a_body_waits_without_a_slot_and_goes_on_from_its_start(client: baton.Client, serve: Serve, name: str) -> None:
    starts: list[str] = []
    unwound: list[str] = []

    @task(name=name)
    async def approval(number: int) -> list[Any]:
        ctx = get_context()
        starts.append(ctx.task_id)
        try:
            first = await ctx.wait_for_signal("approved")
            second = await ctx.wait_for_signal("approved", timeout="1h")
        except Exception:  # noqa: BLE001 - a body that catches all that is an error
            return ["caught"]
        finally:
            unwound.append(ctx.task_id)
        return [number, first, second, ctx.attempt]

    @task(name=f"{name}.plain")
    def plain() -> Any:
        return get_context().wait_for_signal_sync("go")

    @task(name=f"{name}.other")
    async def other() -> str:
        return "ran meanwhile"

    await serve(approval, plain, other, concurrency=1)
    handles = [await client.submit(approval, [i], options=baton.TaskOptions(task_key=f"a{i}")) for i in range(3)]
    handles.append(await client.submit(plain))
    for handle in handles:
        await until(lambda: _waits(client, handle), 15)
    assert (await client.join(other, timeout=10)).result == "ran meanwhile"
    assert await handles[0].signal("approved", {"by": "bob"}) == "delivered"
    await handles[0].signal("approved", 2)
    for handle in handles[1:3]:
        await handle.signal("approved", 1)
        await handle.signal("approved", None)
    await handles[3].signal("go", "now")
    for handle in handles:
        await handle.wait(20)
    assert [each.result for each in handles] == [[0, {"by": "bob"}, 2, 1], [1, 1, None, 1], [2, 1, None, 1], "now"]
    assert all(starts.count(each.uuid) >= 2 for each in handles[:3])
    assert sorted(starts) == sorted(unwound)


async def test_a_signal_that_came_before_is_had_at_once(client: baton.Client, serve: Serve, name: str) -> None:
    starts: list[int] = []

    @task(name=name)
    async def early() -> Any:
        starts.append(1)
        return await get_context().wait_for_signal("early")

    handle = await client.submit(early)
    await handle.signal("early", b"bytes")
    await serve(early)
    await handle.wait(15)
    assert (handle.result, starts) == (b"bytes", [1])


async def test_a_wait_that_is_over_raises_and_cleanup_handlers_run_with_every_run(
    client: baton.Client, serve: Serve, name: str
) -> None:
    cleaned: list[int] = []

    @task(name=name)
    async def timed() -> str:
        ctx = get_context()
        ctx.on_cleanup(lambda: cleaned.append(1))
        try:
            await ctx.wait_for_signal("never", timeout=0.5)
        except baton.SignalTimeoutError as late:
            return late.code
        return "it came"

    await serve(timed)
    handle = await client.submit(timed)
    await handle.wait(20)
    assert (handle.result, handle.attempt, len(cleaned)) == ("SIGNAL_TIMEOUT", 1, 2)


async def test_a_cancel_ends_what_waits_and_a_body_that_is_to_stop_does_not_begin_to_wait(
    client: baton.Client, serve: Serve, name: str
) -> None:
    told: list[str] = []
    begun: list[bool] = []

    @task(name=name)
    async def stubborn(waits_first: bool) -> None:
        ctx = get_context()
        begun.append(waits_first)
        if not waits_first:
            ctx.on_abort(lambda: None)
            while not ctx.should_stop:
                await asyncio.sleep(0.02)
        try:
            await ctx.wait_for_signal("never")
        except baton.TaskStoppedError as stopped:
            told.append(stopped.reason)
            raise

    await serve(stubborn)
    waiting = await client.submit(stubborn, [True])
    await until(lambda: _waits(client, waiting), 15)
    assert await waiting.cancel() == "aborted"
    assert (await waiting.wait(5)).status == "aborted"
    running = await client.submit(stubborn, [False])

    async def can_be_cancelled() -> bool:
        if False not in begun:
            return False  # A cancel would end it before it has begun.
        try:
            return await running.cancel() == "aborted"
        except baton.TaskNotAbortableError:
            return False

    await until(can_be_cancelled, 15)
    assert ((await running.wait(15)).status, told) == ("aborted", ["cancel"])


async def test_wrong_waits_are_refused(client: baton.Client, serve: Serve, name: str) -> None:
    second: list[str] = []

    @task(name=name)
    async def wrong() -> list[str]:
        ctx = get_context()
        codes = []
        for signal, timeout in (("two words", None), ("fine", 0)):
            try:
                await ctx.wait_for_signal(signal, timeout)
            except baton.BatonError as refused:
                codes.append(refused.code)
        await asyncio.gather(ctx.wait_for_signal("first"), _second(ctx))
        return codes

    async def _second(ctx: baton.TaskContext) -> None:
        if second:
            return
        try:
            await ctx.wait_for_signal("second")
        except baton.WaitRefusedError as refused:
            second.append(refused.code)

    await serve(wrong)
    handle = await client.submit(wrong)
    await until(lambda: _waits(client, handle), 15)
    await handle.signal("first")
    await handle.wait(15)
    assert handle.error is None and handle.result == ["INVALID_ARGUMENT", "INVALID_ARGUMENT"], handle.error
    assert second == ["WAIT_UNSUPPORTED"]
