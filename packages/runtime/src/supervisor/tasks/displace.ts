import type { Command, Displacement, TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Held, Kernel } from '../../kernel.ts';
import { taskFields, type Log } from '../../log.ts';
import type { Clock } from '../../ports/environment.ts';
import type { Signals } from '../../ports/signals.ts';
import type { SaidOnce } from '../said-once.ts';

export type DisplaceParts = {
  readonly kernel: Kernel;
  readonly signals: Signals;
  readonly clock: Clock;
  readonly log: Log;
  readonly once: SaidOnce;
  /** `supervisor:<id>`. */
  readonly by: string;
  readonly learned: (address: Address, revision: number, record: TaskRecord, written: boolean) => void;
};

/**
 * Makes a task give way to another one of its group or key (behaviour Q7). It is the one that was seen, or nothing: a task
 * that waits in the version it was seen in, a run by the revision it was claimed on. False: it could not be told now.
 */
export const displace = async (parts: DisplaceParts, displacement: Displacement<Address>): Promise<boolean> => {
  const { kernel, signals, log, once, learned } = parts;
  const { address } = displacement;
  const asked = await kernel.ask(address, (held) => commandFor(parts, displacement, held), { urgent: true });
  switch (asked.kind) {
    case 'done': {
      const { record, revision, bytes } = asked;
      if (bytes !== undefined)
        log.info({ ...taskFields(record), address, revision, status: record.status }, 'made room for another task');
      learned(address, revision, record, bytes !== undefined);
      if (record.status === 'aborting' && record.owner !== undefined) signals.poke(record.owner.worker, address);
      return true;
    }
    case 'refused':
      if (asked.held !== undefined) learned(address, asked.held.revision, asked.held.record, false);
      // It cannot be told to stop yet. Of all else whoever watches the record tells.
      return asked.reason !== 'not_abortable';
    case 'failed':
    case 'unknown':
      once.say(`displace ${asked.cause.code}`, () =>
        log.warn({ err: asked.cause, address }, 'a task could not be told to make room, and is told again'),
      );
      return false;
  }
};

const commandFor = (
  { clock, by }: DisplaceParts,
  { revision, since, why }: Displacement<Address>,
  held: Held | undefined,
): Command => {
  const at = clock.now();
  if (held === undefined || since === undefined) {
    const id = held?.revision === revision ? held.record.id : '';
    return { kind: 'displace', at, by, id, why };
  }
  const { id, owner } = held.record;
  const fence = owner?.fence.revision === since ? owner.fence : { epoch: 0, revision: 0 };
  return { kind: 'displace', at, by, id, fence, why };
};
