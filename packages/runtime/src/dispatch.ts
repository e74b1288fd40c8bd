import { isTerminal, successorsOf, type TaskId, type TaskRecord } from '@baton/core';
import { encodeRecord, type Address, type Lane } from '@baton/protocols';
import type { Log } from './log.ts';
import type { Held, Kernel } from './kernel.ts';
import type { Ports } from './ports.ts';

export const laneOf = (record: TaskRecord): Lane => ({
  queue: record.queue,
  priority: record.priority,
  type: record.type,
});

type DispatchPorts = { readonly ports: Pick<Ports, 'queue'>; readonly log: Log };

/**
 * Offers a pending task to the workers of its lane. A hint: if it is lost, the supervisor of the partition sees a
 * pending task that nobody was offered and offers it again. So this tells its failure to the log and to nobody else.
 */
export const dispatch = async (
  { ports, log }: DispatchPorts,
  address: Address,
  held: Held & { readonly bytes?: Uint8Array },
): Promise<void> => {
  const bytes = held.bytes ?? encodeRecord(held.record);
  const result = await ports.queue.put(laneOf(held.record), { address, revision: held.revision, bytes });
  if (result.kind === 'written') return;
  const cause = result.kind === 'conflict' ? undefined : result.cause;
  log.warn(
    { err: cause, task: held.record.id },
    'a dispatch was not confirmed; the supervisor will repeat it if it is lost',
  );
};

type ReleasePorts = {
  readonly ports: Pick<Ports, 'clock'>;
  readonly kernel: Kernel;
  readonly log: Log;
};

/**
 * Lets go of successors that were cancelled: their outcomes are kept elsewhere, and the record has their room again
 * (behaviour R9). Where this fails, or nobody is left to do it, they go with the next that comes, or in their turn.
 */
export const release = async (
  { ports, kernel, log }: ReleasePorts,
  address: Address,
  record: TaskRecord,
): Promise<void> => {
  if (!successorsOf(record).some(({ cancelled }) => cancelled !== undefined)) return;
  const asked = await kernel.ask(address, () => ({ kind: 'release-successors', at: ports.clock.now() }));
  if (asked.kind === 'done' || asked.kind === 'refused') return;
  log.debug({ err: asked.cause, address }, 'a cancelled successor stays in the record until its turn comes');
};

type OfferPorts = DispatchPorts & { readonly ports: Pick<Ports, 'queue' | 'later'> };

type PromotePorts = OfferPorts & { readonly ports: Pick<Ports, 'queue' | 'later' | 'clock'>; readonly kernel: Kernel };

/**
 * Sees to it that a pending task is run: offers it now, or has the server tell when its time has come (behaviour X7). A
 * hint like a dispatch: a schedule that is lost is made up for by the supervisor of the partition.
 */
export const offer = async (
  { ports, log }: OfferPorts,
  address: Address,
  held: Held & { readonly bytes?: Uint8Array },
): Promise<void> => {
  const { id, status, host, runAt } = held.record;
  if (status !== 'pending' || host !== undefined) return;
  if (runAt === undefined || runAt <= ports.later.now()) return dispatch({ ports, log }, address, held);
  const result = await ports.later.put({ address, id, runAt });
  if (result.kind === 'written') return;
  const cause = result.kind === 'conflict' ? undefined : result.cause;
  log.warn(
    { err: cause, task: id },
    'the start of a delayed task could not be scheduled; the supervisor will see to it',
  );
};

/**
 * Starts the successor of a task that has ended, and offers it. Successors that were cancelled while they waited become
 * ended records of their own on the way.
 */
export const promote = async (
  { ports, kernel, log }: PromotePorts,
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
    if (record.status === 'pending') return offer({ ports, log }, address, asked);
    if (!isTerminal(record.status) || record.successor === undefined) return;
    ended = record.id;
  }
};
