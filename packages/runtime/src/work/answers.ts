import { abortGraceMsOf, type Fence, type TaskRecord } from '@baton/core';
import { decodeData, encode, LEASE_MS, PAYLOAD_LIMIT, viewOfData, WORK_BEAT_MS, type Address } from '@baton/protocols';
import type { Format } from '../commands/read-command.ts';
import { BatonError } from '../errors.ts';
import { factsOf } from '../run/facts.ts';

/** Why a request was not carried out. All but INVALID_ARGUMENT and those said to be final may be asked again. */
export type WorkRefusal = { readonly ok: false; readonly code: string; readonly message: string };

export type WorkAnswer = (Readonly<Record<string, unknown>> & { readonly ok: true }) | WorkRefusal;

export const refusal = (code: string, message: string): WorkRefusal => ({ ok: false, code, message });

/** It could not be done, or nobody knows: the same request again is safe. */
export const failureOf = (error: unknown): WorkRefusal => {
  if (error instanceof BatonError) return refusal(error.code, error.message);
  throw error;
};

/** What every answer to a claim or a beat says of the dealings: who answers, as whom he knows the worker, and its times. */
export const termsOf = (supervisor: string, name: string) => ({
  supervisor,
  as: name,
  beat: WORK_BEAT_MS / 1_000,
  lease: LEASE_MS / 1_000,
});

/**
 * A task as its worker is told of it: what a handler may know, and what it takes to speak of the run. `args`: decoded.
 * Times are seconds.
 */
export const taskViewOf = (address: Address, claimed: TaskRecord, fence: Fence, args: unknown) => {
  const { id, type, key, name, scope, queue, priority, policy, attempt, traceparent, tracestate } = claimed;
  const { user, previous } = factsOf(claimed, fence);
  const { timeoutMs } = policy;
  return {
    ...{ id, address, type, key, name, scope, queue, priority, attempt },
    fence: { epoch: fence.epoch, revision: fence.revision },
    args: args ?? [],
    user: user ?? null,
    timeout: timeoutMs === undefined ? null : timeoutMs / 1_000,
    abort_grace: abortGraceMsOf(policy) / 1_000,
    idempotency_key: id,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    previous: {
      progress: previous.progress ?? null,
      payload: previous.payload === undefined ? null : decodeData(previous.payload, PAYLOAD_LIMIT),
    },
  };
};

export type WorkTask = ReturnType<typeof taskViewOf>;

/** Written as the request was. In JSON times of the data are ISO text and bytes `{"$base64"}`, as everywhere in JSON. */
export const encodeWorkAnswer = (answer: WorkAnswer, format: Format): Uint8Array =>
  format === 'json' ? new TextEncoder().encode(JSON.stringify(viewOfData(answer))) : encode(answer);
