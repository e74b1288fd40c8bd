import type { BodyOutcome, Fence, TaskError } from '@baton/core';
import type { Held } from '../kernel.ts';
import type { Chance, Clock } from '../ports.ts';
import type { Body } from './body.ts';
import type { BodyEnd } from './body-end.ts';
import type { OwnedTask, Told } from './owned-task.ts';
import { isLarge, small, type RunData } from './run-data.ts';

/** How a run left the task; `lost`: somebody else has it, or it was ended without us. */
export type RunEnd = { readonly kind: 'left'; readonly held: Held } | { readonly kind: 'lost' };

/** Why a run is handed back. `abnormal`: its worker ends without having been asked to (behaviour R10). */
export type GivingBack = { readonly why: string; readonly abnormal?: true };

/** What the end of a run depends on, as it is at each moment. */
export type Ending = {
  readonly task: OwnedTask;
  readonly body: Body;
  readonly data: RunData;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly fence: Fence;
  /** The abort handlers that were called; undefined: nobody has asked for an abort. */
  readonly aborting: Promise<readonly TaskError[]> | undefined;
  readonly givingBack: GivingBack | undefined;
  /** The body was ended by force. */
  readonly forced: boolean;
  /** What was thrown in the context of the task and not caught after its body had ended. */
  readonly strays: readonly TaskError[];
  readonly abort: () => void;
  /** Stores what the body and its handlers have told last. */
  readonly flush: () => Promise<void>;
  /** The cleanup handlers run; to be called again with `false` when they have. */
  readonly cleaning: (running: boolean) => void;
};

/** Runs what has to run after the body, and tells how the attempt ended. */
export const finishRun = async (run: Ending, end: BodyEnd): Promise<RunEnd> => {
  if (end.kind === 'threw' && run.givingBack !== undefined && run.aborting === undefined) {
    await runCleanups(run);
    await run.flush();
    const told = await tellGiveBack(run, run.givingBack);
    if (told.kind !== 'refused' || told.reason !== 'aborting') return leftBy(told);
    run.abort();
  }
  if (run.body.hasCleanups || isLarge(end)) await markFinishing(run, isLarge(end) ? undefined : small(end));
  const kept = run.body.hasCleanups && isLarge(end) ? await keepFirst(run, end) : undefined;
  for (;;) {
    const handlerErrors = await runHandlers(run);
    await run.flush();
    const isSuccess = handlerErrors.length === 0 && run.aborting === undefined;
    const outcome = isSuccess ? (kept ?? (await run.data.keep(end, run.task.record.id, run.fence))) : small(end);
    if (outcome === undefined) return { kind: 'lost' };
    const knew = run.aborting !== undefined;
    const told = await tellEnd(run, outcome, handlerErrors);
    if (told.kind === 'refused') run.data.drop(outcome);
    if (told.kind !== 'lost' && !isSuccess && kept !== undefined) run.data.drop(kept);
    // A cancel or a timeout was recorded first, and is heard of by this answer: its handlers run before the task may end.
    if (told.kind === 'refused' && told.reason === 'aborting' && !knew) {
      run.abort();
      continue;
    }
    return leftBy(told);
  }
};

/**
 * Marks the record before the handlers run, with what the body came to: should they never end, or the worker, that
 * stands, and the body is not run again (behaviour L3).
 */
const markFinishing = async (run: Ending, body: BodyOutcome | undefined): Promise<void> => {
  if (run.aborting !== undefined || run.task.lost) return;
  const command = { kind: 'mark-finishing', at: run.clock.now(), fence: run.fence } as const;
  let marked = await run.task.tell(body === undefined ? command : { ...command, body });
  // There is no room for it beside the rest. What it comes to is told at the end then, and decided there.
  if (marked.kind === 'refused' && marked.reason === 'PAYLOAD_TOO_LARGE') marked = await run.task.tell(command);
  if (marked.kind === 'refused' && marked.reason === 'aborting') run.abort();
};

/** A large result is put away before the cleanup handlers run, and not after them. */
const keepFirst = async (run: Ending, end: BodyEnd): Promise<BodyOutcome | undefined> => {
  if (run.aborting !== undefined || run.task.lost) return undefined;
  const kept = await run.data.keep(end, run.task.record.id, run.fence);
  if (kept !== undefined) await markFinishing(run, kept);
  return kept;
};

export const tellGiveBack = ({ task, clock, fence }: Ending, by: GivingBack): Promise<Told> =>
  task.tell({ kind: 'give-back', at: clock.now(), fence, ...by });

export const leftBy = (told: Told): RunEnd =>
  told.kind === 'done' ? { kind: 'left', held: told.held } : { kind: 'lost' };

const tellEnd = async (run: Ending, body: BodyOutcome, handlerErrors: readonly TaskError[]): Promise<Told> => {
  const command = {
    kind: 'finish',
    at: run.clock.now(),
    fence: run.fence,
    body,
    handlerErrors,
    abortHandled: run.aborting !== undefined || !run.body.hasAborts,
    random: run.chance.random(),
    ...(run.forced ? FORCED : undefined),
  } as const;
  const told = await run.task.tell(command);
  if (told.kind !== 'refused' || told.reason !== 'PAYLOAD_TOO_LARGE') return told;
  const error = { message: 'the record would be too large with this result', type: 'result_too_large' };
  return run.task.tell({ ...command, body: { kind: 'threw', error, terminal: true } });
};

const FORCED = { forced: true } as const;

const runCleanups = async (run: Ending): Promise<readonly TaskError[]> => {
  if (!run.body.hasCleanups) return run.body.runCleanups();
  run.cleaning(true);
  const errors = await run.body.runCleanups();
  run.cleaning(false);
  return errors;
};

/** Abort handlers, then cleanup handlers; resolves with what failed. */
const runHandlers = async (run: Ending): Promise<readonly TaskError[]> => {
  if (run.aborting === undefined && !run.body.hasCleanups) return run.strays;
  await run.aborting;
  // Asked again: some may have been registered while the others ran.
  const aborts = run.aborting === undefined ? [] : await run.body.runAborts(() => undefined);
  const cleanups = run.body.hasCleanups ? await runCleanups(run) : [];
  return [...aborts, ...cleanups, ...run.strays];
};
