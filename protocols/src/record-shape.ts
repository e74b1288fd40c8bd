import type { Priority, Scope, Status } from '@baton/core';

/**
 * The shape of a record, field by field. Written by hand because it runs for every record read: a schema library costs
 * ten times as much here as the decoding itself.
 */
type Check = (value: unknown) => boolean;
type Shape = Readonly<Record<string, Check>>;

/** Well-formed: the scan has seen to that. */
const text: Check = (v) => typeof v === 'string';
/** Milliseconds, as far as a Date goes. */
const time: Check = (v) => typeof v === 'number' && v >= 0 && v <= 8.64e15;
const amount: Check = (v) => typeof v === 'number' && Number.isFinite(v) && v >= 0;
const whole: Check = (v) => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0;
const yes: Check = (v) => v === true;
const oneOf = (...allowed: readonly string[]): Check => {
  const set = new Set<unknown>(allowed);
  return (v) => set.has(v);
};
const listOf =
  (check: Check): Check =>
  (v) =>
    Array.isArray(v) && v.every(check);
const mapOf =
  (required: Shape, optional: Shape = {}): Check =>
  (v) =>
    faultIn(v, required, optional) === undefined;

const faultIn = (value: unknown, required: Shape, optional: Shape): string | undefined => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'not a map';
  const map = value as Record<string, unknown>;
  for (const name in required) if (!required[name]?.(map[name])) return `field '${name}'`;
  for (const name in optional) {
    const field = map[name];
    // Absent is fine; there and undefined is not: it would be written as something nobody reads.
    if (field === undefined ? name in map : !optional[name]?.(field)) return `field '${name}'`;
  }
  return undefined;
};

const STATUSES: readonly Status[] = [
  'pending',
  'in_progress',
  'aborting',
  'success',
  'failure',
  'aborted',
  'timed_out',
];
const SCOPES: readonly Scope[] = ['private', 'shared', 'system'];
const PRIORITIES: readonly Priority[] = ['high', 'normal', 'low'];

const status = oneOf(...STATUSES);
const reference = mapOf({ object: text, size: whole, digest: text });
const data: Check = (v) => v instanceof Uint8Array || reference(v);
const fence = mapOf({ epoch: time, revision: whole });
const subscribers = listOf(mapOf({ user: text, at: time }));
const error = mapOf({ message: text, type: text }, { stack: text });
const share: Check = (v) => typeof v === 'number' && v >= 0 && v <= 1;

const progress: Check = (v) => {
  if (typeof v !== 'object' || v === null) return false;
  if ('count' in v) return whole(v.count);
  if ('fraction' in v) return share(v.fraction);
  return 'current' in v && 'total' in v && whole(v.current) && whole(v.total);
};

const policy = mapOf(
  {},
  {
    timeoutMs: time,
    maxAttempts: whole,
    maxRescues: whole,
    abortGraceMs: time,
    onOrphan: oneOf('retry', 'fail'),
    isolation: oneOf('thread'),
    backoff: mapOf({ initialMs: time, factor: amount, maxMs: time, jitter: share }),
  },
);

const RUN_OPTIONS: Shape = {
  scope: oneOf(...SCOPES),
  queue: text,
  priority: oneOf(...PRIORITIES),
  policy,
};

/** How tasks are run, in a record and in the definition of their type. Fields it does not know are let through. */
export const isRunOptions = (value: unknown): boolean => faultIn(value, RUN_OPTIONS, {}) === undefined;

const SPEC: Shape = {
  id: text,
  type: text,
  key: text,
  name: text,
  scope: oneOf(...SCOPES),
  queue: text,
  priority: oneOf(...PRIORITIES),
  mode: oneOf('async', 'sync'),
  policy,
};

const SPEC_OPTIONAL: Shape = { creator: text, args: data, host: text, runAt: time, retriedFrom: text, operation: text };

/** One that waits, with those that wait behind it. As deep as bytes are nested, which is bounded. */
const successor: Check = (v) => waiting(v);
const waiting = mapOf(
  { spec: mapOf(SPEC, SPEC_OPTIONAL), subscribers, createdAt: time },
  { dedupeCount: whole, cancelled: mapOf({ at: time, by: text }), next: successor },
);

const REQUIRED: Shape = {
  v: (v) => whole(v) && v !== 0,
  ...SPEC,
  status,
  subscribers,
  createdAt: time,
  changedAt: time,
  attempt: whole,
  history: listOf(mapOf({ status, at: time, by: text, attempt: whole }, { why: text })),
};

const returned = mapOf({ kind: oneOf('returned'), fence }, { result: data });
const threw = mapOf(
  { kind: oneOf('threw'), fence, error },
  { terminal: (v) => typeof v === 'boolean', retryAfterMs: amount },
);

const OPTIONAL: Shape = {
  ...SPEC_OPTIONAL,
  readyAt: time,
  startedAt: time,
  endedAt: time,
  failures: whole,
  rescues: whole,
  owner: mapOf({ worker: text, fence, at: time }),
  abortable: yes,
  finishing: yes,
  bodyOutcome: (v) => returned(v) || threw(v),
  abort: mapOf(
    { cause: oneOf('cancel', 'timeout'), by: text, at: time },
    { deliveredAt: time, observedAt: time, stoppedAt: time, forced: yes },
  ),
  progress,
  payload: data,
  result: data,
  error,
  dedupeCount: whole,
  timeoutUnenforced: yes,
  notStopping: yes,
  historyDropped: whole,
  successor,
  archived: yes,
  nonce: text,
};

/** Every field there is, for the documentation. */
export const RECORD_FIELDS: readonly string[] = [...Object.keys(REQUIRED), ...Object.keys(OPTIONAL)];

/** The first field that is not as it should be, or undefined. Fields it does not know are let through. */
export const recordFault = (value: unknown): string | undefined =>
  faultIn(value, REQUIRED, OPTIONAL) ?? stateFault(value as StateFields);

type StateFields = { readonly status: Status; readonly owner?: unknown; readonly abort?: unknown };

/** What a state cannot be without: nobody could end a task that runs and is nobody's. */
const stateFault = ({ status: state, owner, abort }: StateFields): string | undefined => {
  if (state !== 'in_progress' && state !== 'aborting') return undefined;
  if (owner === undefined) return `field 'owner', which ${state} needs`;
  return state === 'aborting' && abort === undefined ? `field 'abort', which ${state} needs` : undefined;
};
