import { isTerminal, successorsOf, type TaskId, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Kernel } from './kernel.ts';
import type { Log } from './log.ts';
import type { Ports } from './ports.ts';

type Parts = { readonly ports: Pick<Ports, 'clock'>; readonly kernel: Kernel; readonly log: Log };

/**
 * Lets go of successors that were cancelled: their outcomes are kept elsewhere, and the record has their room again
 * (behaviour R9). Where this fails, or nobody is left to do it, they go with the next that comes, or in their turn.
 */
export const release = async ({ ports, kernel, log }: Parts, address: Address, record: TaskRecord): Promise<void> => {
  if (!successorsOf(record).some(({ cancelled }) => cancelled !== undefined)) return;
  const asked = await kernel.ask(address, () => ({ kind: 'release-successors', at: ports.clock.now() }));
  if (asked.kind === 'done' || asked.kind === 'refused') return;
  log.debug({ err: asked.cause, address }, 'a cancelled successor stays in the record until its turn comes');
};

/**
 * Starts the successor of a task that has ended. Successors that were cancelled while they waited become ended records of
 * their own on the way. Only the fast way: a supervisor does it when nobody has.
 */
export const promote = async (
  { ports, kernel, log }: Parts,
  address: Address,
  id: TaskId,
  by: string,
): Promise<void> => {
  for (let ended = id; ;) {
    const asked = await kernel.ask(address, () => ({ kind: 'promote', at: ports.clock.now(), by, id: ended }));
    if (asked.kind === 'refused') return;
    if (asked.kind !== 'done') {
      log.warn({ err: asked.cause, address }, 'a successor was not started; the supervisor will');
      return;
    }
    const { record } = asked;
    if (!isTerminal(record.status) || record.successor === undefined) return;
    ended = record.id;
  }
};
