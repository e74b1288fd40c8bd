import {
  differs,
  sameDependencies,
  type Actor,
  type Data,
  type KnownType,
  type RunOptions,
  type Scope,
  type SubmitMode,
  type TaskRecord,
  type TaskSpec,
  type TraceContext,
  type WhenAborting,
} from '@baton/core';
import { addressOf, MAX_DELAY_MS, type Address } from '@baton/protocols';
import { digestOf, dropObject } from '../data/large-data.ts';
import { InvalidArgumentError } from '../errors.ts';
import type { Held } from '../kernel.ts';
import type { Ports } from '../ports.ts';
import type { Catalogue } from '../definitions/catalogue.ts';
import { checkDependencies, edgesTo, type WantedDependency } from '../dependencies/edges.ts';
import { checkArguments } from './args-schema.ts';
import { keepArguments, type GivenArguments } from './arguments.ts';
import { isUnused, submissionOf, type ClientParts, type Made, type Submission } from './submission.ts';
import { operate, refuseDoubt, usedForAnother } from './operate.ts';
import { operationHash } from './operations.ts';
import { askReplacing, mayReplace, type SubmitCommand } from './replacing.ts';
import { requireKnown, runOptionsOf, type UnknownTypes, type Wanted } from './run-options.ts';
import { expiryFor, modeFor } from './submit-mode.ts';

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
  /** Tasks that have to end before it begins (behaviour G1). */
  readonly dependsOn?: readonly WantedDependency[];
  /** The span it was submitted in, or what its sender says of one: checked. */
  readonly trace?: TraceContext;
};

/**
 * Submits a task: writes its record, which is all it takes. The same for every surface that may write state. Rejects with a
 * BatonError, before anything is made, for a request that cannot be carried out or what has to be there first.
 */
export const submitTask = async (parts: SubmitParts, actor: Actor, request: SubmitRequest): Promise<Submission> => {
  // Mostly all is known here, and nobody waits for what is there.
  const found = optionsFor(parts, actor, request);
  const { options, known, argsSchema: schema } = found instanceof Promise ? await found : found;
  if (schema !== undefined) await checkArguments({ type: request.type, schema, log: parts.log }, request.args);
  const made = await makeOrdered(parts, orderOf(parts, actor, request, options));
  return made.kind === 'done' ? { ...made, known } : made;
};

const orderOf = ({ ports }: SubmitParts, actor: Actor, request: SubmitRequest, options: RunOptions): Order => {
  const now = ports.clock.now();
  checkRequest(request, options.scope, actor, now);
  if (request.dependsOn !== undefined) checkDependencies(request.dependsOn);
  const mode = modeFor(options.submit, request);
  const spec = specOf(request, options, actor, ports);
  const expiresAt = expiryFor(options.submit, request, mode, now);
  if (expiresAt !== undefined) spec.expiresAt = expiresAt;
  return { actor, request, mode, spec, address: addressFor(spec) };
};

const makeOrdered = (parts: ClientParts, order: Order): Promise<Made> => {
  const { actor, request } = order;
  const { operationId } = request;
  const operation = operationId === undefined ? request.operation : operationHash(actor, operationId);
  return operation === undefined ? make(parts, order) : makeOnce(parts, order, operation);
};

/** A submit that has been checked, and the task it would make. */
type Order = {
  readonly actor: Actor;
  readonly request: SubmitRequest;
  readonly mode: SubmitMode | undefined;
  readonly spec: Mutable<TaskSpec>;
  readonly address: Address;
};

type Options = { readonly options: RunOptions; readonly known: boolean; readonly argsSchema: KnownType['argsSchema'] };

/** By the definition of the type; of an inline call by the code at hand, which is what runs. Throws or rejects. */
export const optionsFor = (parts: SubmitParts, actor: Actor, request: SubmitRequest): Options | Promise<Options> => {
  const { type, fallback, host } = request;
  const found = host === undefined ? parts.catalogue.of(type) : fallback;
  if (found instanceof Promise) return found.then((definition) => optionsBy(definition, parts, actor, request));
  return optionsBy(found, parts, actor, request);
};

const optionsBy = (
  definition: KnownType | undefined,
  { catalogue, unknownTypes }: SubmitParts,
  actor: Actor,
  request: SubmitRequest,
): Options => {
  const { type, fallback } = request;
  requireKnown(definition, request, unknownTypes);
  if (definition !== undefined && fallback !== undefined) catalogue.compare(type, definition, fallback);
  const options = runOptionsOf(definition, request, actor);
  return { options, known: definition !== undefined, argsSchema: (definition ?? fallback)?.argsSchema };
};

export const checkRequest = ({ key, runAt }: SubmitRequest, scope: Scope, actor: Actor, now: number): void => {
  if (scope === 'shared' && key === undefined) throw new InvalidArgumentError('task_key: a shared task needs one');
  if (scope === 'private' && actor.user === undefined) {
    throw new InvalidArgumentError(
      "a private task needs a user, whose it is: connect({ user: { id } }) or baton.as({ id }), in Python connect(user=...), in a command the field user; or its type has the scope 'shared'",
    );
  }
  if (runAt !== undefined && runAt > now + MAX_DELAY_MS) {
    throw new InvalidArgumentError(
      `run_at, delay: a task starts ${MAX_DELAY_MS / 86_400_000} days from now at the latest`,
    );
  }
};

export const specOf = (
  request: SubmitRequest,
  options: RunOptions,
  actor: Actor,
  { chance, clock }: Ports,
): Mutable<TaskSpec> => {
  const { type, key, name, runAt, host, retriedFrom, trace } = request;
  const { scope, queue, priority, group, units, tags, policy, limits } = options;
  // A type that is limited by key counts by that of the task where its submit names no other.
  const { limitKey = limits?.some(({ of }) => of === 'key') ? key : undefined } = options;
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
  if (limitKey !== undefined) spec.limitKey = limitKey;
  if (units !== undefined && units !== 1) spec.units = units;
  if (tags !== undefined) spec.tags = tags;
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

export const addressFor = (spec: TaskSpec): Address =>
  addressOf({
    scope: spec.scope,
    type: spec.type,
    key: spec.key,
    ...(spec.creator === undefined ? {} : { user: spec.creator }),
  });

/** Under its operation id: a repeat goes on with what the first call noted, the same task at the same place. */
const makeOnce = (parts: ClientParts, order: Order, hash: string): Promise<Made> => {
  const { actor, request, spec: first, address } = order;
  const wanted = { ...first, operation: hash };
  return operate(
    parts,
    actor,
    { hash, wanted: { id: first.id, address } },
    {
      isOther: (made, hasArguments) => isOther({ wanted, request }, made, hasArguments),
      make: ({ id, address: at }, isRepeat) => {
        const spec = isRepeat ? { ...wanted, id, ...(request.key === undefined ? { key: id } : {}) } : wanted;
        if (addressFor(spec) !== at) throw usedForAnother('type, scope and taskKey');
        return make(parts, { ...order, spec, address: at }, isRepeat);
      },
    },
  );
};

type Repeat = { readonly wanted: TaskSpec; readonly request: SubmitRequest };

/** Under the same operation id something else was asked for: what was made stands, and its caller is told (behaviour D7). */
const isOther = ({ wanted, request }: Repeat, made: TaskRecord, hasArguments: boolean): boolean =>
  wanted.type !== made.type ||
  wanted.scope !== made.scope ||
  !sameDependencies(request.dependsOn, made.dependsOn) ||
  (request.key !== undefined && request.key !== made.key) ||
  // Its handler may have changed its tags since.
  differs(
    { ...made, ...sameTags(wanted), dependsOn: [] },
    withArgs(wanted, hasArguments ? comparable(request.args) : made.args),
  );

const sameTags = ({ tags }: TaskSpec) => (tags === undefined ? {} : { tags });

const withArgs = (spec: TaskSpec, args: Data | undefined): TaskSpec => (args === undefined ? spec : { ...spec, args });

/** As it would stand in the record; large ones are told apart by their digest. */
const comparable = (args: GivenArguments): Data | undefined => {
  if (args === undefined) return undefined;
  const { bytes } = args;
  return args.kind === 'inline' ? bytes : { object: '', size: bytes.length, digest: digestOf(bytes) };
};

const make = (parts: ClientParts, order: Order, isRepeat = false): Promise<Made> => {
  const { request } = order;
  const { args: given, dependsOn } = request;
  if (given?.kind === 'large' || (dependsOn !== undefined && dependsOn.length > 0))
    return makePrepared(parts, order, isRepeat);
  if (given !== undefined) order.spec.args = given.bytes;
  return askFor(parts, order, isRepeat);
};

/** Of one for which something has to be there before it is. */
const makePrepared = async (parts: ClientParts, order: Order, isRepeat: boolean): Promise<Made> => {
  const { ports } = parts;
  const { actor, request, mode, spec, address } = order;
  const { args: given, dependsOn = NOTHING } = request;
  // Before the task is there, so that it waits for nothing whose end nobody keeps.
  if (dependsOn.length > 0) spec.dependsOn = await edgesTo(parts, actor, dependsOn, { address, id: spec.id });
  if (given?.kind === 'large' && mode !== undefined && mayReplace(mode)) {
    const commandFor = commandsOf(parts, order, isRepeat);
    return submissionOf(await askReplacing(parts, address, given.bytes, commandFor), address, spec.id);
  }
  // Large ones are stored first, under the id that is going to refer to them.
  if (given?.kind === 'inline') spec.args = given.bytes;
  else if (given !== undefined) spec.args = await keepArguments(ports, address, spec.id, given.bytes);
  return askFor(parts, order, isRepeat);
};

const askFor = async (parts: ClientParts, order: Order, isRepeat: boolean): Promise<Made> => {
  const { spec, address } = order;
  const asked = await parts.kernel.ask(address, commandsOf(parts, order, isRepeat), ABSENT);
  // Under an operation id another call may have made the task, with the same name for the same arguments: the sweep can
  // tell, this call cannot.
  if (spec.operation === undefined && isUnused(asked)) void dropObject(parts.ports.data, spec.args);
  return submissionOf(asked, address, spec.id);
};

const ABSENT = { from: 'absent' } as const;

const commandsOf = ({ ports }: ClientParts, { actor, request, mode, spec }: Order, isRepeat: boolean) => {
  const { whenAborting = 'queue' } = request;
  const command: SubmitCommand = { kind: 'submit', at: ports.clock.now(), actor, spec, whenAborting };
  if (mode !== undefined) command.mode = mode;
  const isNext = mode !== undefined && (mode.kind === 'coalesce' || mayReplace(mode));
  const strictly = request.operationId === undefined ? undefined : { isNext };
  return (held: Held | undefined): SubmitCommand => {
    if (isRepeat) refuseDoubt(held, spec.id, strictly);
    return command;
  };
};

const NOTHING: readonly WantedDependency[] = [];
