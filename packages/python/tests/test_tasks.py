"""Tasks of Python workers, run by real supervisors."""

from __future__ import annotations

import asyncio
import datetime
import threading
import time
from typing import Any

import pytest

import baton
from baton import TaskOptions, TaskScope, get_context, task
from baton._requests import Requests

from conftest import Serve, until


async def test_a_plain_function_runs_in_a_thread_and_its_result_comes_back(
    client: baton.Client, serve: Serve, name: str
) -> None:
    @task(name=name)
    def add(a: int, b: int = 2) -> dict[str, Any]:
        return {"sum": a + b, "main": threading.current_thread() is threading.main_thread()}

    await serve(add)
    handle = await add.schedule(a=1)
    assert (handle.status, handle.outcome) == ("pending", "created")
    await handle.wait(10)
    assert (handle.status, handle.result, handle.attempt) == ("success", {"sum": 3, "main": False}, 1)


async def test_an_async_function_runs_in_the_loop_and_a_call_waits(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    async def later(at: datetime.datetime, raw: bytes) -> list[Any]:
        await asyncio.sleep(0.01)
        return [at, raw, get_context().user]

    await serve(later)
    at = datetime.datetime(2026, 11, 28, 12, tzinfo=datetime.timezone.utc)
    ended = await later(at, b"\x00\xff")
    assert (ended.status, ended.result) == ("success", [at, b"\x00\xff", "alice"])


async def test_progress_and_payload_are_seen_live(client: baton.Client, serve: Serve, name: str) -> None:
    go = threading.Event()

    @task(name=name)
    def work() -> None:
        ctx = get_context()
        ctx.update_task(progress=(1, 4), payload={"page": 1})
        go.wait(10)
        ctx.update_task(progress=1.5)  # left out, with a warning
        ctx.update_task(progress=(4, 4))

    await serve(work)
    handle = await work.schedule()
    seen: list[Any] = []
    async for event in handle.events():
        seen.append((event.status, event.progress))
        if event.progress is not None:
            go.set()
    assert seen[-1] == ("success", {"current": 4, "total": 4})
    assert ("in_progress", {"current": 1, "total": 4}) in seen
    assert handle.payload == {"page": 1}


async def test_a_cancel_runs_abort_handlers_then_cleanup_handlers_last_first(
    client: baton.Client, serve: Serve, name: str
) -> None:
    order: list[str] = []

    @task(name=name)
    def abortable() -> str:
        ctx = get_context()
        stop = threading.Event()
        ctx.on_cleanup(lambda: order.append("cleanup 1"))
        ctx.on_abort(lambda: order.append("abort 1"))

        @ctx.on_abort
        def handle_abort() -> None:
            order.append("abort 2")
            stop.set()

        ctx.on_cleanup(lambda: order.append("cleanup 2"))
        stop.wait(20)
        return "stopped"

    await serve(abortable)
    handle = await abortable.schedule()
    await until(lambda: _is_abortable(client, handle))
    assert await handle.cancel() == "aborted"
    await handle.wait(10)
    assert handle.status == "aborted"
    assert order == ["abort 2", "abort 1", "cleanup 2", "cleanup 1"]
    record, _ = await client.record_of(handle.address, handle.uuid)
    abort = record["abort"]
    assert {"deliveredAt", "observedAt", "stoppedAt"} <= set(abort)
    assert abort["deliveredAt"] - abort["at"] < 2_000, "it was told at once, by a signal"


async def test_what_a_task_tells_is_as_it_was_when_it_told_it(client: baton.Client, serve: Serve, name: str) -> None:
    seen = asyncio.Event()

    @task(name=name)
    async def changes() -> dict[str, Any]:
        ctx = get_context()
        payload: dict[str, Any] = {"page": 1}
        ctx.update_task(payload=payload)
        payload["page"] = object()
        await seen.wait()
        result: dict[str, Any] = {"found": 2}

        @ctx.on_cleanup
        def reuses() -> None:
            result["found"] = object()

        return result

    await serve(changes)
    handle = await changes.schedule()

    async def is_told() -> bool:
        return (await handle.refresh()).payload is not None

    await until(is_told)
    seen.set()
    await handle.wait(10)
    assert (handle.status, handle.payload, handle.result) == ("success", {"page": 1}, {"found": 2})


async def test_what_a_lost_beat_said_comes_with_the_end(
    client: baton.Client, serve: Serve, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = asyncio.Event()
    ask = Requests.ask

    async def loses(self: Requests, verb: str, body: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        if verb == "beat" and any("payload" in report for report in body["running"]):
            lost.set()
            await asyncio.sleep(timeout)
            return None
        return await ask(self, verb, body, timeout)

    monkeypatch.setattr(Requests, "ask", loses)

    @task(name=name)
    async def tells() -> None:
        get_context().update_task(progress=(2, 3), payload={"page": 2}, tags={"old": 1})
        await lost.wait()
        get_context().update_task(progress=(3, 3), tags={"new": 1})

    await serve(tells)
    handle = await (await tells.schedule()).wait(10)
    assert (handle.progress, handle.payload) == ({"current": 3, "total": 3}, {"page": 2})
    assert handle.tags == {"old": 1, "new": 1}


async def test_payloads_of_many_tasks_are_told_by_several_beats(
    client: baton.Client, serve: Serve, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[int] = []
    seen = asyncio.Event()

    @task(name=name)
    async def large(number: int) -> int:
        get_context().update_task(payload={"text": "x" * 60_000})
        told.append(number)
        await seen.wait()
        return number

    await serve(large, concurrency=24)
    handles = await asyncio.gather(*(large.schedule(number) for number in range(24)))

    async def all_are_seen() -> bool:
        await asyncio.gather(*(handle.refresh() for handle in handles))
        return all(handle.payload is not None for handle in handles)

    await until(all_are_seen, 15)
    seen.set()
    await asyncio.gather(*(handle.wait(10) for handle in handles))
    assert [handle.result for handle in handles] == list(range(24))
    assert sorted(told) == list(range(24)), "each was run once"
    assert "do not fit" not in caplog.text


async def test_without_an_abort_handler_it_cannot_be_cancelled(client: baton.Client, serve: Serve, name: str) -> None:
    go = threading.Event()

    @task(name=name)
    def stubborn() -> str:
        go.wait(10)
        return "done"

    await serve(stubborn)
    handle = await stubborn.schedule()
    await until(lambda: _is(handle, "in_progress"))
    with pytest.raises(baton.TaskNotAbortableError):
        await handle.cancel()
    go.set()
    assert (await handle.wait(10)).result == "done"
    with pytest.raises(baton.TaskAbortFailedError):
        await handle.cancel()


async def test_a_timeout_ends_an_abortable_task(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name, timeout=60)
    async def slow() -> None:
        body = asyncio.current_task()
        assert body is not None
        get_context().on_abort(body.cancel)
        await asyncio.sleep(30)

    await serve(slow)
    began = time.monotonic()
    handle = await slow(options=TaskOptions(timeout=1))
    assert handle.status == "timed_out"
    assert 1 <= time.monotonic() - began < 6


async def test_failures_say_what_was_raised_and_handlers_that_fail_are_told(
    client: baton.Client, serve: Serve, name: str
) -> None:
    @task(name=name)
    def broken(in_cleanup: bool) -> None:
        @get_context().on_cleanup
        def cleanup() -> None:
            if in_cleanup:
                raise OSError("disk full")

        if not in_cleanup:
            raise ValueError("no such data set")

    await serve(broken)
    body = await broken(False)
    assert body.error is not None and body.status == "failure"
    assert (body.error.type, body.error.message) == ("ValueError", "no such data set")
    assert "raise ValueError" in (body.error.stack or "")
    handler = await broken(True)
    assert handler.error is not None and handler.status == "failure"
    assert (handler.error.type, handler.error.message) == ("OSError", "disk full")


async def test_b2_tags_are_said_at_the_submit_and_by_the_body(client: baton.Client, serve: Serve, name: str) -> None:
    before: list[dict[str, Any]] = []

    @baton.task(name=name, tags={"team": "reports", "order": 1})
    async def tagged() -> None:
        ctx = get_context()
        before.append(dict(ctx.tags))
        ctx.update_task(tags={"rows": 0.5, "team": None})
        ctx.update_task(tags={"a.b": 1, "done": True})  # the first left out, with a warning
        assert ctx.tags == {"order": 17, "tenant": "Ä", "rows": 0.5, "done": True}

    await serve(tagged)
    handle = await client.submit(tagged, options=TaskOptions(tags={"tenant": "Ä", "order": 17}))
    await handle.wait(30)
    assert handle.status == "success"
    assert before == [{"team": "reports", "order": 17, "tenant": "Ä"}]
    assert handle.tags == {"order": 17, "tenant": "Ä", "rows": 0.5, "done": True}
    with pytest.raises(baton.BatonError) as refused:
        await client.submit(tagged, options=TaskOptions(tags={"a.b": 1}))
    assert refused.value.code == "INVALID_ARGUMENT"


async def test_retries_resume_from_what_the_former_attempt_kept(client: baton.Client, serve: Serve, name: str) -> None:
    seen: list[Any] = []

    @task(name=name, max_attempts=3, backoff=baton.Backoff(initial="50ms", jitter=0))
    def flaky() -> str:
        ctx = get_context()
        seen.append((ctx.attempt, ctx.previous.payload))
        ctx.update_task(payload={"done": ctx.attempt})
        if ctx.attempt < 3:
            raise baton.RetryableError("again", retry_after=0.05)
        return "third"

    await serve(flaky)
    handle = await flaky()
    assert (handle.status, handle.result, handle.attempt) == ("success", "third", 3)
    assert seen == [(1, None), (2, {"done": 1}), (3, {"done": 2})]


async def test_a_task_waits_for_others_and_has_what_they_left(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=f"{name}.first")
    def first(text: str) -> str:
        get_context().update_task(payload={"from": text})
        return text * 2

    @task(name=f"{name}.last")
    def last() -> list[Any]:
        ctx = get_context()
        return [ctx.get_dependency_payloads(), ctx.get_dependency_results(), [d["status"] for d in ctx.dependencies]]

    waited = await first.schedule("ab")
    handle = await last.schedule(options=baton.TaskOptions(depends_on=[waited.uuid]))
    assert handle.status == "pending"
    await serve(first, last)
    await handle.wait()
    assert (handle.status, handle.result) == ("success", [[{"from": "ab"}], ["abab"], ["success"]])


async def test_a_terminal_error_and_retry_on_end_it_at_once(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name, max_attempts=5, retry_on=lambda error: not isinstance(error, KeyError))
    def final(kind: str) -> None:
        if kind == "terminal":
            raise baton.TerminalError("no use")
        raise KeyError("not worth it")

    await serve(final)
    for kind in ("terminal", "key"):
        handle = await final(kind)
        assert (handle.status, handle.attempt) == ("failure", 1)


async def test_what_cannot_travel_is_refused_where_it_is_given(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    def odd(_value: Any) -> Any:
        return object()

    await serve(odd)
    with pytest.raises(baton.InvalidArgumentError, match=r"^args\[0\]: whole numbers beyond 2\^53"):
        await odd.schedule(2**53)
    with pytest.raises(TypeError):
        await odd.schedule()
    with pytest.raises(baton.BatonError, match="is no type"):
        await client.submit("no type!")
    with pytest.raises(baton.BatonError, match="is no type"):
        task(name="no type!")(lambda: None)
    handle = await odd(1)
    assert handle.error is not None and (handle.status, handle.error.type) == ("failure", "TypeError")


async def test_a_large_result_goes_through_the_object_store(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    def large(size: int) -> str:
        return "x" * size

    await serve(large)
    kept = await large(500_000)
    assert kept.status == "success" and len(kept.result) == 500_000
    beyond = await large(9_000_000)
    assert beyond.error is not None and (beyond.status, beyond.error.type) == ("failure", "result_too_large")
    assert "PAYLOAD_TOO_LARGE" in beyond.error.message


async def test_one_key_is_one_task(client: baton.Client, serve: Serve, name: str) -> None:
    go = asyncio.Event()

    @task(name=name, scope=TaskScope.SHARED)
    async def shared() -> str:
        await go.wait()
        return "once"

    await serve(shared)
    options = TaskOptions(task_key="report_123")
    first = await shared.schedule(options=options)
    async with baton.Client(user="bob") as bob:
        second = await bob.submit(shared, options=options)
        assert (first.outcome, second.outcome, first.uuid == second.uuid) == ("created", "joined", True)
        with pytest.raises(baton.WaitTimeoutError):
            await bob.wait(second, timeout=0.3)
        go.set()
        joined = await bob.join(shared, options=options, timeout=10)
        assert joined.status == "success"
    assert (await first.wait(10)).result == "once"


async def test_delays_priorities_and_names_travel(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    def noop() -> None:
        return None

    await serve(noop)
    handle = await client.submit(name, options=TaskOptions(delay=1, priority="high", task_name="Shown"))
    await handle.wait(10)
    record, _ = await client.record_of(handle.address, handle.uuid)
    # By the clock of the server, as supervisors estimate it.
    assert record["startedAt"] - record["createdAt"] >= 950
    assert (record["name"], record["priority"]) == ("Shown", "high")


async def test_modes_of_a_submit_and_a_time_to_start_by(client: baton.Client, serve: Serve, name: str) -> None:
    ran: list[int] = []

    @task(name=name, mode="debounce", window=3, max_wait="9s")
    def late(value: int) -> int:
        ran.append(value)
        return value

    await serve(late)
    key = TaskOptions(task_key="k")
    first = await late.schedule(1, options=key)
    second = await late.schedule(2, options=key)
    assert (second.outcome, second.uuid) == ("debounced", first.uuid)
    assert (await first.wait(20)).result == 2 and ran == [2]

    nobody = f"{name}.nobody"
    waiting = await client.submit(nobody, options=TaskOptions(task_key="k", expires=5))
    with pytest.raises(baton.TaskActiveError) as refused:
        await client.submit(nobody, options=TaskOptions(task_key="k", mode="reject"))
    assert refused.value.code == "TASK_ACTIVE"
    assert (await waiting.wait(15)).status == "aborted"
    throttle = TaskOptions(task_key="t", mode="throttle", window="1h")
    one = await client.submit(nobody, options=throttle)
    await one.cancel()
    assert (await client.submit(nobody, options=throttle)).outcome == "throttled"


async def test_groups_units_rescues_and_what_is_strict_travel(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name, group="acme", units=3, abort_grace="5s")
    def grouped() -> None:
        return None

    with pytest.raises(baton.BatonError) as unknown:
        await client.submit(name, options=TaskOptions(strict=True))
    assert unknown.value.code == "UNKNOWN_TYPE"
    await serve(grouped)
    defined = await grouped()
    record, _ = await client.record_of(defined.address, defined.uuid)
    assert (record["group"], record["units"]) == ("acme", 3)
    options = TaskOptions(group="globex", units=2, max_rescues=0, on_orphan="fail", abort_grace=7)
    told = await client.submit(name, options=options)
    await told.wait(10)
    record, _ = await client.record_of(told.address, told.uuid)
    assert (record["group"], record["units"]) == ("globex", 2)
    assert (record["policy"]["abortGraceMs"], record["policy"]["onOrphan"]) == (7000, "fail")
    with pytest.raises(baton.PermissionDeniedError):
        await client.submit(name, options=TaskOptions(scope=TaskScope.SHARED, task_key="k"))


async def test_a_fraction_is_one_also_where_it_is_whole(client: baton.Client, serve: Serve, name: str) -> None:
    @task(name=name)
    def whole(progress: float, count: int) -> None:
        # A whole number that travelled is an int here, whatever it was.
        get_context().update_task(progress=count if progress < 0 else float(progress))

    await serve(whole)
    assert (await whole(1.0, 0)).progress == {"fraction": 1}
    assert (await whole(0.5, 0)).progress == {"fraction": 0.5}
    assert (await whole(-1.0, 1)).progress == {"count": 1}


async def test_a_signal_is_sent_once_by_its_operation_id(client: baton.Client, name: str) -> None:
    waits = await client.submit(name)
    assert await waits.signal("approved", {"by": "carol"}, operation_id="s1") == "kept"
    assert await client.signal(waits.uuid, "approved", {"by": "carol"}, operation_id="s1") == "kept"
    assert await client.signal(waits.uuid, "approved", address=waits.address) == "kept"
    record, _ = await client.record_of(waits.address, waits.uuid)
    assert [entry["name"] for entry in record["signals"]] == ["approved", "approved"]
    async with baton.Client(user="mallory") as other:
        with pytest.raises(baton.BatonError):
            await other.signal(waits.uuid, "approved", address=waits.address)
    await waits.cancel()
    with pytest.raises(baton.BatonError):
        await waits.signal("approved")


async def test_a_pending_task_is_cancelled_at_once_and_never_runs(client: baton.Client, serve: Serve, name: str) -> None:
    ran: list[int] = []

    @task(name=name)
    def never() -> None:
        ran.append(1)

    handle = await client.submit(never)
    assert await client.cancel(handle.uuid, handle.address) == "aborted"
    await serve(never)
    assert (await handle.wait(5)).status == "aborted"
    assert ran == []


async def test_a_handler_that_fails_keeps_no_other_from_running_and_makes_an_abort_a_failure(
    client: baton.Client, serve: Serve, name: str
) -> None:
    ran: list[str] = []

    @task(name=name)
    async def abortable() -> None:
        ctx = get_context()
        stop = asyncio.Event()

        @ctx.on_cleanup
        async def last() -> None:
            ran.append("cleanup")

        @ctx.on_abort
        def first() -> None:
            stop.set()

        @ctx.on_abort
        def fails() -> None:
            raise RuntimeError("cannot stop the export")

        await stop.wait()

    await serve(abortable)
    handle = await abortable.schedule()
    await until(lambda: _is_abortable(client, handle))
    await handle.cancel()
    await handle.wait(10)
    assert handle.error is not None
    assert (handle.status, handle.error.message, ran) == ("failure", "cannot stop the export", ["cleanup"])


async def test_once_cleanup_has_begun_it_is_too_late_for_a_cancel(client: baton.Client, serve: Serve, name: str) -> None:
    go = asyncio.Event()

    @task(name=name)
    async def tidy() -> int:
        get_context().on_cleanup(go.wait)
        get_context().on_abort(lambda: None)
        return 7

    await serve(tidy)
    handle = await tidy.schedule()
    await until(lambda: _has(client, handle, "finishing"))
    with pytest.raises(baton.TaskAbortFailedError):
        await handle.cancel()
    go.set()
    assert (await handle.wait(10)).result == 7


async def test_a_timeout_without_an_abort_handler_is_shown_and_the_task_runs_on(
    client: baton.Client, serve: Serve, name: str
) -> None:
    go = threading.Event()

    @task(name=name, timeout=0.3)
    def deaf() -> str:
        go.wait(10)
        return "late"

    await serve(deaf)
    handle = await deaf.schedule()
    await until(lambda: _has(client, handle, "timeoutUnenforced"))
    go.set()
    assert (await handle.wait(10)).result == "late"


async def test_a_context_is_only_inside_of_a_task() -> None:
    with pytest.raises(RuntimeError):
        get_context()


async def _is(handle: baton.TaskHandle, status: str) -> bool:
    return (await handle.refresh()).status == status


async def _has(client: baton.Client, handle: baton.TaskHandle, flag: str) -> bool:
    record, _ = await client.record_of(handle.address, handle.uuid)
    return record.get(flag) is True


async def _is_abortable(client: baton.Client, handle: baton.TaskHandle) -> bool:
    return await _has(client, handle, "abortable")


class _Hostile(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _refuse(_error: BaseException) -> bool:
    raise RuntimeError("retry_on itself")


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (ValueError("half \ud800"), "ValueError"),
        (_Hostile(), "_Hostile"),
        (SystemExit(3), "SystemExit"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
@pytest.mark.parametrize("in_loop", [False, True])
async def test_whatever_is_raised_is_the_failure_of_that_task_and_its_worker_goes_on(
    client: baton.Client, serve: Serve, name: str, raised: BaseException, kind: str, in_loop: bool
) -> None:
    @task(name=name, retry_on=_refuse)
    def plain() -> None:
        raise raised

    @task(name=f"{name}.async", retry_on=_refuse)
    async def looped() -> None:
        raise raised

    @task(name=f"{name}.fine")
    def fine() -> str:
        return "well"

    await serve(plain, looped, fine)
    ended = await (looped if in_loop else plain)()
    assert (ended.status, ended.attempt) == ("failure", 1)
    assert ended.error is not None and ended.error.type == kind
    assert (await fine()).result == "well"


async def test_a_result_that_cannot_travel_is_a_failure_that_says_so(
    client: baton.Client, serve: Serve, name: str
) -> None:
    @task(name=name)
    def bad(which: str) -> Any:
        ring: list[Any] = []
        ring.append(ring)
        return ring if which == "ring" else ["half \ud800"]

    await serve(bad)
    for which, words in (("ring", "nested too deeply"), ("half", "lone surrogate")):
        ended = await bad(which)
        assert ended.status == "failure" and ended.error is not None
        assert words in ended.error.message


async def test_limits_of_a_definition_hold_for_its_tasks(client: baton.Client, serve: Serve, name: str) -> None:
    now = {"all": 0, "dock": 0}
    most = {"all": 0, "dock": 0}

    @task(name=name, concurrency=2, rate=baton.Rate(units=1_000, window="1m"), per_key=baton.Most(concurrency=1))
    async def move(key: str) -> None:
        for each in ("all", key):
            now[each] = now.get(each, 0) + 1
            most[each] = max(most.get(each, 0), now[each])
        await asyncio.sleep(0.05)
        for each in ("all", key):
            now[each] -= 1

    await serve(move)
    keys = ["dock", "quay", "dock", "dock", "quay", "ramp"]
    handles = [await move.schedule(key, options=TaskOptions(limit_key=key)) for key in keys]
    for handle in handles:
        await handle.wait(60)
    assert [handle.status for handle in handles] == ["success"] * len(keys)
    assert (most["all"] <= 2, most["dock"], most["quay"]) == (True, 1, 1)
