"""Baton for Python: tasks, workers and clients. See README.md."""

from . import sync
from ._connection import Server
from .client import Client, connect
from .context import TaskContext, get_context
from .errors import (
    BatonError,
    DependencyNotFoundError,
    InvalidArgumentError,
    NotConnectedError,
    OutcomeUnknownError,
    PayloadTooLargeError,
    PermissionDeniedError,
    RetryableError,
    SignalTimeoutError,
    TaskAbortFailedError,
    TaskActiveError,
    TaskEndedError,
    TaskNotAbortableError,
    TaskNotFoundError,
    TaskStoppedError,
    TaskThrottledError,
    TerminalError,
    UnknownTypeError,
    WaitRefusedError,
    WaitTimeoutError,
)
from .handle import TaskError, TaskEvent, TaskHandle, Why
from .logs import JsonFormatter
from .options import Backoff, Most, Rate, TaskOptions, TaskScope
from .tasks import Task, task
from .worker import Worker

__all__ = [
    "Backoff",
    "BatonError",
    "Client",
    "DependencyNotFoundError",
    "InvalidArgumentError",
    "JsonFormatter",
    "Most",
    "NotConnectedError",
    "OutcomeUnknownError",
    "PayloadTooLargeError",
    "PermissionDeniedError",
    "Rate",
    "RetryableError",
    "Server",
    "SignalTimeoutError",
    "Task",
    "TaskAbortFailedError",
    "TaskActiveError",
    "TaskContext",
    "TaskEndedError",
    "TaskError",
    "TaskEvent",
    "TaskHandle",
    "TaskNotAbortableError",
    "TaskNotFoundError",
    "TaskOptions",
    "TaskScope",
    "TaskStoppedError",
    "TaskThrottledError",
    "TerminalError",
    "UnknownTypeError",
    "WaitRefusedError",
    "WaitTimeoutError",
    "Why",
    "Worker",
    "connect",
    "get_context",
    "sync",
    "task",
]
