"""The client of programs without asyncio: these tests have no event loop of their own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

import baton
from baton import TaskOptions, get_context, sync, task


@pytest.fixture
def client() -> Iterator[sync.Client]:
    with sync.Client(user="alice") as made:
        yield made


@contextlib.contextmanager
def serving(*tasks: baton.Task[..., object]) -> Iterator[None]:
    """A worker in a thread, as the program beside would be."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    worker = baton.Worker(tasks)
    asyncio.run_coroutine_threadsafe(worker.start(), loop).result(20)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(worker.drain(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)


def test_a_task_is_submitted_followed_and_waited_for(client: sync.Client, name: str) -> None:
    go = threading.Event()

    @task(name=name)
    def work(number: int) -> dict[str, int]:
        ctx = get_context()
        ctx.update_task(progress=(1, 2), payload={"page": 1})
        go.wait(10)
        return {"doubled": number * 2}

    handle = client.submit(work, [21], options=TaskOptions(task_key="k"))
    assert (handle.status, handle.outcome, handle.ended, handle.type, handle.key) == ("pending", "created", False, name, "k")
    again = client.submit(name, [21], options=TaskOptions(task_key="k"))
    assert (again.uuid, again.outcome, again.differs, again.address) == (handle.uuid, "joined", False, handle.address)
    with pytest.raises(baton.WaitTimeoutError):
        client.wait(handle, 0.1)
    with serving(work):
        seen = []
        for event in client.events(handle):
            seen.append((event.status, event.progress))
            if event.progress is not None:
                go.set()
        assert seen[-1][0] == "success" and ("in_progress", {"current": 1, "total": 2}) in seen
        assert (handle.result, handle.payload, handle.attempt, handle.error) == ({"doubled": 42}, {"page": 1}, 1, None)
        assert client.join(name, [1], timeout=10).result == {"doubled": 2}
        first = next(client.submit(work, [1]).events())
        assert first.status in ("pending", "in_progress", "success")


def test_a_task_is_cancelled_and_signalled(client: sync.Client, name: str) -> None:
    handle = client.submit(name)
    assert handle.signal("go", 1) == "kept"
    assert client.signal(handle.uuid, "go", 2, address=handle.address) == "kept"
    assert handle.why().waits and client.why(handle.uuid).told["uuid"] == handle.uuid
    assert handle.cancel() == "aborted"
    assert handle.wait(5).status == "aborted"
    with pytest.raises(baton.TaskAbortFailedError):
        client.cancel(handle.uuid, handle.address)


def test_threads_share_one_client(client: sync.Client, name: str) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda i=i: found.append(client.submit(name, [i]).uuid)) for i in range(16)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert len(set(found)) == 16


def test_ctrl_c_ends_a_wait_and_the_client_goes_on(client: sync.Client, name: str) -> None:
    handle = client.submit(name)
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        handle.wait(20)
    assert handle.refresh().status == "pending"


def test_whoever_waits_while_the_client_is_closed_is_told(name: str) -> None:
    told: list[BaseException] = []
    waits = threading.Event()

    def wait(handle: sync.TaskHandle) -> None:
        waits.set()
        try:
            handle.wait()
        except BaseException as error:  # noqa: BLE001 - looked at below
            told.append(error)

    client = sync.Client(user="alice")
    with client:
        thread = threading.Thread(target=wait, args=[client.submit(name)])
        thread.start()
        assert waits.wait(5)
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(told[0], baton.NotConnectedError), told


def test_a_call_that_begins_while_the_client_is_closed_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[BaseException] = []
    begun = threading.Event()
    client = sync.Client(user="alice")
    usable = client._usable

    def slowly(work: Any) -> Any:
        loop = usable(work)
        if threading.current_thread() is thread:
            begun.set()
            time.sleep(1)
        return loop

    def call() -> None:
        try:
            client.why(str(uuid.uuid4()))
        except BaseException as error:  # noqa: BLE001 - looked at below
            told.append(error)

    thread = threading.Thread(target=call)
    monkeypatch.setattr(client, "_usable", slowly)
    with client:
        thread.start()
        assert begun.wait(5)
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(told[0], (baton.NotConnectedError, baton.TaskNotFoundError)), told


def test_events_may_be_left_when_the_client_is_closed(name: str) -> None:
    with sync.Client(user="alice") as client:
        events = client.submit(name).events()
        next(events)
    events.close()  # type: ignore[attr-defined]


def test_where_it_cannot_be_used_it_says_so(name: str) -> None:
    client = sync.Client(user="alice")
    with pytest.raises(baton.NotConnectedError, match="not open"):
        client.submit(name)
    with client:

        async def inside() -> None:
            client.submit(name)

        with pytest.raises(RuntimeError, match="event loop"):
            asyncio.run(inside())
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            try:
                client.submit(name)
                os.write(writer, b"it went on")
            except BaseException as error:  # noqa: BLE001 - told to the parent
                os.write(writer, str(error).encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert b"open one in each process" in os.read(reader, 1_000)
        client.submit(name)
    with pytest.raises(baton.NotConnectedError, match="not open"):
        client.submit(name)
    with client:
        client.submit(name)
    unreachable = sync.Client(server=baton.Server(servers="nats://127.0.0.1:1"))
    with pytest.raises(baton.NotConnectedError):
        unreachable.open()
    assert not [each for each in threading.enumerate() if each.name == "baton client" and each.is_alive() and not each.daemon]
