import { successorsOf, type Data, type Fence, type NotedEnd, type TaskId, type TaskRecord } from '@baton/core';
import { parseOutcomeKey, type Address } from './address.ts';

/**
 * What of a task lies in an object: its arguments, those a later submit has put in their place, the result of a run or of one of its
 * steps, or what another task has left it.
 */
export type ObjectPart =
  | 'args'
  | { readonly argsOf: TaskId }
  | { readonly resultOf: Fence }
  /** The nth step that is kept in a run, from 1. */
  | { readonly stepOf: Fence; readonly number: number }
  | { readonly leftBy: TaskId };

/**
 * The name of an object: `<address>/<task id>/args`, `<address>/<task id>/args-<id of the submit>`,
 * `<address>/<task id>/result-<epoch>-<revision>`, `<address>/<task id>/step-<epoch>-<revision>-<number>`,
 * `<address>/<task id>/left-<id of another task>`. Every run has its own results, so that what an old owner still stores never takes the place of what the new one did; and the name tells whose
 * it is, so that what nobody refers to can be found.
 */
export const objectName = (address: Address, id: TaskId, part: ObjectPart): string => {
  return `${address}/${id}/${lastOf(part)}`;
};

const lastOf = (part: ObjectPart): string => {
  if (part === 'args') return 'args';
  if ('argsOf' in part) return `args-${part.argsOf}`;
  if ('leftBy' in part) return `left-${part.leftBy}`;
  if ('stepOf' in part) return `step-${part.stepOf.epoch}-${part.stepOf.revision}-${part.number}`;
  return `result-${part.resultOf.epoch}-${part.resultOf.revision}`;
};

/** Whose object that is; undefined for a name that is none of ours. */
export const objectOwner = (name: string): { readonly address: Address; readonly id: TaskId } | undefined => {
  const [first = '', id = '', part = '', ...more] = name.split('/');
  return part === '' || more.length > 0 ? undefined : parseOutcomeKey(`${first}.${id}`);
};

/** Names of the objects of a task. */
export const objectsOf = (
  task: Pick<TaskRecord, 'id' | 'args' | 'payload' | 'result' | 'dependsOn' | 'steps' | 'children'>,
): readonly string[] => [
  ...[task.args, task.payload, task.result].flatMap(nameIn),
  ...(task.dependsOn === undefined ? [] : leftIn(task)),
  ...(task.steps === undefined ? [] : task.steps.flatMap(({ result }) => nameIn(result))),
  ...(task.children === undefined ? [] : task.children.flatMap(({ end }) => ownLeft(task.id, end))),
];

/** A retried task has what was left to the one before it: that is not its own. */
const leftIn = ({ id, dependsOn = [] }: Pick<TaskRecord, 'id' | 'dependsOn'>): readonly string[] =>
  dependsOn.flatMap(({ end }) => ownLeft(id, end));

const ownLeft = (id: TaskId, end: NotedEnd | undefined): readonly string[] =>
  nameIn(end?.left).filter((name) => objectOwner(name)?.id === id);

/** Names of all objects a record refers to: those of its task, and of what waits behind it. */
export const objectsIn = (record: TaskRecord): readonly string[] => [
  ...objectsOf(record),
  ...(record.bodyOutcome?.kind === 'returned' ? nameIn(record.bodyOutcome.result) : []),
  ...successorsOf(record).flatMap(({ spec }) => [...nameIn(spec.args), ...leftIn(spec)]),
];

const nameIn = (data: Data | undefined): readonly string[] =>
  data === undefined || data instanceof Uint8Array ? [] : [data.object];
