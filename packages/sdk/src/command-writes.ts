import {
  SUBMIT_OUTCOMES,
  type Actor,
  type Backoff,
  type RunOptions,
  type TaskRecord,
  type TraceContext,
} from '@baton/core';
import { COMMAND_LIMIT, decodeLargeData, encode, parseAddress, type Address } from '@baton/protocols';
import {
  BatonError,
  findTask,
  OutcomeUnknownError,
  PayloadTooLargeError,
  readAnswer,
  rules,
  type ClientParts,
  type CommandAnswer,
  type CommandVerb,
  type Held,
  type RunOverrides,
  type Submission,
  type SubmitRequest,
  type TaskView,
  type WantedDependency,
} from '@baton/runtime';
import { answerError } from './answer-error.ts';
import type { Writes } from './writes.ts';

/** How long a publisher waits for a supervisor's answer. */
const ANSWER_MS = 5_000;

/** The writes of a publisher: commands, carried out by whichever supervisor is there, by the same decisions. */
export const commandWrites = (parts: ClientParts): Writes => ({
  submit: async (actor, request) => {
    const { type, trace } = request;
    const answer = await ask(parts, 'submit', submitBody(actor, request), { type, ...(trace && { headers: trace }) });
    return answer.kind === 'answered' ? submissionOf(parts, answer.done) : answer;
  },
  cancel: async (actor, address, { id, force }) => {
    const answer = await ask(parts, 'cancel', { id, address, force, ...userOf(actor) });
    if (answer.kind !== 'answered') return answer;
    const { task, outcome } = answer.done;
    const action = outcome === 'unsubscribed' ? 'unsubscribed' : 'aborted';
    return { kind: 'done', action, record: recordOfView(task), revision: revisionOf(task) };
  },
  signal: async (actor, address, { id, signal, name, data, operationId = signal }) => {
    const value = data === undefined ? {} : { data: decodeLargeData(data) };
    const body = { id, address, name, operation_id: operationId, ...value, ...userOf(actor) };
    const answer = await ask(parts, 'signal', body);
    if (answer.kind !== 'answered') return answer;
    const { task, outcome } = answer.done;
    const record = recordOfView(task);
    return {
      kind: 'done',
      outcome: outcome === 'delivered' ? 'delivered' : 'kept',
      record,
      revision: revisionOf(task),
    };
  },
});

type Done = Extract<CommandAnswer, { readonly ok: true }>;
type Answered =
  | { readonly kind: 'answered'; readonly done: Done }
  | { readonly kind: 'unknown' | 'failed'; readonly cause: BatonError };

/** The type goes into the subject; where a span was begun for it, that into the headers. */
type More = { readonly type?: string; readonly headers?: TraceContext };

/** Throws the error for an answer that says no. */
const ask = async ({ ports }: ClientParts, verb: CommandVerb, body: object, more: More = {}): Promise<Answered> => {
  const bytes = encode(body);
  if (bytes.length > COMMAND_LIMIT) {
    const text = `the command is ${bytes.length} bytes, at most ${COMMAND_LIMIT} are allowed: store large arguments elsewhere and pass where`;
    throw new PayloadTooLargeError(text);
  }
  const sent = await ports.commands.send({ verb, bytes, ...more }, ANSWER_MS);
  if ('cause' in sent) return sent;
  if (sent.kind === 'silent') {
    const text =
      'the command is stored and no supervisor has answered yet; it is carried out when one runs. To repeat a submit ' +
      'without making a second task, give it an operationId';
    return { kind: 'unknown', cause: new OutcomeUnknownError(text) };
  }
  const answer = readAnswer(sent.bytes);
  if (answer === undefined) throw new BatonError('ANSWER_UNREADABLE', 'the answer to a command cannot be read');
  if (!answer.ok) throw answerError(answer);
  return { kind: 'answered', done: answer };
};

const userOf = (actor: Actor) => (actor.user === undefined ? {} : { user: { id: actor.user, admin: actor.admin } });

/** Absent fields are left out: the shape is strict. What is not said is said by the definition the supervisor knows. */
const submitBody = (actor: Actor, request: SubmitRequest): object => {
  const { type, overrides, fallback, strict, key, name, args, runAt, expiresAt, whenAborting, operationId } = request;
  return {
    ...{ type, ...runFields(overrides), ...userOf(actor) },
    ...(fallback === undefined
      ? {}
      : { fallback: runFields({ ...fallback.policy, ...fallback.submit, ...optionsIn(fallback) }) }),
    ...(strict === undefined ? {} : { strict }),
    ...(args === undefined ? {} : { args: decodeLargeData(args.bytes) }),
    ...(key === undefined ? {} : { task_key: key }),
    ...(name === undefined ? {} : { task_name: name }),
    ...(runAt === undefined ? {} : { run_at: new Date(runAt).toISOString() }),
    ...(expiresAt === undefined ? {} : { expires_at: new Date(expiresAt).toISOString() }),
    ...(request.dependsOn === undefined ? {} : { depends_on: request.dependsOn.map(dependencyField) }),
    ...(whenAborting === undefined ? {} : { when_aborting: whenAborting }),
    ...(operationId === undefined ? {} : { operation_id: operationId }),
  };
};

const dependencyField = ({ id: task, address, onFailure }: WantedDependency) => ({
  task,
  ...(address === undefined ? {} : { address }),
  ...(onFailure === undefined ? {} : { on_failure: onFailure }),
});

const optionsIn = ({ scope, queue, priority, group, limitKey, units, tags }: RunOptions) => ({
  ...{ scope, queue, priority },
  ...(group === undefined ? {} : { group }),
  ...(limitKey === undefined ? {} : { limit_key: limitKey }),
  ...(units === undefined ? {} : { units }),
  ...(tags === undefined ? {} : { tags }),
});

const runFields = (overrides: RunOverrides) => {
  const { scope, queue, priority, timeoutMs, maxAttempts, backoff, maxRescues, onOrphan, abortGraceMs } = overrides;
  return {
    ...(scope === undefined ? {} : { scope }),
    ...(queue === undefined ? {} : { queue }),
    ...(priority === undefined ? {} : { priority }),
    ...(overrides.group === undefined ? {} : { group: overrides.group }),
    ...(overrides.limitKey === undefined ? {} : { limit_key: overrides.limitKey }),
    ...(overrides.units === undefined ? {} : { units: overrides.units }),
    ...(overrides.tags === undefined ? {} : { tags: overrides.tags }),
    ...(timeoutMs === undefined ? {} : { timeout: seconds(timeoutMs) }),
    ...(maxAttempts === undefined ? {} : { max_attempts: maxAttempts }),
    ...(backoff === undefined ? {} : { backoff: backoffFields(backoff) }),
    ...(maxRescues === undefined ? {} : { max_rescues: maxRescues }),
    ...(onOrphan === undefined ? {} : { on_orphan: onOrphan }),
    ...(abortGraceMs === undefined ? {} : { abort_grace: seconds(abortGraceMs) }),
    ...(overrides.isolation === undefined ? {} : { isolation: overrides.isolation }),
    ...arrivalFields(overrides),
  };
};

const arrivalFields = ({ mode, windowMs, maxWaitMs, expiresMs }: RunOverrides) => ({
  ...(mode === undefined ? {} : { mode }),
  ...(windowMs === undefined ? {} : { window: seconds(windowMs) }),
  ...(maxWaitMs === undefined ? {} : { max_wait: seconds(maxWaitMs) }),
  ...(expiresMs === undefined ? {} : { expires: seconds(expiresMs) }),
});

const backoffFields = ({ initialMs, factor, maxMs, jitter }: Partial<Backoff>) => ({
  ...(initialMs === undefined ? {} : { initial: seconds(initialMs) }),
  ...(factor === undefined ? {} : { factor }),
  ...(maxMs === undefined ? {} : { max: seconds(maxMs) }),
  ...(jitter === undefined ? {} : { jitter }),
});

const seconds = (ms: number): number => ms / 1_000;

const submissionOf = async (parts: ClientParts, done: Done): Promise<Submission> => {
  const { task, differs = false, known = true } = done;
  const outcome = SUBMIT_OUTCOMES.find((known) => known === done.outcome) ?? 'created';
  const address = parseAddress(task.address);
  if (address === undefined) throw new BatonError('ANSWER_UNREADABLE', 'the answer to a command has no address');
  const view = (await stored(parts, address, task.id)) ?? { record: recordOfView(task), revision: revisionOf(task) };
  return { kind: 'done', address, id: task.id, view, held: view, outcome, differs, known, isNew: false };
};

/** The record itself, which says more than the answer; it may be gone already, or not be had now. */
const stored = async ({ kernel, ports }: ClientParts, address: Address, id: string): Promise<Held | undefined> => {
  try {
    const found = await findTask({ kernel, store: ports.store }, address, id);
    return found && { record: found.record, revision: found.revision };
  } catch (error) {
    // The submit was carried out: told as an error it would be made again.
    if (error instanceof BatonError) return undefined;
    throw error;
  }
};

const revisionOf = (task: TaskView): number => (typeof task['revision'] === 'number' ? task['revision'] : 0);

/** As much of a record as an answer tells. */
const recordOfView = (task: TaskView): TaskRecord => {
  const text = (field: string): string => (typeof task[field] === 'string' ? task[field] : '');
  const time = (field: string): number | undefined => (text(field) === '' ? undefined : Date.parse(text(field)));
  const createdAt = time('created_at') ?? 0;
  const [readyAt, startedAt, endedAt, runAt] = ['ready_at', 'started_at', 'ended_at', 'run_at'].map(time);
  return {
    v: 1,
    id: task.id,
    type: text('task_type'),
    key: text('task_key'),
    name: text('task_name'),
    scope: text('scope') as TaskRecord['scope'],
    ...(text('created_by') === '' ? {} : { creator: text('created_by') }),
    queue: text('queue'),
    priority: text('priority') as TaskRecord['priority'],
    mode: text('execution_mode') === 'sync' ? 'sync' : 'async',
    policy: {},
    status: text('status') as TaskRecord['status'],
    subscribers: [],
    ...(rules.tags.holds(task['tags']) ? { tags: task['tags'] } : {}),
    createdAt,
    changedAt: time('changed_at') ?? createdAt,
    attempt: typeof task['attempt'] === 'number' ? task['attempt'] : 0,
    ...(readyAt === undefined ? {} : { readyAt }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(runAt === undefined ? {} : { runAt }),
    history: [],
  };
};
