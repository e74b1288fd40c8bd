"""A client: submits and cancels by commands, and follows what becomes of tasks."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import nats.errors
from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

from ._checks import Rule, check, check_submit, invalid, text, timeout_of
from ._connection import Server, allowed, check_type, closed, request, server_in, token, unheard
from ._data import pack, unpack
from ._record import data_in, read_record
from ._traces import submitting
from .errors import NotConnectedError, OutcomeUnknownError, PayloadTooLargeError, TaskNotFoundError, error_of
from .handle import TaskHandle, Why
from .options import Duration, TaskOptions
from .tasks import Task, leave_client, use_client

_TRIES = 3
_STORED_WITHIN = 5.0
_ANSWERED_WITHIN = 15.0
_READ_WITHIN = 5.0
# Below what nats-server takes in one message.
_COMMAND_LIMIT = 768 * 1024
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ID: Rule = ("is the id of a task, `handle.uuid`", lambda value: isinstance(value, str) and _UUID.fullmatch(value) is not None)
_TRACE: Rule = (
    "is a dict of traceparent and tracestate, both text",
    lambda value: isinstance(value, dict) and all(isinstance(each, str) for pair in value.items() for each in pair),
)
_ARGS: Rule = (
    "is a list of up to 1000 arguments",
    lambda value: isinstance(value, (list, tuple)) and len(value) <= 1_000,
)

H = TypeVar("H")
Told = Callable[[float], Awaitable[bytes | None]]


async def connect(*, user: str | None = None, admin: bool = False, server: Server | None = None) -> Client:
    """A client for a user; tasks that are called go through the one that was connected last."""
    client = Client(user=user, admin=admin, server=server)
    await client.open()
    use_client(client)
    return client


class Client:
    """Acts for one user, who is named in every command: whoever may send commands is trusted to name the right one."""

    def __init__(self, *, user: str | None = None, admin: bool = False, server: Server | None = None) -> None:
        if user is not None:
            check("user", user, text(256))
        elif admin:
            raise invalid("admin: needs a user, in whose name it acts")
        self._user = None if user is None else {"id": user, "admin": admin}
        self._server = server_in(server)
        self._is_open = False

    async def open(self) -> None:
        """Connects; does nothing where it is connected. Raises NotConnectedError."""
        if self._is_open:
            return
        self._connection: Connection = await self._server.connect("baton client")
        self._is_open = True

    async def close(self) -> None:
        leave_client(self)
        if self._is_open:
            self._is_open = False
            await closed(self._connection)

    async def __aenter__(self) -> Client:
        await self.open()
        use_client(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def submit(
        self, task: Task[..., Any] | str, args: Sequence[Any] = (), *, options: TaskOptions | None = None
    ) -> TaskHandle:
        """Submits a task, or joins the one of its key that is active. Raises InvalidArgumentError for what cannot be."""
        check("args", args, _ARGS)
        if not isinstance(task, (Task, str)):
            raise invalid(f"task: is a function with @task, or the name of a type; {task!r} is neither")
        if options is not None and not isinstance(options, TaskOptions):
            raise invalid("options: is TaskOptions(...)")
        said = (options or TaskOptions()).fields()
        check_submit(said)
        trace = {} if options is None or options.trace is None else options.trace
        check("trace", trace, _TRACE)
        fields = {"operation_id": uuid.uuid4().hex, **said}
        if isinstance(task, Task):
            # Where no worker has served the type yet, the code at hand says how it is run.
            of_code = task.definition.fields()
            fields["fallback"] = {key: of_code[key] for key in of_code if key not in _NOT_RUN_FIELDS}
        type_name = check_type(task) if isinstance(task, str) else task.type
        with submitting(type_name, trace) as span:
            what = f"submit.{token(type_name)}"
            answer = await self._command(what, {"args": list(args), **fields}, span.headers or trace)
            span.submitted(answer["task"], answer["outcome"])
        return TaskHandle(self, answer["task"], answer["outcome"], answer.get("differs", False))

    async def join(
        self,
        task: Task[..., Any] | str,
        args: Sequence[Any] = (),
        *,
        options: TaskOptions | None = None,
        timeout: Duration | None = None,
    ) -> TaskHandle:
        """Submits or joins, and waits for the end."""
        timeout_of(timeout)
        return await (await self.submit(task, args, options=options)).wait(timeout)

    async def wait(self, handle: TaskHandle, timeout: Duration | None = None) -> TaskHandle:
        return await handle_in(handle, TaskHandle).wait(timeout)

    def events(self, handle: TaskHandle) -> AsyncIterator[Any]:
        return handle_in(handle, TaskHandle).events()

    async def cancel(self, id: str, address: str | None = None, *, force: bool = False) -> str:
        """ "aborted" or "unsubscribed". An address finds ended tasks, too."""
        check("id", id, _ID)
        where = {} if address is None else {"address": address}
        answer = await self._command("cancel", {"id": id, "force": force, **where})
        outcome: str = answer["outcome"]
        return outcome

    async def signal(
        self,
        id: str,
        name: str,
        data: Any = None,
        *,
        address: str | None = None,
        operation_id: str | None = None,
    ) -> str:
        """
        Sends a task what it waits for, or will: "delivered", or "kept" until it waits. Sent again with the same
        ``operation_id`` it is the same signal; one is made for every call that has none.
        """
        check("id", id, _ID)
        where = {} if address is None else {"address": address}
        about = {"name": name, "operation_id": operation_id or uuid.uuid4().hex}
        given = {} if data is None else {"data": data}
        answer = await self._command("signal", {"id": id, **about, **given, **where})
        outcome: str = answer["outcome"]
        return outcome

    async def why(self, id: str, *, address: str | None = None) -> Why:
        """Why the task waits, as data and in words; it does not change anything. Raises TaskNotFoundError."""
        check("id", id, _ID)
        where = {} if address is None else {"address": address}
        answer = await self._command("why", {"id": id, **where})
        return Why(answer["why"])

    # What handles need.

    async def record_of(self, address: str, id: str) -> tuple[dict[str, Any], int]:
        """The record of that task, or its kept outcome, and its revision."""
        for key in (address, f"{address}.{id}"):
            found = await self._last(f"KV_{self._server.namespace}_TASKS", f"$KV.{self._server.namespace}_TASKS.{key}")
            if found is not None:
                record = read_record(found[0])
                if record["id"] == id:
                    return record, found[1]
        raise TaskNotFoundError("TASK_NOT_FOUND", "its record is gone: it ended a while ago; the gateway has its document")

    @contextlib.asynccontextmanager
    async def listening(self, address: str, id: str | None = None) -> AsyncIterator[Told]:
        """Calls with seconds to wait; bytes are progress, None that the record is to be looked at."""
        heard: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def on_live(_message: Msg) -> None:
            heard.put_nowait(None)

        async def on_progress(message: Msg) -> None:
            heard.put_nowait(message.data)

        async def told(seconds: float) -> bytes | None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    return await heard.get()
            return None

        root = self._server.root
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self._subscribed(f"{root}.live.{address}", on_live))
            if id is not None:
                await stack.enter_async_context(self._subscribed(f"{root}.progress.{id}", on_progress))
            yield told

    async def object_of(self, reference: dict[str, Any]) -> Any:
        """A large result, from the object store. Raises TaskNotFoundError when it is gone or not what was stored."""
        namespace = self._server.namespace
        stream, name = f"OBJ_{namespace}_OBJECTS", _base64(reference["object"].encode())
        meta = await self._last(stream, f"$O.{namespace}_OBJECTS.M.{name}")
        if meta is None:
            raise TaskNotFoundError("DATA_MISSING", "the result is gone: its task was pruned")
        subject = f"$O.{namespace}_OBJECTS.C.{json.loads(meta[0])['nuid']}"
        data, sequence = b"", 0
        while len(data) < reference["size"]:
            piece = await self._get(stream, {"seq": sequence + 1, "next_by_subj": subject})
            if piece is None:
                break
            data, sequence = data + piece[0], piece[1]
        if hashlib.sha256(data).hexdigest() != reference["digest"]:
            raise TaskNotFoundError("DATA_DAMAGED", "the result is not what was stored")
        return data_in(data)

    # Commands and reads.

    async def _command(
        self, what: str, fields: dict[str, Any], headers: dict[str, str] | None = None
    ) -> dict[str, Any]:
        """Is stored, then answered by a supervisor. Sent again it comes to the same: by its operation id, or by nature."""
        self._require_open()
        user = {} if self._user is None else {"user": self._user}
        try:
            body = pack({"v": 1, **fields, **user})
        except TypeError as error:
            raise invalid(str(error).removeprefix("value.")) from None
        if len(body) > _COMMAND_LIMIT:
            said = f"{what.partition('.')[0]}: a command takes {_COMMAND_LIMIT} bytes, and this one has {len(body)}"
            raise PayloadTooLargeError("PAYLOAD_TOO_LARGE", said)
        inbox = self._connection.new_inbox()
        answers: asyncio.Queue[bytes] = asyncio.Queue()

        async def answered(message: Msg) -> None:
            answers.put_nowait(message.data)

        async with self._subscribed(inbox, answered):
            await self._publish(f"{self._server.root}.cmd.{what}", body, inbox, headers)
            try:
                async with asyncio.timeout(_ANSWERED_WITHIN):
                    data = await answers.get()
            except TimeoutError:
                fault = f"{what} is stored and nobody has answered yet: it is carried out when a supervisor runs"
                raise OutcomeUnknownError(fault + unheard(self._connection)) from None
        answer: dict[str, Any] = unpack(data)
        if not answer["ok"]:
            raise error_of(answer["code"], answer["message"])
        return answer

    @contextlib.asynccontextmanager
    async def _subscribed(self, subject: str, heard: Callable[[Msg], Awaitable[None]]) -> AsyncIterator[None]:
        self._require_open()
        try:
            subscription = await self._connection.subscribe(subject, cb=heard)
        except nats.errors.Error as error:
            raise NotConnectedError(f"the connection to NATS is closed: {error}") from error
        try:
            yield
        finally:
            # Of a connection that was closed meanwhile there is nothing to take back.
            with contextlib.suppress(nats.errors.Error):
                await subscription.unsubscribe()

    def _require_open(self) -> None:
        if not self._is_open:
            raise NotConnectedError("the client is not open: use it in an `async with`, or call open()")

    async def _publish(self, subject: str, body: bytes, inbox: str, more: dict[str, str] | None) -> None:
        headers = {**(more or {}), "Content-Type": "application/msgpack", "Baton-Reply": inbox}
        for attempt in range(_TRIES):
            try:
                stored = await allowed(self._connection, subject, _STORED_WITHIN, body, headers)
            except nats.errors.NoRespondersError:
                if attempt == _TRIES - 1:
                    raise NotConnectedError("nobody takes commands: no supervisor has made the streams yet") from None
                await asyncio.sleep(0.5)
                continue
            except (nats.errors.Error, asyncio.TimeoutError):
                continue
            fault = json.loads(stored.data).get("error")
            if fault is None:
                return
            raise error_of("STORE_REFUSED", fault.get("description", "the command was not stored"))
        fault = "no answer from NATS: the command may be stored; the same operation_id is safe"
        raise OutcomeUnknownError(fault + unheard(self._connection))

    async def _last(self, stream: str, subject: str) -> tuple[bytes, int] | None:
        return await self._get(stream, {"last_by_subj": subject})

    async def _get(self, stream: str, query: dict[str, Any]) -> tuple[bytes, int] | None:
        """From the leader of the stream. Raises NotConnectedError."""
        self._require_open()
        subject = f"$JS.API.STREAM.MSG.GET.{stream}"
        for _ in range(_TRIES):
            try:
                answer = await request(self._connection, subject, json.dumps(query).encode(), timeout=_READ_WITHIN)
            except (nats.errors.Error, asyncio.TimeoutError):
                await asyncio.sleep(0.2)
                continue
            read = json.loads(answer.data)
            if "error" not in read:
                message = read["message"]
                return base64.b64decode(message.get("data", "")), message["seq"]
            if read["error"].get("err_code") == 10037:
                return None
            raise error_of("STORE_REFUSED", read["error"].get("description", "it cannot be read"))
        raise NotConnectedError("NATS does not answer")


_NOT_RUN_FIELDS = frozenset(
    {"type", "title", "description", "args_schema", "concurrency", "rate", "per_group", "per_key"}
)


def handle_in(value: Any, kind: type[H], client: str = "baton.Client") -> H:
    """Raises InvalidArgumentError."""
    if not isinstance(value, kind):
        raise invalid(f"handle: is what submit or join of a {client} returned; {value!r} is none")
    return value


def _base64(name: bytes) -> str:
    return base64.urlsafe_b64encode(name).decode()
