import type { Address } from '@baton/protocols';
import type { Closing, CommandMessage, Commands, CommandSent, Subscription, WriteResult } from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, send, writeResultOf } from './wire.ts';

const ACK_WAIT_MS = 30_000;

type Stored = Pick<CommandMessage, 'verb' | 'type' | 'bytes' | 'contentType' | 'replyTo' | 'sequence' | 'storedAt'>;
type Message = Stored & { delivery: number; gone: boolean };
type Finder = (id: string) => Address | undefined;

export type DeadCommand = {
  readonly verb: string;
  readonly bytes: Uint8Array;
  readonly code: string;
  readonly reason: string;
};

/** The commands that wait, those put aside, and who listens for answers. */
export class CommandState {
  readonly dead: DeadCommand[] = [];
  readonly finders = new Set<Finder>();
  readonly inboxes = new Map<string, (bytes: Uint8Array) => void>();
  private readonly around: Surroundings;
  private readonly waiting: Message[] = [];
  private readonly readers = new Set<Reader>();
  private count = 0;
  private pumping = false;

  constructor(around: Surroundings) {
    this.around = around;
  }

  /** Commands that are not acknowledged. */
  get size(): number {
    return this.all.size;
  }

  private readonly all = new Set<Message>();

  put(command: Omit<Stored, 'sequence' | 'storedAt'>): number {
    const sequence = ++this.count;
    const message: Message = { ...command, sequence, storedAt: this.around.clock.now(), delivery: 0, gone: false };
    this.all.add(message);
    this.waiting.push(message);
    this.pump();
    return sequence;
  }

  add(reader: Reader): () => void {
    this.readers.add(reader);
    this.pump();
    return () => this.readers.delete(reader);
  }

  ack(message: Message, delivery: number): void {
    if (message.delivery !== delivery) return;
    message.gone = true;
    this.all.delete(message);
  }

  giveAgain(message: Message, delivery: number): void {
    if (message.gone || message.delivery !== delivery || this.waiting.includes(message)) return;
    this.waiting.push(message);
    this.pump();
  }

  pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    queueMicrotask(() => {
      this.pumping = false;
      while (this.handOne()) continue;
    });
  }

  private handOne(): boolean {
    const [first, ...others] = [...this.readers].filter((reader) => reader.canTake());
    const message = first === undefined ? undefined : this.waiting.shift();
    if (first === undefined || message === undefined) return false;
    const delivery = ++message.delivery;
    this.around.after(ACK_WAIT_MS, () => this.giveAgain(message, delivery));
    this.around.random.pick([first, ...others]).hand(message, delivery);
    return true;
  }
}

export const memoryCommands = (around: Surroundings, process: Process, state: CommandState): Commands => {
  let sent = 0;
  return {
    send: async ({ verb, type, bytes }, timeoutMs): Promise<CommandSent> => {
      const replyTo = `_INBOX.${process.name}.${++sent}`;
      const answered = new Promise<Uint8Array>((resolve) => {
        state.inboxes.set(replyTo, (answer) => process.run(() => resolve(answer)));
      });
      try {
        const stored = writeResultOf(
          await call(around, process, 'command.send', verb, () =>
            state.put({ verb, bytes: bytes.slice(), replyTo, ...(type === undefined ? {} : { type }) }),
          ),
        );
        if (stored.kind === 'failed' || stored.kind === 'unknown') return stored;
        const late = new Promise<undefined>((resolve) => void process.clock.after(timeoutMs, () => resolve(undefined)));
        const answer = await Promise.race([answered, late]);
        return answer === undefined ? { kind: 'silent' } : { kind: 'answered', bytes: answer };
      } finally {
        state.inboxes.delete(replyTo);
      }
    },
    open: async (take, { most }): Promise<Closing> => {
      const made = await call(
        around,
        process,
        'command.open',
        '',
        () => new Reader(around, process, state, take, most),
      );
      const reader = answerOf(made);
      return { close: async () => reader.close() };
    },
    reply: (to, bytes) => send(around, process, 'command.reply', to, () => state.inboxes.get(to)?.(bytes.slice())),
    bury: async ({ verb, bytes }, code, reason): Promise<WriteResult> =>
      writeResultOf(
        await call(around, process, 'command.bury', verb, () => state.dead.push({ verb, bytes, code, reason })),
      ),
    find: async (id, timeoutMs) => {
      if (!process.isConnected) return undefined;
      await around.leg();
      for (const finder of state.finders) {
        const address = finder(id);
        if (address !== undefined) return address;
      }
      await new Promise<void>((resolve) => void process.clock.after(timeoutMs, resolve));
      return undefined;
    },
    onFind: (where): Subscription => {
      const finder: Finder = (id) => (process.isConnected && process.state === 'up' ? where(id) : undefined);
      state.finders.add(finder);
      return { close: () => void state.finders.delete(finder) };
    },
  };
};

type Given = { readonly message: Message; readonly delivery: number };

class Reader {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly state: CommandState;
  private readonly pipe: Pipe<Given>;
  private readonly most: number;
  private readonly undo: (() => void)[] = [];
  private inHand = 0;
  private closed = false;

  constructor(
    around: Surroundings,
    process: Process,
    state: CommandState,
    take: (message: CommandMessage) => void,
    most: number,
  ) {
    this.around = around;
    this.process = process;
    this.state = state;
    this.most = most;
    this.pipe = new Pipe(around, process, 'command.deliver', (given) => take(this.messageOf(given)));
    const ended = process.onEnd(() => this.close());
    // What was under way and what is in hand cannot be answered any more: it comes again by itself.
    const lost = process.onLoss(() => {
      this.inHand = 0;
    });
    const back = process.link.onReconnect(() => state.pump());
    this.undo.push(state.add(this), ended.close, lost.close, back.close);
  }

  canTake(): boolean {
    return !this.closed && this.process.isConnected && this.inHand < this.most;
  }

  hand(message: Message, delivery: number): void {
    this.inHand++;
    this.pipe.push({ message, delivery }, message.verb);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pipe.close();
    for (const undo of this.undo.splice(0)) undo();
  }

  private messageOf({ message, delivery }: Given): CommandMessage {
    let answered = false;
    const answer = (apply: () => void): void => {
      if (answered) return;
      answered = true;
      this.inHand = Math.max(0, this.inHand - 1);
      send(this.around, this.process, 'command.answer', message.verb, apply);
      this.state.pump();
    };
    const { verb, type, bytes, contentType, replyTo, sequence, storedAt } = message;
    return {
      verb,
      ...(type === undefined ? {} : { type }),
      bytes,
      ...(contentType === undefined ? {} : { contentType }),
      ...(replyTo === undefined ? {} : { replyTo }),
      ...{ sequence, storedAt, deliveries: delivery },
      ack: () => answer(() => this.state.ack(message, delivery)),
      again: (ms) =>
        answer(() => {
          this.around.after(ms, () => this.state.giveAgain(message, delivery));
        }),
    };
  }
}
