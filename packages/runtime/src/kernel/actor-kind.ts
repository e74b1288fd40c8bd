import type { Address } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { Entry, RecordStore } from '../ports/store.ts';

/** What one kind of actor is made of: its state, what it can be told, and what it says to that. */
export type ActorTypes = {
  /** `nonce` names the last write, so that a writer whose answer was lost knows his own. */
  readonly state: { readonly nonce?: string };
  readonly command: unknown;
  readonly event: unknown;
  readonly answer: unknown;
  readonly reason: string;
};

/** What a decider says. `events` is empty when the command had already been carried out. */
export type DecisionOf<A extends ActorTypes> =
  | { readonly ok: true; readonly events: readonly A['event'][]; readonly answer: A['answer'] }
  | { readonly ok: false; readonly refusal: { readonly reason: A['reason'] } };

/** A stored state and the revision it is stored under. */
export type HeldBy<A extends ActorTypes> = { readonly record: A['state']; readonly revision: number };

/**
 * One kind of actor, as the kernel needs it: a decider (`decide` and `evolve`, pure), a codec, and what its surroundings
 * have to say to a write. A state that is absent is `undefined`.
 */
export interface ActorKind<A extends ActorTypes> {
  decide(state: A['state'] | undefined, command: A['command']): DecisionOf<A>;
  /** Returns a state that nobody else has seen: the kernel puts its nonce on it. */
  evolve(state: A['state'] | undefined, event: A['event']): A['state'];
  encode(state: A['state']): Uint8Array;
  /** Throws UnreadableRecordError for what this program cannot read. */
  decode(entry: Pick<Entry, 'address' | 'bytes'>): A['state'];
  /** Most bytes a state may take. */
  readonly sizeLimit: number;
  /** Beyond so many bytes nothing is written that takes room from what comes later: refused for `noRoom`. */
  readonly roomLimit: number;
  readonly noRoom: A['reason'];
  takesRoom(before: A['state'] | undefined, after: A['state']): boolean;
  /**
   * `after` is another stage of its life than `before`. One write takes one step, and takes it first, so that every stage is
   * stored, and what is decided on the stored revision speaks of that revision.
   */
  isStep(before: A['state'], after: A['state']): boolean;
  /** Why what the decider accepts cannot be taken now; nothing happened then. Undefined: it can. */
  obstacle(answer: A['answer'], store: RecordStore): BatonError | undefined;
  /**
   * What has to be kept of `former` before `next` takes its place; undefined: nothing. With a cause it could not be kept,
   * and nothing is written.
   */
  keep(address: Address, former: HeldBy<A>, next: A['state']): Promise<BatonError | undefined> | undefined;
  /** It is stored: for what hastens others. Must not throw. */
  stored(entry: Entry, before: A['state'] | undefined, after: A['state']): void;
  /**
   * The same, told once for every write of ours that arrived, also for one whose answer was lost and that was found when it
   * was read: for who counts. Must not throw.
   */
  counted?(before: A['state'] | undefined, after: A['state']): void;
}
