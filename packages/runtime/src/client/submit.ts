import {
  canOpen,
  differs,
  isTerminal,
  taskOf,
  type Actor,
  type Answer,
  type Data,
  type RefusalReason,
  type RunOptions,
  type Scope,
  type SubmitMode,
  type SubmitOutcome,
  type TaskRecord,
  type TaskSpec,
  type TraceContext,
  type WhenAborting,
} from '@baton/core';
import { addressOf, MAX_DELAY_MS, readRecord, type Address } from '@baton/protocols';
import { digestOf, dropObject } from '../data/large-data.ts';
import { InvalidArgumentError, OutcomeUnknownError, type BatonError } from '../errors.ts';
import type { Asked, Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Operation, Ports } from '../ports.ts';
import type { Catalogue } from '../definitions/catalogue.ts';
import { checkArguments } from './args-schema.ts';
import { keepArguments, type GivenArguments } from './arguments.ts';
import { beginOperation, operationHash, settledOperation } from './operations.ts';
import { askReplacing, mayReplace, type SubmitCommand } from './replacing.ts';
import { requireKnown, runOptionsOf, type UnknownTypes, type Wanted } from './run-options.ts';
import { expiryFor, modeFor } from './submit-mode.ts';

export type ClientParts = { readonly ports: Ports; readonly kernel: Kernel; readonly log: Log };

/** What a submit needs besides: the definitions of types, and what is done with types that have none. */
export type SubmitParts = ClientParts & { readonly catalogue: Catalogue; readonly unknownTypes: UnknownTypes };

/** A submit as it is wanted, from the SDK or from a command: checked in its parts, not yet as a whole. */
export type SubmitRequest = Wanted & {
  readonly key?: string;
  readonly name?: string;
  readonly args?: GivenArguments;
  /** By the server's clock. A time that has passed means now. */
  readonly runAt?: number;
  /** By the server's clock: not started by then, it is not started at all. */
  readonly expiresAt?: number;
  /** The process an inline call is meant for. */
  readonly host?: string;
  readonly retriedFrom?: string;
  readonly whenAborting?: WhenAborting;
  readonly operationId?: string;
  /** Of what has no operation id and may come again all the same: a hash that names it. */
  readonly operation?: string;
  /** The span it was submitted in, or what its sender says of one: checked. */
  readonly trace?: TraceContext;
};

/** What became of one, before it is said whether its type is known. */
export type Made = Exclude<Submission, { kind: 'done' }> | Omit<Extract<Submission, { kind: 'done' }>, 'known'>;

export type Submission =
  | {
      readonly kind: 'done';
      readonly address: Address;
      /** Id of the task that was made or joined, and the record as its submitter sees it. */
      readonly id: string;
      readonly view: Held;
      /** The record as it is stored: the task may wait behind the one in it. */
      readonly held: Held;
      readonly outcome: SubmitOutcome;
      readonly differs: boolean;
      /** It was made by this very call, not by an earlier one with the same operation id. */
      readonly isNew: boolean;
      /** False: no worker has ever served tasks of its type. */
      readonly known: boolean;
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason; readonly record?: TaskRecord }
  | { readonly kind: 'unknown' | 'failed'; readonly cause: BatonError };

/**
 * Submits a task: writes its record, which is all it takes. The same for every surface that may write state. Rejects with a
 * BatonError, before anything is made, for a request that cannot be carried out or what has to be there first.
 */
export const submitTask = async (parts: SubmitParts, actor: Actor, request: SubmitRequest): Promise<Submission> => {
  const { ports } = parts;
  const { options, known, argsSchema: schema } = await optionsFor(parts, actor, request);
  if (schema !== undefined) await checkArguments({ type: request.type, schema, log: parts.log }, request.args);
  const now = ports.clock.now();
  checkRequest(request, options.scope, actor, now);
  const mode = modeFor(options.submit, request);
  const spec = specOf(request, options, actor, ports);
  const expiresAt = expiryFor(options.submit, request, mode, now);
  if (expiresAt !== undefined) spec.expiresAt = expiresAt;
  const order: Order = { actor, request, mode, spec, address: addressFor(spec) };
  const { operationId } = request;
  const operation = operationId === undefined ? request.operation : operationHash(actor, operationId);
  const made = operation === undefined ? await make(parts, order) : await operate(parts, order, operation);
  return made.kind === 'done' ? { ...made, known } : made;
};

/** A submit that has been checked, and the task it would make. */
type Order = {
  readonly actor: Actor;
  readonly request: SubmitRequest;
  readonly mode: SubmitMode | undefined;
  readonly spec: Mutable<TaskSpec>;
  readonly address: Address;
};

/** By the definition of the type; of an inline call by the code at hand, which is what runs. */
const optionsFor = async ({ catalogue, unknownTypes }: SubmitParts, actor: Actor, request: SubmitRequest) => {
  const { type, fallback, host } = request;
  const found = host === undefined ? catalogue.of(type) : fallback;
  // Mostly it is known here, and nobody waits for what is there.
  const definition = found instanceof Promise ? await found : found;
  requireKnown(definition, request, unknownTypes);
  if (definition !== undefined && fallback !== undefined) catalogue.compare(type, definition, fallback);
  const options = runOptionsOf(definition, request, actor);
  return { options, known: definition !== undefined, argsSchema: (definition ?? fallback)?.argsSchema };
};

const checkRequest = ({ key, runAt }: SubmitRequest, scope: Scope, actor: Actor, now: number): void => {
  if (scope === 'shared' && key === undefined) throw new InvalidArgumentError('a shared task needs a taskKey');
  if (scope === 'private' && actor.user === undefined) {
    throw new InvalidArgumentError('a private task needs a user: connect({ user: { id } }) or baton.as({ id })');
  }
  if (runAt !== undefined && runAt > now + MAX_DELAY_MS) {
    throw new InvalidArgumentError(
      `the start lies too far ahead: a task can be delayed by up to ${MAX_DELAY_MS / 86_400_000} days`,
    );
  }
};

const specOf = (
  request: SubmitRequest,
  options: RunOptions,
  actor: Actor,
  { chance, clock }: Ports,
): Mutable<TaskSpec> => {
  const { type, key, name, runAt, host, retriedFrom, trace } = request;
  const { scope, queue, priority, group, units, policy } = options;
  const id = chance.uuid();
  const spec: Mutable<TaskSpec> = {
    id,
    type,
    key: key ?? id,
    name: name ?? key ?? type,
    scope,
    queue,
    priority,
    mode: host === undefined ? 'async' : 'sync',
    policy,
  };
  if (group !== undefined) spec.group = group;
  if (units !== undefined && units !== 1) spec.units = units;
  if (actor.user !== undefined) spec.creator = actor.user;
  if (host !== undefined) spec.host = host;
  // A past date means now.
  if (runAt !== undefined && runAt > clock.now()) spec.runAt = runAt;
  if (retriedFrom !== undefined) spec.retriedFrom = retriedFrom;
  if (trace !== undefined) {
    spec.traceparent = trace.traceparent;
    if (trace.tracestate !== undefined) spec.tracestate = trace.tracestate;
  }
  return spec;
};

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const addressFor = (spec: TaskSpec): Address =>
  addressOf({
    scope: spec.scope,
    type: spec.type,
    key: spec.key,
    ...(spec.creator === undefined ? {} : { user: spec.creator }),
  });

/** A repeat goes on with what the first call noted: the same task, at the same place (behaviour D7). */
const operate = async (parts: ClientParts, order: Order, hash: string): Promise<Made> => {
  const { actor, request, address: at } = order;
  const { operations } = parts.ports;
  const begun = await beginOperation(operations, hash, { id: order.spec.id, address: at });
  let spec: Mutable<TaskSpec> = { ...order.spec, operation: hash };
  let address = at;
  if (begun.kind === 'again') {
    const { operation } = begun;
    const found = await madeBefore(parts, actor, operation, { wanted: spec, request });
    if (found !== undefined) return found;
    address = operation.address;
    spec = { ...spec, id: operation.id, ...(request.key === undefined ? { key: operation.id } : {}) };
    if (addressFor(spec) !== address) {
      throw new InvalidArgumentError('this operationId was used for another task: type, scope and taskKey are others');
    }
  }
  const done = await make(parts, { ...order, spec, address }, begun.kind === 'again');
  if (done.kind === 'done') await settle(parts, hash, begun.revision, done);
  return done;
};

/** What the first call made, where it is known to have made it; undefined: it is to be made now. */
const madeBefore = async (
  { kernel }: ClientParts,
  actor: Actor,
  { id, address, settled }: Operation,
  repeat: Repeat,
): Promise<Made | undefined> => {
  const held = await kernel.load(address);
  const record = held === undefined ? undefined : taskOf(held.record, id);
  const how = (made: TaskRecord, hasArguments: boolean) =>
    ({
      outcome: settled?.outcome ?? 'created',
      differs: (settled?.differs ?? false) || isOther(repeat, made, hasArguments),
      isNew: false,
    }) as const;
  if (held !== undefined && record !== undefined) {
    if (!canOpen(record, actor)) return { kind: 'refused', reason: 'not_found' };
    return { kind: 'done', address, id, view: { record, revision: held.revision }, held, ...how(record, true) };
  }
  if (settled === undefined) return undefined;
  const reading = readRecord(settled.bytes);
  if (reading.kind !== 'record') throw new OutcomeUnknownError(`what operation ${id} has made cannot be read any more`);
  const view: Held = { record: reading.record, revision: settled.revision };
  // What is noted of a task is without its arguments.
  return { kind: 'done', address, id, view, held: view, ...how(reading.record, false) };
};

type Repeat = { readonly wanted: TaskSpec; readonly request: SubmitRequest };

/** Under the same operation id something else was asked for: what was made stands, and its caller is told (behaviour D7). */
const isOther = ({ wanted, request }: Repeat, made: TaskRecord, hasArguments: boolean): boolean =>
  wanted.type !== made.type ||
  wanted.scope !== made.scope ||
  (request.key !== undefined && request.key !== made.key) ||
  differs(made, withArgs(wanted, hasArguments ? comparable(request.args) : made.args));

const withArgs = (spec: TaskSpec, args: Data | undefined): TaskSpec => (args === undefined ? spec : { ...spec, args });

/** As it would stand in the record; large ones are told apart by their digest. */
const comparable = (args: GivenArguments): Data | undefined => {
  if (args === undefined) return undefined;
  const { bytes } = args;
  return args.kind === 'inline' ? bytes : { object: '', size: bytes.length, digest: digestOf(bytes) };
};

/** Where it is not noted, a repeat finds the task itself, as long as it is there. */
const settle = async (
  { ports, log }: ClientParts,
  hash: string,
  expected: number,
  { address, view, outcome, differs }: Extract<Made, { kind: 'done' }>,
): Promise<void> => {
  const operation = settledOperation(address, view.record, view.revision, { outcome, differs });
  const result = await ports.operations.write(hash, operation, expected);
  // Conflict: the projector was faster, and has noted the end.
  if (result.kind === 'written' || result.kind === 'conflict') return;
  log.warn({ err: result.cause, task: view.record.id }, 'what an operation id has made could not be noted');
};

const make = async (parts: ClientParts, order: Order, isRepeat = false): Promise<Made> => {
  const { ports, kernel } = parts;
  const { actor, request, mode, spec, address } = order;
  const { args: given, whenAborting = 'queue' } = request;
  const at = ports.clock.now();
  const command: SubmitCommand = { kind: 'submit', at, actor, spec, whenAborting };
  if (mode !== undefined) command.mode = mode;
  const commandFor = (held: Held | undefined): SubmitCommand => {
    if (isRepeat) refuseDoubt(held, spec.id);
    return command;
  };
  if (given?.kind === 'large' && mode !== undefined && mayReplace(mode)) {
    return submissionOf(await askReplacing(parts, address, given.bytes, commandFor), address, spec.id);
  }
  // Large ones are stored first, under the id that is going to refer to them.
  if (given?.kind === 'inline') spec.args = given.bytes;
  else if (given !== undefined) spec.args = await keepArguments(ports, address, spec.id, given.bytes);
  const asked = await kernel.ask(address, commandFor, { from: 'absent' });
  // Under an operation id another call may have made the task, with the same name for the same arguments: the sweep can
  // tell, this call cannot.
  if (spec.operation === undefined && isUnused(asked)) void dropObject(ports.data, spec.args);
  return submissionOf(asked, address, spec.id);
};

/**
 * The first call was cut off between note and task, and since then the key has had a later task, which has ended. Whether
 * ours was there before it nobody can tell, so no second one is made. An active one is joined: that makes none.
 */
const refuseDoubt = (held: Held | undefined, id: string): void => {
  if (held === undefined || !isTerminal(held.record.status)) return;
  if (held.record.id <= id || taskOf(held.record, id) !== undefined) return;
  throw new OutcomeUnknownError('this operation was begun before, and what became of it cannot be told any more');
};

/** What came of asking for a task of that id. */
export const submissionOf = (asked: Asked, address: Address, wanted: string): Made => {
  switch (asked.kind) {
    case 'done':
      return doneOf(asked, address, wanted);
    case 'refused': {
      if (asked.doubt !== undefined) return { kind: 'unknown', cause: asked.doubt };
      const record = asked.held?.record;
      return { kind: 'refused', reason: asked.reason, ...(record === undefined ? {} : { record }) };
    }
    case 'failed':
    case 'unknown':
      return { kind: asked.kind, cause: asked.cause };
  }
};

const doneOf = (asked: Extract<Asked, { kind: 'done' }>, address: Address, wanted: string): Made => {
  const { answer, record, revision } = asked;
  const held: Held = { record, revision };
  const outcome = outcomeOf(answer);
  const id = outcome === 'created' || !('id' in answer) ? wanted : answer.id;
  const view: Held = { record: taskOf(record, id) ?? record, revision };
  const differs = answer.kind === 'joined' && answer.differs;
  const isNew = outcome === 'created' && asked.bytes !== undefined;
  return { kind: 'done', address, id, view, held, outcome, differs, isNew };
};

const outcomeOf = ({ kind }: Answer): SubmitOutcome =>
  kind === 'done' || kind === 'aborted' || kind === 'unsubscribed' ? 'created' : kind;

/** The submit made no task of its own, for certain: what was stored for it is nobody's. */
export const isUnused = (asked: Asked): boolean => {
  if (asked.kind === 'done') return asked.answer.kind === 'joined' || asked.answer.kind === 'throttled';
  return asked.kind === 'failed' || (asked.kind === 'refused' && asked.doubt === undefined);
};
