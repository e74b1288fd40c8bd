import { canOpen, type Actor, type Data, type Former, type TaskRecord, type TraceContext } from '@baton/core';
import { parseAddress, readDataText, type Address, type TaskDocument } from '@baton/protocols';
import { DataLostError, dropObject, loadObject } from '../data/large-data.ts';
import { PermissionDeniedError, UnreadableRecordError } from '../errors.ts';
import { keepArguments } from './arguments.ts';
import { isUnused, submissionOf, type ClientParts, type Submission, type SubmitParts } from './submit.ts';

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
  const { _id: id, status, task_type: type, task_key: key, task_name: name, scope, queue, policy } = document;
  return {
    address,
    former: {
      id,
      status,
      type,
      key,
      name,
      scope,
      queue,
      policy,
      priority: document.priority,
      // Documents of before there were groups have no such field.
      ...(typeof document.group === 'string' ? { group: document.group } : {}),
      ...(typeof document.units === 'number' && document.units !== 1 ? { units: document.units } : {}),
      ...(document.created_by === null ? {} : { creator: document.created_by }),
      subscribers: document.subscribers.map(({ user, subscribed_at: at }) => ({ user, at: at.getTime() })),
    },
    ...(document.args === null ? {} : { args: argumentsIn(document._id, document.args) }),
  };
};

const argumentsIn = (id: string, text: string): Data => {
  const reading = readDataText(text);
  if (reading.kind === 'data') return reading.data;
  throw new DataLostError('DATA_DAMAGED', `the arguments of ${id} cannot be read: ${reading.reason}`);
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
  trace?: TraceContext,
): Promise<Submission> => {
  const { ports, kernel, catalogue } = parts;
  const { address, former } = source;
  if (!canOpen(former, actor)) return { kind: 'refused', reason: 'not_found' };
  const definition = await catalogue.of(former.type);
  // It is run as it was submitted, but never past what its type is now.
  if (definition?.scope === 'system' && former.scope !== 'system') throw nowSystem(former);
  const id = ports.chance.uuid();
  const args = await copyOf(parts, source, id);
  const at = ports.clock.now();
  const given = { ...(args === undefined ? {} : { args }), ...(trace === undefined ? {} : { trace }) };
  const asked = await kernel.ask(address, () => ({
    kind: 'retry',
    at,
    actor,
    former,
    id,
    whenAborting: 'queue',
    ...given,
  }));
  if (isUnused(asked)) void dropObject(ports.data, args);
  const made = submissionOf(asked, address, id);
  return made.kind === 'done' ? { ...made, known: definition !== undefined } : made;
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
