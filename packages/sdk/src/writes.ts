import type { Actor } from '@baton/core';
import type { Address } from '@baton/protocols';
import {
  cancelTask,
  signalTask,
  submitTask,
  type Cancellation,
  type Signalling,
  type SignalRequest,
  type Submission,
  type SubmitParts,
  type SubmitRequest,
} from '@baton/runtime';
import { unlessDisconnected } from './connection-limit.ts';

/** `operationId`: that the id of the signal was made of, where somebody gave one. */
export type SentSignal = SignalRequest & { readonly operationId?: string };

/** How a client makes and cancels tasks: by writing records itself, or by commands to those who may. */
export type Writes = {
  readonly submit: (actor: Actor, request: SubmitRequest) => Promise<Submission>;
  readonly cancel: (
    actor: Actor,
    address: Address,
    target: { readonly id: string; readonly force: boolean },
  ) => Promise<Cancellation>;
  readonly signal: (actor: Actor, address: Address, request: SentSignal) => Promise<Signalling>;
};

export const directWrites = (parts: SubmitParts): Writes => ({
  submit: (actor, request) => unlessDisconnected(parts.ports, submitTask(parts, actor, request)),
  cancel: (actor, address, target) => unlessDisconnected(parts.ports, cancelTask(parts, actor, address, target)),
  signal: (actor, address, request) => unlessDisconnected(parts.ports, signalTask(parts, actor, address, request)),
});
