"""Real services: `node test/run.mjs behaviour/python` starts them and says where they are."""

from __future__ import annotations

import asyncio
import contextlib
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

import baton

if "NATS_URL" not in os.environ or "BATON_NAMESPACE" not in os.environ:
    raise RuntimeError("run this by `node test/run.mjs behaviour/python`, which starts the services")


@pytest.fixture
async def client() -> AsyncIterator[baton.Client]:
    async with baton.Client(user="alice") as made:
        yield made


Serve = Callable[..., Awaitable[baton.Worker]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts workers in this process; they are drained with the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*tasks: baton.Task[..., Any], **options: Any) -> baton.Worker:
            return await stack.enter_async_context(baton.Worker(tasks, **options))

        yield start


@pytest.fixture
def name() -> str:
    """A type of this test's own."""
    return f"py.{uuid.uuid4().hex[:12]}"


async def until(holds: Callable[[], Awaitable[bool]], limit: float = 20.0) -> None:
    """Asked again and again until it is true."""
    async with asyncio.timeout(limit):
        while not await holds():
            await asyncio.sleep(0.05)
