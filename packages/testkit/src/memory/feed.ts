import { partitionOfAddress, type Address } from '@baton/protocols';
import {
  StoreRefusedError,
  type Entry,
  type FeedListener,
  type FeedReading,
  type RecordFeed,
  type Subscription,
} from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Records, StoredRecord } from './records.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call } from './wire.ts';

/** A reader that was cut off ends, as often as not; else it goes on where it was. */
const ENDS_WHEN_CUT_OFF = 0.5;

/** A version that is written over is passed by, as often as not; else it was sent already. */
const PASSED_BY = 0.5;

type Told =
  | { readonly kind: 'entry' | 'outcome'; readonly entry: Entry }
  | { readonly kind: 'caught-up' }
  | { readonly kind: 'synced'; readonly resolve: (isIn: boolean) => void };

export const memoryFeed = (
  around: Surroundings,
  process: Process,
  records: Records,
  readers: Set<FeedReader>,
): RecordFeed => {
  const open = async (
    what: string,
    wanted: (address: Address) => boolean,
    listener: FeedListener,
  ): Promise<FeedReading> => {
    const reader = answerOf(
      await call(around, process, 'feed.follow', what, () =>
        new FeedReader(around, process, records, wanted, listener, readers).start(),
      ),
    );
    return { close: () => reader.close(), sync: () => reader.sync() };
  };
  return {
    follow: (partitions, listener) => {
      const wanted = new Set(partitions);
      return open(partitions.join(','), (address) => wanted.has(partitionOfAddress(address)), listener);
    },
    followActor: (actor, listener) => open(actor, (address) => address === actor, listener),
  };
};

export class FeedReader {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly records: Records;
  private readonly wanted: (address: Address) => boolean;
  private readonly listener: FeedListener;
  private readonly pipe: Pipe<Told>;
  private readonly readers: Set<FeedReader>;
  private readonly undo: (() => void)[] = [];
  /** Highest revision that reached the listener; a reader that goes on after a cut goes on behind it. */
  private seen = 0;
  private cut = false;
  private caughtUp = false;
  private closed = false;
  private readonly syncs = new Set<(isIn: boolean) => void>();

  constructor(
    around: Surroundings,
    process: Process,
    records: Records,
    wanted: (address: Address) => boolean,
    listener: FeedListener,
    readers: Set<FeedReader>,
  ) {
    this.around = around;
    this.process = process;
    this.records = records;
    this.wanted = wanted;
    this.listener = listener;
    this.readers = readers;
    this.pipe = new Pipe(around, process, 'feed.entry', (told) => this.tell(told));
  }

  start(): this {
    this.readers.add(this);
    for (const entry of this.records.after(0)) this.offer(entry);
    this.pipe.push({ kind: 'caught-up' }, 'caught-up');
    const reconnected: Subscription = this.process.link.onReconnect(() => this.goOn());
    const lost = this.process.onLoss(() => {
      this.cut = true;
      this.endSyncs();
    });
    const ended = this.process.onEnd(() => this.close());
    this.undo.push(
      this.records.onWrite((stored) => this.offer(stored)),
      reconnected.close,
      lost.close,
      ended.close,
    );
    return this;
  }

  /** Behind all that is under way to it by then. */
  async sync(): Promise<boolean> {
    if (!this.caughtUp || this.cut || this.closed) return false;
    let resolve: (isIn: boolean) => void = () => {};
    const synced = new Promise<boolean>((tell) => (resolve = tell));
    this.syncs.add(resolve);
    const asked = await call(this.around, this.process, 'feed.sync', 'sync', () =>
      this.pipe.push({ kind: 'synced', resolve }, 'synced'),
    );
    if (asked.kind !== 'answered') resolve(false);
    const isIn = await synced;
    this.syncs.delete(resolve);
    return isIn;
  }

  close(): void {
    this.closed = true;
    this.endSyncs();
    this.pipe.close();
    this.readers.delete(this);
    for (const undo of this.undo.splice(0)) undo();
  }

  /** The bucket it read is gone. */
  end(text: string): void {
    this.close();
    this.process.run(() => this.listener.lost(new StoreRefusedError('STORE_MISSING', text)));
  }

  private offer({ address, revision, bytes, outcomeOf }: StoredRecord): void {
    if (!this.wanted(address) || (outcomeOf !== undefined && this.listener.outcome === undefined)) return;
    const kind = outcomeOf === undefined ? 'entry' : 'outcome';
    // The server keeps one version: what is written over before it was sent is never sent, wherever it stood.
    if (kind === 'entry' && this.around.random.hits(PASSED_BY))
      this.pipe.forget((told) => told.kind === 'entry' && told.entry.address === address);
    this.pipe.push({ kind, entry: { address, revision, bytes } }, address);
  }

  private endSyncs(): void {
    for (const resolve of this.syncs) resolve(false);
  }

  private tell(told: Told): void {
    if (told.kind === 'synced') return told.resolve(true);
    if (told.kind === 'caught-up') {
      this.caughtUp = true;
      this.listener.caughtUp();
      return;
    }
    this.seen = Math.max(this.seen, told.entry.revision);
    if (told.kind === 'entry') this.listener.entry(told.entry);
    else this.listener.outcome?.(told.entry);
  }

  /** Runs on the process, behind the `reconnected` it was told. */
  private goOn(): void {
    if (!this.cut) return;
    this.cut = false;
    if (this.around.random.hits(ENDS_WHEN_CUT_OFF)) return this.end('the reader was cut off from the server');
    const { seen } = this;
    for (const entry of this.records.after(seen)) this.offer(entry);
    if (!this.caughtUp) this.pipe.push({ kind: 'caught-up' }, 'caught-up');
  }
}
