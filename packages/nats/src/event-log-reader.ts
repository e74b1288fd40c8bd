import type { Entry, EventBatch, EventReader } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import type { NatsWire } from './connect.ts';
import type { Delivery } from './delivery.ts';
import { StoreTimeoutError } from './errors.ts';
import { readEvent } from './event-message.ts';
import { Pull, type PullEnd } from './pull.ts';

const ACK = new TextEncoder().encode('+ACK');
const ACK_TIMEOUT_MS = 5_000;
/** How much longer than asked for the server's answer may take. */
const GRACE_MS = 3_000;
/** Shortest wait the server understands as one. */
const MIN_WAIT_MS = 10;

type Taken = { readonly msg: Msg; readonly delivery: Delivery };
type Got = { readonly taken: readonly Taken[]; readonly end: PullEnd };
type Unreadable = EventBatch['unreadable'][number];

/**
 * A durable reader of the log. Every message is acknowledged by itself and the last one's acknowledgement is confirmed,
 * which confirms those before it: the server takes them in order. One acknowledgement for all before it would be
 * cheaper and is not safe: what another reader of the name, or a crashed one, was given and has not stored yet would be
 * acknowledged with it.
 */
export class EventLogReader implements EventReader {
  private readonly wire: NatsWire;
  private readonly ensure: () => Promise<void>;
  private readonly forget: () => Promise<void>;
  private readonly pull: Pull;
  private ending: ((end: PullEnd) => void) | undefined;
  private closed = false;

  /** `ensure` makes the consumer when somebody has deleted it, `forget` deletes it. */
  constructor(wire: NatsWire, consumer: string, ensure: () => Promise<void>, forget: () => Promise<void>) {
    this.wire = wire;
    this.ensure = ensure;
    this.forget = forget;
    this.pull = new Pull(wire, wire.names.eventsStream, consumer);
  }

  /** Not to be called again before it has settled. Rejects with NotConnectedError, StoreTimeoutError, StoreRefusedError. */
  readonly next = async (max: number, waitMs: number): Promise<EventBatch> => {
    if (this.closed) return NOTHING;
    await this.wire.link.whenUp(waitMs + GRACE_MS);
    const { taken, end } = await this.fetch(max, Math.max(MIN_WAIT_MS, waitMs));
    if (taken.length > 0) return this.batchOf(taken);
    if (end.kind === 'broken' && !this.closed) await this.mend(end.reason);
    return NOTHING;
  };

  readonly close = async ({ forget = false }: { readonly forget?: boolean } = {}): Promise<void> => {
    this.closed = true;
    this.pull.close();
    this.ending?.({ kind: 'over' });
    if (forget) await this.forget();
  };

  private fetch(max: number, waitMs: number): Promise<Got> {
    return new Promise((resolve) => {
      const taken: Taken[] = [];
      const end = (how: PullEnd) => {
        clearTimeout(timer);
        lost.close();
        this.ending = undefined;
        this.pull.abandon();
        resolve({ taken, end: how });
      };
      this.ending = end;
      const timer = setTimeout(() => end({ kind: 'broken', reason: 'no answer' }), waitMs + GRACE_MS);
      const lost = this.wire.link.onDisconnect(() => end({ kind: 'over' }));
      const message = (msg: Msg, delivery: Delivery) => void taken.push({ msg, delivery });
      this.pull.start({ batch: max, expiresMs: waitMs, noWait: true }, { message, alive: () => undefined, end });
    });
  }

  /** The consumer is gone or silent: make it again, so that the next call works, or say why it cannot. */
  private async mend(reason: string): Promise<void> {
    if (reason === 'no answer') throw new StoreTimeoutError(`the event log gave no answer`);
    await this.ensure();
  }

  private batchOf(taken: readonly Taken[]): EventBatch {
    const entries: Entry[] = [];
    const unreadable: Unreadable[] = [];
    for (const { msg, delivery } of taken) {
      const reading = this.read(msg, delivery);
      if (reading.kind === 'record') entries.push(reading.entry);
      if (reading.kind === 'unreadable') unreadable.push(reading.unreadable);
    }
    const pending = taken.at(-1)?.delivery.pending ?? 0;
    return { entries, unreadable, pending, ack: () => this.acknowledge(taken) };
  }

  private read(msg: Msg, { streamSequence: sequence, storedAt }: Delivery) {
    const reading = readEvent(msg, this.wire.names.recordPrefix);
    if (reading.kind === 'nothing') return reading;
    const former = storedAt < this.wire.epoch;
    if (reading.kind === 'record' && !former) return reading;
    // Revisions count anew in a bucket that was made again: an old one says nothing about which is newer.
    const reason = reading.kind === 'unreadable' ? reading.reason : 'it is of a bucket that is no more';
    return {
      kind: 'unreadable',
      unreadable: { sequence, subject: msg.subject, bytes: new Uint8Array(msg.data), reason },
    } as const;
  }

  private async acknowledge(taken: readonly Taken[]): Promise<void> {
    const last = taken.at(-1);
    if (last === undefined) return;
    // Throws here when there is no connection; below the client would keep them in a buffer that it forgets.
    await this.wire.link.whenUp(ACK_TIMEOUT_MS);
    for (const { msg } of taken) if (msg !== last.msg) this.wire.nc.publish(msg.reply as string, ACK);
    await this.wire.confirm(last.msg.reply as string, ACK, ACK_TIMEOUT_MS);
  }
}

const NOTHING: EventBatch = { entries: [], unreadable: [], pending: 0, ack: () => Promise.resolve() };
