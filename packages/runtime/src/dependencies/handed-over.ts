import type { NotedEnd } from '@baton/core';
import { decodeData, decodeLargeData, PAYLOAD_LIMIT } from '@baton/protocols';
import { loadObject } from '../data/large-data.ts';
import { BatonError } from '../errors.ts';
import type { DataStore } from '../ports/data.ts';
import { loadLeft, type Left } from './left.ts';

/** What a body is told of a task it has waited for. Plain data: it is copied to a thread. Encoded: a body that does not ask pays nothing. */
export type HandedOver = {
  readonly taskId: string;
  readonly name: string;
  readonly status: DependencyOutcome['status'];
  readonly payload?: Uint8Array;
  readonly result?: Uint8Array;
  readonly error?: Left['error'];
};

/** A task that a handler's task has waited for, as the handler sees it (behaviour G1). */
export type DependencyOutcome = {
  readonly taskId: string;
  readonly name: string;
  /** `gone`: nobody could tell any more how it ended. */
  readonly status: 'success' | 'failure' | 'aborted' | 'timed_out' | 'gone';
  /** Undefined where it has none, and of one that failed and is ignored. */
  readonly payload: unknown;
  readonly result: unknown;
  readonly error: { readonly message: string; readonly type: string } | undefined;
};

/** All that the tasks it waited for have left a body, bytes. */
const MOST_BYTES = 64 * 1024 * 1024;

/** More than a body can be given; it fails, and would fail again. */
export class TooMuchLeftError extends BatonError {
  override readonly name = 'TooMuchLeftError';
  constructor() {
    const limit = `${MOST_BYTES / 1_048_576} MiB`;
    super(
      'PAYLOAD_TOO_LARGE',
      `the tasks it waited for have left more than ${limit} together: pass where it is instead`,
    );
  }
}

type EndedTask = { readonly id: string; readonly name: string; readonly end?: NotedEnd };

/** What those have left that the task waited for. Rejects with DataLostError, or another BatonError when it may work later. */
export const handedOver = async (data: DataStore, ended: readonly EndedTask[]): Promise<readonly HandedOver[]> => {
  const all: HandedOver[] = [];
  let bytes = 0;
  for (const { id, name, end } of ended) {
    const left = end?.left === undefined ? {} : await loadLeft(data, end.left);
    const payload = await bytesOf(data, left.payload);
    const result = await bytesOf(data, left.result);
    bytes += (payload?.length ?? 0) + (result?.length ?? 0);
    if (bytes > MOST_BYTES) throw new TooMuchLeftError();
    all.push({
      ...{ taskId: id, name, status: end?.status ?? 'gone' },
      ...(payload === undefined ? {} : { payload }),
      ...(result === undefined ? {} : { result }),
      ...(left.error === undefined ? {} : { error: left.error }),
    });
  }
  return all;
};

const bytesOf = async (data: DataStore, of: Left['payload']): Promise<Uint8Array | undefined> =>
  of === undefined || of instanceof Uint8Array ? of : loadObject(data, of);

export const outcomeOf = ({ taskId, name, status, payload, result, error }: HandedOver): DependencyOutcome => ({
  ...{ taskId, name, status },
  payload: payload === undefined ? undefined : decodeData(payload, PAYLOAD_LIMIT),
  result: result === undefined ? undefined : decodeLargeData(result),
  error,
});
