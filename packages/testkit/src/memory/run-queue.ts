import type { Lane } from '@baton/protocols';
import type { Dispatch, RunQueue, RunReader } from '@baton/runtime';
import { FairChoice } from './fair-choice.ts';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import { pumpOf } from './pump.ts';
import { laneKey, type RunMessage, type RunState } from './run-state.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, send, writeResultOf } from './wire.ts';

export const memoryRunQueue = (
  around: Surroundings,
  process: Process,
  state: RunState,
  counter: RunCounter,
): RunQueue => ({
  put: async (lane, entry) =>
    writeResultOf(
      await call(around, process, 'queue.put', entry.address, () => {
        const order = state.put(lane, entry);
        around.note(process.name, 'offered', entry.address, `${laneKey(lane)} rev ${entry.revision}`);
        return order;
      }),
    ),
  oldestAt: async (lane) =>
    answerOf(await call(around, process, 'queue.oldest', laneKey(lane), () => state.oldestAt(lane))),
  open: async (lanes, take) => {
    const what = lanes.map(laneKey).join(',');
    return answerOf(
      await call(around, process, 'queue.open', what, () => new Reader(around, process, state, counter, lanes, take)),
    );
  },
});

/** Lets the readers of all processes take in turn. */
export class RunCounter {
  private readonly around: Surroundings;
  private readonly readers = new Set<Reader>();
  readonly pump = pumpOf(() => this.handOne());

  constructor(around: Surroundings, state: RunState) {
    this.around = around;
    state.watch(() => this.pump());
  }

  add(reader: Reader): () => void {
    this.readers.add(reader);
    this.pump();
    return () => this.readers.delete(reader);
  }

  private handOne(): boolean {
    const able = [...this.readers].filter((reader) => reader.canTake());
    const [first, ...others] = able;
    return first !== undefined && this.around.random.pick([first, ...others]).takeOne();
  }
}

type Out = { readonly message: RunMessage; readonly delivery: number; given: boolean };

class Reader implements RunReader {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly state: RunState;
  private readonly counter: RunCounter;
  private readonly choice: FairChoice;
  private readonly pipe: Pipe<Out>;
  private readonly held = new Set<Out>();
  private readonly undo: (() => void)[] = [];
  private readonly take: (dispatch: Dispatch) => void;
  private free = 0;
  private closed = false;

  constructor(
    around: Surroundings,
    process: Process,
    state: RunState,
    counter: RunCounter,
    lanes: readonly Lane[],
    take: (dispatch: Dispatch) => void,
  ) {
    this.around = around;
    this.process = process;
    this.state = state;
    this.counter = counter;
    this.take = take;
    this.choice = new FairChoice(lanes);
    this.pipe = new Pipe(around, process, 'queue.deliver', (out) => this.give(out));
    const ended = process.onEnd(() => this.stop());
    const back = process.link.onReconnect(() => counter.pump());
    this.undo.push(counter.add(this), ended.close, back.close);
  }

  readonly setFree = (slots: number): void => {
    this.free = Math.max(0, Math.floor(slots));
    if (this.free > 0) this.counter.pump();
  };

  readonly close = async (): Promise<void> => {
    this.stop();
    // What was given is in the hands of whoever took it.
    for (const out of [...this.held]) if (!out.given) this.settle(out, 'queue.back');
  };

  canTake(): boolean {
    return this.free > 0 && !this.closed && this.process.isConnected && this.choice.choose(this.peek) !== undefined;
  }

  takeOne(): boolean {
    const message = this.choice.choose(this.peek);
    if (message === undefined) return false;
    const delivery = this.state.take(message);
    this.choice.took(message, this.peek);
    this.free--;
    const out: Out = { message, delivery, given: false };
    this.held.add(out);
    this.pipe.push(out, message.entry.address);
    return true;
  }

  private readonly peek = (key: string): RunMessage | undefined => this.state.peek(key);

  private stop(): void {
    this.closed = true;
    this.pipe.close();
    for (const undo of this.undo.splice(0)) undo();
  }

  private give(out: Out): void {
    out.given = true;
    const { address, revision, bytes } = out.message.entry;
    this.take({
      address,
      revision,
      bytes,
      lane: out.message.lane,
      ack: () => this.settle(out, 'queue.ack'),
      handBack: () => this.settle(out, 'queue.back'),
    });
  }

  /** The first answer counts. One that is lost on the way lets the message come again in its time. */
  private settle(out: Out, op: 'queue.ack' | 'queue.back'): void {
    if (!this.held.delete(out)) return;
    const { message, delivery } = out;
    send(this.around, this.process, op, message.entry.address, () => {
      if (op === 'queue.ack') this.state.ack(message, delivery);
      else this.state.giveBack(message, delivery);
    });
  }
}
