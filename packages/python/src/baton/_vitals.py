"""What a worker tells of itself to whoever looks after it: its lease, its connection, its slots."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ._operations import Metric, Operations

_LEASE = 6.0


class Vitals:
    """
    Plain numbers, read by another thread when somebody asks. What becomes of tasks is not counted here: supervisors write it, and
    count it, for every worker of the protocol.
    """

    def __init__(self, concurrency: int, runs: Callable[[], int], bodies: Callable[[], int], host: str, port: int | None) -> None:
        self.node = ""
        self.connection: Any = None
        self.phase = "starting"
        """Until it has started, and when it stops; "ok" in between."""
        self._concurrency = concurrency
        self._runs = runs
        self._bodies = bodies
        self._host = host
        self._port = port
        self._renewals = 0
        self._losses = 0
        self._renewed_at = 0.0
        self._operations: Operations | None = None

    @property
    def port(self) -> int | None:
        """None while nobody can ask."""
        return None if self._operations is None else self._operations.port

    def open(self) -> bool:
        """False where it is open, or nobody wants it. Raises BatonError, PORT_TAKEN."""
        if self._port is None or self._operations is not None:
            return False
        self._operations = Operations(self._host, self._port, self.metrics, self.checks)
        return True

    def close(self) -> None:
        operations, self._operations = self._operations, None
        if operations is not None:
            operations.close()

    def renewed(self, at: float) -> None:
        """A beat that was sent then was answered: the lease holds from there on."""
        if self._renewals > 0 and at - self._renewed_at > _LEASE:
            self._losses += 1
        self._renewals += 1
        self._renewed_at = at

    @property
    def _is_held(self) -> bool:
        return self._renewals > 0 and time.monotonic() - self._renewed_at <= _LEASE

    @property
    def _is_connected(self) -> bool:
        return self.connection is not None and bool(self.connection.is_connected)

    def checks(self) -> dict[str, str]:
        return {
            "worker": self.phase,
            "nats": "ok" if self._is_connected else "no connection",
            "lease": "ok" if self._is_held else "not held",
        }

    def metrics(self) -> list[Metric]:
        held = self._is_held
        lost = 1 if self._renewals > 0 and not held else 0
        info = {"service": "worker", "node": self.node}
        disconnects = 0 if self.connection is None else self.connection.disconnects
        return [
            ("baton_service_info", "gauge", "1; which service this is, and its id as a node where it has one", info, 1),
            ("baton_nats_connected", "gauge", "1 while there is a connection to NATS", {}, int(self._is_connected)),
            ("baton_nats_disconnects_total", "counter", "Connections to NATS that were lost", {}, disconnects),
            ("baton_lease_held", "gauge", "1 while the lease of this process is held: others count it as alive", {}, int(held)),
            ("baton_lease_renewals_total", "counter", "Beats that were answered", {}, self._renewals),
            ("baton_lease_losses_total", "counter", "Times no beat was answered for a whole lease", {}, self._losses + lost),
            ("baton_worker_slots", "gauge", "Tasks this worker runs at once", {}, self._concurrency),
            ("baton_worker_slots_busy", "gauge", "Slots in use", {}, self._runs()),
            ("baton_worker_bodies", "gauge", "Runs in this process, also of tasks it has lost", {}, self._bodies()),
        ]
