import {
  SUBMIT_OUTCOMES,
  taskOf,
  type Answer,
  type RefusalReason,
  type SubmitOutcome,
  type TaskRecord,
} from '@baton/core';
import type { Address } from '@baton/protocols';
import type { BatonError } from '../errors.ts';
import type { Asked, Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';

export type ClientParts = { readonly ports: Ports; readonly kernel: Kernel; readonly log: Log };

/** What became of one, before it is said whether its type is known. */
export type Made = Exclude<Submission, { kind: 'done' }> | Omit<Extract<Submission, { kind: 'done' }>, 'known'>;

export type Submission =
  | {
      readonly kind: 'done';
      readonly address: Address;
      /** Id of the task that was made or joined, and the record as its submitter sees it. */
      readonly id: string;
      readonly view: Held;
      /** The record as it is stored: the task may wait behind the one in it. */
      readonly held: Held;
      readonly outcome: SubmitOutcome;
      readonly differs: boolean;
      /** It was made by this very call, not by an earlier one with the same operation id. */
      readonly isNew: boolean;
      /** False: no worker has ever served tasks of its type. */
      readonly known: boolean;
    }
  | NotDone;

/** What a command came to that changed nothing, as far as is known. `record`: of the task it was for, where it is there. */
export type NotDone =
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly record?: TaskRecord }
  | {
      readonly kind: 'unknown' | 'failed';
      readonly cause: BatonError;
      /** Where the task of a submit may be all the same. */
      readonly at?: Place;
    };

type Place = { readonly address: Address; readonly id: string };

/** `id`: of the task that is meant, among those a record holds; absent: the first. */
export const notDone = (asked: Exclude<Asked, { kind: 'done' }>, id?: string): NotDone => {
  if (asked.kind !== 'refused') return { kind: asked.kind, cause: asked.cause };
  const { doubt, reason, held } = asked;
  if (doubt !== undefined) return { kind: 'unknown', cause: doubt };
  const record = held === undefined || id === undefined ? held?.record : taskOf(held.record, id);
  return { kind: 'refused', reason, ...(record === undefined ? {} : { record }) };
};

/** What came of asking for a task of that id. */
export const submissionOf = (asked: Asked, address: Address, wanted: string): Made => {
  if (asked.kind === 'done') return doneOf(asked, address, wanted);
  const came = notDone(asked);
  return came.kind === 'unknown' ? { ...came, at: { address, id: wanted } } : came;
};

const doneOf = (asked: Extract<Asked, { kind: 'done' }>, address: Address, wanted: string): Made => {
  const { answer, record, revision } = asked;
  const held: Held = { record, revision };
  const outcome = outcomeOf(answer);
  const id = outcome === 'created' || !('id' in answer) ? wanted : answer.id;
  const view: Held = { record: taskOf(record, id) ?? record, revision };
  const differs = answer.kind === 'joined' && answer.differs;
  const isNew = outcome === 'created' && asked.bytes !== undefined;
  return { kind: 'done', address, id, view, held, outcome, differs, isNew };
};

const outcomeOf = ({ kind }: Answer): SubmitOutcome =>
  (SUBMIT_OUTCOMES as readonly string[]).includes(kind) ? (kind as SubmitOutcome) : 'created';

/** The submit made no task of its own, for certain: what was stored for it is nobody's. */
export const isUnused = (asked: Asked): boolean => {
  if (asked.kind === 'done') return asked.answer.kind === 'joined' || asked.answer.kind === 'throttled';
  return asked.kind === 'failed' || (asked.kind === 'refused' && asked.doubt === undefined);
};
