"""A worker: claims tasks from supervisors, runs them, and tells how they ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
import re
import socket
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any

from nats.aio.client import Client as Connection
from nats.aio.msg import Msg

from ._checks import NAME, Rule, check, invalid, is_ip, whole
from ._connection import Server, closed, server_in, token
from ._program import run_program
from ._requests import Requests, is_passing
from ._run import Run
from ._vitals import Vitals
from .errors import BatonError, NotConnectedError, error_of
from .tasks import Task

_log = logging.getLogger("baton.worker")

_CLAIM_WAIT = 10.0
_BEAT_TIMEOUT = 1.0
_LEAST_BETWEEN_BEATS = 0.1
# Beats not answered for so long: others may count this worker as dead before long.
_LOST_AFTER = 5.0
_STOP_GRACE = 5.0
# Whoever starts a worker waits so long for supervisors to know what it serves.
_KNOWN_WITHIN = 5.0
_QUEUES = 100
_FOR_GOOD = ("INVALID_ARGUMENT", "VERSION_UNSUPPORTED")
_NAME: Rule = (
    "is 1 to 80 letters, digits, - and _",
    lambda value: isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,80}", value) is not None,
)
_HOST: Rule = ("is an IP address or localhost", lambda value: value == "localhost" or is_ip(value))


class Worker:
    """Runs tasks of the given types. ``async with Worker([...])``, or ``await Worker([...]).run()`` for a program."""

    def __init__(
        self,
        tasks: Iterable[Task[..., Any]],
        *,
        queues: Iterable[str] = ("default",),
        concurrency: int = 8,
        name: str | None = None,
        server: Server | None = None,
        metrics_port: int | None = None,
        metrics_host: str = "127.0.0.1",
    ) -> None:
        """
        Raises InvalidArgumentError for what cannot be. ``metrics_port``: of ``/healthz``, ``/readyz`` and ``/metrics``; none when not set, 0: any free one. Whoever reaches it may
        read it.
        """
        self._tasks: dict[str, Task[..., Any]] = {}
        for each in tasks if isinstance(tasks, Iterable) else [tasks]:
            if not isinstance(each, Task):
                raise invalid(f"tasks: a worker takes a list of functions with @task; {each!r} is none")
            if self._tasks.setdefault(each.type, each) is not each:
                raise invalid(f"tasks: two tasks are named {each.type!r}, and a worker can serve only one of them")
        if not self._tasks:
            raise invalid("tasks: a worker needs one")
        check("concurrency", concurrency, whole(1, 10_000))
        if name is not None:
            check("name", name, _NAME)
        if metrics_port is not None:
            check("metrics_port", metrics_port, whole(0, 65_535))
        if isinstance(queues, str) or not isinstance(queues, Iterable):
            raise invalid(f"queues: is a list of names, such as [{queues!r}]")
        self._queues = list(queues)
        if not 1 <= len(self._queues) <= _QUEUES:
            raise invalid(f"queues: a worker serves 1 to {_QUEUES}")
        for queue in self._queues:
            check("queues", queue, NAME)
        self._concurrency = concurrency
        self._label = name or f"py-{os.getpid()}"
        check("metrics_host", metrics_host, _HOST)
        self._server = server_in(server)
        self._runs: dict[str, Run] = {}
        self._ends: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._free = asyncio.Event()
        self._moved = asyncio.Event()
        self._known = asyncio.Event()
        self._draining = False
        self._loops: list[asyncio.Task[None]] = []
        self._answered_at = time.monotonic()
        self._unanswered = False
        self._refused: asyncio.Future[BatonError]
        self._refusal = ""
        self._supervisor: str | None = None
        self._unheard = 0
        self._beats = asyncio.Condition()
        self._begun = 0
        self._answered = 0
        self.vitals = Vitals(concurrency, lambda: len(self._runs), lambda: len(self._ends), metrics_host, metrics_port)

    @property
    def name(self) -> str:
        """As it stands in records, in `baton workers` and on the page."""
        return self._requests.name

    @property
    def _claim_verb(self) -> str:
        """Under the subject of its type where it serves one alone, which may be all that its credentials are for."""
        only, *more = self._tasks
        return "claim" if more else f"claim.{token(only)}"

    @property
    def running(self) -> int:
        return len(self._runs)

    async def start(self) -> None:
        """
        Connects and begins to take tasks. Returns when supervisors know what it serves, and so does everybody who submits; or,
        where none answers, in a few seconds, and it goes on to ask. Raises NotConnectedError, and BatonError for settings and
        credentials that cannot be used and for what supervisors refuse.
        """
        opened = self.vitals.open()
        try:
            self._connection: Connection = await self._server.connect(self._label)
        except BaseException:
            if opened:
                self.vitals.close()
            raise
        self.vitals.connection = self._connection
        self._refused = asyncio.get_running_loop().create_future()
        self._answered_at = time.monotonic()
        self._threads = ThreadPoolExecutor(self._concurrency + 2, thread_name_prefix="baton")
        self._requests = Requests(self._connection, self._server.root, self._label, self._server.gateway)
        self.vitals.node = self.name
        await self._connection.subscribe(f"{self._server.root}.signal.{self.name}", cb=self._signalled)
        self._loops = [asyncio.create_task(self._beat_on()), asyncio.create_task(self._claim_on())]
        for loop, does in zip(self._loops, ("beat", "claim")):
            loop.add_done_callback(functools.partial(self._ended, does))
        self.vitals.phase = "ok"
        await _within(_KNOWN_WITHIN, self._known.wait())
        if self._refused.done():
            await self._leave()
            raise self._refused.result()

    async def drain(self, grace: float = 30.0) -> None:
        """Takes nothing more; what does not end within the grace is told to stop, then given back."""
        if self._draining:
            return
        self._draining = True
        self.vitals.phase = "stopping"
        self._wake.set()
        self._free.set()
        _log.info("worker %s drains: it takes nothing more, %d tasks run", self.name, len(self._runs))
        # The claim that waits is answered, with what was claimed for it by then: that is given back.
        await asyncio.wait(self._loops[1:], timeout=_STOP_GRACE)
        await self._idle(grace)
        for run in list(self._runs.values()):
            run.interrupt("drain")
        await self._idle(_STOP_GRACE)
        await _within(_STOP_GRACE, asyncio.gather(*(run.give_back("drain") for run in self._runs.values())))
        await self._leave()

    async def run(self, grace: float = 30.0) -> None:
        """
        Waits for NATS where it is not there yet, then works until SIGTERM or SIGINT, which drain; a second one ends at once.
        Raises BatonError for what waiting does not help: settings, credentials, and a claim that supervisors refuse for good.
        """
        await run_program(self, grace)

    async def refused(self) -> BatonError:
        """Resolves when supervisors refuse this worker for good."""
        return await asyncio.shield(self._refused)

    async def __aenter__(self) -> Worker:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.drain(grace=0 if kind is not None else 30.0)

    # Beats.

    async def _beat_on(self) -> None:
        every = 2.0
        while True:
            self._wake.clear()
            began = time.monotonic()
            answer = await self._beat()
            every = float(answer["beat"]) if answer is not None else 0.2
            await asyncio.sleep(max(0.0, _LEAST_BETWEEN_BEATS - (time.monotonic() - began)))
            await _within(every, self._wake.wait())

    async def _beat(self) -> dict[str, Any] | None:
        sent_at = time.monotonic()
        self._begun += 1
        number = self._begun
        runs = list(self._runs.values())
        reports = self._reports(runs)
        state = "draining" if self._draining else "ready"
        about = {"concurrency": self._concurrency, "host": socket.gethostname(), "pid": os.getpid()}
        answer: dict[str, Any] | None = None
        try:
            answer = await self._requests.ask("beat", {**about, "state": state, "running": reports}, _BEAT_TIMEOUT)
        except ValueError:
            _log.warning("%d tasks do not fit into one beat: run fewer at once, or raise max_payload of nats-server", len(runs))
        self._note_answer(answer)
        if answer is None or not answer["ok"]:
            if time.monotonic() - self._answered_at > _LOST_AFTER:
                for run in runs:
                    run.interrupt("lease_lost")
            return None
        unheard = {each["address"] for each in answer.get("unheard", [])}
        for run in runs:
            if run.address not in unheard:
                run.said()
        # While more is heard with every beat; what cannot be read now is told again at the usual pace.
        is_heard_soon = len(unheard) != self._unheard
        self._unheard = len(unheard)
        if (unheard and is_heard_soon) or any(run.is_late for run in runs):
            self._wake.set()
        answered_at, self._answered_at = self._answered_at, sent_at
        self.vitals.renewed(sent_at)
        self._hear(answer, answered_at)
        async with self._beats:
            self._answered = number
            self._beats.notify_all()
        return answer

    def _reports(self, runs: list[Run]) -> list[dict[str, Any]]:
        """News take half of a message at most: all that runs is named in every beat. Whose news had no room comes first."""
        room = self._connection.max_payload // 2
        reports: list[dict[str, Any]] = []
        for run in sorted(runs, key=lambda each: not each.is_late):
            report, size = run.report(room)
            room -= size
            reports.append(report)
        return reports

    def _note_answer(self, answer: dict[str, Any] | None) -> None:
        """Says when nobody answers, and when somebody does again."""
        if answer is None or is_passing(answer):
            if not self._unanswered and time.monotonic() - self._answered_at > _LOST_AFTER:
                self._unanswered = True
                _log.warning("no supervisor answers: nothing is claimed, and what runs may be given to others")
            return
        if self._unanswered:
            self._unanswered = False
            _log.info("supervisors answer again")
        if not answer["ok"]:
            self._refuse(answer)

    def _refuse(self, answer: dict[str, Any]) -> None:
        """What is asked the same way again is refused again: a program ends, others hear of it."""
        text = f"{answer['code']}: {answer['message']}"
        if text != self._refusal:
            self._refusal = text
            _log.error("supervisors refuse this worker: %s", text)
        if answer["code"] in _FOR_GOOD and not self._refused.done():
            self._refused.set_result(error_of(answer["code"], answer["message"]))
            self._known.set()

    def _hear(self, answer: dict[str, Any], answered_at: float) -> None:
        for each in answer["abort"]:
            run = self._runs.get(each["address"])
            if run is not None and run.fence == each["fence"]:
                run.abort(each["cause"])
        for each in answer["lost"]:
            run = self._runs.get(each["address"])
            # That run, and not the next one of the task, which may have begun since.
            if run is not None and run.fence == each["fence"]:
                run.lose()
        supervisor = answer["supervisor"]
        if self._supervisor not in (None, supervisor):
            self._moved.set()
            for run in self._runs.values():
                run.again(answered_at)
            self._wake.set()
        self._supervisor = supervisor

    async def _beaten(self) -> None:
        """What is reported now is with the supervisor when this returns, or it cannot be for a while."""
        wanted = self._begun + 1
        deadline = time.monotonic() + _LOST_AFTER
        async with self._beats:
            while self._answered < wanted and time.monotonic() < deadline:
                self._wake.set()
                await _within(_BEAT_TIMEOUT, self._beats.wait())

    async def _signalled(self, _message: Msg) -> None:
        self._wake.set()

    # Claims.

    async def _claim_on(self) -> None:
        definitions: list[dict[str, Any]] | None = [task.definition.fields() for task in self._tasks.values()]
        while not self._draining:
            self._free.clear()
            free = self._concurrency - len(self._runs)
            if free <= 0:
                await self._free.wait()
                continue
            # The first one does not wait: by its answer supervisors know what is served here.
            told = {} if definitions is None else {"definitions": definitions, "wait": 0}
            answer = await self._claim({"max": free, **told})
            if answer["ok"]:
                self._note_known()
            else:
                self._refuse(answer)
                await asyncio.sleep(5)
                continue
            asked = "definitions" in answer.get("ask", [])
            definitions = [task.definition.fields() for task in self._tasks.values()] if asked else None
            for claimed in answer["tasks"]:
                self._begin(claimed)

    def _note_known(self) -> None:
        if not self._known.is_set():
            self._known.set()
            _log.info("worker %s serves %s", self.name, ", ".join(self._tasks))

    async def _claim(self, fields: dict[str, Any]) -> dict[str, Any]:
        """One claim, asked again with the same name until it is answered."""
        about = {"concurrency": self._concurrency, "host": socket.gethostname(), "pid": os.getpid()}
        body = {
            "request": uuid.uuid4().hex,
            "queues": self._queues,
            "types": list(self._tasks),
            "wait": _CLAIM_WAIT,
            **about,
            **fields,
        }
        while True:
            self._moved.clear()
            asked = asyncio.ensure_future(self._requests.insist(self._claim_verb, body, _CLAIM_WAIT + 3))
            moved = asyncio.ensure_future(self._moved.wait())
            try:
                await asyncio.wait({asked, moved}, return_when=asyncio.FIRST_COMPLETED)
                if asked.done():
                    return asked.result()
            finally:
                asked.cancel()
                moved.cancel()

    def _begin(self, claimed: dict[str, Any]) -> None:
        known = self._runs.get(claimed["address"])
        if known is not None and known.fence == claimed["fence"]:
            return
        task = self._tasks[claimed["type"]]
        run = Run(claimed, task, self._requests, self._threads, self._wake.set, self._beaten)
        self._runs[run.address] = run
        end = asyncio.create_task(self._execute(run))
        self._ends.add(end)
        end.add_done_callback(self._ends.discard)

    async def _execute(self, run: Run) -> None:
        try:
            await (run.give_back("drain") if self._draining else run.execute())
        except BatonError as error:
            _log.error("the end of a task could not be told: %s", error)
        except Exception as error:  # noqa: BLE001 - nobody else would hear of it
            _log.exception("a task was run in a way it should not be: %s", error)
        finally:
            if self._runs.get(run.address) is run:
                del self._runs[run.address]
            self._free.set()

    # The end.

    def _ended(self, does: str, loop: asyncio.Task[None]) -> None:
        """Both loops end with the worker; where one ends by an error it would be no worker any more, and nobody would hear of it."""
        error = None if loop.cancelled() else loop.exception()
        if error is None or isinstance(error, NotConnectedError):
            return
        _log.error("this worker cannot %s any more: %s", does, error, exc_info=error)
        if not self._refused.done():
            is_ours = isinstance(error, (TypeError, ValueError))
            self._refused.set_result(BatonError("INVALID_ARGUMENT" if is_ours else "INTERNAL", f"it cannot {does}: {error}"))
        self._known.set()

    async def _idle(self, seconds: float) -> None:
        if self._ends:
            await asyncio.wait(self._ends, timeout=seconds)

    async def _leave(self) -> None:
        for loop in self._loops:
            loop.cancel()
        await asyncio.wait(self._loops, timeout=_STOP_GRACE)
        await self._requests.ask("beat", {"state": "gone", "running": []}, _BEAT_TIMEOUT)
        self._threads.shutdown(wait=False, cancel_futures=True)
        await closed(self._connection)
        self.vitals.close()
        _log.info("worker %s has ended", self.name)


async def _within(seconds: float, waiting: Any) -> None:
    """At most so long, whatever comes of it."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await waiting
