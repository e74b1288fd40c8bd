import type { Priority, Scope, SubmitMode, WhenAborting } from '@baton/core';
import { InvalidArgumentError } from '@baton/runtime';
import type { CallOptions, DependencyOption } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { durationOf } from '../duration-text.ts';
import { exitCodes } from '../exit-codes.ts';
import { instantOf } from '../instant.ts';
import { sayJson } from '../output.ts';
import type { Session } from '../session.ts';
import { tagsOf } from '../tag-options.ts';
import { jsonIn, valueOf } from '../value-text.ts';
import { followToEnd } from './watch.ts';

export type SubmitOptions = {
  readonly args?: string;
  readonly key?: string;
  readonly name?: string;
  readonly scope?: Scope;
  readonly queue?: string;
  readonly priority?: Priority;
  readonly group?: string;
  readonly limitKey?: string;
  readonly units?: number;
  readonly tag?: readonly string[];
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
  readonly dependsOn?: readonly string[];
  readonly onFailure?: 'fail' | 'continue' | 'ignore';
  readonly wait?: boolean;
  readonly waitTimeout?: number;
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
  const dependsOn = await dependenciesOf(session, options);
  const handle = await baton.schedule(type, args, { ...callOptions(options), ...dependsOn });
  if (options.wait) return followToEnd(session, handle, options.waitTimeout);
  const { uuid, outcome, differs, status, known } = handle;
  if (session.json) sayJson({ id: uuid, outcome, differs, status, known });
  else {
    say(`${uuid}  ${outcome ?? ''}${differs ? ', with other arguments or options than yours' : ''}, ${status}`);
    if (!known) say(`no worker has ever served tasks of type ${type}: it waits for one, or the name is misspelt`);
  }
  return exitCodes.ok;
};

/** Also what ended long ago: its document tells how. */
const dependenciesOf = async (session: Session, options: SubmitOptions): Promise<Pick<CallOptions, 'dependsOn'>> => {
  const { dependsOn: ids = [], onFailure = 'fail' } = options;
  if (ids.length === 0) {
    if (options.onFailure !== undefined) throw new InvalidArgumentError('--on-failure goes with --depends-on');
    return {};
  }
  const dependsOn: DependencyOption[] = [];
  for (const id of ids) dependsOn.push({ task: await session.document(id), onFailure });
  return { dependsOn };
};

/** From the words of a command line, or from one list. */
export const argumentsOf = (texts: readonly string[], list: string | undefined): readonly unknown[] => {
  if (list === undefined) return texts.map(valueOf);
  if (texts.length > 0) throw new InvalidArgumentError('give arguments one by one, or all of them as --args, not both');
  const parsed = jsonIn(list);
  if (!Array.isArray(parsed)) throw new InvalidArgumentError('--args is a JSON list, such as \'[1, "a"]\'');
  return parsed as readonly unknown[];
};

const callOptions = (options: SubmitOptions): CallOptions => {
  const { scope, strict, key, name, queue, priority, timeout, delay, runAt, maxAttempts, operationId, whenAborting } =
    options;
  const { mode, window, maxWait, expires, group, limitKey, units, tag } = options;
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(strict === undefined ? {} : { strict }),
    ...(key === undefined ? {} : { taskKey: key }),
    ...(name === undefined ? {} : { taskName: name }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(group === undefined ? {} : { group }),
    ...(limitKey === undefined ? {} : { limitKey }),
    ...(units === undefined ? {} : { units }),
    ...(tag === undefined ? {} : { tags: tagsOf(tag) }),
    ...(timeout === undefined ? {} : { timeout: durationOf(timeout) }),
    ...(delay === undefined ? {} : { delay: durationOf(delay) }),
    ...(runAt === undefined ? {} : { runAt: instantOf('--run-at', runAt) }),
    ...(maxAttempts === undefined ? {} : { retry: { maxAttempts } }),
    ...(operationId === undefined ? {} : { operationId }),
    ...(whenAborting === undefined ? {} : { whenAborting }),
    ...(mode === undefined ? {} : { mode }),
    ...(window === undefined ? {} : { window: durationOf(window) }),
    ...(maxWait === undefined ? {} : { maxWait: durationOf(maxWait) }),
    ...(expires === undefined ? {} : { expires: durationOf(expires) }),
  };
};
