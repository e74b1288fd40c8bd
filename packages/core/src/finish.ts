import { boundedError, combinedError } from './bounded.ts';
import type { WorkerCommand } from './command.ts';
import { done, refuse, type Decision } from './decision.ts';
import { backoffOf, maxAttemptsOf } from './defaults.ts';
import { backoffDelayMs } from './retry.ts';
import {
  compareFences,
  isOwnedUnder,
  isTerminal,
  ownedRun,
  ownerOf,
  type BodyOutcome,
  type Cause,
  type Millis,
  type TaskError,
  type TaskRecord,
} from './task.ts';

type Finish = Extract<WorkerCommand, { kind: 'finish' }>;

/**
 * The end of one run of the body. What was promised first stands: an abort that was recorded before this ends the task
 * as aborted or timed out however the body went (behaviour L7, L8), unless a handler failed (L6).
 */
export const decideFinish = (record: TaskRecord | undefined, command: Finish): Decision => {
  if (record !== undefined && isTerminal(record.status) && isOwnedUnder(record, command.fence)) return repeat(record);
  const run = ownedRun(record, command.fence);
  if (run === undefined) return refuse('fenced');
  return run.status === 'aborting' ? finishAborting(run, command) : finishRunning(run, command);
};

/**
 * The same `finish` again is fine; one that comes after somebody else's end is told so: a supervisor or an admin may have
 * ended the task, and the owner they ended it for still stands in the record.
 */
const repeat = (record: TaskRecord): Decision =>
  record.history.at(-1)?.by === ownerOf(record) ? done() : refuse('fenced');

const finishAborting = (run: TaskRecord, command: Finish): Decision => {
  if (!command.abortHandled && !command.forced) return refuse('aborting');
  if (command.handlerErrors.length > 0) return fail(run, command, combined(command));
  return done({
    kind: 'stopped',
    at: command.at,
    by: ownerOf(run),
    cause: run.abort?.cause ?? 'cancel',
    ...(command.forced ? { forced: true } : {}),
  });
};

const finishRunning = (run: TaskRecord, command: Finish): Decision => {
  if (command.handlerErrors.length > 0) return fail(run, command, combined(command));
  return endOfBody(run, command.body, { at: command.at, by: ownerOf(run), random: command.random });
};

type End = { readonly at: Millis; readonly by: Cause; readonly random: number; readonly why?: string };

const endOfBody = (run: TaskRecord, body: BodyOutcome, { random, ...end }: End): Decision => {
  if (body.kind === 'returned') {
    const result = body.result === undefined ? {} : { result: body.result };
    return done({ kind: 'succeeded', ...end, ...result });
  }
  const error = boundedError(body.error);
  const failures = (run.failures ?? 0) + 1;
  if (body.terminal || failures >= maxAttemptsOf(run.policy)) {
    return done({ kind: 'failed', ...end, error, bodyFailed: true });
  }
  const delay = retryAfter(body.retryAfterMs) ?? backoffDelayMs(backoffOf(run.policy), failures, random);
  return done({ kind: 'retry-scheduled', ...end, runAt: end.at + delay, error });
};

const boundedOutcome = (body: BodyOutcome): BodyOutcome =>
  body.kind === 'threw' ? { ...body, error: boundedError(body.error) } : body;

/** What the body of a finishing run came to; undefined where the run began to finish before that was kept. */
const outcomeOf = ({ bodyOutcome, owner }: TaskRecord): BodyOutcome | undefined =>
  bodyOutcome !== undefined && owner !== undefined && compareFences(bodyOutcome.fence, owner.fence) === 0
    ? bodyOutcome
    : undefined;

/**
 * Ends a run whose cleanup handlers will not be waited for any longer: its worker died or stops, or an admin ends it by
 * force. What the body came to stands: it is not run again (behaviour L3). Undefined: that is not known.
 */
export const decideFinished = (run: TaskRecord, end: Omit<End, 'random'>): Decision | undefined => {
  const body = outcomeOf(run);
  return body === undefined ? undefined : endOfBody(run, body, { ...end, random: 0 });
};

export const decideMarkFinishing = (
  record: TaskRecord | undefined,
  { at, fence, body }: Extract<WorkerCommand, { kind: 'mark-finishing' }>,
): Decision => {
  const run = ownedRun(record, fence);
  if (run === undefined) return refuse('fenced');
  if (run.status === 'aborting') return refuse('aborting');
  if (run.finishing && (body === undefined || outcomeOf(run) !== undefined)) return done();
  return done({
    kind: 'finishing-began',
    at,
    ...(body === undefined ? {} : { outcome: { ...boundedOutcome(body), fence } }),
  });
};

/** Longest delay a handler may ask for, as for a delayed start (behaviour X7). */
const RETRY_AFTER_LIMIT_MS = 366 * 86_400_000;

/** A handler's wish is anything a handler can make up; what is no delay is no wish. */
const retryAfter = (ms: Millis | undefined): Millis | undefined =>
  ms === undefined || Number.isNaN(ms) ? undefined : Math.min(RETRY_AFTER_LIMIT_MS, Math.max(0, Math.round(ms)));

const fail = (run: TaskRecord, command: Finish, error: TaskError): Decision => {
  // What a body throws while it is being aborted is a good stop (behaviour L7), no failure of its own.
  const bodyFailed = command.body.kind === 'threw' && run.status !== 'aborting';
  return done({ kind: 'failed', at: command.at, by: ownerOf(run), error, ...(bodyFailed ? { bodyFailed } : {}) });
};

/** The body's failure first, then the handlers' in the order they ran (behaviour L6). */
const combined = ({ body, handlerErrors }: Finish): TaskError =>
  combinedError([...(body.kind === 'threw' ? [body.error] : []), ...handlerErrors]);
