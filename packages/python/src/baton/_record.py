"""Records of tasks, as they are stored; see "The record" in ``protocols/README.md``."""

from __future__ import annotations

from typing import Any

from ._data import unpack
from .errors import BatonError

VERSION = 1
TERMINAL = frozenset({"success", "failure", "aborted", "timed_out"})


def read_record(data: bytes) -> dict[str, Any]:
    """Raises BatonError RECORD_NEWER for one of a later version."""
    record: dict[str, Any] = unpack(data)
    if record["v"] > VERSION:
        raise BatonError("RECORD_NEWER", f"a record of version {record['v']}: upgrade this package")
    return record


def data_in(value: Any) -> Any:
    """Payload or result: bytes of nested MessagePack. Large ones lie in the object store."""
    return unpack(value) if isinstance(value, bytes) else None
