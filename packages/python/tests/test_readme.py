"""The programs of the README run as they stand there."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Serve

import baton

_README = Path(__file__).parent.parent / "README.md"


def _blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", _README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def test_its_tasks_are_served_called_and_cancelled(tmp_path: Path) -> None:
    tasks, program, *_ = _blocks()
    assert tasks.startswith("# tasks.py")
    (tmp_path / "tasks.py").write_text(tasks, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    worker = [sys.executable, "-m", "baton", "worker", "tasks"]
    with subprocess.Popen(worker, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as served:
        try:
            assert served.stderr is not None
            assert any("serves process_data" in line for line in served.stderr)
            command = [sys.executable, "-c", program]
            ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=False)
        finally:
            served.terminate()
        assert served.wait(20) == 0
    assert ran.stdout.splitlines() == ["pending", "success {'rows': 10}", "TASK_ABORT_FAILED"], ran.stderr


async def test_its_client_without_asyncio_runs(serve: Serve) -> None:
    @baton.task(name="send_mail")
    def send_mail(to: str) -> str:
        return f"sent to {to}"

    await serve(send_mail)
    _, _, program, *_ = _blocks()
    command = [sys.executable, "-c", program]
    ran = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=30, check=False)
    assert ran.stdout.splitlines() == ["success", "sent to bob@example.org"], ran.stderr


def test_its_lines_in_json_are_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    *_, program = _blocks()
    monkeypatch.setattr(logging, "basicConfig", lambda **said: told.append(said))
    told: list[dict[str, object]] = []
    exec(program, {})
    (said,) = told
    assert said["level"] == logging.INFO
