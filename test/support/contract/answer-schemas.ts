import type { SchemaPart } from '@baton/protocols';
import { whyShape, type CommandAnswer, type FullRecord, type NodeInfo, type WorkTask } from '@baton/runtime';
import * as z from 'zod';
import { ADDRESS_PATTERN } from './record-schemas.ts';
import { anything, count, DIALECT, flag, listOf, mapOf, millis, nullable, oneOf, refTo, text } from './parts.ts';

const STATUSES = ['pending', 'in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'] as const;
const status = oneOf('State of the task.', ...STATUSES);
const scope = oneOf('Who may see it.', 'private', 'shared', 'system');
const priority = oneOf('Which line it waits in.', 'high', 'normal', 'low');
const iso = (description: string): SchemaPart => nullable(text(description, { format: 'date-time' }));

/** The task in an answer to a command: names of REST, without what may be large. */
const taskView: SchemaPart = {
  type: 'object',
  description: 'The task, as it is stored.',
  properties: {
    id: text('UUIDv7.', { format: 'uuid' }),
    uuid: text('The same.', { format: 'uuid' }),
    address: text('Where its record stands.', { pattern: ADDRESS_PATTERN }),
    revision: count('Of the record.'),
    task_type: text('Its type.'),
    task_key: text('Its key.'),
    task_name: text('What people read.'),
    scope,
    status,
    created_by: nullable(text('Who submitted it.')),
    queue: text('Its queue.'),
    priority,
    group: nullable(text('Whom it counts for in its queue, such as a tenant.')),
    execution_mode: oneOf('Run by a worker, or inline.', 'async', 'sync'),
    created_at: iso('When it was submitted.'),
    changed_at: iso('When the record changed last.'),
    run_at: iso('Not before.'),
    expires_at: iso('Not begun by then, it ends.'),
    ready_at: iso('From when on it could begin.'),
    started_at: iso('When its current or last attempt began.'),
    ended_at: iso('When it ended.'),
    attempt: count('Number of the current or last run, 0 before the first.'),
    dedupe_count: count('Submits that joined it, or put their arguments in place of its own.'),
    tags: refTo('record.json#/$defs/tags', 'What it is found by; there where it has some.'),
    traceparent: text('W3C Trace Context of the submit that made it; there where that was traced.'),
  },
  required: ['id', 'uuid', 'address', 'revision', 'task_type', 'task_key', 'task_name', 'scope', 'status', 'queue'],
};

/** As REST has it. */
const whyAnswer = (): SchemaPart => {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(whyShape);
  return schema;
};

type Done = Extract<CommandAnswer, { readonly ok: true }>;
type Refused = Extract<CommandAnswer, { readonly ok: false }>;

export const answer = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'The answer to a command',
  description:
    'Sent to the inbox in Baton-Reply, in the format of the command. It may come twice and says the same both times.',
  type: 'object',
  anyOf: [
    mapOf<Done>(
      'It was carried out.',
      {
        ok: { const: true },
        task: { $ref: '#/$defs/task' },
        outcome: oneOf(
          'What it came to.',
          'created',
          'joined',
          'replaced',
          'debounced',
          'throttled',
          'aborted',
          'unsubscribed',
          'delivered',
          'kept',
          'told',
        ),
        differs: flag('Of a submit: its arguments or options are others than those of the task.'),
        known: flag('Of a submit: false where no worker has ever served its type.'),
        why: whyAnswer(),
      },
      { ok: true, task: true, outcome: true },
    ),
    mapOf<Refused>(
      'It was not.',
      {
        ok: { const: false },
        code: text('A stable code.', { pattern: '^[A-Z][A-Z_]*$' }),
        message: text('What happened and what to do, for people.'),
        status: oneOf('Of the task, where that is the reason.', ...STATUSES),
      },
      { ok: true, code: true, message: true },
    ),
  ],
  $defs: { task: taskView },
});

export const presence = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'Presence of a node',
  ...mapOf<NodeInfo>(
    'MessagePack, under $KV.BATON_NODES.<role>.<id>; renewed every second, and over 6 s after the last renewal.',
    {
      role: oneOf('What it is.', 'worker', 'supervisor', 'projector'),
      id: text('Of one start of one process.', { pattern: '^[A-Za-z0-9_-]{1,100}$' }),
      host: text('Its machine.'),
      pid: count('Its process there.'),
      startedAt: millis('When it started.'),
      state: oneOf('Whether it takes tasks; blocked: its event loop does not turn.', 'ready', 'draining', 'blocked'),
      queues: listOf('Queues a worker serves.', { type: 'string' }),
      types: listOf('Types it serves.', { type: 'string' }),
      cancels: listOf('Types of them of which it can cancel what dead workers have begun.', { type: 'string' }),
      concurrency: count('Tasks it runs at once.'),
      running: count('Tasks it runs now.'),
      clockAheadMs: {
        type: 'number',
        description: "Its machine's clock minus the server's, milliseconds; absent where they agree to a second.",
      },
      fullRecords: listOf(
        'Of a supervisor: the fullest of the records it watches that are nearly full.',
        mapOf<FullRecord>(
          'One of them.',
          { task: text('Id of the task.'), bytes: count('Its size.') },
          { task: true, bytes: true },
        ),
      ),
    },
    { role: true, id: true, host: true, pid: true, startedAt: true, state: true },
  ),
});

const fence = {
  type: 'object',
  description: 'Names the run.',
  properties: { epoch: count('Creation time of the bucket.'), revision: count('The claim was decided on it.') },
  required: ['epoch', 'revision'],
} as const;

const signalEntry: SchemaPart = {
  type: 'object',
  description: 'Answers the next wait for its name.',
  properties: {
    name: text('Of the signal.'),
    by: text('Who sent it.'),
    data: anything('What was sent, or null.'),
    timed_out: { const: true, description: 'None came in time.' },
  },
  required: ['name'],
};

const workTask = mapOf<WorkTask>(
  'A task that was claimed.',
  {
    id: text('UUIDv7.', { format: 'uuid' }),
    address: text('With the fence, names the run.', { pattern: ADDRESS_PATTERN }),
    type: text('Its type.'),
    key: text('Its key.'),
    name: text('What people read.'),
    scope,
    queue: text('Its queue.'),
    priority,
    attempt: { ...count('Number of this run.'), minimum: 1 },
    fence,
    args: anything('The list of its arguments.'),
    user: nullable(text('Who submitted it.')),
    timeout: nullable({ type: 'number', description: 'Seconds.' }),
    abort_grace: { type: 'number', description: 'Seconds an aborted body may take.' },
    idempotency_key: text('The same for every attempt.'),
    rescued: text('How the run before this one lost its worker; there where it did.'),
    tags: refTo('record.json#/$defs/tags', 'What it is found by; there where it has some.'),
    traceparent: text('W3C Trace Context of the submit.'),
    tracestate: text('What vendors add to it.'),
    dependencies: {
      type: 'array',
      description:
        'There where it waited for other tasks: what became of each, in the order in which its submit named them.',
      items: {
        type: 'object',
        properties: {
          id: text('UUIDv7.', { format: 'uuid' }),
          name: text('What people read.'),
          status: text('How it has ended, or gone: nobody can tell any more.'),
          payload: anything('Its last payload, or null.'),
          result: anything('What it returned, or null.'),
          error: nullable({ type: 'object', description: 'What it failed with: message and type.' }),
        },
        required: ['id', 'name', 'status', 'payload', 'result', 'error'],
      },
    },
    signals: listOf('What waits of its handler have been answered with, in their order.', signalEntry),
    previous: {
      type: 'object',
      description: 'What the former attempt stored last; resume from there.',
      properties: {
        progress: anything('Its progress, or null.'),
        payload: anything('Its payload, or null.'),
        traceparent: text('W3C Trace Context of its run; there where that was traced.'),
      },
      required: ['progress', 'payload'],
    },
  },
  {
    ...({
      id: true,
      address: true,
      type: true,
      key: true,
      name: true,
      scope: true,
      queue: true,
      priority: true,
    } as const),
    ...({ attempt: true, fence: true, args: true, user: true, timeout: true, abort_grace: true } as const),
    ...({ idempotency_key: true, previous: true } as const),
  },
);

const refused = {
  type: 'object',
  description: 'It was not carried out.',
  properties: { ok: { const: false }, code: text('A stable code.'), message: text('For people.') },
  required: ['ok', 'code', 'message'],
} as const;

const terms = {
  ok: { const: true },
  supervisor: text('Who answers: one for each worker, until it goes.'),
  as: text('As records and presence know the worker.'),
  beat: { type: 'number', description: 'Seconds between two beats.' },
  lease: { type: 'number', description: 'Seconds after which a silent worker is dead.' },
};
const TERMS = Object.keys(terms);

const accepted = (description: string, more: SchemaPart, required: readonly string[]): SchemaPart => ({
  type: 'object',
  description,
  properties: { ...terms, ...more },
  required: [...TERMS, ...required],
});

const work = (title: string, done: SchemaPart, defs: SchemaPart = {}): SchemaPart => ({
  $schema: DIALECT,
  title,
  description: 'In the format of the request.',
  type: 'object',
  anyOf: [done, { $ref: '#/$defs/refused' }],
  $defs: { refused, ...defs },
});

export const claimAnswer = (): SchemaPart =>
  work(
    'The answer to a claim',
    accepted(
      'What is in it is for this worker to run.',
      {
        tasks: listOf('As many as were asked for, or fewer.', { $ref: '#/$defs/task' }),
        ask: listOf('What the next claim has to bring along.', { const: 'definitions' }),
      },
      ['tasks'],
    ),
    { task: workTask },
  );

export const beatAnswer = (): SchemaPart =>
  work(
    'The answer to a beat',
    accepted(
      'The lease is renewed.',
      {
        abort: listOf('Runs that are to be stopped.', {
          type: 'object',
          properties: { address: text('Of the run.'), fence, cause: oneOf('Why.', 'cancel', 'timeout') },
          required: ['address', 'fence', 'cause'],
        }),
        lost: listOf("Runs that are this worker's no more.", {
          type: 'object',
          properties: { address: text('Of the run.'), fence },
          required: ['address', 'fence'],
        }),
        unheard: listOf('Runs whose record could not be read yet: what was told of them is to be told again.', {
          type: 'object',
          properties: { address: text('Of the run.'), fence },
          required: ['address', 'fence'],
        }),
      },
      ['abort', 'lost'],
    ),
  );

export const finishAnswer = (): SchemaPart =>
  work('The answer to a finish', {
    type: 'object',
    description: 'The end stands; of a wait, where the task is in_progress, it goes on with the signal.',
    properties: { ok: { const: true }, status, signal: signalEntry },
    required: ['ok', 'status'],
  });
