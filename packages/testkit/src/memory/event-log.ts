import type { EventBatch, EventLog, EventReader } from '@baton/runtime';
import { batchContent, type Consumer, type LogMessage, type LogState } from './log-state.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, writeResultOf } from './wire.ts';

export const memoryEventLog = (around: Surroundings, process: Process, log: LogState): EventLog => ({
  publish: async ({ address, revision, bytes }) =>
    writeResultOf(
      await call(around, process, 'log.publish', address, () =>
        log.append({ kind: 'record', entry: { address, revision, bytes: bytes.slice() }, direct: true }),
      ),
    ),
  reader: async (name) => {
    const consumer = answerOf(await call(around, process, 'log.reader', name, () => log.consumer(name)));
    return new Reader(around, process, log, name, consumer);
  },
});

class Reader implements EventReader {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly log: LogState;
  private readonly name: string;
  private readonly consumer: Consumer;
  private readonly stops = new Set<() => void>();
  private closed = false;

  constructor(around: Surroundings, process: Process, log: LogState, name: string, consumer: Consumer) {
    this.around = around;
    this.process = process;
    this.log = log;
    this.name = name;
    this.consumer = consumer;
  }

  readonly next = async (max: number, waitMs: number): Promise<EventBatch> => {
    await this.waitForMessages(waitMs);
    const taken = await call(this.around, this.process, 'log.next', this.name, () => ({
      messages: this.closed ? [] : this.consumer.take(max),
      pending: this.consumer.pending(),
    }));
    const { messages, pending } = answerOf(taken);
    return { ...batchContent(messages), pending, ack: () => this.ack(messages) };
  };

  readonly close = async (): Promise<void> => {
    this.closed = true;
    for (const stop of [...this.stops]) stop();
  };

  private async ack(messages: readonly LogMessage[]): Promise<void> {
    const sequences = messages.map((message) => message.sequence);
    answerOf(await call(this.around, this.process, 'log.ack', this.name, () => this.consumer.ack(sequences)));
  }

  /** Until there is something, or time is up, or the reader is closed. */
  private waitForMessages(waitMs: number): Promise<void> {
    if (this.isReady()) return Promise.resolve();
    return new Promise((resolve) => {
      const until = this.around.clock.monotonic() + waitMs;
      let timer = { cancel: (): void => undefined };
      const stop = (): void => {
        timer.cancel();
        unwatch();
        this.stops.delete(stop);
        this.process.run(resolve);
      };
      const look = (): void => {
        timer.cancel();
        const now = this.around.clock.monotonic();
        if (this.isReady() || now >= until) return stop();
        const due = this.consumer.nextDue() ?? Infinity;
        timer = this.around.after(Math.min(until, due) - now, look);
      };
      const unwatch = this.log.watch(look);
      this.stops.add(stop);
      look();
    });
  }

  private isReady(): boolean {
    const due = this.consumer.nextDue();
    return this.closed || this.consumer.pending() > 0 || (due !== undefined && due <= this.around.clock.monotonic());
  }
}
