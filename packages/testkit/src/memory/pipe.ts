import type { Op } from './faults.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';

type Message<T> = {
  readonly item: T;
  readonly arrival: Promise<void>;
  readonly connection: number;
  hasArrived: boolean;
};

/**
 * Messages from the server to one listener of one process: in order, each after its time on the wire. Those that have
 * arrived behind one that took longer come together with it in one piece of the event loop, as from a socket: whoever waits
 * for the first of them goes on when all have been told. What is under way when the connection breaks is lost.
 */
export class Pipe<T> {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly op: Op;
  private readonly deliver: (item: T) => void;
  private waiting: Message<T>[] = [];
  private running = false;
  private silent = false;
  private closed = false;

  constructor(around: Surroundings, process: Process, op: Op, deliver: (item: T) => void) {
    this.around = around;
    this.process = process;
    this.op = op;
    this.deliver = deliver;
  }

  push(item: T, subject: string): void {
    if (this.closed || this.silent || !this.process.isConnected) return;
    const fault = this.around.faults.draw(this.op, this.process.name, subject);
    if (fault !== undefined) this.around.note(this.process.name, this.op, subject, fault.kind);
    if (fault?.kind === 'drop') return;
    if (fault?.kind === 'silent') {
      this.silent = true;
      return;
    }
    const arrival = this.around.leg(fault?.kind === 'delay' ? fault.delayMs : 0);
    const message = { item, arrival, connection: this.process.connection, hasArrived: false };
    void arrival.then(() => (message.hasArrived = true));
    this.waiting.push(message);
    if (fault?.kind === 'duplicate') this.waiting.push(message);
    if (!this.running) void this.flow();
  }

  /** What is under way and is such is not delivered. */
  forget(isSuch: (item: T) => boolean): void {
    this.waiting = this.waiting.filter(({ item }) => !isSuch(item));
  }

  /** Nothing is delivered from here on, not even what is under way. */
  close(): void {
    this.closed = true;
    this.waiting = [];
  }

  private async flow(): Promise<void> {
    this.running = true;
    try {
      for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
        await next.arrival;
        if (this.closed) return;
        const together = this.waiting.findIndex(({ hasArrived }) => !hasArrived);
        const here = this.waiting.splice(0, together < 0 ? this.waiting.length : together);
        this.process.run(() => {
          for (const { item, connection } of here)
            if (!this.closed && connection === this.process.connection) this.deliver(item);
        });
      }
    } finally {
      this.running = false;
    }
  }
}
