import type { Actor } from '@baton/core';
import type { Address } from '@baton/protocols';
import {
  cancelTask,
  submitTask,
  type Cancellation,
  type Submission,
  type SubmitParts,
  type SubmitRequest,
} from '@baton/runtime';
import { patiently } from './patience.ts';

/** How a client makes and cancels tasks: by writing records itself, or by commands to those who may. */
export type Writes = {
  readonly submit: (actor: Actor, request: SubmitRequest) => Promise<Submission>;
  readonly cancel: (
    actor: Actor,
    address: Address,
    target: { readonly id: string; readonly force: boolean },
  ) => Promise<Cancellation>;
};

export const directWrites = (parts: SubmitParts): Writes => ({
  submit: (actor, request) => patiently(parts.ports, submitTask(parts, actor, request)),
  cancel: (actor, address, target) => patiently(parts.ports, cancelTask(parts, actor, address, target)),
});
