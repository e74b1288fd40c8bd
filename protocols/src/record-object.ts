import type { TaskRecord } from '@baton/core';

/** All fields of a record, as far as they were found in its bytes. */
export type FoundFields = { -readonly [K in keyof TaskRecord]-?: TaskRecord[K] | undefined };

export const noFields = (): FoundFields => ({
  v: undefined,
  status: undefined,
  id: undefined,
  type: undefined,
  key: undefined,
  name: undefined,
  scope: undefined,
  queue: undefined,
  priority: undefined,
  mode: undefined,
  policy: undefined,
  subscribers: undefined,
  createdAt: undefined,
  changedAt: undefined,
  attempt: undefined,
  history: undefined,
  creator: undefined,
  args: undefined,
  host: undefined,
  runAt: undefined,
  latestRunAt: undefined,
  expiresAt: undefined,
  throttledUntil: undefined,
  retriedFrom: undefined,
  operation: undefined,
  traceparent: undefined,
  tracestate: undefined,
  group: undefined,
  limitKey: undefined,
  units: undefined,
  tags: undefined,
  dependsOn: undefined,
  awaited: undefined,
  parent: undefined,
  readyAt: undefined,
  startedAt: undefined,
  endedAt: undefined,
  failures: undefined,
  rescues: undefined,
  owner: undefined,
  runTrace: undefined,
  abortable: undefined,
  finishing: undefined,
  bodyOutcome: undefined,
  abort: undefined,
  progress: undefined,
  payload: undefined,
  result: undefined,
  error: undefined,
  dedupeCount: undefined,
  timeoutUnenforced: undefined,
  notStopping: undefined,
  historyDropped: undefined,
  successor: undefined,
  archived: undefined,
  signals: undefined,
  waiting: undefined,
  cancelHandle: undefined,
  cancelling: undefined,
  steps: undefined,
  children: undefined,
  waitsOver: undefined,
  nonce: undefined,
});

/**
 * The record of these fields, of which all that every record has are there.
 *
 * Field by field and by name: an engine keeps the layout of an object whose fields are added by name, however many there
 * are, and turns one that was filled in a loop into a table, which makes each decision on it cost five times as much.
 */
export const recordWith = (found: FoundFields): TaskRecord => {
  const made: Partial<FoundFields> = {};
  made.v = found.v;
  made.status = found.status;
  made.id = found.id;
  made.type = found.type;
  made.key = found.key;
  made.name = found.name;
  made.scope = found.scope;
  made.queue = found.queue;
  made.priority = found.priority;
  made.mode = found.mode;
  made.policy = found.policy;
  made.subscribers = found.subscribers;
  made.createdAt = found.createdAt;
  made.changedAt = found.changedAt;
  made.attempt = found.attempt;
  made.history = found.history;
  if (found.creator !== undefined) made.creator = found.creator;
  if (found.args !== undefined) made.args = found.args;
  if (found.host !== undefined) made.host = found.host;
  if (found.runAt !== undefined) made.runAt = found.runAt;
  if (found.latestRunAt !== undefined) made.latestRunAt = found.latestRunAt;
  if (found.expiresAt !== undefined) made.expiresAt = found.expiresAt;
  if (found.throttledUntil !== undefined) made.throttledUntil = found.throttledUntil;
  if (found.retriedFrom !== undefined) made.retriedFrom = found.retriedFrom;
  if (found.operation !== undefined) made.operation = found.operation;
  if (found.traceparent !== undefined) made.traceparent = found.traceparent;
  if (found.tracestate !== undefined) made.tracestate = found.tracestate;
  if (found.group !== undefined) made.group = found.group;
  if (found.limitKey !== undefined) made.limitKey = found.limitKey;
  if (found.units !== undefined) made.units = found.units;
  if (found.tags !== undefined) made.tags = found.tags;
  if (found.dependsOn !== undefined) made.dependsOn = found.dependsOn;
  if (found.awaited !== undefined) made.awaited = found.awaited;
  if (found.parent !== undefined) made.parent = found.parent;
  if (found.readyAt !== undefined) made.readyAt = found.readyAt;
  if (found.startedAt !== undefined) made.startedAt = found.startedAt;
  if (found.endedAt !== undefined) made.endedAt = found.endedAt;
  if (found.failures !== undefined) made.failures = found.failures;
  if (found.rescues !== undefined) made.rescues = found.rescues;
  if (found.owner !== undefined) made.owner = found.owner;
  if (found.runTrace !== undefined) made.runTrace = found.runTrace;
  if (found.abortable !== undefined) made.abortable = found.abortable;
  if (found.finishing !== undefined) made.finishing = found.finishing;
  if (found.bodyOutcome !== undefined) made.bodyOutcome = found.bodyOutcome;
  if (found.abort !== undefined) made.abort = found.abort;
  if (found.progress !== undefined) made.progress = found.progress;
  if (found.payload !== undefined) made.payload = found.payload;
  if (found.result !== undefined) made.result = found.result;
  if (found.error !== undefined) made.error = found.error;
  if (found.dedupeCount !== undefined) made.dedupeCount = found.dedupeCount;
  if (found.timeoutUnenforced !== undefined) made.timeoutUnenforced = found.timeoutUnenforced;
  if (found.notStopping !== undefined) made.notStopping = found.notStopping;
  if (found.historyDropped !== undefined) made.historyDropped = found.historyDropped;
  if (found.successor !== undefined) made.successor = found.successor;
  if (found.archived !== undefined) made.archived = found.archived;
  if (found.signals !== undefined) made.signals = found.signals;
  if (found.waiting !== undefined) made.waiting = found.waiting;
  if (found.cancelHandle !== undefined) made.cancelHandle = found.cancelHandle;
  if (found.cancelling !== undefined) made.cancelling = found.cancelling;
  if (found.steps !== undefined) made.steps = found.steps;
  if (found.children !== undefined) made.children = found.children;
  if (found.waitsOver !== undefined) made.waitsOver = found.waitsOver;
  if (found.nonce !== undefined) made.nonce = found.nonce;
  return made as TaskRecord;
};
