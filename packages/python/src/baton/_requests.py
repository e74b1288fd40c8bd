"""Requests to supervisors, as ``protocols/worker.md`` has them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import nats.errors
from nats.aio.client import Client as Connection

from ._connection import request
from ._data import pack, unpack
from .errors import NotConnectedError

_HEADERS = {"Content-Type": "application/msgpack"}
_PAUSE = 0.1
_LONGEST_PAUSE = 2.0
# A gateway that is started again is back by then.
_LEAVING_TRIES = 40
_LEAVING_TIMEOUT = 60.0


class Requests:
    """What one worker asks. Its name is proved by a secret that is made anew with every start."""

    def __init__(self, connection: Connection, root: str, worker: str, gateway: str | None = None) -> None:
        self._connection = connection
        self._root = root
        self._worker = worker
        self._gateway = gateway
        self._secret = secrets.token_urlsafe(32)
        digest = hashlib.sha256(self._secret.encode()).hexdigest()
        self.name = f"{worker}-{digest[:16]}"

    async def ask(self, verb: str, body: dict[str, Any], timeout: float) -> dict[str, Any] | None:
        """None: no answer, so nobody knows. Raises ValueError for what does not fit into a message."""
        message = pack({"v": 1, "worker": self._worker, "secret": self._secret, **body})
        if len(message) > self._connection.max_payload - 4096:
            raise ValueError(f"{len(message)} bytes do not fit into a message")
        try:
            answer = await request(
                self._connection, f"{self._root}.work.{verb}", message, timeout=timeout, headers=_HEADERS
            )
        except (nats.errors.Error, asyncio.TimeoutError, OSError):
            return None
        decoded: dict[str, Any] = unpack(answer.data)
        return decoded

    async def insist(self, verb: str, body: dict[str, Any], timeout: float) -> dict[str, Any]:
        """Asks the same again until there is a definite answer: ``request`` makes that safe."""
        pause = _PAUSE
        while not self._connection.is_closed:
            answer = await self.ask(verb, body, timeout)
            if answer is not None and not is_passing(answer):
                return answer
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
        raise NotConnectedError("the connection was closed before there was an answer")

    async def leave_result(
        self, address: str, fence: dict[str, Any], result: Any
    ) -> tuple[dict[str, Any] | None, str]:
        """Leaves a result at the gateway that is too large for a message: what a finish says of it; or None, and why not."""
        if self._gateway is None:
            return None, "no gateway is set that takes it (BATON_GATEWAY_URL)"
        where = {"address": address, "epoch": fence["epoch"], "revision": fence["revision"]}
        leaving = urllib.request.Request(
            f"{self._gateway.rstrip('/')}/api/v1/work/result?{urllib.parse.urlencode(where)}",
            data=pack({"result": result}),
            method="PUT",
            headers={**_HEADERS, "Baton-Worker": self._worker, "Baton-Secret": self._secret},
        )
        pause = _PAUSE
        for _ in range(_LEAVING_TRIES):
            answer, why, again = await asyncio.get_running_loop().run_in_executor(None, _put, leaving)
            if answer is not None or not again:
                return answer, why
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
        return None, why


def _put(request: urllib.request.Request) -> tuple[dict[str, Any] | None, str, bool]:
    """What was answered; or None, why, and whether it may work later."""
    try:
        with urllib.request.urlopen(request, timeout=_LEAVING_TIMEOUT) as response:
            answer: dict[str, Any] = json.load(response)
            return answer, "", False
    except urllib.error.HTTPError as error:
        try:
            code = str(json.load(error).get("code"))
        except ValueError:
            code = f"HTTP {error.code}"
        return None, f"the gateway does not take it ({code})", error.code == 429 or error.code >= 500
    except (OSError, ValueError) as error:
        return None, f"the gateway does not answer ({error})", True


def is_passing(answer: dict[str, Any]) -> bool:
    """Refused for now, and not for good."""
    code = str(answer.get("code", ""))
    return code in ("OUTCOME_UNKNOWN", "NOT_CONNECTED", "INTERNAL") or code.startswith("STORE_")
