import type { Address } from '@baton/protocols';
import type { Chance, Clock } from '../ports/environment.ts';
import type { RecordStore } from '../ports/store.ts';
import type { ActorKind, ActorTypes } from './actor-kind.ts';
import type { Ask } from './ask.ts';

export type KernelPorts = { readonly store: RecordStore; readonly clock: Clock; readonly chance: Chance };

export type MailboxParts<A extends ActorTypes> = {
  readonly kind: ActorKind<A>;
  readonly ports: KernelPorts;
  /** Those of all addresses; this one takes itself out when nobody is left. */
  readonly mailboxes: { delete(address: Address): unknown };
};

/** Commands that came while a turn was under way. */
export type Waiting<A extends ActorTypes> = { readonly urgent: Ask<A>[]; readonly others: Ask<A>[] };

/** What a turn has come to. */
export type Write<A extends ActorTypes> = {
  readonly record: A['state'];
  readonly bytes: Uint8Array;
  readonly options: { readonly ttlMs?: number };
};
