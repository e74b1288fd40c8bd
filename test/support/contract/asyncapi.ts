import { headers, namesOf, type SchemaPart } from '@baton/protocols';

/** The AsyncAPI document of the subjects, made of the names in the code. */

const names = namesOf();

const MSGPACK = 'application/msgpack';

type Message = {
  readonly title: string;
  /** Name of the schema file of its payload, or a part of one. */
  readonly schema?: string;
  readonly headers?: string | SchemaPart;
  readonly contentType?: string;
  readonly description?: string;
};

type Channel = {
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
  description: 'MessagePack between processes of Baton: see README.md.',
});

const request = (title: string, schema: string): Message => ({
  title,
  schema,
  headers: { type: 'object', properties: { [headers.contentType]: { enum: ['application/json', MSGPACK] } } },
});

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
    messages: { definition: { title: 'The definition of a type', schema: 'definition' } },
  },
  defined: {
    address: names.definedSubject('{type}'),
    description: 'The same, repeated by the server once it is stored, at most once.',
    action: 'send',
    messages: { definition: { title: 'The definition of a type', schema: 'definition' } },
  },
  schedule: {
    address: names.scheduleSubject('{schedule}'),
    description: `Schedules, in ${names.schedulesStream}: one record each. Repeated on ${names.scheduledPrefix}{schedule}, at most once.`,
    action: 'send',
    messages: { schedule: inner('A schedule') },
  },
  queueSettings: {
    address: names.queueSubject('{queue}'),
    description: `What is set for queues, in ${names.queuesStream}. Repeated on ${names.queueSetPrefix}{queue}, at most once.`,
    action: 'send',
    messages: { settings: inner('Pauses, limits and weights of a queue') },
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
  workClaim: {
    address: names.workClaimSubject(),
    description: 'A remote worker asks for tasks: see worker.md.',
    action: 'receive',
    messages: { claim: request('Give me tasks', 'work-claim') },
    reply: { messages: answerTo('Tasks', 'work-claim-answer') },
  },
  workClaimType: {
    address: names.workClaimSubject('{type}'),
    description: 'The same, for tasks of that type alone.',
    action: 'receive',
    messages: { claim: request('Give me tasks', 'work-claim') },
    reply: { messages: answerTo('Tasks', 'work-claim-answer') },
  },
  workBeat: {
    address: names.workBeatSubject,
    description: 'A remote worker lives, and says what it runs.',
    action: 'receive',
    messages: { beat: request('I live', 'work-beat') },
    reply: { messages: answerTo('What is to be stopped, and what is lost', 'work-beat-answer') },
  },
  workFinish: {
    address: names.workFinishSubject,
    description: 'How a run has ended.',
    action: 'receive',
    messages: { finish: request('It has ended', 'work-finish') },
    reply: { messages: answerTo('That stands', 'work-finish-answer') },
  },
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
};

const PARAMETERS: Readonly<Record<string, string>> = {
  pp: 'The partition: two hex digits, the last byte of the hash modulo 64.',
  type: 'The type; a dot in it is written =.',
  hash: 'First 32 hex digits of SHA-256 over scope, type, key and, for private tasks, user: see README.md.',
  taskId: 'UUIDv7 of the task.',
  role: 'worker, supervisor or projector.',
  id: 'Id of the node.',
  schedule: 'Name of the schedule.',
  queue: 'Name of the queue; a dot in it is written =.',
  worker: 'Id of the worker, as presence knows it.',
  supervisor: 'Id of the supervisor.',
  verb: 'submit or cancel.',
  name: 'Base64url of the name of the object, padded.',
  chunks: 'Id of its pieces, in what is known of it.',
};

const parametersOf = (address: string): SchemaPart =>
  Object.fromEntries(
    [...address.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => {
      const description = PARAMETERS[name];
      if (description === undefined) throw new Error(`no words for the parameter ${name}`);
      return [name, { description }];
    }),
  );

const refTo = (schema: string): SchemaPart => ({
  $ref: `./schemas/${schema.includes('.json') ? schema : `${schema}.json`}`,
});

const messageOf = ({ title, schema, headers: with_, contentType = MSGPACK, description }: Message): SchemaPart => ({
  title,
  ...(description === undefined ? {} : { description }),
  contentType,
  ...(with_ === undefined ? {} : { headers: typeof with_ === 'string' ? refTo(with_) : with_ }),
  ...(schema === undefined
    ? {}
    : { payload: { schemaFormat: 'application/schema+json;version=draft/2020-12', schema: refTo(schema) } }),
});

const messagesOf = (messages: Channel['messages']): SchemaPart =>
  Object.fromEntries(Object.entries(messages).map(([name, message]) => [name, messageOf(message)]));

const channelOf = ({ address, description, messages }: Channel): SchemaPart => {
  const parameters = parametersOf(address);
  return {
    address,
    description,
    ...(Object.keys(parameters).length === 0 ? {} : { parameters }),
    messages: messagesOf(messages),
  };
};

const operationOf = (id: string, { action, reply }: Channel): SchemaPart => ({
  action,
  channel: { $ref: `#/channels/${id}` },
  ...(reply === undefined
    ? {}
    : {
        reply: {
          address: { location: reply.in ?? '$message.header#/reply' },
          channel: { $ref: `#/channels/${id}Reply` },
        },
      }),
});

export const asyncapi = (): SchemaPart => {
  const channels: [string, SchemaPart][] = [];
  for (const [id, channel] of Object.entries(CHANNELS)) {
    channels.push([id, channelOf(channel)]);
    if (channel.reply === undefined) continue;
    channels.push([
      `${id}Reply`,
      { address: null, description: 'The inbox of who asked.', messages: messagesOf(channel.reply.messages) },
    ]);
  }
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Baton over NATS',
      version: '1',
      description:
        'Subjects of the namespace BATON; another one stands in its place, in lower case where it is in lower case. Rules that no schema can say are in contract.md.',
      license: { name: 'MIT' },
    },
    servers: {
      nats: {
        host: '{host}',
        protocol: 'nats',
        description: 'nats-server 2.14.5 or newer, with JetStream.',
        variables: { host: { default: '127.0.0.1:4222' } },
      },
    },
    defaultContentType: MSGPACK,
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries(Object.entries(CHANNELS).map(([id, channel]) => [id, operationOf(id, channel)])),
  };
};
