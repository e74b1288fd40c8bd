import { isSameRun, type Duties } from './duties.ts';
import type { Action } from './action-runner.ts';
import type { Sight, Watched } from './task-index.ts';
import type { SupervisorTimings } from '../timings.ts';

/** `dueAt`: when to look at the task next. `limitAt`: when its timeout, grace or delay is over. Both monotonic. */
export type Plan = { readonly dueAt: number; readonly limitAt: number };

export type Former = { readonly duties: Duties; readonly limitAt: number | undefined };

/**
 * When a task that was just seen is to be looked at; undefined: when something happens to it.
 *
 * Limits count from when the state was seen here, on our own monotonic clock. It was written before it could be seen,
 * so nothing is ever early. What was counting for the same run goes on counting.
 */
export const planFor = (
  duties: Duties,
  sight: Sight,
  former: Former | undefined,
  timings: SupervisorTimings,
): Plan | undefined => {
  switch (duties.stage) {
    case 'hosted':
      return undefined;
    case 'blocked':
    case 'waiting':
    case 'delayed': {
      const nextAt = nextMoment(duties);
      if (nextAt === undefined) return undefined;
      const limitAt = sight.at + Math.max(0, nextAt - sight.wall);
      return { dueAt: limitAt, limitAt };
    }
    case 'running': {
      if (duties.timeoutMs === undefined) return undefined;
      const limitAt = goesOn(former, duties) ?? sight.at + duties.timeoutMs + timings.timeoutGraceMs;
      return { dueAt: limitAt, limitAt };
    }
    case 'aborting': {
      const limitAt = goesOn(former, duties) ?? sight.at + duties.graceMs;
      if (duties.observed) return duties.notStopping ? undefined : { dueAt: limitAt, limitAt };
      const pokeAt = sight.at + (duties.notStopping ? timings.pokeSlowlyMs : timings.pokeMs);
      return { dueAt: duties.notStopping ? pokeAt : Math.min(pokeAt, limitAt), limitAt };
    }
    case 'finishing': {
      if (duties.notStopping) return undefined;
      const limitAt = goesOn(former, duties) ?? sight.at + duties.graceMs;
      return { dueAt: limitAt, limitAt };
    }
    case 'ended':
      return { dueAt: sight.at + timings.promoteMs, limitAt: sight.at };
  }
};

/** Of a task that has not begun: when it may, or when it may no more; by the server's clock. */
export const nextMoment = (
  duties: Extract<Duties, { stage: 'blocked' | 'waiting' | 'delayed' }>,
): number | undefined => {
  const { expiresAt } = duties;
  if (duties.stage !== 'delayed') return expiresAt;
  return expiresAt === undefined ? duties.runAt : Math.min(duties.runAt, expiresAt);
};

const goesOn = (former: Former | undefined, duties: Duties): number | undefined =>
  former?.duties.stage === duties.stage && isSameRun(former.duties, duties) ? former.limitAt : undefined;

/** What to do about a task now that its time has come; undefined: nothing yet. */
export const actFor = (
  watched: Watched,
  /** Monotonic. */
  now: number,
  holderIsDead: boolean,
): Action | 'poke' | undefined => {
  if (holderIsDead) return 'rescue';
  const { duties } = watched;
  const limitAt = watched.timer?.limitAt ?? Number.POSITIVE_INFINITY;
  switch (duties.stage) {
    case 'waiting':
    case 'blocked':
    case 'hosted':
    case 'delayed':
      return undefined;
    case 'running':
      return duties.timeoutMs !== undefined && now >= limitAt ? 'time-out' : undefined;
    case 'finishing':
      return !duties.notStopping && now >= limitAt ? 'mark-not-stopping' : undefined;
    case 'aborting':
      if (!duties.notStopping && now >= limitAt) return 'mark-not-stopping';
      return duties.observed ? undefined : 'poke';
    case 'ended':
      return 'promote';
  }
};
