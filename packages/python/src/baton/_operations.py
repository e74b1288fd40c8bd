"""Health and metrics of a worker over HTTP, as the services tell them; see ``deploy/metrics``."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .errors import BatonError

try:
    from prometheus_client import REGISTRY, generate_latest
except ImportError:
    _own_metrics: Callable[[], bytes] | None = None
else:

    def _own_metrics() -> bytes:
        return generate_latest(REGISTRY)


_log = logging.getLogger("baton.worker")

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_REQUEST_TIMEOUT = 10.0

Metric = tuple[str, str, str, dict[str, str], float]
"""Name, "gauge" or "counter", what it says, labels, value."""


class Operations:
    """
    ``/healthz``, ``/readyz`` and ``/metrics``, from a thread of its own: it answers also while the loop does not turn. Nothing
    tells of a single task, and nothing can be changed.
    """

    def __init__(self, host: str, port: int, metrics: Callable[[], list[Metric]], checks: Callable[[], dict[str, str]]) -> None:
        """``checks``: what has to be there by name, "ok" or what is missing. Raises BatonError, PORT_TAKEN."""
        handler = type("_Handler", (_Handler,), {"metrics": staticmethod(metrics), "checks": staticmethod(checks)})
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            text = f"port {port} of {host} cannot be had ({error}): set BATON_METRICS_PORT to a free one"
            raise BatonError("PORT_TAKEN", text) from error
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name="baton metrics", daemon=True).start()
        _log.info("health and metrics: http://%s:%s", f"[{host}]" if ":" in host else host, self.port)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a question for health or metrics could not be answered", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    metrics: Callable[[], list[Metric]]
    checks: Callable[[], dict[str, str]]
    timeout = _REQUEST_TIMEOUT

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            own = b"" if _own_metrics is None else _own_metrics()
            self._send(200, _TYPE, page_of(self.metrics()).encode() + own)
        elif path == "/healthz":
            self._send(200, _JSON, json.dumps({"status": "ok"}).encode())
        elif path == "/readyz":
            checks = self.checks()
            ready = all(found == "ok" for found in checks.values())
            body = {"status": "ok" if ready else "unavailable", "checks": checks}
            self._send(200 if ready else 503, _JSON, json.dumps(body).encode())
        else:
            self._send(404, _TEXT, b"there are /healthz, /readyz and /metrics\n")

    do_HEAD = do_GET

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        return "baton"

    def log_message(self, format: str, *args: Any) -> None:
        pass


def page_of(metrics: list[Metric]) -> str:
    """As Prometheus reads it."""
    return "".join(
        f"# HELP {name} {what}\n# TYPE {name} {kind}\n{name}{_labels(labels)} {value}\n"
        for name, kind, what, labels, value in metrics
    )


def _labels(labels: dict[str, str]) -> str:
    return "{" + ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items()) + "}" if labels else ""
