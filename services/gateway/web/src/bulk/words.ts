import { statusWord, STATUSES, type Status } from '../task/task.ts';
import { numberText } from '../time/progress.ts';
import { plainText } from '../ui/plain-text.ts';
import type { Operation, StatusChoice } from './order.ts';
import type { BulkReport } from './report.ts';

/** How each operation is spoken of. */
type Verbs = {
  /** On its button in the menu. */
  readonly name: string;
  /** `Cancel 12 tasks`. */
  readonly order: (tasks: string) => string;
  /** Behind a number, before, while and after it is done. */
  readonly will: string;
  readonly doing: string;
  readonly did: string;
  /** `None of the tasks that match can be …`. */
  readonly can: string;
  /** What it comes to. */
  readonly meaning: string;
  /** Why it is for these states alone. */
  readonly states: string;
  /** Why states that the list shows are left out. */
  readonly leftOut: string;
};

const VERBS: Readonly<Record<Operation, Verbs>> = {
  cancel: {
    name: 'Cancel',
    order: (tasks) => `Cancel ${tasks}`,
    will: 'will be cancelled',
    doing: 'Cancelling',
    did: 'cancelled',
    can: 'be cancelled',
    meaning:
      'Cancels all tasks that match, on every page of the list. Shared ones that others wait for, too, you only leave.',
    states: 'what has not ended',
    leftOut: 'what has ended, or is being cancelled, is left alone',
  },
  retry: {
    name: 'Retry',
    order: (tasks) => `Retry ${tasks}`,
    will: 'will run again',
    doing: 'Retrying',
    did: 'started again',
    can: 'run again',
    meaning:
      'Runs all tasks that match again, on every page of the list: each as a new task with the same key, arguments and options.',
    states: 'what failed; filter by another state to retry that',
    leftOut: 'only what has ended can run again',
  },
  change_priority: {
    name: 'Change priority',
    order: (tasks) => `Change the priority of ${tasks}`,
    will: 'will change',
    doing: 'Changing the priority',
    did: 'changed',
    can: 'change their priority',
    meaning: 'Gives all waiting tasks that match, on every page of the list, another place in line.',
    states: 'what waits',
    leftOut: 'only what waits has a place in line',
  },
  delete: {
    name: 'Delete',
    order: (tasks) => `Delete ${tasks}`,
    will: 'will be deleted',
    doing: 'Deleting',
    did: 'deleted',
    can: 'be deleted',
    meaning:
      'Deletes all ended tasks that match, on every page of the list, with their results and their history, for everyone. This cannot be undone.',
    states: 'what has ended',
    leftOut: 'only what has ended can be deleted',
  },
};

export const nameOf = (operation: Operation): string => VERBS[operation].name;

export const titleOf = (operation: Operation): string =>
  operation === 'change_priority' ? 'Change the priority of all that match' : `${VERBS[operation].name} all that match`;

export const meaningOf = (operation: Operation, force: boolean): string =>
  force
    ? 'Stops all tasks that match, on every page of the list, for everyone who waits for them.'
    : VERBS[operation].meaning;

export const tasksText = (count: number): string => `${numberText(count)} ${count === 1 ? 'task' : 'tasks'}`;

type Confirmed = { readonly operation: Operation; readonly done: number | undefined; readonly unsubscribed: number };

/** `Cancel 12 tasks and leave 1`, by what a dry run has counted; `done` undefined: it is being counted. */
export const confirmText = ({ operation, done, unsubscribed }: Confirmed): string => {
  if (done === undefined) return VERBS[operation].order('tasks');
  if (unsubscribed === 0) return VERBS[operation].order(tasksText(done));
  if (done === 0) return `Leave ${tasksText(unsubscribed)}`;
  return `${VERBS[operation].order(tasksText(done))} and leave ${numberText(unsubscribed)}`;
};

/** While it goes on. */
export const doingText = (operation: Operation): string => `${VERBS[operation].doing}…`;

/** Why these states, where the list is not narrowed by them; which are left out, where it is. */
export const statusNote = (operation: Operation, { dropped }: StatusChoice, isChosen: boolean): string | undefined => {
  const { states, leftOut } = VERBS[operation];
  if (!isChosen) return states;
  return dropped.length === 0 ? undefined : `without ${dropped.map(statusWord).join(' and ')}: ${leftOut}`;
};

/** Why it has nothing to do in a list. */
export const idleText = (operation: Operation): string => `Nothing here: ${VERBS[operation].leftOut}`;

/** What a dry run has found, in one sentence. */
export const foundText = ({ operation, matched, done, unsubscribed, complete }: BulkReport): string => {
  const { can, will } = VERBS[operation];
  const willBe = done + unsubscribed;
  if (matched === 0) return 'No task matches.';
  if (!complete) return `${tasksText(willBe)} and more ${will}: there are too many to count.`;
  if (willBe === 0)
    return matched === 1
      ? `The one task that matches cannot ${can}.`
      : `None of the ${tasksText(matched)} that match can ${can}.`;
  const is = unsubscribed === 0 ? will : done === 0 ? 'will be left' : `${will} or left`;
  if (willBe < matched) return `${numberText(willBe)} of the ${tasksText(matched)} that match ${is}.`;
  return matched === 1 ? `The one task that matches ${is}.` : `All ${tasksText(matched)} that match ${is}.`;
};

/** What has become of it, in one sentence. */
export const doneText = ({ operation, done, matched, complete }: BulkReport): string => {
  const { did } = VERBS[operation];
  if (matched === 0) return 'No task matched any more.';
  const what =
    operation === 'change_priority' ? `The priority of ${tasksText(done)} is ${did}.` : `${tasksText(done)} ${did}.`;
  return complete ? what : `${what} It ended before it had seen all that match: the rest is for another one.`;
};

export type CountLine = { readonly kind: 'done' | 'left' | 'refused'; readonly count: number; readonly text: string };

/** Each number with what it means; `isDry`: what would become of them. */
export const countLines = ({ operation, isDry, done, unsubscribed, refused }: BulkReport): readonly CountLine[] => {
  const { will, did } = VERBS[operation];
  const reasons = Object.entries(refused).toSorted(([, a], [, b]) => b - a);
  const lines: readonly CountLine[] = [
    { kind: 'done', count: done, text: isDry ? will : did },
    {
      kind: 'left',
      count: unsubscribed,
      text: isDry ? 'you will only leave: others wait for it, too' : 'left: others wait for it, too',
    },
    ...reasons.map(([code, count]): CountLine => {
      const not = isDry ? 'will not' : 'not';
      return { kind: 'refused', count, text: `${not}: ${refusalText(operation, code)}` };
    }),
  ];
  return lines.filter(({ kind, count }) => kind === 'done' || count > 0);
};

const REFUSALS: Readonly<Record<string, string>> = {
  TASK_NOT_ABORTABLE: 'running without an abort handler',
  FORCE_REQUIRED: 'others wait for it, and only an admin can force it',
  TASK_ABORT_FAILED: 'ended, or about to end',
  ALREADY_RETRIED: 'run again within the last day',
  SUPERSEDED: 'failed before another task of its key, which is meant',
  TASK_NOT_FOUND: 'gone, or not for you to see any more',
  TASK_CHANGED: 'in another state by now',
  TASK_NOT_PENDING: 'begun by now',
  TASK_ACTIVE: 'another task of its key is active',
  TASK_ABORTING: 'another task of its key is being cancelled',
  TASK_THROTTLED: 'a task of its key was made a moment ago',
  TASK_NOT_TERMINAL: 'not ended',
  DEPENDENCY_FAILED: 'something it depends on did not succeed',
  RECORD_FULL: 'the record of its key is full',
  RECORD_NEWER: 'written by a newer Baton',
  RECORD_CORRUPT: 'its record cannot be read',
  DATA_MISSING: 'its arguments are lost',
  INTERNAL: 'a fault of the server, which is in its log',
  DATA_DAMAGED: 'its arguments cannot be read',
};

const DENIED: Readonly<Partial<Record<Operation, string>>> = {
  retry: 'only an admin may run it again',
  change_priority: 'others wait for it, too, and only an admin may change its priority',
};

/** A reason for people; one that this page does not know by its code. */
export const refusalText = (operation: Operation, code: string): string => {
  if (code === 'PERMISSION_DENIED') return DENIED[operation] ?? 'not yours to do it to';
  return Object.hasOwn(REFUSALS, code) ? (REFUSALS[code] ?? code) : code;
};

export type FilterLine = { readonly name: string; readonly value: string };

const FILTERS: Readonly<Record<string, string>> = {
  status: 'Status',
  type: 'Type',
  scope: 'Scope',
  created_by: 'Created by',
  subscriber: 'Subscriber',
  tag: 'Tag',
  name: 'Name has',
  text: 'Search',
};

/** Each filter with what it lets through. */
export const filterLines = (
  filter: Readonly<Record<string, readonly string[] | string | undefined>>,
): readonly FilterLine[] =>
  Object.entries(filter).flatMap(([name, said]) => {
    if (said === undefined) return [];
    const values = [said].flat();
    const value =
      name === 'status'
        ? orText(values.map(stateWord))
        : name === 'tag'
          ? tagText(values)
          : orText(values.map(plainText));
    return [{ name: Object.hasOwn(FILTERS, name) ? (FILTERS[name] ?? name) : name, value }];
  });

const orText = (values: readonly string[]): string => values.join(' or ');

const stateWord = (value: string): string => {
  const status = STATUSES.find((one): one is Status => one === value);
  return status === undefined ? plainText(value) : statusWord(status);
};

/** One of those of each name. */
const tagText = (tags: readonly string[]): string => {
  const names = new Set(tags.map(nameOfTag));
  return [...names].map((name) => orText(tags.filter((tag) => nameOfTag(tag) === name).map(plainText))).join(' and ');
};

const nameOfTag = (tag: string): string => tag.slice(0, tag.indexOf(':'));
