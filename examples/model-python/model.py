"""A model that is trained round by round. Served by `python -m baton worker model`."""

import math
import time

from baton import TaskScope, TerminalError, get_context, task


@task(name="train_model", scope=TaskScope.PRIVATE, timeout="10m", max_attempts=2)
def train_model(points: list[list[float]], rounds: int) -> dict[str, float]:
    """Fits `y = slope * x + offset` by gradient descent."""
    ctx = get_context()
    should_stop = False

    @ctx.on_abort
    def handle_abort() -> None:
        nonlocal should_stop
        should_stop = True

    if len(points) < 2:
        raise TerminalError("two points or more make a line")
    # Weights of a former attempt: what was learned is not learned again.
    state = ctx.previous.payload or {"round": 0, "slope": 0.0, "offset": 0.0}
    slope, offset = state["slope"], state["offset"]
    for number in range(state["round"], rounds):
        if should_stop:
            break
        errors = [(slope * x + offset - y, x) for x, y in points]
        slope -= 0.02 * sum(error * x for error, x in errors) / len(points)
        offset -= 0.02 * sum(error for error, _ in errors) / len(points)
        if number % 50 == 0 or number == rounds - 1:
            loss = math.sqrt(sum(error * error for error, _ in errors) / len(points))
            ctx.update_task(
                progress=(number + 1, rounds),
                payload={"round": number + 1, "slope": slope, "offset": offset, "loss": loss},
            )
            time.sleep(0.01)
    return {"slope": round(slope, 2), "offset": round(offset, 2)}
