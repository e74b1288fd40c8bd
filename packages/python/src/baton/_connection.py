"""Connections to NATS, and where they go."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import nats
from nats.aio.client import Client as Connection

from .errors import NotConnectedError


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where NATS is and who we are there. What is not given is read from the environment, as all of Baton does."""

    servers: str | list[str] = field(default_factory=lambda: os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    namespace: str = field(default_factory=lambda: os.environ.get("BATON_NAMESPACE", "BATON"))
    user: str | None = field(default_factory=lambda: os.environ.get("NATS_USER"))
    password: str | None = field(default_factory=lambda: os.environ.get("NATS_PASSWORD"))
    credentials: str | None = field(default_factory=lambda: os.environ.get("NATS_CREDS"))
    inbox_prefix: str = field(default_factory=lambda: os.environ.get("NATS_INBOX_PREFIX", "_INBOX"))

    @property
    def root(self) -> str:
        """What subjects begin with."""
        return self.namespace.lower()

    async def connect(self, name: str) -> Connection:
        """Raises NotConnectedError within seconds; later the connection is made again for as long as it takes."""
        options: dict[str, Any] = {
            "servers": self.servers if isinstance(self.servers, list) else self.servers.split(","),
            "name": name,
            "inbox_prefix": self.inbox_prefix,
            "connect_timeout": 5,
            "reconnect_time_wait": 0.25,
            "max_reconnect_attempts": -1,
            "ping_interval": 2,
            "max_outstanding_pings": 2,
            "allow_reconnect": True,
            # What is sent without a connection is not kept for one to come: every request is asked again.
            "pending_size": 2 * 1024 * 1024,
            "error_cb": _quiet,
        }
        if self.user is not None:
            options |= {"user": self.user, "password": self.password}
        if self.credentials is not None:
            options["user_credentials"] = self.credentials
        connection = Connection()
        try:
            # The client would try for ever, also at first.
            await connection.connect(**{**options, "allow_reconnect": True, "max_reconnect_attempts": 2})
        except (OSError, nats.errors.Error) as error:
            raise NotConnectedError(f"NATS cannot be reached at {self.servers}: {error}") from error
        connection.options["max_reconnect_attempts"] = -1
        return connection


async def _quiet(_error: Exception) -> None:
    """Every request finds out by itself; what a library prints helps nobody."""


def token(name: str) -> str:
    """A type as one token of a subject."""
    return name.replace(".", "=")
