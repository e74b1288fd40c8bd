import { DEPENDENCIES_LIMIT, isTerminal, type Data } from '@baton/core';
import { parseAddress, readDataText, type Address, type TaskDocument } from '@baton/protocols';
import { checkField, InvalidArgumentError, rules, type WantedDependency } from '@baton/runtime';
import { TaskHandle } from './handle.ts';

/** A task by its handle, its id, its document, or its id and its address. */
export type TaskRef = TaskHandle | string | TaskDocument | { readonly uuid: string; readonly address: string };

/**
 * A task that has to end before the one that is submitted begins (behaviour G1). `onFailure` says what becomes of the latter
 * where the former does not succeed: `fail` (the default) ends it as `failure` with the reason `dependency_failed`; `continue`
 * and `ignore` let it begin once all the others have ended, told what the former came to, or nothing of it.
 */
export type DependencyOption =
  | TaskRef
  | { readonly task: TaskRef; readonly onFailure?: 'fail' | 'continue' | 'ignore' };

const SAYS = `is a list of up to ${DEPENDENCIES_LIMIT} tasks: handles, ids, or { task, onFailure }`;

/** Throws InvalidArgumentError for what names no task. */
export const checkDependsOn = (dependsOn: unknown): void => {
  if (dependsOn === undefined) return;
  if (!Array.isArray(dependsOn) || dependsOn.length > DEPENDENCIES_LIMIT || !dependsOn.every(isDependency))
    throw new InvalidArgumentError(`dependsOn: ${SAYS}`);
};

const isDependency = (value: unknown): boolean => {
  if (isTask(value)) return true;
  if (typeof value !== 'object' || value === null || !('task' in value) || !isTask(value.task)) return false;
  checkField('dependsOn.onFailure', 'onFailure' in value ? value.onFailure : undefined, rules.onFailure);
  return Object.keys(value).every((name) => name === 'task' || name === 'onFailure');
};

const isTask = (value: unknown): boolean => {
  if (value instanceof TaskHandle) return true;
  if (typeof value === 'string') return value !== '' && value.length <= 200;
  if (typeof value !== 'object' || value === null || !('address' in value)) return false;
  const id = '_id' in value ? value._id : 'uuid' in value ? value.uuid : undefined;
  return typeof id === 'string' && typeof value.address === 'string' && parseAddress(value.address) !== undefined;
};

export const wantedDependencies = (dependsOn: readonly DependencyOption[]): readonly WantedDependency[] =>
  dependsOn.map((one) => {
    if (typeof one === 'string' || one instanceof TaskHandle || !('task' in one)) return wantedTask(one);
    const { onFailure } = one;
    const wanted = wantedTask(one.task);
    return onFailure === undefined || onFailure === 'fail' ? wanted : { ...wanted, onFailure };
  });

const wantedTask = (task: TaskRef): WantedDependency => {
  if (typeof task === 'string') return { id: task.toLowerCase() };
  if (task instanceof TaskHandle) {
    const { uuid: id, address, record } = task;
    return isTerminal(record.status) ? { id, address, ended: record } : { id, address };
  }
  const address = task.address as Address;
  return '_id' in task ? { id: task._id, address, ...endedIn(task) } : { id: task.uuid.toLowerCase(), address };
};

const endedIn = (of: TaskDocument): Pick<WantedDependency, 'ended'> => {
  const { status, task_name: name, ended_at: endedAt, payload, result, error_message: message } = of;
  if (!isTerminal(status)) return {};
  const type = of.exception_type ?? 'Error';
  return {
    ended: {
      ...{ status, name },
      ...(endedAt === null ? {} : { endedAt: endedAt.getTime() }),
      ...dataIn('payload', payload),
      ...dataIn('result', result),
      ...(message === null ? {} : { error: { message, type } }),
    },
  };
};

/** What could not be read when the document was made is nothing. */
const dataIn = <Name extends string>(name: Name, text: string | null): { readonly [K in Name]?: Data } => {
  const reading = text === null ? undefined : readDataText(text);
  return (reading?.kind === 'data' ? { [name]: reading.data } : {}) as { readonly [K in Name]?: Data };
};
