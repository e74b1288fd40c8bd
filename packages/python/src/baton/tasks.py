"""The ``@task`` decorator."""

from __future__ import annotations

import contextvars
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, overload

from ._checks import DEFINITION, check_definition
from ._connection import check_type
from .options import Backoff, Duration, Most, Rate, SubmitMode, TaskOptions, TaskScope, present

if TYPE_CHECKING:
    from .client import Client
    from .handle import TaskHandle

P = ParamSpec("P")
R = TypeVar("R")
RetryOn = Callable[[BaseException], bool] | type[BaseException] | tuple[type[BaseException], ...]
"""A function of what was raised, true where another attempt may help; or the exceptions of which that is so."""

current_client: contextvars.ContextVar[tuple[Client, ...]] = contextvars.ContextVar("baton_client", default=())
_open_clients: list[Client] = []


def use_client(client: Client) -> None:
    """
    Calls of tasks go through it: in the context of whoever connected it, and what was begun there since; elsewhere where it is the
    one that was connected last. So requests of several users in one program do not meet.
    """
    current_client.set((*current_client.get(), client))
    _open_clients.append(client)


def leave_client(client: Client) -> None:
    """It is closed: calls go through it no more, and through the one before it again."""
    current_client.set(tuple(each for each in current_client.get() if each is not client))
    _open_clients[:] = [each for each in _open_clients if each is not client]


def ambient_client() -> Client:
    # What was closed elsewhere stands in the context still.
    here = [client for client in current_client.get() if any(client is each for each in _open_clients)]
    known = here or _open_clients
    if not known:
        raise RuntimeError("no client: call `await baton.connect(...)` first, or use `client.submit(...)`")
    return known[-1]


@dataclass(frozen=True, kw_only=True)
class Definition:
    """How tasks of a type are run where their call says nothing else."""

    type: str
    scope: TaskScope | None = None
    timeout: Duration | None = None
    queue: str | None = None
    priority: Literal["high", "normal", "low"] | None = None
    group: str | None = None
    limit_key: str | None = None
    units: int | None = None
    tags: dict[str, str | int | float | bool] | None = None
    max_attempts: int | None = None
    backoff: Backoff | None = None
    max_rescues: int | None = None
    on_orphan: Literal["retry", "fail"] | None = None
    abort_grace: Duration | None = None
    mode: SubmitMode | None = None
    window: Duration | None = None
    max_wait: Duration | None = None
    expires: Duration | None = None
    concurrency: int | None = None
    """Tasks of the type that run at once, in its queue."""
    rate: Rate | None = None
    per_group: Most | None = None
    per_key: Most | None = None
    title: str | None = None
    description: str | None = None
    args_schema: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        """Raises InvalidArgumentError for what supervisors would refuse."""
        check_definition(check_type(self.type), {name: value for name, value in self.fields().items() if name != "type"})

    def fields(self) -> dict[str, Any]:
        return present(self)


class Task(Generic[P, R]):
    """A task type: a function, and how it is run. Calling it runs it by a worker and waits for its end."""

    def __init__(
        self,
        function: Callable[P, R],
        definition: Definition,
        retry_on: RetryOn | None,
    ) -> None:
        self.function = function
        self.definition = definition
        self.retry_on = _predicate(retry_on)
        self.is_async = inspect.iscoroutinefunction(function)
        self.__name__ = definition.type
        self.__doc__ = function.__doc__

    @property
    def type(self) -> str:
        return self.definition.type

    async def schedule(self, *args: Any, options: TaskOptions | None = None, **kwargs: Any) -> TaskHandle:
        """Submits the task, or joins the one of its key that is active, and returns at once."""
        return await ambient_client().submit(self, self.arguments(args, kwargs), options=options)

    async def __call__(self, *args: Any, options: TaskOptions | None = None, **kwargs: Any) -> TaskHandle:
        """The same, and waits until it has ended, however it ended."""
        handle = await self.schedule(*args, options=options, **kwargs)
        await handle.wait()
        return handle

    def arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """As a list, which is what travels. Raises TypeError where the function would."""
        bound = inspect.signature(self.function).bind(*args, **kwargs)
        if bound.kwargs:
            names = ", ".join(bound.kwargs)
            raise TypeError(f"{self.type}: {names} can be given by name only, and arguments travel by place")
        return list(bound.args)


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...


@overload
def task(
    *,
    name: str | None = None,
    scope: TaskScope | None = None,
    timeout: Duration | None = None,
    queue: str | None = None,
    priority: Literal["high", "normal", "low"] | None = None,
    group: str | None = None,
    limit_key: str | None = None,
    units: int | None = None,
    tags: dict[str, str | int | float | bool] | None = None,
    max_attempts: int | None = None,
    backoff: Backoff | None = None,
    max_rescues: int | None = None,
    on_orphan: Literal["retry", "fail"] | None = None,
    abort_grace: Duration | None = None,
    mode: SubmitMode | None = None,
    window: Duration | None = None,
    max_wait: Duration | None = None,
    expires: Duration | None = None,
    concurrency: int | None = None,
    rate: Rate | None = None,
    per_group: Most | None = None,
    per_key: Most | None = None,
    title: str | None = None,
    description: str | None = None,
    args_schema: dict[str, Any] | None = None,
    retry_on: RetryOn | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retry_on: RetryOn | None = None,
    **fields: Any,
) -> Any:
    """
    Makes a task type of a function, plain or async. Times are seconds or text such as "5m". Raises InvalidArgumentError for what
    cannot be, TypeError for what is no option and no function.
    """
    strange = [each for each in fields if each not in DEFINITION]
    if strange:
        raise TypeError(f"@task has no option {', '.join(strange)}: it has name, {', '.join(DEFINITION)} and retry_on")
    _predicate(retry_on)

    def make(body: Callable[..., Any]) -> Task[..., Any]:
        if not callable(body):
            raise TypeError(f"@task stands before a function, and takes what it is told by name: {body!r} is none")
        type_name = getattr(body, "__name__", "") if name is None else name
        if type_name == "<lambda>":
            raise TypeError("a task needs a name: @task(name=...)")
        fault = _signature_fault(body)
        if fault is not None:
            raise TypeError(f"task {type_name!r}: {fault}")
        return Task(body, Definition(type=type_name, **fields), retry_on)

    return make if function is None else make(function)


def _predicate(retry_on: RetryOn | None) -> Callable[[BaseException], bool] | None:
    if retry_on is None:
        return None
    kinds = retry_on if isinstance(retry_on, tuple) else (retry_on,)
    if all(isinstance(kind, type) and issubclass(kind, BaseException) for kind in kinds):
        return lambda error: isinstance(error, kinds)  # type: ignore[arg-type]
    if isinstance(retry_on, (tuple, type)) or not callable(retry_on):
        raise TypeError("retry_on is a function of the exception, an exception class, or a tuple of classes")
    return retry_on


def _signature_fault(body: Callable[..., Any]) -> str | None:
    if inspect.isgeneratorfunction(body) or inspect.isasyncgenfunction(body):
        return "a generator has no result: say how far it is with get_context().update_task(...)"
    try:
        parameters = inspect.signature(body).parameters.values()
    except ValueError:
        return None
    named = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    return f"{', '.join(named)} can be given by name only, and arguments travel by place" if named else None
