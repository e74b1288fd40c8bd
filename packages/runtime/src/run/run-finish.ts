import type { BodyOutcome, Fence, TaskError } from '@baton/core';
import type { Held } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Chance, Clock } from '../ports/environment.ts';
import type { Body } from './body.ts';
import type { BodyEnd } from './body-end.ts';
import { lacksRoom, type OwnedTask, type OwnerCommand, type RunTrace, type Told } from './owned-task.ts';
import { isLarge, small, type RunData } from './run-data.ts';

/** How a run left the task; `lost`: somebody else has it, or it was ended without us. */
export type RunEnd = { readonly kind: 'left'; readonly held: Held } | { readonly kind: 'lost' };

/**
 * Why a run is handed back. `abnormal`: its worker ends without having been asked to (behaviour R10). `isRunning`: its body
 * runs on.
 */
export type GivingBack = { readonly why: string; readonly abnormal?: true; readonly isRunning?: true } & RunTrace;

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
  readonly log: () => Log;
  /** Stores what the body and its handlers have told last; undefined: there is nothing. */
  readonly flush: () => Promise<void> | undefined;
  /** The cleanup handlers run; to be called again with `false` when they have. */
  readonly cleaning: (running: boolean) => void;
};

/** Runs what has to run after the body, and tells how the attempt ended. */
export const finishRun = async (run: Ending, end: BodyEnd): Promise<RunEnd> => {
  if (end.kind === 'threw' && run.givingBack !== undefined && run.aborting === undefined) {
    sayFailed(run, await runCleanups(run));
    await run.flush();
    const told = await tellGiveBack(run, run.givingBack);
    if (told.kind !== 'refused' || told.reason !== 'aborting') return leftBy(told);
    run.abort();
  }
  const { hasCleanups } = run.body;
  const isMarked = hasCleanups || isLarge(end) ? await markFinishing(run, isLarge(end) ? undefined : small(end)) : true;
  const kept = hasCleanups && (isLarge(end) || !isMarked) ? await keepFirst(run, end) : undefined;
  for (;;) {
    // No promise more than needed: most runs have no handlers, and nothing that is large.
    const handlerErrors = hasHandlers(run) ? await runHandlers(run) : run.strays;
    const flushing = run.flush();
    if (flushing !== undefined) await flushing;
    const isSuccess = handlerErrors.length === 0 && run.aborting === undefined;
    const isAway = isSuccess && kept === undefined && isLarge(end);
    const outcome = isAway
      ? await run.data.putAway(end.result.bytes, run)
      : ((isSuccess ? kept : undefined) ?? small(end));
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
 * stands, and the body is not run again (behaviour L3). False: marked, without what it came to, for which the record has
 * no room.
 */
const markFinishing = async (run: Ending, body: BodyOutcome | undefined): Promise<boolean> => {
  if (run.aborting !== undefined || run.task.lost) return true;
  const command = { kind: 'mark-finishing', at: run.clock.now(), fence: run.fence } as const;
  let marked = await run.task.tell(body === undefined ? command : { ...command, body });
  const isRoomy = !lacksRoom(marked);
  if (!isRoomy) marked = await run.task.tell(command);
  if (marked.kind === 'refused' && marked.reason === 'aborting') run.abort();
  return isRoomy;
};

/** A result that is large, or for which the record has no room, is put away before the cleanup handlers run. */
const keepFirst = async (run: Ending, end: BodyEnd): Promise<BodyOutcome | undefined> => {
  if (run.aborting !== undefined || run.task.lost || end.kind === 'threw' || end.result === undefined) return undefined;
  const kept = await run.data.putAway(end.result.bytes, run);
  if (kept !== undefined) await markFinishing(run, kept);
  return kept;
};

export const tellGiveBack = (
  { task, clock, fence }: Pick<Ending, 'task' | 'clock' | 'fence'>,
  by: GivingBack,
): Promise<Told> => task.tell({ kind: 'give-back', at: clock.now(), fence, ...by });

export const leftBy = (told: Told): RunEnd =>
  told.kind === 'done' ? { kind: 'left', held: told.held } : { kind: 'lost' };

/** What telling the end takes. */
export type EndTelling = Pick<Ending, 'task' | 'data' | 'clock' | 'chance' | 'fence' | 'aborting' | 'forced'> & {
  readonly body: Pick<Body, 'hasAborts'>;
} & RunTrace;

/** Tells how the attempt ended; a result for which the record has no room goes where large ones go. */
export const tellEnd = (run: EndTelling, body: BodyOutcome, handlerErrors: readonly TaskError[]): Promise<Told> => {
  const command = {
    kind: 'finish',
    at: run.clock.now(),
    fence: run.fence,
    body,
    handlerErrors,
    abortHandled: run.aborting !== undefined || !run.body.hasAborts,
    random: run.chance.random(),
    ...(run.forced ? FORCED : undefined),
    ...(run.trace === undefined ? undefined : { trace: run.trace }),
  } as const;
  return run.task.tell(command).then((told) => (lacksRoom(told) ? tellSmaller(run, command, told) : told));
};

type FinishCommand = Extract<OwnerCommand, { kind: 'finish' }>;

/** The record has no room for the result: it goes where large ones go (behaviour R9). */
const tellSmaller = async (run: EndTelling, command: FinishCommand, told: Told): Promise<Told> => {
  const { body, handlerErrors } = command;
  const smaller =
    body.kind === 'returned' && body.result instanceof Uint8Array ? await run.data.putAway(body.result, run) : body;
  if (smaller === undefined) return { kind: 'lost' };
  const again = smaller === body ? told : await run.task.tell({ ...command, body: smaller });
  if (again.kind === 'refused') run.data.drop(smaller);
  // A server that takes less in one message than it was checked for at the start: the end is told, and less about it.
  return again.kind === 'refused' && again.reason === 'PAYLOAD_TOO_LARGE'
    ? run.task.tell({ ...command, body: withoutStack(body), handlerErrors: handlerErrors.map(briefly) })
    : again;
};

const FORCED = { forced: true } as const;

export const runCleanups = async (run: Ending): Promise<readonly TaskError[]> => {
  if (!run.body.hasCleanups) return run.body.runCleanups();
  run.cleaning(true);
  const errors = await run.body.runCleanups();
  run.cleaning(false);
  return errors;
};

/** Of a run that is given back the task knows nothing: it goes on elsewhere, and may succeed. */
const sayFailed = ({ log }: Ending, errors: readonly TaskError[]): void => {
  for (const { message, type, stack } of errors)
    log().warn({ type, stack }, `a cleanup handler failed of a run that is given back: ${message}`);
};

const briefly = ({ message, type }: TaskError): TaskError => ({ message, type });

const withoutStack = (body: BodyOutcome): BodyOutcome => {
  if (body.kind === 'threw') return { ...body, error: briefly(body.error) };
  const error = { message: 'the record would be too large with this result', type: 'result_too_large' };
  return { kind: 'threw', error, terminal: true };
};

const hasHandlers = (run: Ending): boolean => run.aborting !== undefined || run.body.hasCleanups;

/** Abort handlers, then cleanup handlers; resolves with what failed. */
const runHandlers = async (run: Ending): Promise<readonly TaskError[]> => {
  await run.aborting;
  // Asked again: some may have been registered while the others ran.
  const aborts = run.aborting === undefined ? [] : await run.body.runAborts(() => undefined);
  const cleanups = run.body.hasCleanups ? await runCleanups(run) : [];
  return [...aborts, ...cleanups, ...run.strays];
};
