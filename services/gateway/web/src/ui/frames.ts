/** While nobody looks, a browser gives no frames; changes are then drawn once a second. */
const HIDDEN_MS = 1_000;

/** Runs `work` once in the next frame, however often it was asked for until then. */
export const oncePerFrame = (work: () => void): (() => void) => {
  let asked = false;
  const run = (): void => {
    if (!asked) return;
    asked = false;
    work();
  };
  return () => {
    if (asked) return;
    asked = true;
    if (document.visibilityState === 'hidden') setTimeout(run, HIDDEN_MS);
    else requestAnimationFrame(run);
  };
};
