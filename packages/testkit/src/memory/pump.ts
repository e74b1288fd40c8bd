/** Hands out until there is nothing to hand out: after what runs now, so that a burst is handed out as a whole. */
export const pumpOf = (handOne: () => boolean): (() => void) => {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    queueMicrotask(() => {
      isWaiting = false;
      while (handOne()) continue;
    });
  };
};
