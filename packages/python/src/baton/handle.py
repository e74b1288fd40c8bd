"""A task as its submitter sees it."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._checks import timeout_of
from ._data import unpack
from ._record import TERMINAL, data_in
from ._traces import waiting
from .errors import WaitTimeoutError
from .options import Duration, TaskScope

if TYPE_CHECKING:
    from .client import Client

_LOOK_EVERY = 10.0
_EVENTS_LOOK_EVERY = 1.0


@dataclass(frozen=True)
class TaskError:
    """Why a task failed."""

    message: str
    type: str
    stack: str | None = None


@dataclass(frozen=True)
class TaskEvent:
    """A state of a task, told when it changed."""

    status: str
    progress: Any
    payload: Any
    revision: int


class Why:
    """Why a task waits, as it is at this moment."""

    def __init__(self, told: dict[str, Any]) -> None:
        self.waits: bool = told["waits"]
        """False: it has begun, or has ended."""
        self.reasons: list[dict[str, Any]] = told["reasons"]
        """Each with its `kind`: "paused", "limit", "no_worker", "depends_on" and so on, as REST has them."""
        self.text: list[str] = told["text"]
        """The same in words."""
        self.position: int | None = told["position"]
        """1: next; None where nobody can tell."""
        self.expected_start: datetime.datetime | None = _time(told["expected_start"])
        self.told = told
        """All of it, as REST has it."""

    def __repr__(self) -> str:
        return f"<Why {' '.join(self.text)}>"


def _time(text: str | None) -> datetime.datetime | None:
    return None if text is None else datetime.datetime.fromisoformat(text)


class TaskHandle:
    """A task that was submitted or joined. ``refresh``, ``wait`` and ``events`` bring it up to date."""

    def __init__(self, client: Client, view: dict[str, Any], outcome: str, differs: bool) -> None:
        self._client = client
        self.uuid: str = view["id"]
        self.address: str = view["address"]
        self.type: str = view["task_type"]
        self.key: str = view["task_key"]
        self.scope = TaskScope(view["scope"])
        self.status: str = view["status"]
        self.outcome = outcome
        """"created", "joined", "replaced", "debounced" or "throttled"."""
        self.differs = differs
        """It was joined, and its arguments or options are others than those given here."""
        self.attempt: int = view["attempt"]
        self.tags: dict[str, Any] = view.get("tags", {})
        self.progress: Any = None
        self.payload: Any = None
        self.result: Any = None
        self.error: TaskError | None = None
        self.revision: int = view["revision"]
        self._queue: str = view["queue"]
        # What it came to stands in its record, and not in the answer to a submit.
        self._is_read = False
        # `traceparent` of its submit, and of its last run.
        self._traced: tuple[str | None, str | None] = (view.get("traceparent"), None)

    def __repr__(self) -> str:
        return f"<TaskHandle {self.type} {self.uuid} {self.status}>"

    @property
    def ended(self) -> bool:
        return self.status in TERMINAL

    async def refresh(self) -> TaskHandle:
        """Reads the record. Raises TaskNotFoundError when it is gone, a minute and more after the end."""
        await self._take(*await self._client.record_of(self.address, self.uuid))
        return self

    async def wait(self, timeout: Duration | None = None) -> TaskHandle:
        """
        Until it has ended, however it did; seconds, or text such as "1m". Raises WaitTimeoutError, and the task runs on;
        TaskNotFoundError for one whose record is gone, a minute and more after the end.
        """
        with waiting(self.type, self.uuid, self._queue) as span:
            await self._wait(timeout)
            span.waited(self.status, *self._traced)
        return self

    async def _wait(self, timeout: Duration | None) -> None:
        try:
            async with asyncio.timeout(timeout_of(timeout)):
                async with self._client.listening(self.address) as told:
                    while not (self.ended and self._is_read):
                        await self.refresh()
                        if not self.ended:
                            await told(_LOOK_EVERY)
        except TimeoutError:
            text = f"{self.type} {self.uuid} is {self.status} after {timeout_of(timeout)} s; nothing was done to it: it waits or runs on"
            raise WaitTimeoutError(text) from None

    async def cancel(self, *, force: bool = False) -> str:
        """ "aborted" or "unsubscribed". Raises what the task, or its scope, does not allow."""
        return await self._client.cancel(self.uuid, self.address, force=force)

    async def signal(self, name: str, data: Any = None, *, operation_id: str | None = None) -> str:
        """Sends it what it waits for, or will: "delivered", or "kept" until it waits."""
        return await self._client.signal(
            self.uuid, name, data, address=self.address, operation_id=operation_id
        )

    async def why(self) -> Why:
        """Why it waits, as data and in words."""
        return await self._client.why(self.uuid, address=self.address)

    async def events(self) -> AsyncGenerator[TaskEvent, None]:
        """The state now, then every change of it that is heard of, until it has ended."""
        last: TaskEvent | None = None
        async with self._client.listening(self.address, self.uuid) as told:
            live: bytes | None = None
            while True:
                # What runs tells progress: that it has begun is in the record.
                if live is None or self.status == "pending":
                    await self.refresh()
                else:
                    news = unpack(live)
                    self.progress = news.get("progress", self.progress)
                    self.payload = data_in(news["payload"]) if "payload" in news else self.payload
                event = TaskEvent(self.status, self.progress, self.payload, self.revision)
                if last is None or _differs(event, last):
                    last = event
                    yield event
                if self.ended:
                    return
                live = await told(_EVENTS_LOOK_EVERY)

    async def _take(self, record: dict[str, Any], revision: int) -> None:
        if revision < self.revision:
            return
        self._is_read = True
        self.revision = revision
        self.status = record["status"]
        self.attempt = record["attempt"]
        self.progress = record.get("progress")
        self.payload = data_in(record.get("payload"))
        self.tags = record.get("tags", {})
        self._traced = (record.get("traceparent"), record.get("runTrace"))
        error = record.get("error")
        self.error = None if error is None else TaskError(error["message"], error["type"], error.get("stack"))
        result = record.get("result")
        self.result = await self._client.object_of(result) if isinstance(result, dict) else data_in(result)


def _differs(event: TaskEvent, last: TaskEvent) -> bool:
    return (event.status, event.progress, event.payload) != (last.status, last.progress, last.payload)
