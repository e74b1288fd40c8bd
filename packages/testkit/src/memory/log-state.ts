import { EVENTS_MAX_AGE_MS } from '@baton/protocols';
import type { Entry, EventBatch } from '@baton/runtime';

export type LogMessage = {
  readonly sequence: number;
  /** Monotonic time of storing and, where it has one, of its end. */
  readonly storedAt: number;
  readonly expiresAt: number;
  readonly content:
    | { readonly kind: 'record'; readonly entry: Entry; readonly direct: boolean }
    | { readonly kind: 'unreadable'; readonly bytes: Uint8Array; readonly reason: string };
};

/** What is not acknowledged within this comes again. */
export const EVENT_ACK_WAIT_MS = 30_000;

/** The event log: every record ever written, for some days, and the durable readers of it. */
export class LogState {
  private readonly monotonic: () => number;
  private readonly messages: LogMessage[] = [];
  private readonly consumers = new Map<string, Consumer>();
  private readonly watchers = new Set<() => void>();

  constructor(clock: { readonly monotonic: () => number }) {
    this.monotonic = () => clock.monotonic();
  }

  append(content: LogMessage['content'], ttlMs?: number): number {
    const storedAt = this.monotonic();
    const sequence = this.messages.length + 1;
    this.messages.push({
      sequence,
      storedAt,
      expiresAt: storedAt + Math.min(ttlMs ?? Infinity, EVENTS_MAX_AGE_MS),
      content,
    });
    for (const watcher of [...this.watchers]) watcher();
    return sequence;
  }

  /** What is still kept, in order. */
  kept(): readonly LogMessage[] {
    const now = this.monotonic();
    return this.messages.filter((message) => message.expiresAt > now);
  }

  get(sequence: number): LogMessage | undefined {
    const message = this.messages[sequence - 1];
    return message !== undefined && message.expiresAt > this.monotonic() ? message : undefined;
  }

  /** Last sequence that was stored. */
  get last(): number {
    return this.messages.length;
  }

  /** Messages behind `sequence` that are still kept. */
  countAfter(sequence: number): number {
    let count = 0;
    const now = this.monotonic();
    for (let i = sequence; i < this.messages.length; i++) if ((this.messages[i]?.expiresAt ?? 0) > now) count++;
    return count;
  }

  consumer(name: string): Consumer {
    const known = this.consumers.get(name);
    if (known !== undefined) return known;
    const made = new Consumer(this, this.monotonic);
    this.consumers.set(name, made);
    return made;
  }

  /** Called when there may be something to read. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }
}

/** The server's state of one durable reader, shared by all who use its name. */
export class Consumer {
  private readonly log: LogState;
  private readonly monotonic: () => number;
  /** Sequence -> when it comes again. */
  private readonly unacked = new Map<number, number>();
  private delivered = 0;

  constructor(log: LogState, monotonic: () => number) {
    this.log = log;
    this.monotonic = monotonic;
  }

  /** What is due again, oldest first, then what is new. */
  take(max: number): readonly LogMessage[] {
    const now = this.monotonic();
    const taken: LogMessage[] = [];
    const again = [...this.unacked].filter(([, due]) => due <= now).map(([sequence]) => sequence);
    for (const sequence of again.toSorted((a, b) => a - b)) {
      if (taken.length < max) this.hand(sequence, taken);
    }
    while (taken.length < max && this.delivered < this.log.last) this.hand(++this.delivered, taken);
    return taken;
  }

  ack(sequences: readonly number[]): void {
    for (const sequence of sequences) this.unacked.delete(sequence);
  }

  /** When the first unacknowledged message comes again; undefined: none is out. */
  nextDue(): number | undefined {
    const due = Math.min(...this.unacked.values());
    return Number.isFinite(due) ? due : undefined;
  }

  pending(): number {
    return this.log.countAfter(this.delivered);
  }

  private hand(sequence: number, to: LogMessage[]): void {
    const message = this.log.get(sequence);
    if (message === undefined) {
      this.unacked.delete(sequence);
      return;
    }
    this.unacked.set(sequence, this.monotonic() + EVENT_ACK_WAIT_MS);
    to.push(message);
  }
}

export const batchContent = (
  messages: readonly LogMessage[],
): Pick<EventBatch, 'entries'> & { readonly unreadable: EventBatch['unreadable'] } => {
  const entries: Entry[] = [];
  const unreadable: EventBatch['unreadable'][number][] = [];
  for (const { sequence, content } of messages) {
    if (content.kind === 'record') entries.push(content.entry);
    else unreadable.push({ sequence, subject: 'events.unreadable', bytes: content.bytes, reason: content.reason });
  }
  return { entries, unreadable };
};
