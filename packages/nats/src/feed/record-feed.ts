import { NANOS_PER_MS } from '../codes.ts';
import { PARTITIONS, parseAddress, parseOutcomeKey, partitionOfAddress } from '@baton/protocols';
import {
  NotConnectedError,
  StoreRefusedError,
  type BatonError,
  type FeedListener,
  type FeedReading,
  type RecordFeed,
  type Subscription,
} from '@baton/runtime';
import { nuid, type Msg } from '@nats-io/nats-core';
import type { NatsWire } from '../connect.ts';
import type { Delivery } from '../streams/delivery.ts';
import { epochOf, type StreamInfo } from '../streams/ensure-streams.ts';
import { asBatonError, EpochChangedError } from '../errors.ts';
import { Pull, type PullEnd } from '../streams/pull.ts';

const BATCH = 500;
const PULL_MS = 30_000;
const HEARTBEAT_MS = 2_000;
/** Without a sign of life for this long the reader is begun anew. Looked at every `LOOK_MS`. */
const SILENCE_MS = 5_000;
const LOOK_MS = 1_000;
/** Two looks so far apart: meanwhile records may have been written and forgotten. */
const STOOD_MS = 20_000;
/** The server forgets the consumer of a reader that is gone after this long. */
const FORGET_MS = 15_000;
/** New beginnings in a row without a sign of life, before the reader gives up and says so. */
const MAX_BEGINNINGS = 5;
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 5_000;
/** One turn of waiting for the connection. */
const LINK_TURN_MS = 60_000;

export const createRecordFeed = (wire: NatsWire): RecordFeed => ({
  follow: (partitions, listener) => {
    const all = new Set(partitions).size >= PARTITIONS;
    const subjects = partitions.map((partition) => wire.names.partitionSubject(partition));
    return FeedReader.begin(wire, all ? [wire.names.allRecords] : subjects, listener);
  },
  followActor: (address, listener) => FeedReader.begin(wire, [wire.names.recordSubject(address)], listener),
});

type ConsumerInfo = { readonly num_pending: number };
type StreamState = StreamInfo & { readonly state: { readonly last_seq: number } };

/**
 * Reads the bucket's stream through a consumer of its own, which the server forgets soon after we are gone: the latest
 * version of every record first, then every write. After a break it is enough to go on behind the last one read.
 *
 * What is there is read through one filter, whatever is wanted of it: many cost the server fifty times as much a message.
 * What is new is read through the filters that are wanted, where they cost nothing.
 *
 * What it does not trust: the connection (a break begins anew), the order (a gap in the consumer's count begins anew),
 * silence (heartbeats), and the stream itself (its creation time, and how far it has come, are compared at every beginning).
 */
class FeedReader implements FeedReading {
  private readonly wire: NatsWire;
  private readonly filters: readonly string[];
  private readonly wanted: ReadonlySet<string>;
  private readonly listener: FeedListener;
  private readonly ties: readonly Subscription[];
  private readonly watch: NodeJS.Timeout;
  private state: 'beginning' | 'reading' | 'over' = 'beginning';
  private pull: Pull | undefined;
  private consumer = '';
  private last = 0;
  private count = 0;
  /** Last sequence of the stream when the reader began: beyond it everything that was there has been given. */
  private goal = -1;
  private caughtUp = false;
  private isStalled = false;
  /** They wait until all that is stored by now has been given. */
  private syncs: ((isIn: boolean) => void)[] = [];
  /** The same, who asked while the reader was beginning: what is there was counted before. */
  private lateSyncs: ((isIn: boolean) => void)[] = [];
  /** More is read than is wanted. */
  private isWide: boolean;
  private beginnings = 0;
  /** A beginning that comes to another one, as that of a reader that is narrowed, goes on with it. */
  private isTrying = false;
  private heardAt = 0;
  /** By the wall clock, which goes on while a machine is suspended. */
  private lookedAt = Date.now();
  private silent = false;

  private constructor(wire: NatsWire, filters: readonly string[], listener: FeedListener) {
    this.wire = wire;
    this.listener = listener;
    this.filters = filters;
    this.wanted = new Set(filters);
    this.isWide = filters.length > 1;
    this.ties = [
      wire.link.onDisconnect(() => this.beginAgain('the connection was lost')),
      wire.link.onClosed((cause) => this.lose(cause)),
    ];
    this.watch = setInterval(() => this.look(), LOOK_MS);
    this.watch.unref();
  }

  readonly close = (): void => {
    if (this.state === 'over') return;
    this.state = 'over';
    this.endSyncs(false);
    clearInterval(this.watch);
    for (const tie of this.ties) tie.close();
    this.leave();
  };

  /**
   * Begins anew behind the last one read: of a consumer that is made now the server counts in its store what there is for
   * it. One that is there learns of a write a moment after it, and of many filters nobody knows the last one's sequence.
   */
  sync(): Promise<boolean> {
    if (this.state === 'over' || !this.caughtUp || this.isStalled) return Promise.resolve(false);
    const synced = new Promise<boolean>((resolve) => this.lateSyncs.push(resolve));
    if (this.state === 'reading') this.beginSync();
    return synced;
  }

  /** The first beginning: rejects instead of trying again. */
  static async begin(wire: NatsWire, filters: readonly string[], listener: FeedListener): Promise<FeedReader> {
    const reader = new FeedReader(wire, filters, listener);
    try {
      await reader.open();
      return reader;
    } catch (fault) {
      reader.close();
      throw fault;
    }
  }

  private async open(): Promise<void> {
    const { api, names, epoch, link } = this.wire;
    const info = await api.call<StreamState>(`STREAM.INFO.${names.tasksStream}`);
    if (epochOf(info) !== epoch) {
      link.suspect();
      throw new EpochChangedError(`the bucket ${names.tasksBucket} was made anew`);
    }
    if (info.state.last_seq < this.last) {
      // What follows comes under sequences that were read as others.
      const text = `the bucket ${names.tasksBucket} has lost its last writes; follow again`;
      return this.lose(new StoreRefusedError('STORE_REFUSED', text));
    }
    if (this.goal < 0 || this.isStalled) this.goal = info.state.last_seq;
    const consumer = `feed-${nuid.next()}`;
    const { num_pending: pending } = await api.call<ConsumerInfo>(`CONSUMER.CREATE.${names.tasksStream}.${consumer}`, {
      stream_name: names.tasksStream,
      action: 'create',
      config: this.config(consumer),
    });
    this.leave();
    this.consumer = consumer;
    // Closed or cut while the consumer was made.
    if (this.state === 'over') return this.leave();
    this.count = 0;
    this.state = 'reading';
    this.hear();
    this.pull = new Pull(this.wire, names.tasksStream, consumer);
    this.next();
    if (pending === 0) this.catchUp();
  }

  private config(consumer: string) {
    const from =
      this.last === 0
        ? { deliver_policy: 'last_per_subject' }
        : { deliver_policy: 'by_start_sequence', opt_start_seq: this.last + 1 };
    const [only, ...more] = this.isWide ? [this.wire.names.allRecords] : this.filters;
    return {
      name: consumer,
      ...from,
      ...(more.length === 0 ? { filter_subject: only } : { filter_subjects: this.filters }),
      ack_policy: 'none',
      replay_policy: 'instant',
      inactive_threshold: FORGET_MS * NANOS_PER_MS,
      mem_storage: true,
      num_replicas: 1,
    };
  }

  private next(): void {
    this.pull?.start(
      { batch: BATCH, expiresMs: PULL_MS, heartbeatMs: HEARTBEAT_MS },
      {
        message: (msg, delivery) => this.take(msg, delivery),
        alive: () => {
          this.hear();
          this.beginnings = 0;
          // The server says that it has nothing to give.
          this.catchUp();
        },
        end: (end) => this.turn(end),
      },
    );
  }

  private turn(end: PullEnd): void {
    this.hear();
    if (this.state !== 'reading') return;
    if (end.kind === 'broken') this.beginAgain(`the server ended the reader: ${end.reason}`);
    else this.next();
  }

  private take(msg: Msg, { streamSequence, consumerSequence, pending }: Delivery): void {
    if (this.state !== 'reading') return;
    this.hear();
    if (consumerSequence !== ++this.count) return this.beginAgain('messages were lost on the way');
    this.last = streamSequence;
    this.beginnings = 0;
    this.give(msg, streamSequence);
    if (pending === 0 || streamSequence >= this.goal) this.catchUp();
  }

  private give(msg: Msg, revision: number): void {
    const key = msg.subject.slice(this.wire.names.recordPrefix.length);
    const record = parseAddress(key);
    const outcome = record === undefined ? parseOutcomeKey(key) : undefined;
    if (outcome !== undefined && this.listener.outcome === undefined) return;
    const address = record ?? outcome?.address;
    if (address === undefined)
      return this.wire.onFault('record feed', new Error(`no record has the subject ${msg.subject}`));
    if (this.isWide && !this.wanted.has(this.wire.names.partitionSubject(partitionOfAddress(address)))) return;
    // A deletion by hand leaves an empty message. There is no record to tell of.
    if (msg.data.length === 0) return;
    try {
      const entry = { address, revision, bytes: msg.data };
      if (outcome === undefined) this.listener.entry(entry);
      else this.listener.outcome?.(entry);
    } catch (fault) {
      this.wire.onFault(`record feed, ${address}`, fault);
    }
  }

  private catchUp(): void {
    if (this.state !== 'reading') return;
    if (this.isStalled) this.stall(false);
    if (this.caughtUp) return this.endSyncs(true);
    this.caughtUp = true;
    this.tell('caught up', () => this.listener.caughtUp());
    this.narrow();
  }

  private beginSync(): void {
    this.syncs = this.lateSyncs.splice(0);
    this.state = 'beginning';
    this.goal = -1;
    this.beginnings = 0;
    this.pull?.abandon();
    void this.tryBeginnings('the reader is brought up to date', 0);
  }

  private endSyncs(isIn: boolean): void {
    for (const resolve of this.syncs.splice(0)) resolve(isIn);
    if (!isIn) for (const resolve of this.lateSyncs.splice(0)) resolve(false);
    else if (this.lateSyncs.length > 0) this.beginSync();
  }

  private stall(isStalled: boolean, silentMs = 0): void {
    this.isStalled = isStalled;
    if (isStalled) this.endSyncs(false);
    this.tell('stalled', () => this.listener.stalled?.(isStalled, silentMs));
  }

  private tell(what: string, call: () => void): void {
    try {
      call();
    } catch (fault) {
      this.wire.onFault(`record feed, ${what}`, fault);
    }
  }

  /** From here on only what is wanted is read. */
  private narrow(): void {
    if (!this.isWide || this.state !== 'reading') return;
    this.isWide = false;
    this.state = 'beginning';
    this.pull?.abandon();
    void this.tryBeginnings('the reader is narrowed', 0);
  }

  private hear(): void {
    this.heardAt = performance.now();
    this.silent = false;
  }

  private look(): void {
    const now = Date.now();
    const stoodMs = now - this.lookedAt;
    this.lookedAt = now;
    // Before what waits in the socket is heard, by which it would seem that nothing was missed.
    if (this.state === 'reading' && stoodMs >= STOOD_MS) return this.beginAgain('this process stood still', stoodMs);
    if (this.state !== 'reading' || performance.now() - this.heardAt < SILENCE_MS) return;
    // Twice: after a pause of this process the first look comes before what is waiting in the socket.
    if (this.silent) this.beginAgain('the server is silent');
    else this.silent = true;
  }

  private beginAgain(reason: string, silentMs = Date.now() - this.lookedAt): void {
    if (this.state !== 'reading') return;
    this.state = 'beginning';
    this.pull?.abandon();
    if (this.caughtUp && !this.isStalled) this.stall(true, silentMs);
    void this.tryBeginnings(reason);
  }

  private async tryBeginnings(reason: string, firstPauseMs?: number): Promise<void> {
    if (this.isTrying) return;
    this.isTrying = true;
    let fault: unknown = new NotConnectedError(reason);
    try {
      while (this.state === 'beginning') {
        if (this.beginnings++ >= MAX_BEGINNINGS) return this.lose(asBatonError(fault));
        try {
          if (firstPauseMs === undefined || this.beginnings > 1) await this.pause();
          await this.linked();
          if (this.state === 'beginning') await this.open();
        } catch (failed) {
          fault = failed;
          if (failed instanceof EpochChangedError) return this.lose(failed);
          if (this.caughtUp && !this.isStalled && this.state === 'beginning') this.stall(true);
        }
      }
    } finally {
      this.isTrying = false;
    }
  }

  /** However long it takes: a reader without a connection has nothing better to do. */
  private async linked(): Promise<void> {
    const { link } = this.wire;
    while (!link.connected && this.state === 'beginning') {
      await link.whenUp(LINK_TURN_MS).catch((fault: unknown) => {
        if (link.endedBy !== undefined) throw fault;
      });
    }
  }

  private pause(): Promise<void> {
    const ms = Math.min(PAUSE_MAX_MS, PAUSE_MIN_MS * 2 ** this.beginnings) * (0.5 + Math.random() / 2);
    return new Promise((resolve) => setTimeout(resolve, ms));
  }

  private lose(cause: BatonError): void {
    if (this.state === 'over') return;
    this.close();
    this.tell('lost', () => this.listener.lost(cause));
  }

  /** Takes the consumer back. Where that fails the server forgets it by itself. */
  private leave(): void {
    this.pull?.close();
    this.pull = undefined;
    const { consumer } = this;
    this.consumer = '';
    const { api, link, names } = this.wire;
    if (consumer === '' || !link.connected) return;
    api.call(`CONSUMER.DELETE.${names.tasksStream}.${consumer}`).catch(() => undefined);
  }
}
