"""Errors of this package. Each has a ``code`` that does not change."""

from __future__ import annotations


class BatonError(Exception):
    """What came of a request that was not carried out."""

    code: str

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class NotConnectedError(BatonError):
    """No connection, or nobody to answer: nothing happened."""

    def __init__(self, message: str) -> None:
        super().__init__("NOT_CONNECTED", message)


class OutcomeUnknownError(BatonError):
    """It may have happened. The same call with the same ``operation_id`` is safe."""

    def __init__(self, message: str) -> None:
        super().__init__("OUTCOME_UNKNOWN", message)


class WaitTimeoutError(BatonError):
    """It was waited long enough; the task runs on."""

    def __init__(self, message: str) -> None:
        super().__init__("WAIT_TIMEOUT", message)


class TaskNotFoundError(BatonError):
    """No such task, or none that may be seen, or one that ended so long ago that its record is gone."""


class TaskNotAbortableError(BatonError):
    """It runs and has no abort handler."""


class TaskAbortFailedError(BatonError):
    """Too late: it has ended, or its body has."""


class TaskActiveError(BatonError):
    """A task of the key is active, and the submit said ``mode="reject"``."""


class TaskEndedError(BatonError):
    """It has ended, and takes no signal any more."""


class UnknownTypeError(BatonError):
    """No worker has ever served the type, and the submit said ``strict=True``."""


class InvalidArgumentError(BatonError, ValueError):
    """What was given cannot be; the message says what can."""


class PayloadTooLargeError(InvalidArgumentError):
    """More bytes than a command takes."""


class DependencyNotFoundError(BatonError):
    """A task that was to be waited for is unknown, ended long ago, or is not for this user to see."""


class TaskThrottledError(BatonError):
    """A task of the key, which this user may not see, was made in the same window."""


class PermissionDeniedError(BatonError):
    """This user may not do that."""


class SignalTimeoutError(BatonError):
    """No signal came in time."""

    def __init__(self, name: str) -> None:
        super().__init__("SIGNAL_TIMEOUT", f"no signal {name} came in time")


class WaitRefusedError(BatonError):
    """The task cannot wait like this; the message says why."""


class TaskStoppedError(BatonError):
    """Raised by a wait of a task that is to stop: what it waits for will not come."""

    def __init__(self, reason: str) -> None:
        super().__init__("TASK_STOPPED", f"the task is to stop: {reason}")
        self.reason = reason


class TerminalError(Exception):
    """Raised by a task: no further attempt, whatever is left."""


class RetryableError(Exception):
    """Raised by a task: try again, after ``retry_after`` seconds where that is given."""

    def __init__(self, message: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


_BY_CODE: dict[str, type[BatonError]] = {
    "TASK_NOT_FOUND": TaskNotFoundError,
    "TASK_NOT_ABORTABLE": TaskNotAbortableError,
    "TASK_ABORT_FAILED": TaskAbortFailedError,
    "TASK_ACTIVE": TaskActiveError,
    "TASK_ENDED": TaskEndedError,
    "UNKNOWN_TYPE": UnknownTypeError,
    "INVALID_ARGUMENT": InvalidArgumentError,
    "PAYLOAD_TOO_LARGE": PayloadTooLargeError,
    "DEPENDENCY_NOT_FOUND": DependencyNotFoundError,
    "TASK_THROTTLED": TaskThrottledError,
    "PERMISSION_DENIED": PermissionDeniedError,
    "FORCE_REQUIRED": PermissionDeniedError,
}


def error_of(code: str, message: str) -> BatonError:
    """The error for a refusal."""
    if code == "OUTCOME_UNKNOWN":
        return OutcomeUnknownError(message)
    return _BY_CODE.get(code, BatonError)(code, message)
