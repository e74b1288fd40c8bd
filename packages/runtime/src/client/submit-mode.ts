import { DEBOUNCE_WINDOWS, type SubmitMode, type SubmitOptions } from '@baton/core';
import { DURATION_LIMIT_MS } from '@baton/protocols';
import { InvalidArgumentError } from '../errors.ts';
/** What a submit may say of itself in place of the definition's. */
export type SubmitOverrides = {
  readonly mode?: SubmitMode['kind'];
  readonly windowMs?: number;
  readonly maxWaitMs?: number;
  /** 0: none. */
  readonly expiresMs?: number;
};

/** Those of the definition with what a submit says in place of its own: another mode has another window. */
export const submitOptionsOf = (base: SubmitOptions | undefined, said: SubmitOverrides): SubmitOptions | undefined => {
  const { mode, windowMs, maxWaitMs, expiresMs } = said;
  if (mode === undefined && windowMs === undefined && maxWaitMs === undefined && expiresMs === undefined) return base;
  const kept = mode === undefined || mode === base?.mode ? base : pickExpires(base);
  return {
    ...kept,
    ...(mode === undefined ? {} : { mode }),
    ...(windowMs === undefined ? {} : { windowMs }),
    ...(maxWaitMs === undefined ? {} : { maxWaitMs }),
    ...(expiresMs === undefined ? {} : { expiresMs }),
  };
};

const pickExpires = (base: SubmitOptions | undefined): SubmitOptions =>
  base?.expiresMs === undefined ? {} : { expiresMs: base.expiresMs };

/**
 * The mode of a submit (behaviour Q10); undefined: `join`. Throws InvalidArgumentError for a window without a mode that has
 * one, a mode without its window, and a longest wait that is shorter than the window.
 */
export const submitModeOf = ({ mode = 'join', windowMs, maxWaitMs }: SubmitOptions): SubmitMode | undefined => {
  const hasWindow = mode === 'debounce' || mode === 'throttle';
  if (windowMs !== undefined && !hasWindow) throw fault('window', 'belongs to mode debounce or throttle');
  if (maxWaitMs !== undefined && mode !== 'debounce') throw fault('max_wait', 'belongs to mode debounce');
  if (mode === 'join') return undefined;
  if (!hasWindow) return { kind: mode };
  if (windowMs === undefined) throw fault('window', `mode ${mode} needs one, such as "5s"`);
  if (windowMs === 0) throw fault('window', 'is longer than 0, such as "5s"');
  if (mode === 'throttle') return { kind: mode, windowMs };
  if (maxWaitMs !== undefined && maxWaitMs < windowMs) throw fault('max_wait', 'is not shorter than the window');
  return { kind: mode, windowMs, maxWaitMs: maxWaitMs ?? Math.min(windowMs * DEBOUNCE_WINDOWS, DURATION_LIMIT_MS) };
};

/** What is wrong with what a definition says of submits; undefined: nothing. */
export const submitFault = (submit: SubmitOptions): string | undefined => {
  try {
    submitModeOf(submit);
    return undefined;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return error.message;
    throw error;
  }
};

const fault = (field: string, says: string): InvalidArgumentError => new InvalidArgumentError(`${field}: ${says}`);

type Asked = {
  readonly key?: string;
  readonly runAt?: number;
  readonly host?: string;
  readonly expiresAt?: number;
  readonly dependsOn?: readonly unknown[];
  readonly overrides: SubmitOverrides;
};

/**
 * How a submit comes to its key. Throws InvalidArgumentError for one that waits for other tasks and would put itself in the
 * place of another, or is called inline: what a task waits for is fixed when it is made (behaviour G2). A mode that its definition says, and that means nothing for this submit, is left out: that
 * of one without a key, and a debounce of one that has its own time or runs inline. One it says itself is refused then.
 */
export const modeFor = (submit: SubmitOptions | undefined, asked: Asked): SubmitMode | undefined => {
  if (asked.dependsOn !== undefined && asked.dependsOn.length > 0 && asked.host !== undefined)
    throw fault('depends_on', 'is for tasks that are scheduled: an inline call begins at once');
  if (submit === undefined) return undefined;
  const mode = submitModeOf(submit);
  if (mode === undefined) return undefined;
  const replaces = mode.kind === 'replace' || mode.kind === 'debounce';
  if (asked.dependsOn !== undefined && asked.dependsOn.length > 0 && replaces)
    throw fault('depends_on', `does not go with mode ${mode.kind}: what a task waits for is fixed when it is made`);
  const why = misfit(mode, asked);
  if (why === undefined) return mode;
  if (asked.overrides.mode === undefined) return undefined;
  throw fault('mode', why);
};

const misfit = ({ kind }: SubmitMode, { key, runAt, host }: Asked): string | undefined => {
  if (key === undefined) return `${kind} needs a task key: without one no submit ever meets another`;
  if (kind !== 'debounce') return undefined;
  if (runAt !== undefined) return 'debounce says itself when the task starts: leave out the start time and the delay';
  return host === undefined ? undefined : 'debounce is for tasks that are scheduled: an inline call begins at once';
};

/** When a task that was not started is not to be started any more (behaviour Q11); undefined: never. */
export const expiryFor = (
  submit: SubmitOptions | undefined,
  { runAt, expiresAt }: Asked,
  mode: SubmitMode | undefined,
  now: number,
): number | undefined => {
  const startAt = Math.max(now, runAt ?? 0);
  if (expiresAt !== undefined) {
    if (expiresAt <= now) throw fault('expires_at', 'has passed already');
    if (expiresAt <= startAt) throw fault('expires_at', 'comes before the task may start');
    return expiresAt;
  }
  const ms = submit?.expiresMs ?? 0;
  if (ms === 0) return undefined;
  return startAt + (mode?.kind === 'debounce' ? mode.windowMs : 0) + ms;
};
