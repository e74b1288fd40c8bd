"""A worker that is the whole of a program."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from typing import TYPE_CHECKING

from .errors import NotConnectedError

if TYPE_CHECKING:
    from .worker import Worker

_log = logging.getLogger("baton.worker")

_STILL_WAITING = 60.0
_PAUSE = 1.0


async def run_program(worker: Worker, grace: float) -> None:
    """As ``Worker.run`` says. Its health can be asked from here on, also while NATS is not there yet."""
    worker.vitals.open()
    try:
        await _run(worker, grace)
    finally:
        worker.vitals.close()


async def _run(worker: Worker, grace: float) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    if not await _started(worker, told):
        return
    asked = asyncio.ensure_future(told.wait())
    refused = asyncio.ensure_future(worker.refused())
    await asyncio.wait({asked, refused}, return_when=asyncio.FIRST_COMPLETED)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, lambda: os._exit(1))
    await worker.drain(grace)
    asked.cancel()
    if refused.done():
        raise refused.result()
    refused.cancel()


async def _started(worker: Worker, told: asyncio.Event) -> bool:
    """False: it was told to end before NATS was there."""
    said: float | None = None
    while not told.is_set():
        try:
            await worker.start()
            return True
        except NotConnectedError as error:
            now = time.monotonic()
            if said is None or now - said > _STILL_WAITING:
                said = now
                _log.warning("waiting for NATS: %s", error)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE):
                await told.wait()
    return False
