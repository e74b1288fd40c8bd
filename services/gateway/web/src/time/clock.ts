import { useEffect, useState } from 'preact/hooks';
import { serverNow } from '../api/http.ts';

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One timer for all that ticks, and none when nothing does or nobody looks. */
const tick = (): void => {
  if (document.visibilityState === 'hidden') return;
  for (const listener of listeners) listener();
};

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  timer ??= setInterval(tick, 1_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
};

/** The time, each second anew while `ticking`. By the server's clock, in milliseconds. */
export const useNow = (ticking: boolean): number => {
  const [, redraw] = useState(0);
  useEffect(() => (ticking ? subscribe(() => redraw((count) => count + 1)) : undefined), [ticking]);
  return serverNow();
};
