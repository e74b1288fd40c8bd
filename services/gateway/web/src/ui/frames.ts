/** While nobody looks, a browser gives no frames; changes are then drawn once a second. */
const HIDDEN_MS = 1_000;

/** Nobody reads faster than that, and what is not drawn costs nothing. */
const LEAST_MS = 100;

/** Runs `work` once in the next frame, however often it was asked for until then, and at most ten times a second. */
export const oncePerFrame = (work: () => void): (() => void) => {
  let asked = false;
  let lastAt = Number.NEGATIVE_INFINITY;
  const run = (): void => {
    asked = false;
    lastAt = performance.now();
    work();
  };
  const inFrame = (): void => void requestAnimationFrame(run);
  return () => {
    if (asked) return;
    asked = true;
    const wait = lastAt + LEAST_MS - performance.now();
    if (document.visibilityState === 'hidden') setTimeout(run, HIDDEN_MS);
    else if (wait <= 0) inFrame();
    else setTimeout(inFrame, wait);
  };
};
