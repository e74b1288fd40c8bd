import type { SubmitOutcome, TaskRecord } from '@baton/core';
import { COMMAND_LIMIT, decode, documentOf, encode, type Address } from '@baton/protocols';
import type { SignalOutcome } from '../client/signal.ts';
import type { whyJson } from '../client/why-json.ts';
import type { Format } from './read-command.ts';

/** A task as an answer shows it: the names of REST, without what may be large. Times are ISO text. */
export type TaskView = Readonly<Record<string, unknown>> & { readonly id: string; readonly address: string };

export type CommandAnswer =
  | {
      readonly ok: true;
      readonly task: TaskView;
      /** What a submit, a cancel or a signal came to; `told` where nothing was to come of it. */
      readonly outcome: SubmitOutcome | 'aborted' | 'unsubscribed' | SignalOutcome | 'told';
      /** Of a submit: its arguments or options are others than those of the task. */
      readonly differs?: boolean;
      /** Of a submit: false where no worker has ever served tasks of its type. */
      readonly known?: boolean;
      /** Why it waits, as by REST, where that was asked. */
      readonly why?: ReturnType<typeof whyJson>;
    }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** Of the task, where that is the reason. */
      readonly status?: string;
    };

const SHOWN = [
  ...['task_type', 'task_key', 'task_name', 'scope', 'status', 'created_by', 'queue', 'priority', 'group'],
  ...['execution_mode', 'created_at', 'changed_at', 'run_at', 'expires_at', 'ready_at', 'started_at', 'ended_at'],
  ...['attempt', 'dedupe_count', 'address'],
] as const;

export const taskViewOf = (address: Address, epoch: number, revision: number, record: TaskRecord): TaskView => {
  const document: Readonly<Record<string, unknown>> = documentOf(record, { address, epoch, revision });
  const shown = SHOWN.map((field) => [field, plain(document[field])] as const);
  const tags = record.tags === undefined ? {} : { tags: record.tags };
  // Who comes to a task that was there can link his span to it.
  const traced = record.traceparent === undefined ? {} : { traceparent: record.traceparent };
  return { id: record.id, uuid: record.id, revision, ...Object.fromEntries(shown), ...tags, ...traced, address };
};

const plain = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : (value ?? null));

/** Written as the command was. */
export const encodeAnswer = (answer: CommandAnswer, format: Format): Uint8Array =>
  format === 'json' ? new TextEncoder().encode(JSON.stringify(answer)) : encode(answer);

export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  msgpack: 'application/msgpack',
};

/** Reads an answer in MessagePack; undefined for what is none. Throws DecodeError for what cannot be read at all. */
export const readAnswer = (bytes: Uint8Array): CommandAnswer | undefined => {
  const value = decode(bytes, COMMAND_LIMIT);
  if (typeof value !== 'object' || value === null) return undefined;
  const { ok, code, message, status, task, outcome } = value as Readonly<Record<string, unknown>>;
  if (ok === false) {
    if (typeof code !== 'string' || typeof message !== 'string') return undefined;
    return { ok, code, message, ...(typeof status === 'string' ? { status } : {}) };
  }
  const isTask = typeof task === 'object' && task !== null && 'id' in task && 'address' in task;
  return ok === true && isTask && typeof outcome === 'string' ? (value as CommandAnswer) : undefined;
};
