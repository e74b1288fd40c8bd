import { abortGraceMsOf, type Fence, type SignalEntry, type TaskRecord } from '@baton/core';
import { decodeData, encode, LEASE_MS, PAYLOAD_LIMIT, viewOfData, WORK_BEAT_MS, type Address } from '@baton/protocols';
import type { Format } from '../commands/read-command.ts';
import type { DependencyOutcome } from '../dependencies/handed-over.ts';
import { BatonError } from '../errors.ts';
import { factsOf } from '../run/facts.ts';
import { rescueBefore } from '../run/run-log.ts';

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
 * A task as its worker is told of it: what a handler may know, and what it takes to speak of the run. Data is decoded.
 * Times are seconds.
 */
export const taskViewOf = (
  address: Address,
  claimed: TaskRecord,
  fence: Fence,
  { value: args, dependencies }: Given,
) => {
  const { id, type, key, name, scope, queue, priority, policy, attempt, traceparent, tracestate, signals, runTrace } =
    claimed;
  const { user, previous, tags } = factsOf(claimed, fence);
  const { timeoutMs } = policy;
  const rescued = rescueBefore(claimed);
  return {
    ...{ id, address, type, key, name, scope, queue, priority, attempt },
    fence: { epoch: fence.epoch, revision: fence.revision },
    args: args ?? [],
    user: user ?? null,
    timeout: timeoutMs === undefined ? null : timeoutMs / 1_000,
    abort_grace: abortGraceMsOf(policy) / 1_000,
    idempotency_key: id,
    ...(rescued === undefined ? {} : { rescued }),
    ...(tags === undefined ? {} : { tags }),
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    ...(signals === undefined ? {} : { signals: signals.map(signalView) }),
    ...(dependencies === undefined ? {} : { dependencies: dependencies.map(dependencyView) }),
    previous: {
      progress: previous.progress ?? null,
      payload: previous.payload === undefined ? null : decodeData(previous.payload, PAYLOAD_LIMIT),
      ...(runTrace === undefined ? {} : { traceparent: runTrace }),
    },
  };
};

/** What answers a wait: a signal with its data, or that its time was over before one came. */
export const signalView = (entry: SignalEntry) =>
  'timedOut' in entry
    ? { name: entry.name, timed_out: true }
    : {
        name: entry.name,
        by: entry.by,
        data: entry.data === undefined ? null : decodeData(entry.data, PAYLOAD_LIMIT),
      };

type Given = { readonly value: unknown; readonly dependencies?: readonly DependencyOutcome[] };

const dependencyView = ({ taskId, name, status, payload, result, error }: DependencyOutcome) => ({
  ...{ id: taskId, name, status },
  payload: payload ?? null,
  result: result ?? null,
  error: error ?? null,
});

export type WorkTask = ReturnType<typeof taskViewOf>;

/** Written as the request was. In JSON times of the data are ISO text and bytes `{"$base64"}`, as everywhere in JSON. */
export const encodeWorkAnswer = (answer: WorkAnswer, format: Format): Uint8Array =>
  format === 'json' ? new TextEncoder().encode(JSON.stringify(viewOfData(answer))) : encode(answer);

/** What an answer has beside its tasks, bytes; more than enough. */
const ENVELOPE_BYTES = 4_096;

/** Those of the tasks that fit into one answer of so many bytes, in their order, and those that would fit into another one. */
export const fittingTasks = (
  tasks: readonly WorkTask[],
  format: Format,
  limit: number,
): { readonly kept: readonly WorkTask[]; readonly left: readonly WorkTask[] } => {
  const kept: WorkTask[] = [];
  const left: WorkTask[] = [];
  const room = limit - ENVELOPE_BYTES;
  let taken = 0;
  for (const task of tasks) {
    const bytes = encodeWorkAnswer({ ok: true, task }, format).length;
    if (bytes > room) continue;
    if (taken + bytes > room) left.push(task);
    else {
      taken += bytes;
      kept.push(task);
    }
  }
  return { kept, left };
};
