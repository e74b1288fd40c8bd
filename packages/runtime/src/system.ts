import { randomBytes } from 'node:crypto';
import { v7 } from 'uuid';
import type { Chance, Clock } from './ports.ts';

/** The longest delay a Node timer takes. */
const TIMER_LIMIT_MS = 2_147_483_647;

/** The clocks of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, run) => {
    if (ms > TIMER_LIMIT_MS) return inSeveral(ms, run);
    const timer = setTimeout(run, Math.max(0, ms));
    return { cancel: () => clearTimeout(timer) };
  },
};

/** No timer may come early. */
const inSeveral = (ms: number, run: () => void): { readonly cancel: () => void } => {
  const until = performance.now() + TIMER_LIMIT_MS;
  let rest = { cancel: (): void => clearTimeout(first) };
  const first = setTimeout(() => {
    rest = systemClock.after(ms - TIMER_LIMIT_MS - (performance.now() - until), run);
  }, TIMER_LIMIT_MS);
  return { cancel: () => rest.cancel() };
};

/** Ids that differ between processes by a random prefix and inside one by a counter. */
export const systemChance = (): Chance => {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  return {
    uuid: () => v7(),
    nonce: () => `${prefix}${(count++).toString(36)}`,
    random: () => Math.random(),
  };
};
