import type { ActorTypes } from './actor-kind.ts';
import type { Ask } from './ask.ts';

/** Commands that came while a turn was under way. */
export type Waiting<A extends ActorTypes> = { readonly urgent: Ask<A>[]; readonly others: Ask<A>[] };

/** What a turn has come to. */
export type Write<A extends ActorTypes> = {
  readonly record: A['state'];
  readonly bytes: Uint8Array;
  readonly options: { readonly ttlMs?: number };
};
