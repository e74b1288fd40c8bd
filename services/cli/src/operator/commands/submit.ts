import type { Priority, Scope, SubmitMode, WhenAborting } from '@baton/core';
import { InexactNumberError, parseExactJson } from '@baton/protocols';
import { InvalidArgumentError } from '@baton/runtime';
import type { CallOptions } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson } from '../output.ts';
import type { Session } from '../session.ts';
import { followToEnd } from './watch.ts';

export type SubmitOptions = {
  readonly args?: string;
  readonly key?: string;
  readonly name?: string;
  readonly scope?: Scope;
  readonly queue?: string;
  readonly priority?: Priority;
  readonly group?: string;
  readonly units?: number;
  readonly timeout?: string;
  readonly delay?: string;
  readonly runAt?: string;
  readonly maxAttempts?: number;
  readonly operationId?: string;
  readonly whenAborting?: WhenAborting;
  readonly mode?: SubmitMode['kind'];
  readonly window?: string;
  readonly maxWait?: string;
  readonly expires?: string;
  readonly strict?: boolean;
  readonly wait?: boolean;
  readonly waitTimeout?: string;
};

/** Schedules a task of any type; what serves it need not be known here. */
export const submit = async (
  session: Session,
  type: string,
  texts: readonly string[],
  options: SubmitOptions,
): Promise<number> => {
  const args = argumentsOf(texts, options.args);
  const baton = await session.baton();
  const handle = await baton.schedule(type, args, callOptions(options));
  if (options.wait) return followToEnd(session, handle, options.waitTimeout);
  const { uuid, outcome, differs, status, known } = handle;
  if (session.json) sayJson({ id: uuid, outcome, differs, status, known });
  else {
    say(`${uuid}  ${outcome ?? ''}${differs ? ', with other arguments or options than yours' : ''}, ${status}`);
    if (!known) say(`no worker has ever served tasks of type ${type}: it waits for one, or the name is misspelt`);
  }
  return exitCodes.ok;
};

/** From the words of a command line, or from one list. */
export const argumentsOf = (texts: readonly string[], list: string | undefined): readonly unknown[] => {
  if (list === undefined) return texts.map(valueOf);
  if (texts.length > 0) throw new InvalidArgumentError('give arguments one by one, or all of them as --args, not both');
  const parsed = parse(list);
  if (!Array.isArray(parsed)) throw new InvalidArgumentError('--args is a JSON list, such as \'[1, "a"]\'');
  return parsed as readonly unknown[];
};

/** JSON where it is JSON, text otherwise: `42` is a number, `hello` is what it says, `"42"` is text. */
const valueOf = (text: string): unknown => parse(text) ?? (text === 'null' ? null : text);

const parse = (text: string): unknown => {
  try {
    return parseExactJson(text);
  } catch (error) {
    if (error instanceof InexactNumberError) throw new InvalidArgumentError(error.message);
    return undefined;
  }
};

const callOptions = (options: SubmitOptions): CallOptions => {
  const { scope, strict, key, name, queue, priority, timeout, delay, runAt, maxAttempts, operationId, whenAborting } =
    options;
  const { mode, window, maxWait, expires, group, units } = options;
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(strict === undefined ? {} : { strict }),
    ...(key === undefined ? {} : { taskKey: key }),
    ...(name === undefined ? {} : { taskName: name }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
    ...(units === undefined ? {} : { units }),
    ...(timeout === undefined ? {} : { timeout: durationOf(timeout) }),
    ...(delay === undefined ? {} : { delay: durationOf(delay) }),
    ...(runAt === undefined ? {} : { runAt: dateOf(runAt) }),
    ...(maxAttempts === undefined ? {} : { retry: { maxAttempts } }),
    ...(operationId === undefined ? {} : { operationId }),
    ...(whenAborting === undefined ? {} : { whenAborting }),
    ...(mode === undefined ? {} : { mode }),
    ...(window === undefined ? {} : { window: durationOf(window) }),
    ...(maxWait === undefined ? {} : { maxWait: durationOf(maxWait) }),
    ...(expires === undefined ? {} : { expires: durationOf(expires) }),
  };
};

const dateOf = (text: string): Date => {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError(`--run-at is a time such as 2030-01-31T18:00:00Z; got ${text}`);
  return at;
};
