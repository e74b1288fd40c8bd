"""A report with progress that can be cancelled. Served by `python -m baton worker report`."""

import time

from baton import TaskScope, get_context, task


@task(name="py_report", scope=TaskScope.SHARED, timeout="10m", max_attempts=3)
def make_report(pages: int) -> dict[str, int]:
    ctx = get_context()
    should_stop = False

    @ctx.on_abort
    def handle_abort() -> None:
        nonlocal should_stop
        should_stop = True

    @ctx.on_cleanup
    def cleanup() -> None:
        ctx.log.info("report ended")

    # Where a former attempt was interrupted.
    done = (ctx.previous.payload or {"pages": 0})["pages"]
    for page in range(done, pages):
        if should_stop:
            break
        time.sleep(0.02)
        ctx.update_task(progress=(page + 1, pages), payload={"pages": page + 1})
        done = page + 1
    return {"pages": done}
