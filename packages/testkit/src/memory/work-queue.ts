import type { Closing } from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import { pumpOf } from './pump.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, send } from './wire.ts';

/** What tells one queue from another: the name of its faults, how long a reader may take, what a message is called. */
export type WorkKind<T> = {
  readonly name: 'command';
  readonly ackWaitMs: number;
  readonly labelOf: (item: T) => string;
};

type Work<T> = { readonly item: T; delivery: number; gone: boolean };

/** A message in the hands of a reader. Only the first answer counts. */
export type Given<T> = {
  readonly item: T;
  /** 1 at first. */
  readonly delivery: number;
  readonly ack: () => void;
  readonly again: (ms: number) => void;
};

/** Messages for whoever takes them: each goes to one reader, and comes again when it is not answered in time. */
export class WorkQueue<T> {
  readonly kind: WorkKind<T>;
  private readonly around: Surroundings;
  private waiting: Work<T>[] = [];
  private readonly kept = new Set<Work<T>>();
  private readonly readers = new Set<Reader<T>>();
  /** Lets the readers take what waits. */
  readonly pump = pumpOf(() => this.handOne());

  constructor(around: Surroundings, kind: WorkKind<T>) {
    this.around = around;
    this.kind = kind;
  }

  /** Messages that are not acknowledged. */
  get size(): number {
    return this.kept.size;
  }

  put(item: T): void {
    const work = { item, delivery: 0, gone: false };
    this.kept.add(work);
    this.waiting.push(work);
    this.pump();
  }

  /** Takes out what waits and is no longer wanted. */
  drop(isUnwanted: (item: T) => boolean): void {
    for (const work of this.waiting.filter(({ item }) => isUnwanted(item))) this.end(work);
  }

  async open(process: Process, take: (given: Given<T>) => void, most: number): Promise<Closing> {
    const { around } = this;
    const make = () => new Reader(around, process, this, take, most);
    const reader = answerOf(await call(around, process, `${this.kind.name}.open`, '', make));
    return { close: async () => reader.close() };
  }

  add(reader: Reader<T>): () => void {
    this.readers.add(reader);
    this.pump();
    return () => this.readers.delete(reader);
  }

  ack(work: Work<T>, delivery: number): void {
    if (work.delivery === delivery) this.end(work);
  }

  again(work: Work<T>, delivery: number, ms: number): void {
    this.around.after(ms, () => {
      if (work.gone || work.delivery !== delivery || this.waiting.includes(work)) return;
      this.waiting.push(work);
      this.pump();
    });
  }

  private handOne(): boolean {
    const [first, ...others] = [...this.readers].filter((reader) => reader.canTake());
    const work = first === undefined ? undefined : this.waiting.shift();
    if (first === undefined || work === undefined) return false;
    const delivery = ++work.delivery;
    this.again(work, delivery, this.kind.ackWaitMs);
    this.around.random.pick([first, ...others]).hand(work, delivery);
    return true;
  }

  private end(work: Work<T>): void {
    work.gone = true;
    this.kept.delete(work);
    this.waiting = this.waiting.filter((each) => each !== work);
  }
}

type Handed<T> = { readonly work: Work<T>; readonly delivery: number };

class Reader<T> {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly queue: WorkQueue<T>;
  private readonly pipe: Pipe<Handed<T>>;
  private readonly most: number;
  private readonly undo: (() => void)[] = [];
  private inHand = 0;
  private closed = false;

  constructor(
    around: Surroundings,
    process: Process,
    queue: WorkQueue<T>,
    take: (given: Given<T>) => void,
    most: number,
  ) {
    this.around = around;
    this.process = process;
    this.queue = queue;
    this.most = most;
    this.pipe = new Pipe(around, process, `${queue.kind.name}.deliver`, (handed) => take(this.givenOf(handed)));
    const ended = process.onEnd(() => this.close());
    // What was under way and what is in hand cannot be answered any more: it comes again by itself.
    const lost = process.onLoss(() => {
      this.inHand = 0;
    });
    const back = process.link.onReconnect(() => queue.pump());
    this.undo.push(queue.add(this), ended.close, lost.close, back.close);
  }

  canTake(): boolean {
    return !this.closed && this.process.isConnected && this.inHand < this.most;
  }

  hand(work: Work<T>, delivery: number): void {
    this.inHand++;
    this.pipe.push({ work, delivery }, this.queue.kind.labelOf(work.item));
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pipe.close();
    for (const undo of this.undo.splice(0)) undo();
  }

  private givenOf({ work, delivery }: Handed<T>): Given<T> {
    const { around, process, queue } = this;
    const { name, labelOf } = queue.kind;
    let answered = false;
    const answer = (apply: () => void): void => {
      if (answered) return;
      answered = true;
      this.inHand = Math.max(0, this.inHand - 1);
      send(around, process, `${name}.answer`, labelOf(work.item), apply);
      queue.pump();
    };
    return {
      item: work.item,
      delivery,
      ack: () => answer(() => queue.ack(work, delivery)),
      again: (ms) => answer(() => queue.again(work, delivery, ms)),
    };
  }
}
