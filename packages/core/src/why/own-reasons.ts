import { openChildren } from '../children.ts';
import { openDependencies } from '../dependency.ts';
import type { Millis, TaskId, TaskRecord } from '../task.ts';
import { isTerminal } from '../task.ts';
import type { WaitReason } from './reason.ts';

/**
 * What a record itself says of why it waits: what comes before its queue. `actor`: the record it stands in, another one
 * where it waits behind that.
 */
export const ownReasons = (actor: TaskRecord, record: TaskRecord, now: Millis): readonly WaitReason[] => {
  if (record.status !== 'pending') return [];
  const reasons: WaitReason[] = [];
  if (actor.id !== record.id && !isTerminal(actor.status)) reasons.push({ kind: 'behind', task: actor.id });
  const open = openDependencies(record);
  if (open.length > 0) reasons.push({ kind: 'depends_on', tasks: open.map(({ id }) => id) });
  const { runAt, host, latestRunAt, attempt, waiting } = record;
  if (waiting !== undefined && runAt !== undefined && runAt > now)
    reasons.push(
      'signal' in waiting
        ? { kind: 'signal', signal: waiting.signal, until: runAt }
        : { kind: 'children', tasks: openOf(record, waiting.children), of: waiting.children.length, until: runAt },
    );
  else if (runAt !== undefined && runAt > now) {
    const because = attempt > 0 ? 'retry' : latestRunAt === undefined ? 'delay' : 'debounce';
    reasons.push({ kind: 'starts_at', at: runAt, because });
  }
  if (reasons.length > 0) return reasons;
  if (host !== undefined) reasons.push({ kind: 'inline' });
  // What it stood behind has ended, and its record is about to be its own.
  else if (actor.id !== record.id) reasons.push({ kind: 'unheard' });
  return reasons;
};

const openOf = (record: TaskRecord, awaited: readonly TaskId[]): readonly TaskId[] =>
  openChildren(record).flatMap(({ id }) => (awaited.includes(id) ? [id] : []));

/** It waits in its queue, which is to be asked. */
export const isForQueue = (actor: TaskRecord, record: TaskRecord, now: Millis): boolean =>
  record.status === 'pending' && actor.id === record.id && ownReasons(actor, record, now).length === 0;
