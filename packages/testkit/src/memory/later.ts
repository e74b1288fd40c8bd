import type { Delayed, Due, Later } from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, send, writeResultOf } from './wire.ts';

/** The server's timers go in steps: how late it is, at most, milliseconds. */
const STEP_MS = 250;

/** What was given and not answered comes again after this long. */
const ACK_WAIT_MS = 12_000;

type Message = { readonly delayed: Delayed; delivery: number; gone: boolean };

/** The schedules, one an address, and what is due. */
export class LaterState {
  private readonly around: Surroundings;
  private readonly schedules = new Map<string, { readonly cancel: () => void }>();
  private waiting: Message[] = [];
  private readonly readers = new Set<Reader>();
  private count = 0;
  private pumping = false;

  constructor(around: Surroundings) {
    this.around = around;
  }

  put(delayed: Delayed): number {
    const { address, runAt } = delayed;
    this.schedules.get(address)?.cancel();
    const waitMs = Math.max(0, runAt - this.around.clock.now()) + this.around.random.next() * STEP_MS;
    this.schedules.set(
      address,
      this.around.after(waitMs, () => {
        this.schedules.delete(address);
        this.becomesDue(delayed);
      }),
    );
    return ++this.count;
  }

  add(reader: Reader): void {
    this.readers.add(reader);
    this.pump();
  }

  remove(reader: Reader): void {
    this.readers.delete(reader);
  }

  ack(message: Message, delivery: number): void {
    if (message.delivery === delivery) message.gone = true;
  }

  again(message: Message, delivery: number, ms: number): void {
    this.around.after(ms, () => this.giveAgain(message, delivery));
  }

  /** After what runs now, so that what is due at once is handed out as a whole. */
  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    queueMicrotask(() => {
      this.pumping = false;
      while (this.handOne()) continue;
    });
  }

  private becomesDue(delayed: Delayed): void {
    // One message a subject: the newer one takes the place of one that waits.
    this.waiting = this.waiting.filter((message) => message.delayed.address !== delayed.address);
    this.waiting.push({ delayed, delivery: 0, gone: false });
    this.pump();
  }

  private handOne(): boolean {
    const able = [...this.readers].filter((reader) => reader.canTake());
    const [first, ...others] = able;
    const message = first === undefined ? undefined : this.waiting.shift();
    if (first === undefined || message === undefined) return false;
    const delivery = ++message.delivery;
    this.around.after(ACK_WAIT_MS, () => this.giveAgain(message, delivery));
    this.around.random.pick([first, ...others]).hand(message, delivery);
    return true;
  }

  private giveAgain(message: Message, delivery: number): void {
    if (message.gone || message.delivery !== delivery) return;
    message.delivery++;
    this.waiting.push(message);
    this.pump();
  }
}

export const memoryLater = (around: Surroundings, process: Process, state: LaterState): Later => ({
  now: () => around.clock.now(),
  put: async (delayed) =>
    writeResultOf(await call(around, process, 'later.put', delayed.address, () => state.put(delayed))),
  open: async (take, { most }) => {
    const reader = answerOf(
      await call(around, process, 'later.open', '', () => new Reader(around, process, state, take, most)),
    );
    return { close: async () => reader.close() };
  },
});

type Given = { readonly message: Message; readonly delivery: number };

class Reader {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly state: LaterState;
  private readonly pipe: Pipe<Given>;
  private readonly most: number;
  private readonly ties: readonly { readonly close: () => void }[];
  private inHand = 0;
  private closed = false;

  constructor(around: Surroundings, process: Process, state: LaterState, take: (due: Due) => void, most: number) {
    this.around = around;
    this.process = process;
    this.state = state;
    this.most = most;
    this.pipe = new Pipe(around, process, 'later.deliver', (given) => take(this.dueOf(given)));
    this.ties = [
      process.onEnd(() => this.close()),
      process.onLoss(() => {
        // What was under way and what is in hand cannot be answered any more: it comes again by itself.
        this.inHand = 0;
      }),
      process.link.onReconnect(() => state.pump()),
    ];
    state.add(this);
  }

  canTake(): boolean {
    return !this.closed && this.process.isConnected && this.inHand < this.most;
  }

  hand(message: Message, delivery: number): void {
    this.inHand++;
    this.pipe.push({ message, delivery }, message.delayed.address);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pipe.close();
    for (const tie of this.ties) tie.close();
    this.state.remove(this);
  }

  private dueOf({ message, delivery }: Given): Due {
    let answered = false;
    const answer = (apply: () => void): void => {
      if (answered) return;
      answered = true;
      this.inHand = Math.max(0, this.inHand - 1);
      send(this.around, this.process, 'later.answer', message.delayed.address, apply);
      this.state.pump();
    };
    return {
      ...message.delayed,
      ack: () => answer(() => this.state.ack(message, delivery)),
      again: (ms) => answer(() => this.state.again(message, delivery, ms)),
    };
  }
}
