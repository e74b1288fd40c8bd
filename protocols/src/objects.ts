import { successorsOf, type Data, type Fence, type TaskId, type TaskRecord } from '@baton/core';
import { parseOutcomeKey, type Address } from './address.ts';

/** What of a task lies in an object: its arguments, those a later submit has put in their place, or the result of a run. */
export type ObjectPart = 'args' | { readonly argsOf: TaskId } | { readonly resultOf: Fence };

/**
 * The name of an object: `<address>/<task id>/args`, `<address>/<task id>/args-<id of the submit>`,
 * `<address>/<task id>/result-<epoch>-<revision>`. Every run has its own
 * result, so that what an old owner still stores never takes the place of what the new one did; and the name tells whose
 * it is, so that what nobody refers to can be found.
 */
export const objectName = (address: Address, id: TaskId, part: ObjectPart): string => {
  return `${address}/${id}/${lastOf(part)}`;
};

const lastOf = (part: ObjectPart): string => {
  if (part === 'args') return 'args';
  return 'argsOf' in part ? `args-${part.argsOf}` : `result-${part.resultOf.epoch}-${part.resultOf.revision}`;
};

/** Whose object that is; undefined for a name that is none of ours. */
export const objectOwner = (name: string): { readonly address: Address; readonly id: TaskId } | undefined => {
  const [first = '', id = '', part = '', ...more] = name.split('/');
  return part === '' || more.length > 0 ? undefined : parseOutcomeKey(`${first}.${id}`);
};

/** Names of the objects of a task. */
export const objectsOf = (task: Pick<TaskRecord, 'args' | 'payload' | 'result'>): readonly string[] =>
  [task.args, task.payload, task.result].flatMap(nameIn);

/** Names of all objects a record refers to: those of its task, and of what waits behind it. */
export const objectsIn = (record: TaskRecord): readonly string[] => [
  ...objectsOf(record),
  ...(record.bodyOutcome?.kind === 'returned' ? nameIn(record.bodyOutcome.result) : []),
  ...successorsOf(record).flatMap(({ spec }) => nameIn(spec.args)),
];

const nameIn = (data: Data | undefined): readonly string[] =>
  data === undefined || data instanceof Uint8Array ? [] : [data.object];
