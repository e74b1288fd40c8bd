import type { Address } from '@baton/protocols';
import type { ActorKind, ActorTypes, HeldBy } from './actor-kind.ts';
import { Ask, type AskedOf, type AskOptionsOf } from './ask.ts';
import type { KernelPorts } from './mailbox-types.ts';
import { Mailbox } from './mailbox.ts';

export type KernelOf<A extends ActorTypes> = {
  /**
   * `make` is called with what the command is decided on, once a turn: that is what is stored, or what commands that go
   * into the same write have made of it.
   */
  readonly ask: (
    address: Address,
    make: (held: HeldBy<A> | undefined) => A['command'],
    options?: AskOptionsOf<A>,
  ) => Promise<AskedOf<A>>;
  readonly load: (address: Address) => Promise<HeldBy<A> | undefined>;
};

/**
 * The kernel of one kind of actor: `ask(address, command)`.
 *
 * One write is one transition, and the store refuses all but one of those who decided on the same revision, so nobody has
 * to be elected to own an actor. Who loses reads again from the leader and decides again. See Mailbox.
 */
export const createActorKernel = <A extends ActorTypes>(kind: ActorKind<A>, ports: KernelPorts): KernelOf<A> => {
  const mailboxes = new Map<Address, Mailbox<A>>();
  const parts = { kind, ports, mailboxes };
  return {
    ask: (address, make, options = NO_OPTIONS) => {
      const ask = new Ask<A>(make, options);
      const busy = mailboxes.get(address);
      if (busy !== undefined) return busy.enqueue(ask);
      const mailbox = new Mailbox(parts, address, ask);
      mailboxes.set(address, mailbox);
      return mailbox.first(ask);
    },
    load: async (address) => {
      const entry = await ports.store.load(address);
      return entry === undefined ? undefined : { record: kind.decode(entry), revision: entry.revision };
    },
  };
};

const NO_OPTIONS = {};
