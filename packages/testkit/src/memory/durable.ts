import { PROJECTION_READER_MS } from '@baton/protocols';
import type { Entry, EntryBatch, EntryReader } from '@baton/runtime';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call } from './wire.ts';

export type Stored = {
  readonly sequence: number;
  /** Wall clock of the server. */
  readonly storedAt: number;
};

/** A stream as its readers see it. */
type Stream<S extends Stored> = {
  /** What is there behind a sequence, in order. */
  readonly after: (sequence: number) => readonly S[];
  /** Called when there may be something to read. */
  readonly watch: (watcher: () => void) => () => void;
};

type MonotonicClock = { readonly monotonic: () => number };

/** The server's state of the durable readers of one stream, by name. */
export class Durables<S extends Stored> {
  readonly stream: Stream<S>;
  private readonly clock: MonotonicClock;
  private readonly byName = new Map<string, Durable<S>>();

  constructor(stream: Stream<S>, clock: MonotonicClock) {
    this.stream = stream;
    this.clock = clock;
  }

  ensure(name: string): Durable<S> {
    const known = this.byName.get(name);
    if (known !== undefined) return known;
    const made = new Durable(this.stream, this.clock);
    this.byName.set(name, made);
    return made;
  }

  get(name: string): Durable<S> | undefined {
    return this.byName.get(name);
  }

  forget(name: string): void {
    this.byName.delete(name);
  }

  /** The stream is gone, and its readers with it. */
  clear(): void {
    this.byName.clear();
  }
}

/** One durable reader: serves one process at a time, and one anew from behind what is acknowledged. */
export class Durable<S extends Stored> {
  readonly stream: Stream<S>;
  floor = 0;
  private readonly clock: MonotonicClock;
  private delivered = 0;
  private served: { readonly reader: object; at: number } | undefined;

  constructor(stream: Stream<S>, clock: MonotonicClock) {
    this.stream = stream;
    this.clock = clock;
  }

  /** `again`: the reader does not know what it was given last. */
  take(reader: object, max: number, again: boolean): readonly S[] {
    const at = this.clock.monotonic();
    if (!this.isServed(reader)) return [];
    if (this.served?.reader !== reader || again) this.delivered = this.floor;
    this.served = { reader, at };
    const taken = this.stream.after(this.delivered).slice(0, max);
    this.delivered = taken.at(-1)?.sequence ?? this.delivered;
    return taken;
  }

  /** False: it was set back meanwhile, and the acknowledgement says nothing. */
  ack(sequence: number): boolean {
    if (sequence > this.delivered) return false;
    this.floor = Math.max(this.floor, sequence);
    return true;
  }

  leave(reader: object): void {
    if (this.served?.reader === reader) this.served = undefined;
  }

  pending(reader: object): number {
    return this.isServed(reader) ? this.stream.after(this.delivered).length : 0;
  }

  isServed(reader: object): boolean {
    const { served } = this;
    if (served === undefined || served.reader === reader) return true;
    return this.clock.monotonic() - served.at >= PROJECTION_READER_MS;
  }
}

/** How often one that is not served looks whether it is now. */
const LOOK_MS = 1_000;

type ReaderParts<S extends Stored> = {
  readonly around: Surroundings;
  readonly process: Process;
  readonly durables: Durables<S>;
  readonly name: string;
};

type Content<E extends Entry> = Pick<EntryBatch<E>, 'entries' | 'unreadable'>;

export const openReader = async <S extends Stored, E extends Entry>(
  parts: ReaderParts<S>,
  contentOf: (messages: readonly S[]) => Content<E>,
): Promise<EntryReader<E>> => {
  const { around, process, durables, name } = parts;
  const durable = answerOf(await call(around, process, 'reader.open', name, () => durables.ensure(name)));
  return new Reader(parts, durable, contentOf);
};

class Reader<S extends Stored, E extends Entry> implements EntryReader<E> {
  private readonly parts: ReaderParts<S>;
  private readonly durable: Durable<S>;
  private readonly contentOf: (messages: readonly S[]) => Content<E>;
  private readonly stops = new Set<() => void>();
  private again = true;
  private closed = false;

  constructor(parts: ReaderParts<S>, durable: Durable<S>, contentOf: (messages: readonly S[]) => Content<E>) {
    this.parts = parts;
    this.durable = durable;
    this.contentOf = contentOf;
  }

  readonly next = async (max: number, waitMs: number): Promise<EntryBatch<E>> => {
    await this.waitForMessages(waitMs);
    const { messages, pending } = await this.ask('reader.next', () => ({
      messages: this.closed ? [] : this.durable.take(this, max, this.again),
      pending: this.durable.pending(this),
    }));
    this.again = false;
    const last = messages.at(-1)?.sequence ?? 0;
    return { ...this.contentOf(messages), last, pending, ack: () => this.ack(last) };
  };

  readonly close = async ({ forget = false }: { readonly forget?: boolean } = {}): Promise<void> => {
    this.closed = true;
    for (const stop of [...this.stops]) stop();
    if (!this.parts.process.isConnected) return;
    this.durable.leave(this);
    if (forget) this.parts.durables.forget(this.parts.name);
  };

  private async ack(sequence: number): Promise<void> {
    if (sequence === 0) return;
    const isDone = await this.ask('reader.ack', () => this.durable.ack(sequence));
    if (!isDone) this.again = true;
  }

  /** What had no answer may have been done: what was delivered is not known any more. */
  private async ask<T>(op: 'reader.next' | 'reader.ack', apply: () => T): Promise<T> {
    const { around, process, name } = this.parts;
    const called = await call(around, process, op, name, apply);
    if (called.kind !== 'answered') this.again = true;
    return answerOf(called);
  }

  /** Until there is something, or time is up, or the reader is closed. */
  private waitForMessages(waitMs: number): Promise<void> {
    const { around, process } = this.parts;
    if (this.isReady()) return Promise.resolve();
    return new Promise((resolve) => {
      const until = around.clock.monotonic() + waitMs;
      let timer = { cancel: (): void => undefined };
      const stop = (): void => {
        timer.cancel();
        unwatch();
        this.stops.delete(stop);
        process.run(resolve);
      };
      const look = (): void => {
        timer.cancel();
        const now = around.clock.monotonic();
        if (this.isReady() || now >= until) return stop();
        timer = around.after(Math.min(until - now, LOOK_MS), look);
      };
      const unwatch = this.durable.stream.watch(look);
      this.stops.add(stop);
      look();
    });
  }

  private isReady(): boolean {
    return this.closed || this.durable.pending(this) > 0 || (this.again && this.hasUnacknowledged());
  }

  private hasUnacknowledged(): boolean {
    return this.durable.isServed(this) && this.durable.stream.after(this.durable.floor).length > 0;
  }
}
