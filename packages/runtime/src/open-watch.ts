import { BatonError } from './errors.ts';
import type { Subscription } from './ports/environment.ts';

export type WatchListener = {
  /** All that was there has been told. */
  readonly caughtUp: () => void;
  /** It could not be opened, or has ended: nothing more is told. Once, and not after it was closed. */
  readonly lost: (cause: BatonError) => void;
};

/**
 * Opens a watch and is its owner from now on, also while it is being opened: closed, it tells nothing more, whenever what
 * was asked for comes. `unreadable` says what it was that failed with no error of ours.
 */
export const openWatch = (
  follow: (listener: WatchListener) => Promise<Subscription>,
  { caughtUp, lost }: WatchListener,
  unreadable: (cause: unknown) => BatonError,
): Subscription => {
  let isOpen = true;
  let watch: Subscription | undefined;
  const fail = (cause: BatonError): void => {
    if (!isOpen) return;
    isOpen = false;
    lost(cause);
  };
  const told = {
    caughtUp: () => {
      if (isOpen) caughtUp();
    },
    lost: fail,
  };
  follow(told).then(
    (made) => {
      if (isOpen) watch = made;
      else made.close();
    },
    (error: unknown) => fail(error instanceof BatonError ? error : unreadable(error)),
  );
  return {
    close: () => {
      isOpen = false;
      watch?.close();
    },
  };
};
