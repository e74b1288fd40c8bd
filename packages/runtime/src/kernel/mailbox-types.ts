import type { Address } from '@baton/protocols';
import type { Chance, Clock, RecordStore } from '../ports.ts';
import type { ActorKind, ActorTypes } from './actor-kind.ts';
import type { Ask } from './ask.ts';
import type { Mailbox } from './mailbox.ts';

export type KernelPorts = { readonly store: RecordStore; readonly clock: Clock; readonly chance: Chance };

export type MailboxParts<A extends ActorTypes> = {
  readonly kind: ActorKind<A>;
  readonly ports: KernelPorts;
  /** Those of all addresses; this one takes itself out when nobody is left. */
  readonly mailboxes: Map<Address, Mailbox<A>>;
};

/** Commands that came while a turn was under way. */
export type Waiting<A extends ActorTypes> = { readonly urgent: Ask<A>[]; readonly others: Ask<A>[] };

/** What a turn has come to. */
export type Write<A extends ActorTypes> = {
  readonly record: A['state'];
  readonly bytes: Uint8Array;
  readonly options: { readonly ttlMs?: number };
};

/** A write on its way. */
export type Sent<A extends ActorTypes> = { readonly before: A['state'] | undefined; readonly after: A['state'] };
