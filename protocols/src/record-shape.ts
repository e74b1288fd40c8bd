import { RECORD_VERSION, type Priority, type Scope, type Status, type TaskRecord } from '@baton/core';
import {
  above0,
  amount,
  bytes,
  bytesOr,
  faultIn,
  flag,
  listOf,
  mapOf,
  nested,
  oneOf,
  repeated,
  share,
  text,
  time,
  where,
  whole,
  word,
  yes,
} from './kinds.ts';
import type { Fields, Kind } from './kind.ts';
import { typeLimits } from './limit-shape.ts';
import { UNUSUAL } from './msgpack-read.ts';
import { tags } from './tag-kinds.ts';
import { noFields, recordWith } from './record-object.ts';

/** The shape of a record, field by field, in the order in which they are written. */

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
const data = bytesOr(reference);
const fence = mapOf({ epoch: time, revision: whole });
const subscribers = listOf(mapOf({ user: word, at: time }));
const error = mapOf({ message: text, type: word }, { stack: text });
const progress = where(
  mapOf({}, { current: whole, total: whole, fraction: share, count: whole }),
  (v) => {
    if (typeof v !== 'object' || v === null) return false;
    if ('count' in v) return whole.check(v.count);
    if ('fraction' in v) return share.check(v.fraction);
    return 'current' in v && 'total' in v && whole.check(v.current) && whole.check(v.total);
  },
  { anyOf: [{ required: ['count'] }, { required: ['fraction'] }, { required: ['current', 'total'] }] },
);

export const policy = repeated(
  mapOf(
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
  ),
);

/** Absent where there is none: of most tasks. */
const GROUPING: Fields = { group: word, limitKey: word, units: above0, tags };

const RUN_OPTIONS: Fields = {
  scope: oneOf(...SCOPES),
  queue: word,
  priority: oneOf(...PRIORITIES),
  policy,
};

/** How tasks are submitted, in the definition of their type. */
const submit = mapOf(
  {},
  {
    mode: oneOf('join', 'reject', 'replace', 'coalesce', 'debounce', 'throttle'),
    windowMs: time,
    maxWaitMs: time,
    expiresMs: time,
  },
);

/** How tasks are run, in a record and in the definition of their type. Fields it does not know are let through. */
export const isRunOptions = (value: unknown): boolean =>
  faultIn(value, RUN_OPTIONS, { ...GROUPING, submit, limits: typeLimits }) === undefined;

const noted = mapOf({ status: oneOf('success', 'failure', 'aborted', 'timed_out', 'gone'), at: time }, { left: data });

/** What a task waits for. */
const dependency = mapOf(
  { id: text, address: text, name: text },
  { onFailure: oneOf('continue', 'ignore'), end: noted },
);

const parent = mapOf({ id: text, address: text }, { leave: yes, over: yes });
const child = mapOf({ id: text, address: text, name: text }, { leave: yes, share, end: noted });

const SPEC: Fields = {
  id: text,
  type: word,
  key: text,
  name: text,
  scope: oneOf(...SCOPES),
  queue: word,
  priority: oneOf(...PRIORITIES),
  mode: oneOf('async', 'sync'),
  policy,
};

const SPEC_OPTIONAL: Fields = {
  creator: word,
  args: data,
  host: word,
  runAt: time,
  latestRunAt: time,
  expiresAt: time,
  throttledUntil: time,
  retriedFrom: text,
  operation: text,
  traceparent: text,
  tracestate: text,
  ...GROUPING,
  dependsOn: listOf(dependency),
  awaited: yes,
  parent,
};

/** One that waits, with those that wait behind it. As deep as bytes are nested, which is bounded. */
const successor = nested(() => waiting);
const spec = mapOf(SPEC, SPEC_OPTIONAL);
const waiting: Kind = mapOf(
  { spec, subscribers, createdAt: time },
  { dedupeCount: whole, cancelled: mapOf({ at: time, by: word }, { why: word }), next: successor },
);

const REQUIRED: Fields = {
  v: above0,
  status,
  ...SPEC,
  subscribers,
  createdAt: time,
  changedAt: time,
  attempt: whole,
  history: listOf(mapOf({ status, at: time, by: word, attempt: whole }, { why: word })),
};

const returned = mapOf({ kind: oneOf('returned'), fence }, { result: data });
const threw = mapOf({ kind: oneOf('threw'), fence, error }, { terminal: flag, retryAfterMs: amount });
const bodyOutcome = where(
  mapOf({ kind: word, fence }, { result: data, error, terminal: flag, retryAfterMs: amount }),
  (v) => returned.check(v) || threw.check(v),
  () => [returned, threw],
);

const signalSent = mapOf({ id: text, name: word, at: time, by: word }, { data: bytes, awaited: yes });
const waitOver = mapOf({ name: word, at: time, timedOut: yes });
const signalEntry = where(
  mapOf({ name: word, at: time }, { id: text, by: word, data: bytes, awaited: yes, timedOut: yes }),
  (v) => signalSent.check(v) || waitOver.check(v),
  () => [signalSent, waitOver],
);

const forSignal = mapOf({ signal: word, since: time });
const forChildren = mapOf({ children: listOf(text), number: above0, since: time }, { onFailure: oneOf('continue') });
const waitingFor = where(
  mapOf({ since: time }, { signal: word, children: listOf(text), number: above0, onFailure: oneOf('continue') }),
  (v) => forSignal.check(v) || forChildren.check(v),
  () => [forSignal, forChildren],
);

const OPTIONAL: Fields = {
  ...SPEC_OPTIONAL,
  readyAt: time,
  startedAt: time,
  endedAt: time,
  failures: whole,
  rescues: whole,
  owner: mapOf({ worker: word, fence, at: time }),
  runTrace: text,
  abortable: yes,
  finishing: yes,
  bodyOutcome,
  abort: mapOf(
    { cause: oneOf('cancel', 'timeout', 'expired', 'displaced'), by: word, at: time },
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
  signals: listOf(signalEntry),
  cancelHandle: mapOf({ data: bytes }, { tries: whole }),
  cancelling: yes,
  steps: listOf(mapOf({ name: text, at: time }, { result: data })),
  waiting: waitingFor,
  children: listOf(child),
  waitsOver: listOf(above0),
  nonce: text,
};

const record = mapOf(REQUIRED, OPTIONAL, { begin: noFields, end: recordWith });

/** The kinds of the record, and those in it that have a name in its schema. */
export const RECORD_KINDS = {
  record,
  named: {
    spec,
    successor: waiting,
    policy,
    subscribers,
    error,
    progress,
    tags,
    data,
    reference,
    bytes,
    fence,
    status,
  },
  bodyOutcome: { returned, threw },
} as const;

/** Throws UNUSUAL for what `recordFault` has to look at. */
export const readUsual = (): TaskRecord => {
  const value = record.read() as TaskRecord;
  if (value.v > RECORD_VERSION || stateFault(value) !== undefined) throw UNUSUAL;
  return value;
};

/** Throws UNUSUAL for what `recordFault` has to look at, and for what is to be written by the general codec. */
export const writeUsual = (value: TaskRecord): void => {
  if (stateFault(value) !== undefined) throw UNUSUAL;
  record.write(value);
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
