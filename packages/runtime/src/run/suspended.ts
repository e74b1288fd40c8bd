import type { Child, TaskId } from '@baton/core';
import type { HandedOver } from '../dependencies/handed-over.ts';

/** One wait of a body for a signal: the nth for that name. */
export type SignalWait = { readonly name: string; readonly number: number; readonly timeoutMs: number };

/** One wait of a body for children: the nth of these. */
export type ChildrenWait = {
  readonly children: readonly TaskId[];
  readonly number: number;
  readonly onFailure?: 'continue';
  readonly timeoutMs: number;
};

/** What a wait for children has come to, with what they left where all have ended. */
export type ChildrenCame =
  | { readonly kind: 'ended'; readonly left: readonly HandedOver[] }
  | { readonly kind: 'failed'; readonly child: Child }
  | { readonly kind: 'timed-out' };

/** The body has been left where it waits; another run goes on from its start (behaviour G4). */
export type Suspended = { readonly kind: 'suspended'; readonly wait: SignalWait | ChildrenWait };
