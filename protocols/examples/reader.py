"""A reader of Baton in another language: nats-py, msgpack, and what stands in protocols/. Nothing of Baton's own code.

    python reader.py <type> <argument>     with NATS_URL and BATON_NAMESPACE

It checks itself against the vectors, submits a task by command, follows its events until it has ended, reads its record,
and holds every message to the schemas. Prints what it saw as a line of JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import sys
import uuid
from pathlib import Path
from typing import Any

import msgpack
import nats

CONTRACT = Path(__file__).resolve().parent.parent
NAMESPACE = os.environ.get("BATON_NAMESPACE", "BATON")
ROOT = NAMESPACE.lower()
PARTITIONS = 64
TERMINAL = ("success", "failure", "aborted", "timed_out")


def vectors(name: str) -> list[dict[str, Any]]:
    return json.loads((CONTRACT / "vectors" / f"{name}.json").read_text())


def schema(name: str) -> dict[str, Any]:
    return json.loads((CONTRACT / "schemas" / name).read_text())


def address_of(scope: str, type_name: str, key: str, user: str | None = None) -> str:
    parts = [scope, type_name, key] + ([user] if scope == "private" and user is not None else [])
    digest = hashlib.sha256(msgpack.packb(parts)).hexdigest()[:32]
    return f"{int(digest[-2:], 16) % PARTITIONS:02x}.{type_name.replace('.', '=')}.{digest}"


def unpack(data: bytes) -> Any:
    return msgpack.unpackb(data, timestamp=3)


def picture(value: Any) -> Any:
    """A value of MessagePack as the vectors and the schemas show it."""
    if isinstance(value, bytes):
        return {"$hex": value.hex()}
    if isinstance(value, list):
        return [picture(item) for item in value]
    return {key: picture(item) for key, item in value.items()} if isinstance(value, dict) else value


def fault_in(part: dict[str, Any], value: Any, whole: dict[str, Any], at: str = "") -> str | None:
    """The first place that does not fit. As much of JSON Schema as these schemas use."""
    if "$ref" in part:
        file, _, pointer = part["$ref"].partition("#")
        target = schema(file) if file else whole
        whole = target
        for name in filter(None, pointer.split("/")):
            target = target[name]
        fault = fault_in(target, value, whole, at)
        if fault is not None:
            return fault
    if "const" in part and value != part["const"]:
        return f"{at} is not {part['const']!r}"
    if "enum" in part and value not in part["enum"]:
        return f"{at} is none of {part['enum']}"
    if not _is_a(part.get("type"), value):
        return f"{at} is no {part['type']}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not part.get("minimum", value) <= value <= part.get("maximum", value):
            return f"{at} is out of range"
    if isinstance(value, str) and not re.search(part.get("pattern", ""), value):
        return f"{at} is not like {part['pattern']}"
    if isinstance(value, dict):
        missing = [name for name in part.get("required", []) if name not in value]
        if missing:
            return f"{at} has no {missing[0]}"
        for name, inner in part.get("properties", {}).items():
            fault = fault_in(inner, value[name], whole, f"{at}.{name}") if name in value else None
            if fault is not None:
                return fault
    if isinstance(value, list) and "items" in part:
        for i, item in enumerate(value):
            fault = fault_in(part["items"], item, whole, f"{at}[{i}]")
            if fault is not None:
                return fault
    for inner in part.get("allOf", []):
        fault = fault_in(inner, value, whole, at)
        if fault is not None:
            return fault
    if "if" in part and fault_in(part["if"], value, whole) is None:
        return fault_in(part["then"], value, whole, at)
    if "not" in part and fault_in(part["not"], value, whole) is None:
        return f"{at} is what it must not be"
    if "anyOf" in part:
        faults = [fault_in(inner, value, whole, at) for inner in part["anyOf"]]
        return None if None in faults else faults[0]
    return None


def _is_a(kind: str | None, value: Any) -> bool:
    if kind in ("integer", "number"):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return is_number and (kind == "number" or float(value).is_integer())
    return kind is None or isinstance(value, {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}[kind])


def hold(name: str, value: Any) -> Any:
    """Exits where a message is not what the contract says."""
    whole = schema(f"{name}.json")
    fault = fault_in(whole, picture(value), whole)
    if fault is not None:
        sys.exit(f"{name}: {fault}")
    return value


def check_itself() -> int:
    """Against the vectors; how many there were."""
    addresses, records = vectors("addresses"), vectors("records")
    for each in addresses:
        assert address_of(each["scope"], each["type"], each["key"], each.get("user")) == each["address"], each
    for each in records:
        read = unpack(bytes.fromhex(each["bytes"]))
        assert picture(read) == each["record"], each["title"]
        hold("record", read)
        broken = {name: value for name, value in read.items() if name != "history"}
        assert fault_in(schema("record.json"), picture(broken), schema("record.json")) is not None
    return len(addresses) + len(records)


async def main(type_name: str, argument: str) -> None:
    checked = check_itself()
    connection = await nats.connect(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    jetstream = connection.jetstream()
    key = uuid.uuid4().hex

    # The log, from here on: a consumer of one's own, for the types one wants.
    events = await jetstream.subscribe(f"{ROOT}.events.*.{type_name.replace('.', '=')}", ordered_consumer=True)

    inbox = connection.new_inbox()
    answers = await connection.subscribe(inbox)
    command = hold("submit", {"v": 1, "args": [argument], "task_key": key, "user": {"id": "alice"}})
    headers = {"Content-Type": "application/json", "Baton-Reply": inbox}
    await jetstream.publish(f"{ROOT}.cmd.submit.{type_name.replace('.', '=')}", json.dumps(command).encode(), headers=headers)
    answer = hold("answer", json.loads((await answers.next_msg(timeout=15)).data))
    if not answer["ok"]:
        sys.exit(f"{answer['code']}: {answer['message']}")
    address = answer["task"]["address"]
    assert address == address_of("private", type_name, key, "alice"), "whoever knows the key knows where the record is"

    # Versions come in the order of their revisions, or again: the highest one counts.
    seen: dict[int, str] = {}
    status = ""
    while status not in TERMINAL:
        message = await events.next_msg(timeout=30)
        record = unpack(message.data)
        hold("event", {"headers": message.headers, "payload": record})
        if message.headers["Baton-Address"] == address and record["id"] == answer["task"]["id"]:
            seen[int(message.headers["Baton-Revision"])] = record["status"]
            status = seen[max(seen)]

    stored = await jetstream.get_last_msg(f"KV_{NAMESPACE}_TASKS", f"$KV.{NAMESPACE}_TASKS.{address}")
    record = hold("record-by-state", unpack(stored.data))
    # Data is MessagePack in MessagePack: nobody has to look into it who does not want to.
    result = unpack(record["result"]) if isinstance(record.get("result"), bytes) else None
    history = [entry["status"] for entry in record["history"]]
    print(json.dumps({"vectors": checked, "status": status, "result": result, "history": history, "events": len(seen)}))
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
