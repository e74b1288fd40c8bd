import type { Address } from '@baton/protocols';
import { UnreadableRecordError, type Clock, type Held, type Kernel } from '@baton/runtime';

type Parts = {
  readonly kernel: Pick<Kernel, 'load'>;
  readonly clock: Clock;
  readonly isStopped: () => boolean;
};

const LOOK_MS = 1_000;

/** A write that has not arrived after the store has answered for this long does not arrive any more. */
const ARRIVES_MS = 30_000;

/**
 * The task of a submit without an answer, once it is there. Undefined: it is not, or the key has another one. As long as
 * the store cannot be asked nobody knows.
 */
export const findLate = async (
  { kernel, clock, isStopped }: Parts,
  address: Address,
  id: string,
): Promise<Held | undefined> => {
  let since: number | undefined;
  while (!isStopped()) {
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
    try {
      const held = await kernel.load(address);
      if (held?.record.id === id) return held;
      since ??= clock.monotonic();
      if (clock.monotonic() - since >= ARRIVES_MS) return undefined;
    } catch (error) {
      if (error instanceof UnreadableRecordError) return undefined;
      since = undefined;
    }
  }
  return undefined;
};
