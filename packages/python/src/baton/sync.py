"""A client for programs without asyncio: the same calls, and each waits for its answer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

from . import client as asynchronous
from ._checks import timeout_of
from ._connection import Server
from .errors import NotConnectedError
from .handle import TaskError, TaskEvent, Why
from .handle import TaskHandle as AsynchronousHandle
from .options import Duration, TaskOptions, TaskScope
from .tasks import Task

T = TypeVar("T")

_STOP_WITHIN = 1.0
_STOP_TRIES = 5


class Client:
    """
    Acts for one user, over one connection, which lives in a thread of its own; may be used by all threads. ``with Client(...)``, or
    ``open`` and ``close``. Of a program that forks each process makes its own.
    """

    def __init__(self, *, user: str | None = None, admin: bool = False, server: Server | None = None) -> None:
        self._client = asynchronous.Client(user=user, admin=admin, server=server)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._process = 0
        self._opening = threading.Lock()
        # Held while something is handed to the loop: it is not stopped before that has begun.
        self._handing = threading.Lock()

    def open(self) -> None:
        """Connects; does nothing where it is connected. Raises NotConnectedError."""
        with self._opening:
            if self._loop is not None:
                return
            self._process = os.getpid()
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=_run, args=[self._loop], name="baton client", daemon=True).start()
            try:
                self._wait(self._client.open())
            except BaseException:
                self._stop()
                raise

    def close(self) -> None:
        with self._opening:
            if self._loop is None:
                return
            try:
                self._wait(self._client.close())
            finally:
                self._stop()

    def __enter__(self) -> Client:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(
        self, task: Task[..., Any] | str, args: Sequence[Any] = (), *, options: TaskOptions | None = None
    ) -> TaskHandle:
        """Submits a task, or joins the one of its key that is active."""
        return TaskHandle(self, self._wait(self._client.submit(task, args, options=options)))

    def join(
        self,
        task: Task[..., Any] | str,
        args: Sequence[Any] = (),
        *,
        options: TaskOptions | None = None,
        timeout: Duration | None = None,
    ) -> TaskHandle:
        """Submits or joins, and waits for the end."""
        timeout_of(timeout)
        return self.submit(task, args, options=options).wait(timeout)

    def wait(self, handle: TaskHandle, timeout: Duration | None = None) -> TaskHandle:
        return asynchronous.handle_in(handle, TaskHandle, "baton.sync.Client").wait(timeout)

    def events(self, handle: TaskHandle) -> Iterator[TaskEvent]:
        return asynchronous.handle_in(handle, TaskHandle, "baton.sync.Client").events()

    def cancel(self, id: str, address: str | None = None, *, force: bool = False) -> str:
        """ "aborted" or "unsubscribed". An address finds ended tasks, too."""
        return self._wait(self._client.cancel(id, address, force=force))

    def signal(
        self, id: str, name: str, data: Any = None, *, address: str | None = None, operation_id: str | None = None
    ) -> str:
        """ "delivered" or "kept", see ``baton.Client.signal``."""
        return self._wait(self._client.signal(id, name, data, address=address, operation_id=operation_id))

    def why(self, id: str, *, address: str | None = None) -> Why:
        """Why the task waits, as data and in words."""
        return self._wait(self._client.why(id, address=address))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        """In the thread of the connection, with what the caller's context holds: spans of his go along."""
        done: Future[T] = Future()
        with self._handing:
            loop = self._usable(work)

            def begin() -> None:
                running = loop.create_task(work)
                running.add_done_callback(lambda _: _tell(running, done))
                done.add_done_callback(lambda _: _cancel(running, loop) if done.cancelled() else None)

            # In the context of the caller.
            loop.call_soon_threadsafe(begin)
        try:
            return done.result()
        except BaseException:
            # Ctrl-C, and whatever else a signal raises here: nobody waits for it any more.
            done.cancel()
            raise

    def _usable(self, work: Coroutine[Any, Any, Any]) -> asyncio.AbstractEventLoop:
        fault: Exception
        if self._loop is None:
            fault = NotConnectedError("the client is not open: use it in a `with`, or call open()")
        elif self._process != os.getpid():
            fault = RuntimeError("the client was opened before this process was forked: open one in each process")
        elif _is_in_loop():
            fault = RuntimeError("this would hold up the event loop it is called in: use baton.Client there")
        else:
            return self._loop
        work.close()
        raise fault

    def _stop(self) -> None:
        with self._handing:
            loop, self._loop = self._loop, None
            if loop is not None:
                loop.call_soon_threadsafe(loop.stop)


class TaskHandle:
    """A task that was submitted or joined. ``refresh``, ``wait`` and ``events`` bring it up to date."""

    def __init__(self, client: Client, handle: AsynchronousHandle) -> None:
        self._client = client
        self._handle = handle

    def __repr__(self) -> str:
        return repr(self._handle)

    @property
    def uuid(self) -> str:
        return self._handle.uuid

    @property
    def address(self) -> str:
        return self._handle.address

    @property
    def type(self) -> str:
        return self._handle.type

    @property
    def key(self) -> str:
        return self._handle.key

    @property
    def scope(self) -> TaskScope:
        return self._handle.scope

    @property
    def status(self) -> str:
        return self._handle.status

    @property
    def ended(self) -> bool:
        return self._handle.ended

    @property
    def outcome(self) -> str:
        return self._handle.outcome

    @property
    def differs(self) -> bool:
        return self._handle.differs

    @property
    def attempt(self) -> int:
        return self._handle.attempt

    @property
    def progress(self) -> Any:
        return self._handle.progress

    @property
    def payload(self) -> Any:
        return self._handle.payload

    @property
    def result(self) -> Any:
        return self._handle.result

    @property
    def error(self) -> TaskError | None:
        return self._handle.error

    @property
    def revision(self) -> int:
        return self._handle.revision

    def refresh(self) -> TaskHandle:
        """Reads the record. Raises TaskNotFoundError when it is gone, a minute and more after the end."""
        self._client._wait(self._handle.refresh())
        return self

    def wait(self, timeout: Duration | None = None) -> TaskHandle:
        """Until it has ended, however it did; seconds, or text such as "1m". Raises WaitTimeoutError, and the task runs on."""
        self._client._wait(self._handle.wait(timeout))
        return self

    def cancel(self, *, force: bool = False) -> str:
        """ "aborted" or "unsubscribed". Raises what the task, or its scope, does not allow."""
        return self._client._wait(self._handle.cancel(force=force))

    def signal(self, name: str, data: Any = None, *, operation_id: str | None = None) -> str:
        """ "delivered" or "kept". Raises TaskEndedError."""
        return self._client._wait(self._handle.signal(name, data, operation_id=operation_id))

    def why(self) -> Why:
        """Why it waits, as data and in words."""
        return self._client._wait(self._handle.why())

    def events(self) -> Iterator[TaskEvent]:
        """The state now, then every change of it that is heard of, until it has ended."""
        events = self._handle.events()
        try:
            while (event := self._client._wait(_next(events))) is not None:
                yield event
        finally:
            # Whoever stops before the end may have closed the client by then.
            with contextlib.suppress(RuntimeError, NotConnectedError):
                self._client._wait(events.aclose())


async def _next(events: Any) -> TaskEvent | None:
    event: TaskEvent | None = await anext(events, None)
    return event


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        # Whoever waits for one of them is told so; what heeds no cancel is asked again.
        for _ in range(_STOP_TRIES):
            left = asyncio.all_tasks(loop)
            if not left:
                break
            for each in left:
                each.cancel()
            loop.run_until_complete(asyncio.wait(left, timeout=_STOP_WITHIN))
        # What has just ended tells so in the turn behind it.
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


def _cancel(running: asyncio.Task[Any], loop: asyncio.AbstractEventLoop) -> None:
    # Of a loop that is closed meanwhile all is over.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(running.cancel)


def _tell(running: asyncio.Task[T], done: Future[T]) -> None:
    if done.cancelled() or not done.set_running_or_notify_cancel():
        if not running.cancelled():
            running.exception()
        return
    if running.cancelled():
        done.set_exception(NotConnectedError("the client was closed meanwhile"))
    elif (error := running.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(running.result())


def _is_in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
