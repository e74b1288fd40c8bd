import { STORE_TIMEOUT_MS } from '@baton/protocols';
import { OutcomeUnknownError, type BatonError, type Ports } from '@baton/runtime';

/** A moment more than one request has, so that its own answer, which may be more exact, comes first. */
const LIMIT_MS = STORE_TIMEOUT_MS + 100;

type Unknown = { readonly kind: 'unknown'; readonly cause: BatonError };

/**
 * What a caller waits for takes several requests to the server. While it is away each of them may wait for it, one after the
 * other; the caller does not (behaviour R8): where there is no connection when his time is over, it is not known what
 * becomes of it, which goes on meanwhile. With a connection it takes what it takes.
 */
export const unlessDisconnected = <T>(
  { link, clock }: Pick<Ports, 'link' | 'clock'>,
  work: Promise<T>,
): Promise<T | Unknown> =>
  new Promise((resolve, reject) => {
    const until = clock.monotonic() + LIMIT_MS;
    let timer: { readonly cancel: () => void } | undefined;
    const settle = (): void => {
      tie.close();
      timer?.cancel();
    };
    const look = (): void => {
      if (link.connected) return;
      settle();
      const text = 'no connection to NATS: it is not known whether this took effect, or still will';
      resolve({ kind: 'unknown', cause: new OutcomeUnknownError(text) });
    };
    // Only where it is away is there anything to wait for: most calls need no timer.
    const watch = (): void => {
      timer?.cancel();
      timer = clock.after(Math.max(0, until - clock.monotonic()), look);
    };
    const tie = link.onDisconnect(watch);
    if (!link.connected) watch();
    void work.then(resolve, reject).then(settle);
  });
