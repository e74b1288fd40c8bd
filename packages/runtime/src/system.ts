import { randomBytes, randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';
import type { Chance, Clock } from './ports/environment.ts';

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

/** Asking the system for randomness costs more than an id: for so many at once. */
const UUIDS_AT_ONCE = 256;
const UUID_BYTES = 16;

/** Those of one process rise also within a millisecond. */
const uuids = (): (() => string) => {
  const pool = new Uint8Array(UUIDS_AT_ONCE * UUID_BYTES);
  let used = pool.length;
  let msecs = 0;
  let seq = 0;
  return () => {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    const random = pool.subarray(used, used + UUID_BYTES);
    used += UUID_BYTES;
    const now = Date.now();
    if (now > msecs) {
      msecs = now;
      // Without the highest bit, so that there is room above it.
      seq = (random[6]! & 0x7f) * 0x1_00_00_00 + random[7]! * 0x1_00_00 + random[8]! * 0x1_00 + random[9]!;
    } else if (seq === 0xff_ff_ff_ff) {
      msecs++;
      seq = 0;
    } else seq++;
    return v7({ random, msecs, seq });
  };
};

/** Ids that differ between processes by a random prefix and inside one by a counter. */
export const systemChance = (): Chance => {
  const prefix = randomBytes(6).toString('base64url');
  let count = 0;
  return {
    uuid: uuids(),
    nonce: () => `${prefix}${(count++).toString(36)}`,
    random: () => Math.random(),
  };
};
