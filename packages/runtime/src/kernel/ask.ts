import { BatonError, OutcomeUnknownError } from '../errors.ts';
import type { ActorTypes, DecisionOf, HeldBy } from './actor-kind.ts';

/** What came of one command: `done`, `refused`, `failed` (nothing happened) or `unknown`. */
export type AskedOf<A extends ActorTypes> =
  | {
      readonly kind: 'done';
      /** As it is stored: with what others of this process, whose commands went into the same write, have changed. */
      readonly record: A['state'];
      readonly revision: number;
      readonly answer: A['answer'];
      /** The record as it was stored, when this command changed it: saves encoding it again. */
      readonly bytes?: Uint8Array;
    }
  | {
      readonly kind: 'refused';
      readonly reason: A['reason'];
      readonly held: HeldBy<A> | undefined;
      /** An earlier try of this `ask` had no answer and may have been carried out, and covered by a later writer. */
      readonly doubt?: BatonError;
    }
  | { readonly kind: 'unknown'; readonly cause: BatonError }
  | { readonly kind: 'failed'; readonly cause: BatonError };

export type AskOptionsOf<A extends ActorTypes> = {
  /** What is believed to be stored; saves the first read. Wrong belief costs one refused write. */
  readonly from?: HeldBy<A> | 'absent';
  /** The record is forgotten by the server after this long. Such a write is one command's alone. */
  readonly ttlMs?: number;
  /** Goes before those that wait at this address, as an owner's commands do: others can wait for him, he not for them. */
  readonly urgent?: boolean;
};

/** One `ask` on its way. */
export class Ask<A extends ActorTypes> {
  readonly make: (held: HeldBy<A> | undefined) => A['command'];
  readonly options: AskOptionsOf<A>;
  /** As it stands in the write that is under way; undefined: it is not part of it. */
  decision: DecisionOf<A> | undefined;
  /** A write that it was part of had no answer. */
  doubt: BatonError | undefined;
  /** When it was first beaten by another writer, on the monotonic clock. */
  beatenAt: number | undefined;
  private asked: AskedOf<A> | undefined;
  /** What was thrown at the caller instead. */
  private fault: { readonly thrown: unknown } | undefined;
  private answer:
    | { readonly resolve: (asked: AskedOf<A>) => void; readonly reject: (error: unknown) => void }
    | undefined;

  constructor(make: (held: HeldBy<A> | undefined) => A['command'], options: AskOptionsOf<A>) {
    this.make = make;
    this.options = options;
  }

  /** For one that waits behind others. */
  promise(): Promise<AskedOf<A>> {
    return new Promise((resolve, reject) => {
      this.answer = { resolve, reject };
    });
  }

  get isSettled(): boolean {
    return this.asked !== undefined || this.fault !== undefined;
  }

  /** Of one that is settled. */
  get result(): AskedOf<A> {
    if (this.fault !== undefined) throw this.fault.thrown;
    if (this.asked === undefined) throw new Error('a command was left without a result');
    return this.asked;
  }

  settle(asked: AskedOf<A>): void {
    this.asked = asked;
    this.answer?.resolve(asked);
  }

  /** What it was decided to be is stored, or was there already. */
  settleAs(decision: DecisionOf<A>, held: HeldBy<A> | undefined, bytes?: Uint8Array): void {
    if (!decision.ok) {
      const doubt = this.doubt === undefined ? {} : { doubt: this.doubt };
      this.settle({ kind: 'refused', reason: decision.refusal.reason, held, ...doubt });
    } else if (held !== undefined) {
      const { record, revision } = held;
      const { answer, events } = decision;
      this.settle(
        bytes === undefined || events.length === 0
          ? { kind: 'done', record, revision, answer }
          : { kind: 'done', record, revision, answer, bytes },
      );
    }
  }

  /** Nothing by the last try. An earlier one without an answer may still have been carried out. */
  nothingHappened(cause: BatonError): void {
    this.settle(this.doubt === undefined ? { kind: 'failed', cause } : { kind: 'unknown', cause: this.doubt });
  }

  /**
   * Something was thrown on the way. A read that failed after a write whose answer was lost leaves the write unknown. What
   * is no BatonError is a bug, or a fault of what the caller brought, and is thrown to him.
   */
  thrown(error: unknown): void {
    if (!(error instanceof BatonError)) {
      this.fault = { thrown: error };
      this.answer?.reject(error);
    } else if (this.doubt === undefined && !(error instanceof OutcomeUnknownError))
      this.settle({ kind: 'failed', cause: error });
    else this.settle({ kind: 'unknown', cause: error });
  }
}
