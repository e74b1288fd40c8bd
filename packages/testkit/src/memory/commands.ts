import type { CommandMessage, Commands, CommandSent, Place, Subscription, WriteResult } from '@baton/runtime';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { call, send, writeResultOf } from './wire.ts';
import { WorkQueue } from './work-queue.ts';

const ACK_WAIT_MS = 30_000;

type Stored = Pick<
  CommandMessage,
  'subject' | 'headers' | 'verb' | 'type' | 'bytes' | 'contentType' | 'replyTo' | 'sequence' | 'storedAt'
>;
type Finder = (id: string) => Place;

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
  readonly queue: WorkQueue<Stored>;
  private readonly around: Surroundings;
  private count = 0;

  constructor(around: Surroundings) {
    this.around = around;
    this.queue = new WorkQueue(around, { name: 'command', ackWaitMs: ACK_WAIT_MS, labelOf: ({ verb }) => verb });
  }

  /** Commands that are not acknowledged. */
  get size(): number {
    return this.queue.size;
  }

  put(command: Omit<Stored, 'sequence' | 'storedAt' | 'subject' | 'headers'> & Partial<Stored>): number {
    const sequence = ++this.count;
    const subject = ['cmd', command.verb, ...(command.type === undefined ? [] : [command.type])].join('.');
    this.queue.put({ subject, headers: {}, ...command, sequence, storedAt: this.around.clock.now() });
    return sequence;
  }
}

export const memoryCommands = (around: Surroundings, process: Process, state: CommandState): Commands => {
  let sent = 0;
  return {
    send: async ({ verb, type, bytes, headers: sentWith = {} }, timeoutMs): Promise<CommandSent> => {
      const headers = Object.fromEntries(Object.entries(sentWith).map(([name, value]) => [name, [value]]));
      const replyTo = `_INBOX.${process.name}.${++sent}`;
      const answered = new Promise<Uint8Array>((resolve) => {
        state.inboxes.set(replyTo, (answer) => process.run(() => resolve(answer)));
      });
      try {
        const stored = writeResultOf(
          await call(around, process, 'command.send', verb, () =>
            state.put({ verb, bytes: bytes.slice(), headers, replyTo, ...(type === undefined ? {} : { type }) }),
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
    open: (take, { most }) =>
      state.queue.open(
        process,
        ({ item, delivery, ack, again }) => take({ ...item, deliveries: delivery, ack, again }),
        most,
      ),
    reply: (to, bytes) => send(around, process, 'command.reply', to, () => state.inboxes.get(to)?.(bytes.slice())),
    bury: async ({ verb, bytes }, code, reason): Promise<WriteResult> =>
      writeResultOf(
        await call(around, process, 'command.bury', verb, () => state.dead.push({ verb, bytes, code, reason })),
      ),
    find: async (id, timeoutMs, askedOf = 0) => {
      if (!process.isConnected) return undefined;
      await around.leg();
      const places = [...state.finders].map((finder) => finder(id));
      const found = places.find((place) => place !== undefined && place !== 'nowhere');
      if (found !== undefined) return found;
      if (askedOf > 0 && places.filter((place) => place === 'nowhere').length >= askedOf) return 'nowhere';
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
