import type { Op } from './faults.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';

/**
 * Messages from the server to one listener of one process: in order, each after its time on the wire. What is under way
 * when the connection breaks is lost.
 */
export class Pipe<T> {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly op: Op;
  private readonly deliver: (item: T) => void;
  private waiting: { readonly item: T; readonly arrival: Promise<void>; readonly connection: number }[] = [];
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
    const message = { item, arrival, connection: this.process.connection };
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
      for (let next = this.waiting.shift(); next !== undefined; next = this.waiting.shift()) {
        const { item, arrival, connection } = next;
        await arrival;
        if (this.closed) return;
        if (connection !== this.process.connection) continue;
        this.process.run(() => {
          if (!this.closed) this.deliver(item);
        });
      }
    } finally {
      this.running = false;
    }
  }
}
