import type { Answer, Refusal, RefusalReason } from './command.ts';
import type { TaskEvent } from './event.ts';
import type { Cause, UserId } from './task.ts';

/** What the decider says to a command. `events` is empty when the command had already been carried out. */
export type Decision =
  | { readonly ok: true; readonly events: readonly TaskEvent[]; readonly answer: Answer }
  | { readonly ok: false; readonly refusal: Refusal };

export const accept = (answer: Answer, ...events: TaskEvent[]): Decision => ({ ok: true, events, answer });
export const done = (...events: TaskEvent[]): Decision => accept({ kind: 'done' }, ...events);
export const refuse = (reason: RefusalReason): Decision => ({ ok: false, refusal: { reason } });

export const byUser = (user: UserId | undefined): Cause => (user === undefined ? 'service' : `user:${user}`);
