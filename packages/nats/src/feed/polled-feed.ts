import type { Address } from '@baton/protocols';
import {
  StoreRefusedError,
  systemClock,
  type Entry,
  type FeedListener,
  type RecordFeed,
  type RecordStore,
  type Signals,
  type Subscription,
} from '@baton/runtime';

/** Between two looks at the record, beside what is pushed. */
const LOOK_MS = 500;

/**
 * For who may read records and make no reader: follows one actor by looking at its record, at once when its writer tells of
 * an end or a new beginning. Versions that are written over between two looks are not seen.
 */
export const createPolledFeed = (store: RecordStore, signals: Signals): RecordFeed => ({
  follow: async () => {
    throw new StoreRefusedError('STORE_REFUSED', 'single tasks are followed by looking at them, not all of them');
  },
  followActor: async (address, listener) => {
    const poll = new Poll(store, address, listener);
    const pushes = await signals.onRecord(address, (entry) => poll.saw(entry));
    await poll.look();
    return {
      close: () => {
        pushes.close();
        poll.close();
      },
    };
  },
});

class Poll implements Subscription {
  private readonly store: RecordStore;
  private readonly address: Address;
  private readonly listener: FeedListener;
  private timer: { readonly cancel: () => void } | undefined;
  private revision = 0;
  private caughtUp = false;
  private closed = false;

  constructor(store: RecordStore, address: Address, listener: FeedListener) {
    this.store = store;
    this.address = address;
    this.listener = listener;
  }

  readonly close = (): void => {
    this.closed = true;
    this.timer?.cancel();
  };

  saw(entry: Entry): void {
    if (this.closed || entry.revision <= this.revision) return;
    this.revision = entry.revision;
    this.listener.entry(entry);
  }

  /** Never rejects: what cannot be read now is read at the next look. */
  async look(): Promise<void> {
    try {
      const entry = await this.store.load(this.address);
      if (this.closed) return;
      if (entry !== undefined) this.saw(entry);
      if (!this.caughtUp) {
        this.caughtUp = true;
        this.listener.caughtUp();
      }
    } catch {
      // The connection is away, or the store is: there is nothing to tell.
    }
    if (!this.closed) this.timer = systemClock.after(LOOK_MS, () => void this.look());
  }
}
