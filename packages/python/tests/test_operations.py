"""Health and metrics of a worker."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import prometheus_client
import pytest
from conftest import Serve, until
from prometheus_client.parser import text_string_to_metric_families

import baton
from baton._operations import page_of
from baton._vitals import Vitals


def _ask(port: int | None, path: str, method: str = "GET") -> tuple[int, str]:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def _values(page: str) -> dict[str, float]:
    return {sample.name: sample.value for family in text_string_to_metric_families(page) for sample in family.samples}


async def test_a_worker_tells_its_lease_its_connection_and_its_slots(
    client: baton.Client, serve: Serve, name: str
) -> None:
    ends = asyncio.Event()

    @baton.task(name=name)
    async def works() -> None:
        await ends.wait()

    def ask(path: str, method: str = "GET") -> asyncio.Future[tuple[int, str]]:
        return asyncio.ensure_future(asyncio.to_thread(_ask, worker.vitals.port, path, method))

    worker = await serve(works, concurrency=3, metrics_port=0)

    async def is_ready() -> bool:
        return (await ask("/readyz"))[0] == 200

    await until(is_ready)
    handle = await client.submit(works)

    async def is_busy() -> bool:
        return _values((await ask("/metrics"))[1])["baton_worker_slots_busy"] == 1

    await until(is_busy)
    own = prometheus_client.Counter("my_pages", "Of the program")
    own.inc(3)
    _, page = await ask("/metrics")
    values = _values(page)
    assert values["my_pages_total"] == 3
    assert values.pop("baton_lease_renewals_total") >= 1
    assert {each: value for each, value in values.items() if each.startswith("baton_")} == {
        "baton_service_info": 1,
        "baton_nats_connected": 1,
        "baton_nats_disconnects_total": 0,
        "baton_lease_held": 1,
        "baton_lease_losses_total": 0,
        "baton_worker_slots": 3,
        "baton_worker_slots_busy": 1,
        "baton_worker_bodies": 1,
    }
    assert f'baton_service_info{{service="worker",node="{worker.name}"}} 1' in page
    assert await ask("/healthz") == (200, '{"status": "ok"}')
    assert json.loads((await ask("/readyz"))[1]) == {
        "status": "ok",
        "checks": {"worker": "ok", "nats": "ok", "lease": "ok"},
    }
    assert await ask("/metrics", "HEAD") == (200, "")
    assert (await ask("/else"))[0] == 404
    assert (await ask("/metrics", "POST"))[0] == 501

    # It is told of until all has stopped, and not ready meanwhile.
    port = worker.vitals.port
    draining = asyncio.ensure_future(worker.drain())
    await asyncio.sleep(0)
    status, body = await ask("/readyz")
    assert (status, json.loads(body)["checks"]["worker"]) == (503, "stopping")
    ends.set()
    await draining
    await handle.wait(10)
    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(_ask, port, "/healthz")


def test_a_lease_is_lost_once_however_long_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    vitals = Vitals(1, lambda: 0, lambda: 0, "127.0.0.1", None)

    def lease() -> tuple[float, float]:
        told = {name: value for name, _, _, _, value in vitals.metrics()}
        return told["baton_lease_held"], told["baton_lease_losses_total"]

    assert (lease(), vitals.checks()["lease"], vitals.open()) == ((0, 0), "not held", False)
    vitals.renewed(now)
    assert (lease(), vitals.checks()["lease"]) == ((1, 0), "ok")
    now = 107.0
    assert lease() == lease() == (0, 1)
    vitals.renewed(now)
    assert lease() == (1, 1)
    vitals.renewed(now + 2)
    assert lease() == (1, 1)


async def test_a_port_that_is_taken_is_told_and_one_of_a_worker_that_cannot_start_is_given_back(
    serve: Serve, name: str
) -> None:
    @baton.task(name=name)
    def never() -> None: ...

    worker = await serve(never, metrics_port=0)
    with pytest.raises(baton.BatonError, match="BATON_METRICS_PORT") as taken:
        await baton.Worker([never], metrics_port=worker.vitals.port).start()
    assert taken.value.code == "PORT_TAKEN"
    lost = baton.Worker([never], metrics_port=0, server=baton.Server(servers="nats://127.0.0.1:9"))
    with pytest.raises(baton.NotConnectedError):
        await lost.start()
    assert lost.vitals.port is None
    with pytest.raises(ValueError, match="metrics_port"):
        baton.Worker([never], metrics_port=70_000)


async def test_a_port_where_nobody_says_anything_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baton._connection._CONNECT_WITHIN", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = baton.Server(servers=f"nats://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(baton.NotConnectedError, match="no answer within 1 s"):
            await baton.Client(server=server).open()
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()


def test_without_prometheus_client_there_are_its_own_metrics_alone() -> None:
    code = (
        "import sys; sys.modules['prometheus_client'] = None\n"
        "from baton import _operations\n"
        "assert _operations._own_metrics is None\n"
        "print(_operations.page_of([('a', 'gauge', 'What', {'b': 'c\"d'}, 1.5)]), end='')"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert ran.stdout == '# HELP a What\n# TYPE a gauge\na{b="c\\"d"} 1.5\n', ran.stderr


def test_numbers_are_written_whole() -> None:
    page = page_of([("made", "counter", "what", {}, 1_234_567), ("spent", "gauge", "what", {}, 0.25)])
    assert page.splitlines()[2::3] == ["made 1234567", "spent 0.25"]
