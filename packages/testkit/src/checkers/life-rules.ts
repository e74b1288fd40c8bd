import type { Status, TaskRecord } from '@baton/core';

/**
 * The rules of a task's life, written by hand from the behaviour tables and not taken from the code that is checked.
 */

/**
 * From -> to. Staying where one is (a join, a progress, an archive mark) is always allowed and not listed. What has not
 * begun fails only for a task it waited for.
 */
export const LEGAL_STEPS: Readonly<Record<Status, readonly Status[]>> = {
  pending: ['in_progress', 'aborted', 'failure'],
  in_progress: ['aborting', 'success', 'failure', 'pending'],
  aborting: ['aborted', 'timed_out', 'failure'],
  success: [],
  failure: [],
  aborted: [],
  timed_out: [],
};

export const isEnd = (status: Status): boolean => LEGAL_STEPS[status].length === 0;

export const isLegalStep = (from: Status, to: Status): boolean => from === to || LEGAL_STEPS[from].includes(to);

/** What the first submit decided and nobody changes afterwards. */
const FIXED_FIELDS = [
  'type',
  'key',
  'name',
  'scope',
  'creator',
  'args',
  'queue',
  'priority',
  'mode',
  'policy',
  'createdAt',
  'retriedFrom',
] as const satisfies readonly (keyof TaskRecord)[];

/** Of them, what a later submit may put its own in place of, as long as no run of the task has begun. */
const REPLACEABLE: ReadonlySet<string> = new Set(['name', 'args', 'queue', 'priority', 'policy']);

export const fixedFor = ({ status, attempt }: TaskRecord): readonly (typeof FIXED_FIELDS)[number][] =>
  status === 'pending' && attempt === 0 ? FIXED_FIELDS.filter((field) => !REPLACEABLE.has(field)) : FIXED_FIELDS;

/** What an end decides for good. */
export const FINAL_FIELDS = [
  'status',
  'result',
  'error',
  'progress',
  'payload',
  'attempt',
  'owner',
  'startedAt',
  'endedAt',
  'abort',
  'history',
] as const satisfies readonly (keyof TaskRecord)[];

/** What only the owner of a run may change. */
export const OWNED_FIELDS = [
  'progress',
  'payload',
  'abortable',
  'finishing',
  'result',
] as const satisfies readonly (keyof TaskRecord)[];

const DEFAULT_ATTEMPTS = 1;
const DEFAULT_RESCUES = 2;

export const attemptsAllowed = ({ policy }: TaskRecord): number => policy.maxAttempts ?? DEFAULT_ATTEMPTS;
export const rescuesAllowed = ({ policy }: TaskRecord): number => policy.maxRescues ?? DEFAULT_RESCUES;
export const failuresOf = (record: TaskRecord): number => record.failures ?? 0;
export const rescuesOf = (record: TaskRecord): number => record.rescues ?? 0;

/** Entries of the history, those that were dropped from its middle included. */
export const transitionsOf = (record: TaskRecord): number => record.history.length + (record.historyDropped ?? 0);
