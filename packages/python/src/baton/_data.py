"""What travels: MessagePack of plain values, times and bytes, as the protocol has it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import msgpack

# JavaScript, which most of the other side is written in, knows no larger whole number.
_SAFE_INTEGER = 2**53 - 1


def pack(value: Any) -> bytes:
    """Raises TypeError, with the place, for what is no plain data."""
    return copied(value)[1]


def copied(value: Any) -> tuple[Any, bytes]:
    """As it is now, whatever its owner does to it afterwards: a copy, and packed. Raises as `pack`."""
    try:
        plain = _plain(value, "value")
        packed: bytes = msgpack.packb(plain, use_bin_type=True, datetime=True)
    except RecursionError as error:
        raise TypeError("value: nested too deeply, or in itself") from error
    except UnicodeEncodeError as error:
        raise TypeError("value: text with half a character in it (a lone surrogate)") from error
    return plain, packed


def unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, raw=False, timestamp=3, strict_map_key=False)


def _plain(value: Any, place: str) -> Any:
    if value is None or isinstance(value, (bool, str, bytes)):
        return value
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER:
            raise TypeError(f"{place}: whole numbers beyond 2^53 - 1 would be changed, send them as text")
        return value
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise TypeError(f"{place}: {value} is no number others know")
        return value
    if isinstance(value, datetime.datetime):
        return value if value.tzinfo is not None else value.astimezone()
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
    raise TypeError(f"{place}: {type(value).__name__} is no plain data (None, bool, numbers, str, bytes, datetime, lists, dicts)")


def _key(key: Any, place: str) -> str:
    if isinstance(key, str):
        return key
    raise TypeError(f"{place}: keys are text, not {type(key).__name__}")
