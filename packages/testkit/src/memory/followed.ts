import { NotConnectedError, type BatonError, type Subscription } from '@baton/runtime';
import type { Op } from './faults.ts';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';

/** A small bucket whose server repeats what it has stored. */
export type Followed<T> = {
  readonly op: Op;
  readonly keyOf: (stored: T) => string;
  readonly stored: () => Iterable<T>;
  /** Returns how to hear no more. */
  readonly onWrite: (hear: (stored: T) => void) => () => void;
};

type Listener<T> = {
  readonly stored: (stored: T) => void;
  readonly caughtUp: () => void;
  readonly lost: (cause: BatonError) => void;
};

/** All that is there, then every change, until the connection is lost: then nothing more. */
export const follow = <T extends object>(
  around: Surroundings,
  process: Process,
  { op, keyOf, stored, onWrite }: Followed<T>,
  listener: Listener<T>,
): Subscription => {
  const pipe = new Pipe<T | 'caught-up'>(around, process, op, (told) => {
    if (told === 'caught-up') listener.caughtUp();
    else listener.stored(told);
  });
  const hear = (one: T): void => pipe.push(one, keyOf(one));
  for (const one of stored()) hear(one);
  pipe.push('caught-up', 'caught-up');
  const unwatch = onWrite(hear);
  const close = (): void => {
    pipe.close();
    unwatch();
    ended.close();
    lost.close();
  };
  const ended = process.onEnd(close);
  const lost = process.onLoss(() => {
    close();
    process.run(() => listener.lost(new NotConnectedError('the connection was lost; follow again')));
  });
  return { close };
};
