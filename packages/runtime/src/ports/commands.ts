import type { Address } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { Closing, Subscription } from './environment.ts';
import type { WriteResult } from './store.ts';

export type CommandVerb = 'submit' | 'cancel' | 'signal';

/** A command of a publisher, as it came. */
export type CommandMessage = {
  /** Where it was sent. */
  readonly subject: string;
  /** What the subject says; may be none that is known. */
  readonly verb: string;
  /** What stands behind it: of a submit the type. May be no name. */
  readonly type?: string;
  /** All it came with; they go with it where it is put aside. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly bytes: Uint8Array;
  readonly contentType?: string;
  /** Where the answer is to go: an inbox, and nothing else. */
  readonly replyTo?: string;
  /** A reply was asked for to a place where none is sent. */
  readonly badReply?: true;
  /** One of its headers is none, and left out here. */
  readonly badHeaders?: true;
  /** Where it is stored, and since when (milliseconds, server's clock): names it for good. */
  readonly sequence: number;
  readonly storedAt: number;
  /** 1: nobody was given it before. */
  readonly deliveries: number;
  /** It is carried out, or put aside. */
  readonly ack: () => void;
  /** It comes again, to somebody, after so long. */
  readonly again: (ms: number) => void;
};

export type CommandSent =
  | { readonly kind: 'answered'; readonly bytes: Uint8Array }
  /** It is stored and will be carried out; nobody has said so yet. */
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed' | 'unknown'; readonly cause: BatonError };

/** Where a task is; see `Commands.find`. */
export type Place = Address | 'nowhere' | undefined;

/** Commands of those who may not write state, kept until somebody who may has carried them out. */
export interface Commands {
  /** MessagePack. Resolves when it is answered, or with `silent` after `timeoutMs`. Never rejects. */
  send(
    command: {
      readonly verb: CommandVerb;
      readonly type?: string;
      readonly bytes: Uint8Array;
      /** Besides those that every command has. */
      readonly headers?: Readonly<Record<string, string>>;
    },
    timeoutMs: number,
  ): Promise<CommandSent>;
  /** Gives commands, each to one of all who have opened, and again when it is not acknowledged in time. */
  open(take: (message: CommandMessage) => void, options: { readonly most: number }): Promise<Closing>;
  /** At most once. */
  reply(to: string, bytes: Uint8Array, contentType: string): void;
  /** Puts a command aside where people find it, with the reason it was not carried out. */
  bury(message: CommandMessage, code: string, reason: string): Promise<WriteResult>;
  /**
   * Asks whoever watches the tasks where the one with the id is. `nowhere`: so many have answered, all of them that they
   * have it not; undefined: it is not known now, since one of them did not answer.
   */
  find(id: string, timeoutMs: number, askedOf?: number): Promise<Place>;
  /** Undefined is no answer: who asks cannot tell then whether the task is there. */
  onFind(where: (id: string) => Place): Subscription;
}
