import { headers, namesOf, type SchemaPart } from '@baton/protocols';

/** What goes over which subject, by the names in the code. */

const names = namesOf();

export const MSGPACK = 'application/msgpack';

export type Message = {
  readonly title: string;
  /** Name of the schema file of its payload, or a part of one. */
  readonly schema?: string;
  readonly headers?: string | SchemaPart;
  readonly contentType?: string;
  readonly description?: string;
};

export type Channel = {
  readonly address: string;
  readonly description: string;
  /** What Baton does with it. */
  readonly action: 'receive' | 'send';
  readonly messages: Readonly<Record<string, Message>>;
  /** Where the answer goes is in this header, or in the message itself: `$message.header#/...`. */
  readonly reply?: { readonly messages: Readonly<Record<string, Message>>; readonly in?: string };
};

const textHeader = (description: string): SchemaPart => ({ type: 'string', description });

const TRACE: SchemaPart = {
  traceparent: textHeader('W3C Trace Context; what is none is dropped.'),
  tracestate: textHeader('What vendors add to it.'),
};

const commandHeaders: SchemaPart = {
  type: 'object',
  properties: {
    [headers.contentType]: { enum: [MSGPACK, 'application/json'] },
    [headers.reply]: textHeader('An inbox, where an answer is wanted.'),
    ...TRACE,
  },
};

const command = (title: string, schema: string): Message => ({ title, schema, headers: commandHeaders });

const answerTo = (title: string, schema: string) => ({ [schema.replaceAll('-', '_')]: { title, schema } });

const inner = (title: string): Message => ({
  title,
  description: 'MessagePack between processes of Baton, which is none of the contract: see README.md.',
});

type Asked = { readonly id: 'claim' | 'beat' | 'finish'; readonly title: string; readonly answer: string };

/** Of the worker protocol: a request, and its answer in the same format. */
const asked = (address: string, description: string, { id, title, answer }: Asked): Channel => ({
  address,
  description,
  action: 'receive',
  messages: {
    [id]: {
      title,
      schema: `work-${id}`,
      headers: { type: 'object', properties: { [headers.contentType]: { enum: ['application/json', MSGPACK] } } },
    },
  },
  reply: { messages: answerTo(answer, `work-${id}-answer`) },
});

const CLAIM: Asked = { id: 'claim', title: 'Give me tasks', answer: 'Tasks' };

const DEFINITION: Message = { title: 'The definition of a type', schema: 'definition' };
const SCHEDULE: Message = { title: 'A schedule', schema: 'schedule' };
const SETTINGS: Message = { title: 'Pauses, limits and weights of a queue', schema: 'queue-settings' };

/** Of what is kept in a bucket that a supervisor follows. */
const REPEATED = 'The same, repeated by the server once it is stored, at most once.';

export const CHANNELS: Readonly<Record<string, Channel>> = {
  record: {
    address: names.recordSubject('{pp}.{type}.{hash}'),
    description: `Records, in the stream ${names.tasksStream}: the newest version of each. Read by STREAM.MSG.GET, or by a consumer.`,
    action: 'send',
    messages: { record: { title: 'The record of a task', schema: 'record' } },
  },
  keptOutcome: {
    address: names.recordSubject('{pp}.{type}.{hash}.{taskId}'),
    description: 'The outcome of a task whose key was used again before every projection had it.',
    action: 'send',
    messages: { record: { title: 'The record of a task that has ended', schema: 'record' } },
  },
  events: {
    address: names.eventSubject('{pp}', '{type}'),
    description: `The event log, in the stream ${names.eventsStream}: of every task the versions the projection has read.`,
    action: 'send',
    messages: {
      event: { title: 'A version of a record', schema: 'record', headers: 'event.json#/properties/headers' },
    },
  },
  live: {
    address: names.liveSubject('{pp}.{type}.{hash}'),
    description: 'Told at most once by whoever ended a task, asked for its end or put it back, for those who wait.',
    action: 'send',
    messages: {
      live: { title: 'The record as it is now', schema: 'record', headers: 'live.json#/properties/headers' },
    },
  },
  progress: {
    address: names.progressSubject('{taskId}'),
    description: 'Progress between two writes, at most once.',
    action: 'send',
    messages: { progress: { title: 'Progress as it happens', schema: 'progress' } },
  },
  submit: {
    address: names.submitSubject('{type}'),
    description: `Submits a task. Stored in ${names.commandsStream} when JetStream acknowledges it.`,
    action: 'receive',
    messages: { submit: command('Submit a task', 'submit') },
    reply: { messages: answerTo('What became of it', 'answer'), in: `$message.header#/${headers.reply}` },
  },
  cancel: {
    address: names.cancelSubject,
    description: `Cancels a task, or leaves it. Stored in ${names.commandsStream} when JetStream acknowledges it.`,
    action: 'receive',
    messages: { cancel: command('Cancel a task', 'cancel') },
    reply: { messages: answerTo('What became of it', 'answer'), in: `$message.header#/${headers.reply}` },
  },
  signalTask: {
    address: names.signalCommandSubject,
    description: `Sends a task a signal. Stored in ${names.commandsStream} when JetStream acknowledges it.`,
    action: 'receive',
    messages: { signal: command('Send a task a signal', 'signal') },
    reply: { messages: answerTo('What became of it', 'answer'), in: `$message.header#/${headers.reply}` },
  },
  whyTask: {
    address: names.whyCommandSubject,
    description: `Asks why a task waits. Stored in ${names.commandsStream} when JetStream acknowledges it.`,
    action: 'receive',
    messages: { why: command('Ask why a task waits', 'why') },
    reply: { messages: answerTo('Why, and the task', 'answer'), in: `$message.header#/${headers.reply}` },
  },
  dead: {
    address: names.deadSubject('{verb}'),
    description: `Commands that were not carried out, in ${names.deadStream}: bytes and headers as they came.`,
    action: 'send',
    messages: {
      letter: {
        title: 'A command that was not carried out',
        headers: {
          type: 'object',
          properties: {
            [headers.reason]: textHeader('The code.'),
            [headers.message]: textHeader('Why, in words.'),
            [headers.subject]: textHeader('Where it was sent.'),
          },
          required: [headers.reason, headers.message, headers.subject],
        },
      },
    },
  },
  presence: {
    address: names.nodeSubject('{role}' as never, '{id}'),
    description: `Leases of workers, supervisors and projectors, in ${names.nodesStream}. A tombstone is a lease given back.`,
    action: 'send',
    messages: { node: { title: 'A node that lives', schema: 'presence' } },
  },
  definition: {
    address: names.definitionSubject('{type}'),
    description: `Definitions of types, in ${names.definitionsStream}, written by supervisors.`,
    action: 'send',
    messages: { definition: DEFINITION },
  },
  defined: {
    address: names.definedSubject('{type}'),
    description: REPEATED,
    action: 'send',
    messages: { definition: DEFINITION },
  },
  schedule: {
    address: names.scheduleSubject('{schedule}'),
    description: `Schedules, in ${names.schedulesStream}: one record each.`,
    action: 'send',
    messages: { schedule: SCHEDULE },
  },
  scheduled: {
    address: `${names.scheduledPrefix}{schedule}`,
    description: REPEATED,
    action: 'send',
    messages: { schedule: SCHEDULE },
  },
  queueSettings: {
    address: names.queueSubject('{queue}'),
    description: `What is set for queues, in ${names.queuesStream}: one record each.`,
    action: 'send',
    messages: { settings: SETTINGS },
  },
  queueSet: {
    address: `${names.queueSetPrefix}{queue}`,
    description: REPEATED,
    action: 'send',
    messages: { settings: SETTINGS },
  },
  announce: {
    address: names.announceSubject('{worker}'),
    description: 'What a worker serves, for supervisors.',
    action: 'send',
    messages: { announcement: { title: 'What a worker serves', schema: 'announcement' } },
  },
  askAnnounce: {
    address: names.askSubject,
    description: 'Asks all workers to tell it now. No bytes.',
    action: 'send',
    messages: { question: { title: 'What do you serve?' } },
  },
  signal: {
    address: names.signalSubject('{worker}'),
    description: 'There is something to look at: an abort, mostly. At most once.',
    action: 'send',
    messages: { address: { title: 'An address, as text', contentType: 'text/plain' } },
  },
  workClaim: asked(names.workClaimSubject(), 'A remote worker asks for tasks: see worker.md.', CLAIM),
  workClaimType: asked(names.workClaimSubject('{type}'), 'The same, for tasks of that type alone.', CLAIM),
  workBeat: asked(names.workBeatSubject, 'A remote worker lives, and says what it runs.', {
    ...{ id: 'beat', title: 'I live', answer: 'What is to be stopped, and what is lost' },
  }),
  workFinish: asked(names.workFinishSubject, 'How a run has ended.', {
    ...{ id: 'finish', title: 'It has ended', answer: 'That stands' },
  }),
  find: {
    address: names.findSubject,
    description: 'Supervisors ask each other where the task with an id is. Both are text.',
    action: 'receive',
    messages: { id: { title: 'The id of a task', contentType: 'text/plain' } },
    reply: { messages: { found: { title: 'Its address', contentType: 'text/plain' } } },
  },
  operation: {
    address: names.operationSubject('{hash}'),
    description: `What an operation id has made, in ${names.operationsStream}, for a day.`,
    action: 'send',
    messages: { operation: { title: 'What was made', description: 'Read and written by Baton alone.' } },
  },
  objectMeta: {
    address: `${names.objectPrefix}{name}`,
    description: `Large arguments and results, in ${names.objectsStream}, as every NATS object store has them.`,
    action: 'send',
    messages: { meta: { title: 'What is known of one', contentType: 'application/json' } },
  },
  objectChunk: {
    address: names.chunkSubject('{chunks}'),
    description: 'Their pieces, in order.',
    action: 'send',
    messages: { chunk: { title: 'A piece', contentType: 'application/octet-stream' } },
  },
  credit: {
    address: names.creditSubject('{supervisor}'),
    description: "A worker's credit for one of its queues; `all` where it does not know who hosts it.",
    action: 'send',
    messages: { credit: inner('Credit') },
    reply: { messages: { answer: inner('The answer to a credit') } },
  },
  hosts: {
    address: names.hostsSubject,
    description: 'Queues may have another host now. No bytes.',
    action: 'send',
    messages: { hosts: { title: 'Ask again who hosts your queues' } },
  },
  offer: {
    address: names.offerSubject('{worker}'),
    description: 'Tasks that a worker may claim. Hints.',
    action: 'send',
    messages: { offers: inner('Offers') },
  },
  ready: {
    address: names.readySubject('{supervisor}'),
    description: 'Tasks that are ready, for the host of their queue; empty: a question whether it is there.',
    action: 'send',
    messages: { ready: inner('Ready') },
  },
  waiting: {
    address: names.waitingSubject,
    description: 'Asks the supervisors what waits. No bytes.',
    action: 'send',
    messages: { question: { title: 'What waits?' } },
    reply: { messages: { lines: inner('Lines') } },
  },
  standing: {
    address: names.standingSubject,
    description: 'Asks where a task stands in its queue, and what is in its way. The host of the queue answers.',
    action: 'send',
    messages: { asked: inner('Where does it stand?') },
    reply: { messages: { standing: inner('Where it stands') } },
  },
};
