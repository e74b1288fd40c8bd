import { InexactNumberError, parseExactJson } from '@baton/protocols/exact-json';
import { parseTags } from '../task/tags.ts';
import type { Submission } from '../api/tasks.ts';

/** What the form holds: text, as it was typed. */
export type Draft = {
  readonly type: string;
  readonly args: string;
  readonly key: string;
  readonly name: string;
  /** Empty: what the definition of the type says. So are timeout, queue and priority. */
  readonly scope: string;
  readonly timeout: string;
  readonly queue: string;
  readonly priority: string;
  /** Of a datetime-local field, in the reader's time zone. */
  readonly runAt: string;
  /** `tenant=acme, order=17`. */
  readonly tags: string;
};

export const EMPTY_DRAFT: Draft = {
  type: '',
  args: '[]',
  key: '',
  name: '',
  scope: '',
  timeout: '',
  queue: '',
  priority: '',
  runAt: '',
  tags: '',
};

export type Faults = Partial<Record<keyof Draft, string>>;

const TYPE = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const TIMEOUT = /^\d+(\.\d+)?\s*(ms|s|m|h|d)?$/;
const LONGEST_DELAY_MS = 366 * 86_400_000;

/** What a server would refuse, said before it is asked. `typeScope`: the scope the type has, where it is known. */
export const faultsOf = (draft: Draft, nowMs: number, typeScope?: string): Faults => {
  const faults: Faults = {};
  if (draft.type === '') faults.type = 'Choose or write the type of the task.';
  else if (!TYPE.test(draft.type)) faults.type = 'Letters, digits, "_", "." and "-"; at most 100.';
  const args = parseArgs(draft.args);
  if (typeof args === 'string') faults.args = args;
  if ((draft.scope === '' ? typeScope : draft.scope) === 'shared' && draft.key === '')
    faults.key = 'A shared task needs a key: it is what others join by.';
  if (draft.timeout !== '' && !TIMEOUT.test(draft.timeout.trim()))
    faults.timeout = 'Seconds, or a text such as 90s, 5m, 2h.';
  const runAt = draft.runAt === '' ? 0 : Date.parse(draft.runAt);
  if (Number.isNaN(runAt)) faults.runAt = 'This is no date and time.';
  else if (runAt > nowMs + LONGEST_DELAY_MS) faults.runAt = 'At most a year from now.';
  const tags = parseTags(draft.tags);
  if (typeof tags === 'string') faults.tags = tags;
  return faults;
};

/** A server's refusal belongs to the field of the arguments: they do not fit the schema of their type. */
export const isAboutArguments = (message: string): boolean => /^args\b[^:]*: /.test(message);

/** The list of arguments, or what is wrong with the text. */
export const parseArgs = (text: string): readonly unknown[] | string => {
  if (text.trim() === '') return [];
  try {
    const value: unknown = parseExactJson(text);
    return Array.isArray(value) ? value : 'Arguments are a list: [ ... ], one entry for each parameter.';
  } catch (error) {
    if (error instanceof InexactNumberError) return error.message;
    return `Not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
};

/** Only what was filled in: the definition of the type says the rest. The operation id makes a repeat harmless. */
export const submissionOf = (draft: Draft, operationId: string): Submission => {
  const args = parseArgs(draft.args);
  const timeout = draft.timeout.trim();
  const tags = parseTags(draft.tags);
  return {
    type: draft.type,
    args: typeof args === 'string' ? [] : args,
    ...(draft.key === '' ? {} : { task_key: draft.key }),
    ...(draft.name === '' ? {} : { task_name: draft.name }),
    ...(draft.scope === '' ? {} : { scope: draft.scope }),
    ...(timeout === '' ? {} : { timeout: /^[\d.]+$/.test(timeout) ? Number(timeout) : timeout.replaceAll(' ', '') }),
    ...(draft.queue === '' ? {} : { queue: draft.queue }),
    ...(draft.priority === '' ? {} : { priority: draft.priority }),
    ...(draft.runAt === '' ? {} : { run_at: new Date(draft.runAt).toISOString() }),
    ...(typeof tags === 'string' || Object.keys(tags).length === 0 ? {} : { tags }),
    operation_id: operationId,
  };
};
