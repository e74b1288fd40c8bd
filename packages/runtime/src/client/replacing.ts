import { decide, type ClientCommand, type Data, type SubmitMode } from '@baton/core';
import type { Address } from '@baton/protocols';
import { dropObject } from '../data/large-data.ts';
import { StoreRefusedError } from '../errors.ts';
import type { Asked, Held, Kernel } from '../kernel.ts';
import type { Ports } from '../ports.ts';
import { keepArguments } from './arguments.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export type SubmitCommand = Mutable<Extract<ClientCommand, { kind: 'submit' }>>;

/** Its arguments may come to stand in a task that another submit has made. */
export const mayReplace = ({ kind }: SubmitMode): boolean => kind === 'replace' || kind === 'debounce';

/** Whoever else comes to the key in between makes it another task that is meant; not for ever. */
const TRIES = 20;

class OtherTask extends Error {
  override readonly name = 'OtherTask';
}

/**
 * A submit whose large arguments may take the place of another one's. Objects are named by the task that refers to them,
 * which is how they go with it, and it is decided only by the write which that is: so it is looked at before, and the
 * command is not given to a record where it has become another.
 */
export const askReplacing = async (
  { ports, kernel }: { readonly ports: Ports; readonly kernel: Kernel },
  address: Address,
  bytes: Uint8Array,
  commandFor: (held: Held | undefined) => SubmitCommand,
): Promise<Asked> => {
  for (let tries = 0; tries < TRIES; tries++) {
    const held = await kernel.load(address);
    const first = commandFor(held);
    const owner = ownerIn(held, first);
    const wanted = first.spec.id;
    const args: Data = await keepArguments(
      ports,
      address,
      owner,
      bytes,
      owner === wanted ? 'args' : { argsOf: wanted },
    );
    let isSent = false;
    try {
      const asked = await kernel.ask(address, (now) => {
        const command = commandFor(now);
        if (ownerIn(now, command) !== owner) throw new OtherTask('another task stands there');
        isSent = true;
        return { ...command, spec: { ...command.spec, args } };
      });
      const isRefused = asked.kind === 'failed' || (asked.kind === 'refused' && asked.doubt === undefined);
      if (isRefused && first.spec.operation === undefined) void dropObject(ports.data, args);
      return asked;
    } catch (error) {
      if (!(error instanceof OtherTask)) throw error;
      // An earlier try may have been stored, and the task may run with them by now: the sweep takes those that are nobody's.
      if (!isSent) void dropObject(ports.data, args);
    }
  }
  throw new StoreRefusedError(
    'STORE_CONTENDED',
    `${address} was written to by others while large arguments were stored`,
  );
};

/** The task that is going to refer to the arguments, as far as it is known now. */
const ownerIn = (held: Held | undefined, command: SubmitCommand): string => {
  const decision = decide(held?.record, command);
  const answer = decision.ok ? decision.answer : undefined;
  return answer?.kind === 'replaced' || answer?.kind === 'debounced' ? answer.id : command.spec.id;
};
