import type { Address } from '@baton/protocols';
import type { Entry, Signals, Subscription } from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call } from './wire.ts';

type Topics = {
  readonly poke: Topic<Address>;
  readonly record: Topic<Entry>;
  readonly progress: Topic<Uint8Array>;
};

export const createTopics = (around: Surroundings): Topics => ({
  poke: new Topic<Address>(around, 'signal.poke'),
  record: new Topic<Entry>(around, 'signal.record'),
  progress: new Topic<Uint8Array>(around, 'signal.progress'),
});

export const memorySignals = (around: Surroundings, process: Process, topics: Topics): Signals => {
  let last: Promise<unknown> = Promise.resolve();
  /** From the process to the server, in order as on one connection; the way on from there is the topic's. */
  const emit = (publish: () => void): void => {
    if (!process.isConnected) return;
    const sentOn = process.connection;
    last = Promise.all([last, around.leg()]).then(() => {
      if (process.connection === sentOn) publish();
    });
  };
  const listen = async (subject: string, start: () => Subscription): Promise<Subscription> =>
    answerOf(await call(around, process, 'signal.listen', subject, start));
  return {
    poke: (worker, address) => emit(() => topics.poke.publish(worker, address)),
    onPoke: (worker, listener) => topics.poke.subscribe(process, worker, listener),
    record: (entry) => emit(() => topics.record.publish(entry.address, entry)),
    onRecord: (address, listener) => listen(address, () => topics.record.subscribe(process, address, listener)),
    progress: (taskId, bytes) => emit(() => topics.progress.publish(taskId, bytes.slice())),
    onProgress: (taskId, listener) => listen(taskId, () => topics.progress.subscribe(process, taskId, listener)),
  };
};

/** Core subjects: who listens and is connected gets it, once, or not. */
class Topic<T> {
  private readonly around: Surroundings;
  private readonly op: 'signal.poke' | 'signal.record' | 'signal.progress';
  private readonly pipes = new Map<string, Set<Pipe<T>>>();

  constructor(around: Surroundings, op: 'signal.poke' | 'signal.record' | 'signal.progress') {
    this.around = around;
    this.op = op;
  }

  publish(subject: string, message: T): void {
    for (const pipe of this.pipes.get(subject) ?? []) pipe.push(message, subject);
  }

  subscribe(process: Process, subject: string, listener: (message: T) => void): Subscription {
    const pipe = new Pipe<T>(this.around, process, this.op, listener);
    const pipes = this.pipes.get(subject) ?? new Set();
    this.pipes.set(subject, pipes.add(pipe));
    const close = (): void => {
      pipe.close();
      pipes.delete(pipe);
      if (pipes.size === 0 && this.pipes.get(subject) === pipes) this.pipes.delete(subject);
      ended.close();
    };
    const ended = process.onEnd(close);
    return { close };
  }
}
