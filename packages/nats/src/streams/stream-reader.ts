import { setTimeout as pause } from 'node:timers/promises';
import {
  NotConnectedError,
  StoreRefusedError,
  type Entry,
  type EntryBatch,
  type EntryReader,
  type ReaderOptions,
  type Unreadable,
} from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import type { NatsWire } from '../connect.ts';
import { ensureConsumer, forgetConsumer, pinnedConsumer, READER_GROUP } from './consumers.ts';
import type { Delivery } from './delivery.ts';
import { ApiError, StoreTimeoutError } from '../errors.ts';
import { headersOf } from '../foreign-headers.ts';
import type { Reading } from './event-message.ts';
import { Pull, type PullEnd } from './pull.ts';
import { apiCodes } from '../codes.ts';

const ACK = new TextEncoder().encode('+ACK');
const ACK_TIMEOUT_MS = 5_000;
/** The server shows this often that it is there, while there is nothing to give ... */
const HEARTBEAT_MS = 500;
/** ... and is taken for gone when it has not, or has not answered, for this long. */
const GRACE_MS = 1_500;
/**
 * Longer every time that was too short: a server that is only slow must not be asked anew before it can answer. But not at
 * first: a cluster that has lost a server chooses another leader within seconds, and what was asked before that is lost.
 */
const GRACE_FACTOR = 1.5;
const MAX_GRACE_MS = 10_000;
const SHORT_GRACES = 4;
/** Longest wait for one answer: a consumer that has moved or died is noticed by it, and who asks is known to be there. */
const SLICE_MS = 2_000;
/** Who asks for less is not waited for at all. */
const LEAST_WAIT_MS = 100;

/** To make a consumer takes milliseconds where it can be made. */
const ENSURE_MS = 300;

const PIN_HEADER = 'Nats-Pin-Id';
const WRONG_PIN = '423';

/** How to read one stream under one name. */
export type Reader<E extends Entry> = {
  readonly stream: string;
  readonly consumer: string;
  readonly options?: ReaderOptions | undefined;
  readonly read: (msg: Msg, delivery: Delivery) => Reading<E>;
};

type StreamState = { readonly state: { readonly last_seq: number } };
type ResetAnswer = { readonly reset_seq: number };
type Taken = { readonly msg: Msg; readonly delivery: Delivery };
type Got = { readonly taken: readonly Taken[]; readonly end: PullEnd };

/**
 * A durable reader whose place is a floor: all before it is acknowledged. The consumer serves one reader at a time (the
 * server pins it), and whoever is served anew sets the consumer back to its floor and counts from there: a gap means that
 * somebody else was served or that something was lost on the way, and he sets it back again. What was acknowledged by one
 * who was succeeded meanwhile is as true; what he and his successor both read is written twice.
 *
 * Each message is acknowledged, and only the last of a batch is answered. One request could let the consumer go on behind
 * the last, for which the server counts all keys of the bucket, with its store locked.
 */
export class StreamReader<E extends Entry> implements EntryReader<E> {
  private readonly wire: NatsWire;
  private readonly reader: Reader<E>;
  private pull: Pull | undefined;
  private pin: string | undefined;
  /** Deliveries since the consumer was set back. */
  private count = 0;
  private ackedTo = 0;
  /** What was given and is not acknowledged, the oldest first. */
  private unacked: { readonly sequence: number; readonly reply: string }[] = [];
  /** How long the server may be silent, for now. */
  private graceMs = GRACE_MS;
  /** Times in a row that it was silent for longer. */
  private silences = 0;
  private ending: ((end: PullEnd) => void) | undefined;
  private closed = false;
  private ensuring: Promise<void> | undefined;
  /** When the consumer was made that this one reads from. */
  private made: string;
  private checkedAt = performance.now();

  /** Rejects with a BatonError when the consumer cannot be made. */
  static async open<E extends Entry>(wire: NatsWire, reader: Reader<E>): Promise<StreamReader<E>> {
    return new StreamReader(wire, reader, await ensure(wire, reader));
  }

  private constructor(wire: NatsWire, reader: Reader<E>, made: string) {
    this.wire = wire;
    this.reader = reader;
    this.made = made;
  }

  /** Not to be called again before it has settled. */
  readonly next = async (max: number, waitMs: number): Promise<EntryBatch<E>> => {
    for (let left = waitMs; ; left -= SLICE_MS) {
      const batch = await this.once(max, Math.min(left, SLICE_MS));
      // Also one with nothing to read in it, as a deletion by hand leaves: it is to be acknowledged.
      if (left <= SLICE_MS || this.closed || batch.last > 0) return batch;
    }
  };

  private async once(max: number, waitMs: number): Promise<EntryBatch<E>> {
    if (this.closed) return nothing();
    await this.wire.link.whenUp(waitMs + this.graceMs);
    try {
      await this.check();
      if (this.pin === undefined && !(await this.wait(waitMs))) return nothing();
      if (this.pull === undefined) await this.begin();
      const { taken, end } = await this.fetch(max, waitMs, true);
      this.hold(taken);
      if (taken.length > 0 || end.kind !== 'broken') {
        this.graceMs = GRACE_MS;
        this.silences = 0;
      }
      if (taken.length > 0) return this.batchOf(taken);
      if (end.kind === 'broken') await this.mend(end.reason);
      return nothing();
    } catch (fault) {
      this.drop();
      if (++this.silences > SHORT_GRACES) this.graceMs = Math.min(MAX_GRACE_MS, this.graceMs * GRACE_FACTOR);
      throw asStoreFault(fault);
    }
  }

  readonly close = async ({ forget = false }: { readonly forget?: boolean } = {}): Promise<void> => {
    this.closed = true;
    this.drop();
    if (forget) {
      // What is being made would be there when it has been forgotten.
      await this.ensuring?.catch(() => {});
      await forgetConsumer(this.wire.api, pinnedConsumer(this.reader.stream, this.reader.consumer));
    } else if (this.pin !== undefined) await this.leave();
  };

  /** Another process need not wait until this one is not heard of any more. */
  private async leave(): Promise<void> {
    const { stream, consumer } = this.reader;
    this.pin = undefined;
    if (!this.wire.link.connected) return;
    const left = this.wire.api.call(`CONSUMER.UNPIN.${stream}.${consumer}`, { group: READER_GROUP }, GRACE_MS);
    await left.catch(() => undefined);
  }

  /** Until this reader is the one that is served; false: not yet. */
  private async wait(waitMs: number): Promise<boolean> {
    this.pull ??= new Pull(this.wire, this.reader.stream, this.reader.consumer);
    const { taken, end } = await this.fetch(1, waitMs, false);
    const [first] = taken;
    this.pin = first === undefined ? undefined : headersOf(first.msg)?.get(PIN_HEADER);
    this.drop();
    if (taken.length > 0 && this.pin === undefined) throw unfit(this.reader, 'it serves several readers at a time');
    if (end.kind === 'broken') await this.mend(end.reason);
    return this.pin !== undefined;
  }

  /** Sets the consumer back to what is acknowledged. Over an inbox of its own: what an older pull brings is not heard. */
  private async begin(): Promise<void> {
    const from = await this.reset();
    if ((await this.lastSequence()) < Math.max(from - 1, this.ackedTo)) {
      // The server has lost its last writes: what came since stands where something else was acknowledged.
      this.ackedTo = 0;
      await this.reset(1);
    }
    // One that was sent long ago may have been carried out just now.
    else if (from <= this.ackedTo) await this.reset(this.ackedTo + 1);
    this.count = 0;
    this.unacked = [];
    this.pull = new Pull(this.wire, this.reader.stream, this.reader.consumer);
  }

  private async lastSequence(): Promise<number> {
    const subject = `STREAM.INFO.${this.reader.stream}`;
    const { state } = await this.wire.api.call<StreamState>(subject, undefined, this.graceMs);
    return state.last_seq;
  }

  /** Lets the consumer go on at a sequence, or behind what is acknowledged. From there deliveries are counted from one. */
  private async reset(seq?: number, timeoutMs = this.graceMs): Promise<number> {
    const { stream, consumer } = this.reader;
    const body = seq === undefined ? undefined : { seq };
    const subject = `CONSUMER.RESET.${stream}.${consumer}`;
    return (await this.wire.api.call<ResetAnswer>(subject, body, timeoutMs)).reset_seq;
  }

  /** `noWait`: ends when nothing is left; who is not served yet is told so at once then, and asks for ever. */
  private fetch(max: number, waitMs: number, noWait: boolean): Promise<Got> {
    return new Promise((resolve, reject) => {
      const { pull } = this;
      if (pull === undefined) return reject(new NotConnectedError('the reader was closed'));
      const taken: Taken[] = [];
      const beats = waitMs >= 2 * HEARTBEAT_MS;
      const end = (how: PullEnd) => {
        clearTimeout(silence);
        lost.close();
        this.ending = undefined;
        pull.abandon();
        resolve({ taken, end: how });
      };
      this.ending = end;
      const broken = () => end({ kind: 'broken', reason: NO_ANSWER });
      const silence = setTimeout(broken, beats ? this.graceMs : waitMs + this.graceMs);
      const hear = () => void silence.refresh();
      const lost = this.wire.link.onDisconnect(broken);
      const message = (msg: Msg, delivery: Delivery) => {
        taken.push({ msg, delivery });
        hear();
      };
      const pin = this.pin === undefined ? {} : { pin: this.pin };
      const heartbeat = beats ? { heartbeatMs: HEARTBEAT_MS } : {};
      // A time that is over before a busy server looks at the request would be no request.
      const expires = noWait && waitMs < LEAST_WAIT_MS ? {} : { expiresMs: Math.max(LEAST_WAIT_MS, waitMs) };
      const request = { batch: max, noWait, group: READER_GROUP, ...expires, ...heartbeat, ...pin };
      pull.start(request, { message, alive: hear, end });
    });
  }

  /** Throws when not all came that was delivered: what is missing here was given to somebody else, or lost. */
  private hold(taken: readonly Taken[]): void {
    for (const { msg, delivery } of taken) {
      this.count++;
      const pin = headersOf(msg)?.get(PIN_HEADER);
      const isOurs = pin === undefined || pin === '' || pin === this.pin;
      if (delivery.consumerSequence === this.count && isOurs) continue;
      throw new StoreTimeoutError(`messages of ${this.reader.stream} were lost on the way`);
    }
  }

  /** Nothing came because something is wrong: make it right for the next call, or say why it cannot be. */
  private async mend(reason: string): Promise<void> {
    this.drop();
    if (this.closed) return;
    if (reason.startsWith(WRONG_PIN)) {
      // Another one is served now.
      this.pin = undefined;
      return;
    }
    if (reason === NO_ANSWER) throw new StoreTimeoutError(`a reader of ${this.reader.stream} has no answer`);
    // Either it is not there, or it has no leader now, and then whoever could make it may have none for longer.
    await Promise.race([this.ensureOnce(), pause(ENSURE_MS)]);
    throw new StoreTimeoutError(`a reader of ${this.reader.stream} was ended by the server: ${reason}`);
  }

  /** Now and then, also while all goes well: one that was changed by somebody keeps things back without a word. */
  private async check(): Promise<void> {
    if (performance.now() - this.checkedAt >= this.wire.consumerCheckMs) await this.ensure();
  }

  /** One at a time, and of what comes of it after it was waited for nothing is said: it is tried again. */
  private ensureOnce(): Promise<void> {
    this.ensuring ??= this.ensure().finally(() => void (this.ensuring = undefined));
    const { ensuring } = this;
    ensuring.catch(() => {});
    return ensuring;
  }

  private async ensure(): Promise<void> {
    this.checkedAt = performance.now();
    const made = await ensure(this.wire, this.reader, this.graceMs);
    if (made === this.made) return;
    // It was made anew and reads from the start: what passed the former one by came before what it gave.
    this.made = made;
    this.ackedTo = 0;
    this.pin = undefined;
    this.drop();
  }

  /** What was delivered and is not acknowledged comes again. */
  private drop(): void {
    this.pull?.close();
    this.pull = undefined;
    this.ending?.({ kind: 'over' });
  }

  private batchOf(taken: readonly Taken[]): EntryBatch<E> {
    const entries: E[] = [];
    const unreadable: Unreadable[] = [];
    for (const { msg, delivery } of taken) {
      this.unacked.push({ sequence: delivery.streamSequence, reply: msg.reply ?? '' });
      const reading = this.reader.read(msg, delivery);
      if (reading.kind === 'entry') entries.push(reading.entry);
      if (reading.kind !== 'unreadable') continue;
      unreadable.push({
        sequence: delivery.streamSequence,
        subject: msg.subject,
        bytes: new Uint8Array(msg.data),
        reason: reading.reason,
      });
    }
    const { streamSequence, pending } = (taken.at(-1) as Taken).delivery;
    return { entries, unreadable, last: streamSequence, pending, ack: () => this.acknowledge(streamSequence) };
  }

  /** All up to the last of a batch; what is lost on the way comes again. */
  private async acknowledge(upTo: number): Promise<void> {
    const { link, nc, confirm } = this.wire;
    try {
      await link.whenUp(ACK_TIMEOUT_MS);
      const count = this.unacked.findIndex(({ sequence }) => sequence > upTo);
      const acked = this.unacked.splice(0, count < 0 ? this.unacked.length : count);
      const last = acked.pop();
      if (last === undefined) throw new StoreTimeoutError(`what was read of ${this.reader.stream} comes again`);
      for (const { reply } of acked) nc.publish(reply, ACK);
      // They are looked at in order: when the last is answered all are done.
      await confirm(last.reply, ACK, ACK_TIMEOUT_MS);
    } catch (fault) {
      this.drop();
      throw asStoreFault(fault);
    }
    this.ackedTo = Math.max(this.ackedTo, upTo);
  }
}

const NO_ANSWER = 'no answer';

const nothing = <E extends Entry>(): EntryBatch<E> => ({
  entries: [],
  unreadable: [],
  last: 0,
  pending: 0,
  ack: () => Promise.resolve(),
});

const unfit = ({ stream, consumer }: Omit<Reader<Entry>, 'read'>, reason: string): StoreRefusedError =>
  new StoreRefusedError(
    'STORE_REFUSED',
    `the consumer ${consumer} of ${stream} is not one of ours: ${reason}; delete it, and it is made anew`,
  );

/** When the consumer was made. */
const ensure = async (wire: NatsWire, reader: Omit<Reader<Entry>, 'read'>, timeoutMs?: number): Promise<string> => {
  try {
    return (await ensureConsumer(wire, pinnedConsumer(reader.stream, reader.consumer, reader.options), timeoutMs))
      .created;
  } catch (fault) {
    throw asStoreFault(fault);
  }
};

const asStoreFault = (fault: unknown): unknown => {
  if (!(fault instanceof ApiError)) return fault;
  const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
  return new StoreRefusedError(code, fault.message, { cause: fault });
};
