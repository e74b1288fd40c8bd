import { hashOf, RUN_ACK_WAIT_MS, type Lane } from '@baton/protocols';
import type { Entry } from '@baton/runtime';
import type { Surroundings } from './surroundings.ts';

export type RunMessage = {
  readonly subject: string;
  readonly lane: Lane;
  readonly entry: Entry;
  readonly order: number;
  /** Wall clock of the server. */
  readonly storedAt: number;
  /** Counts deliveries: an answer to an earlier one means nothing. */
  delivery: number;
  out: boolean;
  gone: boolean;
  timer?: { readonly cancel: () => void };
};

export const laneKey = (lane: Lane): string => `${lane.queue}|${lane.priority}|${lane.type}`;

type LaneState = {
  /** In the order of storing. */
  readonly all: Set<RunMessage>;
  /** Given back or not acknowledged; these go first. */
  again: RunMessage[];
  fresh: RunMessage[];
};

/** The run queue as the server keeps it: one message per subject, first in first out in a lane. */
export class RunState {
  private readonly around: Surroundings;
  private readonly subjects = new Map<string, RunMessage>();
  private readonly lanes = new Map<string, LaneState>();
  private readonly watchers = new Set<() => void>();
  private count = 0;

  constructor(around: Surroundings) {
    this.around = around;
  }

  put(lane: Lane, entry: Entry): number {
    const subject = `${laneKey(lane)}|${hashOf(entry.address)}`;
    const former = this.subjects.get(subject);
    if (former !== undefined) this.remove(former);
    const message: RunMessage = {
      subject,
      lane,
      entry: { ...entry, bytes: entry.bytes.slice() },
      order: ++this.count,
      storedAt: this.around.clock.now(),
      delivery: 0,
      out: false,
      gone: false,
    };
    this.subjects.set(subject, message);
    const state = this.laneOf(laneKey(lane));
    state.all.add(message);
    state.fresh.push(message);
    this.changed();
    return message.order;
  }

  oldestAt(lane: Lane): number | undefined {
    const [oldest] = this.lanes.get(laneKey(lane))?.all ?? [];
    return oldest?.storedAt;
  }

  /** The message that is next in a lane. */
  peek(key: string): RunMessage | undefined {
    const state = this.lanes.get(key);
    if (state === undefined) return undefined;
    while (state.again[0]?.gone) state.again.shift();
    while (state.fresh[0]?.gone) state.fresh.shift();
    return state.again[0] ?? state.fresh[0];
  }

  /** Hands it out. It comes again unless it is acknowledged in time. Gives the number of this delivery. */
  take(message: RunMessage): number {
    const state = this.laneOf(laneKey(message.lane));
    if (state.again[0] === message) state.again.shift();
    else state.fresh.shift();
    const delivery = ++message.delivery;
    message.out = true;
    message.timer = this.around.after(RUN_ACK_WAIT_MS, () => this.giveBack(message, delivery));
    return delivery;
  }

  ack(message: RunMessage, delivery: number): void {
    if (message.delivery === delivery && message.out) this.remove(message);
  }

  giveBack(message: RunMessage, delivery: number): void {
    if (message.gone || !message.out || message.delivery !== delivery) return;
    message.timer?.cancel();
    message.out = false;
    const { again } = this.laneOf(laneKey(message.lane));
    const behind = again.findIndex((other) => other.order > message.order);
    again.splice(behind < 0 ? again.length : behind, 0, message);
    this.changed();
  }

  /** All that wait or are out, in order of storing. */
  all(): readonly RunMessage[] {
    return [...this.subjects.values()].toSorted((a, b) => a.order - b.order);
  }

  /** As if the stream had been lost: it is a hint and can be rebuilt. */
  clear(): void {
    for (const message of this.all()) this.remove(message);
  }

  watch(watcher: () => void): () => void {
    this.watchers.add(watcher);
    return () => this.watchers.delete(watcher);
  }

  private changed(): void {
    for (const watcher of [...this.watchers]) watcher();
  }

  private remove(message: RunMessage): void {
    message.gone = true;
    message.timer?.cancel();
    if (this.subjects.get(message.subject) === message) this.subjects.delete(message.subject);
    this.lanes.get(laneKey(message.lane))?.all.delete(message);
  }

  private laneOf(key: string): LaneState {
    const known = this.lanes.get(key);
    if (known !== undefined) return known;
    const made: LaneState = { all: new Set(), again: [], fresh: [] };
    this.lanes.set(key, made);
    return made;
  }
}
