"""One run of one task, from its claim to the answer to its end."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any

from ._data import copied, pack
from ._requests import Requests
from ._traces import finishing, running
from ._waits import Left, Signals
from .context import Handler, TaskContext, enter
from .errors import RetryableError, TaskStoppedError, TerminalError, WaitRefusedError, error_of
from .options import Duration
from .tasks import Task

_FINISH_TIMEOUT = 6.0
# A supervisor stores what it is told of a run within 2 s.
_MAY_BE_LOST = 4.0
# Answers to an end that are part of the protocol.
_EXPECTED = ("LEASE_LOST", "ABORTING", "RESULT_TOO_LARGE", "SIGNALS_FULL")
# What of a claimed task its span tells.
_TRACED = ("id", "type", "queue", "attempt", "traceparent", "tracestate")
# Ends of a run after which its task waits again, as its span has them; any other end that leaves it waiting is a retry.
_WAITS_AGAIN = {"wait": "suspended", "give_back": "given_back"}
_ENDS = {
    "failure": "task failed",
    "pending": "task failed and is tried again",
    "aborted": "task aborted",
    "timed_out": "task timed out",
}
_MESSAGE_LENGTH = 4_096
_STACK_LENGTH = 16_384


class Run:
    """What a worker keeps of a task it has claimed."""

    def __init__(
        self,
        claimed: dict[str, Any],
        task: Task[..., Any],
        requests: Requests,
        threads: Executor,
        changed: Callable[[], None],
        beaten: Callable[[], Awaitable[None]],
    ) -> None:
        self.address: str = claimed["address"]
        self.fence: dict[str, int] = claimed["fence"]
        self.context = TaskContext(claimed, self._told)
        self.context.waits = self
        self._signals = Signals(claimed.get("signals", []))
        self._traced = {name: claimed[name] for name in _TRACED if name in claimed}
        self._traced["former"] = claimed["previous"].get("traceparent")
        self._rescued: str | None = claimed.get("rescued")
        # What the record is told of the span: with every beat and the end, for whoever runs the task next.
        self._span: dict[str, str] = {}
        # News that a beat has said and nobody has answered: said again, but for what is newer.
        self._saying: dict[str, Any] = {}
        # What was said last, and when: it is stored within moments, where its supervisor lives.
        self._recent: dict[str, Any] = {}
        self._recent_at = 0.0
        # The last beat had no room for them.
        self.is_late = False
        self._args: list[Any] = claimed["args"]
        self._task = task
        self._requests = requests
        self._threads = threads
        self._changed = changed
        self._beaten = beaten
        self.loop = asyncio.get_running_loop()
        self._body: asyncio.Task[Any] | None = None
        self._aborting: asyncio.Task[list[dict[str, Any]]] | None = None
        self._observed = False
        self._finishing: Any = None
        self._finishing_size = 0
        self._ended = False
        self._given_back = False
        self._lost = False
        self._is_waiting = False
        self._is_telling = False
        # Its body was left where it waits; the wait is told when the cleanup handlers have run, or was.
        self._wait: dict[str, Any] | None = None
        self._left = False
        # What it came to, once that is accepted; and what failed.
        self._told_end: str | None = None
        self._failed: dict[str, Any] | None = None

    # What beats say and hear.

    def report(self, room: int) -> tuple[dict[str, Any], int]:
        """
        What the next beat says of it, and how much of its room that takes, in bytes. With what the one before said, where
        that was not answered; news that have no room wait for the next one.
        """
        self._saying = _joined(self._saying, self.context.take_news())
        size = len(pack(self._saying)) if self._saying else 0
        self.is_late = size > room
        news = {} if self.is_late else self._saying
        if news:
            self._recent = _joined(self._recent_news(), news)
            self._recent_at = time.monotonic()
            room -= size
        report: dict[str, Any] = {"address": self.address, "fence": self.fence, **self._span, **news}
        if self.context.aborts:
            report["abortable"] = True
        if self._observed:
            report["observed"] = True
        taken = size if news else 0
        if self._finishing is not None:
            # That it is over is said in any case; what it came to comes with the end.
            fits = self._finishing_size <= room
            report["finishing"] = self._finishing if fits else True
            taken += self._finishing_size if fits else 0
        return report, taken

    def again(self, answered_at: float) -> None:
        """Another supervisor speaks for the worker: what the former one, which answered last then, was told before may have gone with it."""
        if self._recent_at > answered_at - _MAY_BE_LOST:
            self._saying = _joined(self._recent, self._saying)

    def _recent_news(self) -> dict[str, Any]:
        return self._recent if time.monotonic() - self._recent_at < _MAY_BE_LOST else {}

    def said(self) -> None:
        """The beat was answered."""
        if not self.is_late:
            self._saying = {}


    def abort(self, cause: str) -> None:
        """Somebody has asked for its end, or its time is over."""
        if self._aborting is not None or self._ended:
            return
        self.context.stop_reason = cause
        self._aborting = self.loop.create_task(self._run_aborts())

    def interrupt(self, reason: str) -> None:
        """It is to stop for a reason of the worker's: what raises from here on is given back."""
        if self._left:
            return
        if self.context.stop_reason is None:
            self.context.stop_reason = reason
        if self._body is not None and self._task.is_async:
            self._body.cancel()

    def lose(self) -> None:
        """It is somebody else's. While a finish is on its way its answer says what became of the run."""
        if self._left or self._is_telling:
            return
        if not self._lost:
            self.context.log.warning("the task is not this worker's any more: what it still does counts for nothing")
        self._lost = True
        self.interrupt("lease_lost")

    # Its way to the end.

    async def execute(self) -> None:
        """Runs the body and its handlers, and tells the end. Never raises."""
        if self._rescued is not None:
            self.context.log.info("task is run again after a rescue: %s", self._rescued)
        with running(self._traced, self._requests.name) as span:
            if (traceparent := span.traceparent) is not None:
                self._span = {"traceparent": traceparent}
            outcome = await self._run_body()
            if "error" in outcome:
                span.threw(outcome["error"])
            with finishing():
                await self._finish_run(outcome)
            span.ended(self._told_end or "lost", self._failed)

    async def _finish_run(self, outcome: dict[str, Any]) -> None:
        if self._lost or self._given_back or self._left:
            return
        if outcome["outcome"] == "wait":
            return await self._leave()
        if "error" in outcome and self._aborting is None and self.context.stop_reason is not None:
            await self._cleanups()
            return await self.give_back(self.context.stop_reason)
        if self.context.cleanups and self._aborting is None:
            # The record has it before they run: then a cancel is too late, and the body is not run again.
            self._finishing = {name: value for name, value in outcome.items() if name != "retry_after"}
            self._finishing_size = len(pack(self._finishing))
            await self._beaten()
        await self._end(outcome)

    async def _end(self, outcome: dict[str, Any], failed: list[dict[str, Any]] | None = None) -> None:
        while True:
            errors = (failed or []) + await self._handlers()
            self._ended = True
            answer = await self._tell(outcome, errors)
            if answer.get("code") != "ABORTING":
                return
            # It was recorded first, and is heard of only now.
            self._ended = False
            self.abort("cancel")

    # Waits.

    async def wait(self, name: str, timeout: Duration | None) -> Any:
        """See ``TaskContext.wait_for_signal``."""
        if self._is_waiting:
            raise WaitRefusedError("WAIT_UNSUPPORTED", "a task waits for one signal at a time")
        if self.context.stop_reason is not None:
            raise TaskStoppedError(self.context.stop_reason)
        self._is_waiting = True
        try:
            number, entry = self._signals.next(name)
            if entry is None:
                limit = {} if timeout is None else {"timeout": timeout}
                entry = await self._told_by_record({"signal": name, "number": number, **limit})
            return self._signals.answered(name, entry)
        finally:
            self._is_waiting = False

    async def _told_by_record(self, wait: dict[str, Any]) -> dict[str, Any]:
        if self.context.cleanups:
            # They run before the task is let go, and cannot run twice.
            self._wait = wait
            raise Left
        self._left = True
        answer = await self._finish({"outcome": "wait", "wait": wait})
        if answer.get("status") == "pending" or answer.get("code") == "LEASE_LOST":
            raise Left
        self._left = False
        if answer["ok"]:
            signal: dict[str, Any] = answer["signal"]
            return signal
        if answer["code"] == "ABORTING":
            self.abort("cancel")
            raise TaskStoppedError("cancel")
        raise error_of(answer["code"], answer["message"])

    async def _leave(self) -> None:
        errors = await self._cleanups()
        if errors or self._aborting is not None:
            return await self._end({"outcome": "success"}, errors)
        answer = await self._finish({"outcome": "wait", "wait": {**(self._wait or {}), "over": True}})
        if answer.get("code") == "ABORTING":
            self.abort("cancel")
            await self._end({"outcome": "success"})
        elif not answer["ok"] and answer["code"] != "LEASE_LOST":
            fault = error_of(answer["code"], answer["message"])
            await self._end({"outcome": "failure", "error": _error_of(fault), "terminal": True})

    async def give_back(self, why: str) -> None:
        """Others run it; what its body still does counts for nothing."""
        self._given_back = True
        answer = await self._finish({"outcome": "give_back", "why": why[:400]})
        if answer.get("code") == "ABORTING":
            self.abort("cancel")
            await self._tell({"outcome": "stopped"}, await self._handlers())

    async def _run_body(self) -> dict[str, Any]:
        self._body = self.loop.create_task(self._call(self._task.function, *self._args))
        try:
            result = await self._body
            return _success(result)
        except Left:
            return {"outcome": "wait"}
        except asyncio.CancelledError as error:
            return {"outcome": "failure", "error": _error_of(error)}
        except BaseException as error:  # noqa: BLE001 - whatever a task raises is its failure
            return self._failure(error)

    def _failure(self, error: BaseException) -> dict[str, Any]:
        outcome: dict[str, Any] = {"outcome": "failure", "error": _error_of(error)}
        if isinstance(error, TerminalError) or not self._is_worth_it(error):
            outcome["terminal"] = True
        if isinstance(error, RetryableError) and error.retry_after is not None:
            outcome["retry_after"] = error.retry_after
        return outcome

    def _is_worth_it(self, error: BaseException) -> bool:
        try:
            return self._task.retry_on is None or self._task.retry_on(error)
        except Exception as fault:  # noqa: BLE001 - it says nothing then, and the failure is one that may be retried
            self.context.log.warning("retry_on failed: %s", _text(fault))
            return True

    async def _handlers(self) -> list[dict[str, Any]]:
        """Abort handlers, then cleanup handlers; what failed of them."""
        errors = [] if self._aborting is None else await self._aborting
        return errors + await self._cleanups()

    async def _run_aborts(self) -> list[dict[str, Any]]:
        errors: list[dict[str, Any]] = []
        # Some may be registered while others run.
        while self.context.aborts:
            errors += await self._each(self.context.aborts)
            if not self._observed:
                self._observed = True
                self._changed()
        return errors

    async def _cleanups(self) -> list[dict[str, Any]]:
        return await self._each(self.context.cleanups)

    async def _each(self, handlers: list[Handler]) -> list[dict[str, Any]]:
        """Last registered first; all are tried."""
        errors: list[dict[str, Any]] = []
        while handlers:
            try:
                await self._call(handlers.pop())
            except BaseException as error:  # noqa: BLE001 - one that fails keeps no other from running
                self.context.log.warning("a handler failed: %s", error, exc_info=error)
                errors.append(_error_of(error))
        return errors

    async def _call(self, function: Callable[..., Any], *args: Any) -> Any:
        """Where the body runs: plain functions of a plain task in its thread pool, all of an async one in the loop."""
        context = contextvars.copy_context()
        context.run(enter, self.context)
        if self._task.is_async or inspect.iscoroutinefunction(function):
            made = context.run(_kept_in, function, *args)
            return await self.loop.create_task(_awaited(made), context=context) if inspect.isawaitable(made) else made
        return await self.loop.run_in_executor(self._threads, lambda: context.run(_kept_in, function, *args))

    async def _tell(self, outcome: dict[str, Any], errors: list[dict[str, Any]]) -> dict[str, Any]:
        handler_errors = {"handler_errors": errors[:100]} if errors else {}
        if self._aborting is not None:
            stopped = {"outcome": "stopped", **({"error": outcome["error"]} if "error" in outcome else {})}
            return await self._finish({**stopped, **handler_errors})
        try:
            answer = await self._finish({**outcome, **handler_errors})
            if answer.get("code") != "RESULT_TOO_LARGE":
                return answer
        except ValueError:
            pass  # It does not even fit into a message.
        left, why = await self._requests.leave_result(self.address, self.fence, outcome["result"])
        if left is not None:
            return await self._finish({"outcome": "success", "result_object": left, **handler_errors})
        message = f"the result is more than 700 KiB, and {why}: store it elsewhere and return where"
        error = {"message": message, "type": "result_too_large"}
        return await self._finish({"outcome": "failure", "error": error, "terminal": True, **handler_errors})

    async def _finish(self, fields: dict[str, Any]) -> dict[str, Any]:
        # Also what a beat says that is under way: it may be lost. Asked until it is answered, this one is not.
        news, self._saying = _joined(self._saying, self.context.take_news()), {}
        about = {"request": uuid.uuid4().hex, "address": self.address, "fence": self.fence, **self._span}
        self._is_telling = True
        try:
            answer = await self._requests.insist("finish", {**about, **news, **fields}, _FINISH_TIMEOUT)
        finally:
            self._is_telling = False
        if answer["ok"]:
            status: str | None = answer.get("status")
            if status != "in_progress":
                self._told_end = _WAITS_AGAIN.get(fields["outcome"], "retry") if status == "pending" else status
            self._failed = fields.get("error") or next(iter(fields.get("handler_errors", [])), None)
            self._say_end(fields, status)
        elif answer["code"] not in _EXPECTED and fields["outcome"] != "wait":
            self.context.log.error("the end of the task is not accepted: %s: %s", answer["code"], answer["message"])
        return answer

    def _say_end(self, fields: dict[str, Any], status: str | None) -> None:
        """What became of it, for the log: a success at debug, all else at info."""
        if fields["outcome"] == "wait":
            return self.context.log.debug("task waits for a signal" if status == "pending" else "a wait was answered")
        if fields["outcome"] == "give_back":
            return self.context.log.info("task given back: %s", fields["why"])
        if status == "success":
            return self.context.log.debug("task succeeded")
        what = _ENDS.get(str(status), f"task {status}")
        errors = [fields["error"]] if "error" in fields and fields["outcome"] != "stopped" else []
        errors += fields.get("handler_errors", [])
        reasons = "; ".join(f"{error.get('type', 'Error')}: {error['message']}" for error in errors)
        self.context.log.info("%s%s", what, f": {reasons}" if reasons else "")

    def _told(self) -> None:
        """From any thread."""
        self.loop.call_soon_threadsafe(self._changed)


class _Exited(Exception):
    """``sys.exit()`` and the like end the program that runs the loop; in a task they are its failure."""


def _kept_in(function: Callable[..., Any], *args: Any) -> Any:
    try:
        return function(*args)
    except (SystemExit, KeyboardInterrupt) as error:
        raise _Exited from error


async def _awaited(made: Awaitable[Any]) -> Any:
    try:
        return await made
    except (SystemExit, KeyboardInterrupt) as error:
        raise _Exited from error


def _joined(older: dict[str, Any], newer: dict[str, Any]) -> dict[str, Any]:
    tags = {**older.get("tags", {}), **newer.get("tags", {})}
    return {**older, **newer, **({"tags": tags} if tags else {})}


def _success(result: Any) -> dict[str, Any]:
    if result is None:
        return {"outcome": "success"}
    try:
        return {"outcome": "success", "result": copied(result)[0]}
    except TypeError as error:
        return {"outcome": "failure", "error": _error_of(error), "terminal": True}


def _error_of(raised: BaseException) -> dict[str, str]:
    error = raised.__cause__ if isinstance(raised, _Exited) and raised.__cause__ is not None else raised
    message = _text(error) or type(error).__name__
    return {"message": message[:_MESSAGE_LENGTH], "type": type(error).__name__[:100], "stack": _stack(error)}


def _text(error: BaseException) -> str:
    try:
        return _well_formed(str(error))
    except Exception:  # noqa: BLE001 - describing what was raised never raises
        return ""


def _stack(error: BaseException) -> str:
    try:
        return _well_formed("".join(traceback.format_exception(error)))[-_STACK_LENGTH:]
    except Exception:  # noqa: BLE001 - as above
        return ""


def _well_formed(text: str) -> str:
    """Half a character cannot travel."""
    return text.encode("utf-8", "replace").decode()
