"""Baton for Python: tasks, workers and clients. See README.md."""

from ._connection import Server
from .client import Client, connect
from .context import TaskContext, get_context
from .errors import (
    BatonError,
    NotConnectedError,
    OutcomeUnknownError,
    PermissionDeniedError,
    RetryableError,
    TaskAbortFailedError,
    TaskActiveError,
    TaskNotAbortableError,
    TaskNotFoundError,
    TaskThrottledError,
    TerminalError,
    WaitTimeoutError,
)
from .handle import TaskError, TaskEvent, TaskHandle
from .options import Backoff, TaskOptions, TaskScope
from .tasks import Task, task
from .worker import Worker

__all__ = [
    "Backoff",
    "BatonError",
    "Client",
    "NotConnectedError",
    "OutcomeUnknownError",
    "PermissionDeniedError",
    "RetryableError",
    "Server",
    "Task",
    "TaskAbortFailedError",
    "TaskActiveError",
    "TaskContext",
    "TaskError",
    "TaskEvent",
    "TaskHandle",
    "TaskNotAbortableError",
    "TaskNotFoundError",
    "TaskOptions",
    "TaskScope",
    "TaskThrottledError",
    "TerminalError",
    "WaitTimeoutError",
    "Worker",
    "connect",
    "get_context",
    "task",
]
