import {
  canOpen,
  type Actor,
  type Data,
  type Dependency,
  type Former,
  type NotedEnd,
  type TaskRecord,
  type TraceContext,
} from '@baton/core';
import {
  isOwnType,
  parseAddress,
  readDataText,
  type Address,
  type DependencyDocument,
  type TaskDocument,
} from '@baton/protocols';
import { DataLostError, dropObject, loadObject } from '../data/large-data.ts';
import { InvalidArgumentError, PermissionDeniedError, UnreadableRecordError } from '../errors.ts';
import { keepArguments } from './arguments.ts';
import { operate, refuseDoubt, usedForAnother } from './operate.ts';
import { operationHash } from './operations.ts';
import { ownedIn } from './owned-document.ts';
import type { SubmitParts } from './submit.ts';
import { isUnused, submissionOf, type ClientParts, type Made, type Submission } from './submission.ts';

/** An ended task that may be run again: where its key lives, what it was, and what it was called with. */
export type EndedTaskSource = {
  readonly address: Address;
  readonly former: Former;
  readonly args?: Data;
  /** `traceparent` of its last run, or of its submit, where they were traced. */
  readonly trace?: string;
};

export const sourceOfRecord = (address: Address, record: TaskRecord): EndedTaskSource => ({
  address,
  former: record,
  ...(record.args === undefined ? {} : { args: record.args }),
  ...traceOf(record.runTrace ?? record.traceparent),
});

const traceOf = (trace: string | undefined) => (trace === undefined ? {} : { trace });

/**
 * The same of a document, for tasks whose record has been forgotten. The document has arguments and options whole. Throws
 * DataLostError where the arguments could not be read when it was made.
 */
export const sourceOfDocument = (document: TaskDocument): EndedTaskSource => {
  const address = parseAddress(document.address);
  if (address === undefined) {
    throw new UnreadableRecordError('RECORD_CORRUPT', `the document ${document._id} has no address that is one`);
  }
  const { _id: id, status, task_type: type, task_key: key, task_name: name, queue, policy } = document;
  return {
    address,
    former: {
      id,
      status,
      type,
      key,
      name,
      queue,
      policy,
      priority: document.priority,
      // Documents of before there were groups have no such field.
      ...(typeof document.group === 'string' ? { group: document.group } : {}),
      ...(document.limit_key === undefined ? {} : { limitKey: document.limit_key }),
      ...(typeof document.units === 'number' && document.units !== 1 ? { units: document.units } : {}),
      ...(document.tags === undefined ? {} : { tags: document.tags }),
      ...ownedIn(document),
      ...(document.depends_on === undefined ? {} : { dependsOn: document.depends_on.map(dependencyIn) }),
    },
    ...(document.args === null ? {} : { args: argumentsIn(document._id, document.args) }),
  };
};

const dependencyIn = (of: DependencyDocument): Dependency => {
  const { uuid: id, address, task_name: name, on_failure: onFailure, status, ended_at: endedAt, left } = of;
  const edge = { id, address, name, ...(onFailure === 'fail' ? {} : { onFailure }) };
  if (status === null || endedAt === null) return edge;
  const end: NotedEnd = { status: status as NotedEnd['status'], at: endedAt.getTime() };
  return { ...edge, end: left === null ? end : { ...end, left: argumentsIn(id, left) } };
};

const argumentsIn = (id: string, text: string): Data => {
  const reading = readDataText(text);
  if (reading.kind === 'data') return reading.data;
  throw new DataLostError('DATA_DAMAGED', `data of ${id} cannot be read: ${reading.reason}`);
};

/**
 * Runs an ended task again (behaviour R7): a new task of the same key, arguments and options, or the active one of that
 * key. The definition of its type is not applied anew: what was said at the submit cannot be told from what was not. The same for every surface. Large arguments are copied, since each task's data goes with it. Rejects with
 * DataLostError where they are gone, with another BatonError where they cannot be had or stored now: no task was made.
 */
export const retryTask = async (
  parts: SubmitParts,
  actor: Actor,
  source: EndedTaskSource,
  { trace, operationId }: RetryOptions = {},
): Promise<Submission> => {
  const { address, former } = source;
  if (!canOpen(former, actor)) return { kind: 'refused', reason: 'not_found' };
  const definition = await checkRetry(parts, former);
  const wanted = { id: parts.ports.chance.uuid(), address };
  const order: Order = { actor, source, ...(trace === undefined ? {} : { trace }) };
  if (operationId === undefined) return knownOr(definition, await make(parts, order, wanted.id));
  const operation = operationHash(actor, operationId);
  const made = await operate(
    parts,
    actor,
    { hash: operation, wanted },
    {
      isOther: ({ retriedFrom }) => retriedFrom !== undefined && retriedFrom !== former.id,
      make: ({ id, address: at }, isRepeat) => {
        if (at !== address) throw usedForAnother('type, scope and taskKey');
        return make(parts, { ...order, operation }, id, isRepeat);
      },
    },
  );
  return knownOr(definition, made);
};

/** Whether its type lets it be run again, and what is known of that. Throws InvalidArgumentError and PermissionDeniedError. */
export const checkRetry = async ({ catalogue }: Pick<SubmitParts, 'catalogue'>, former: Former) => {
  // What it was allowed to do was found out when it was asked for.
  if (isOwnType(former.type)) throw new InvalidArgumentError("a task of Baton's own is not run again: ask for it anew");
  const definition = await catalogue.of(former.type);
  // It is run as it was submitted, but never past what its type is now.
  if (definition?.scope === 'system' && former.scope !== 'system') throw nowSystem(former);
  return definition;
};

const knownOr = (definition: object | undefined, made: Made): Submission =>
  made.kind === 'done' ? { ...made, known: definition !== undefined } : made;

export type RetryOptions = {
  /** Of who asks for it. */
  readonly trace?: TraceContext;
  /** Of what may ask for it again, and is to get the same task (behaviour D7). */
  readonly operationId?: string;
};

type Order = {
  readonly actor: Actor;
  readonly source: EndedTaskSource;
  readonly trace?: TraceContext;
  readonly operation?: string;
};

const make = async (parts: ClientParts, order: Order, id: string, isRepeat = false): Promise<Made> => {
  const { ports, kernel } = parts;
  const { actor, source, trace, operation } = order;
  const { address, former } = source;
  const args = await copyOf(parts, source, id);
  const at = ports.clock.now();
  const given = {
    ...(args === undefined ? {} : { args }),
    ...(trace === undefined ? {} : { trace }),
    ...(operation === undefined ? {} : { operation }),
  };
  const asked = await kernel.ask(address, (held) => {
    if (isRepeat) refuseDoubt(held, id);
    return { kind: 'retry', at, actor, former, id, whenAborting: 'queue', ...given };
  });
  // Under an operation id another call may have made the task, with the same name for the same arguments.
  if (operation === undefined && isUnused(asked)) void dropObject(ports.data, args);
  return submissionOf(asked, address, id);
};

const nowSystem = ({ type, scope }: Former): PermissionDeniedError =>
  new PermissionDeniedError(
    'PERMISSION_DENIED',
    `${type} is a system type now, and this task of it is ${scope}: an admin submits it anew`,
  );

const copyOf = async (
  { ports }: ClientParts,
  { address, args }: EndedTaskSource,
  id: string,
): Promise<Data | undefined> => {
  if (args === undefined || args instanceof Uint8Array) return args;
  return keepArguments(ports, address, id, await loadObject(ports.data, args));
};
