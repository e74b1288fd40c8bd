import type { SchemaPart } from '@baton/protocols';
import { CHANNELS, MSGPACK, type Channel, type Message } from './channels.ts';

/** The AsyncAPI document of the subjects. */

const PARAMETERS: Readonly<Record<string, string>> = {
  pp: 'The partition: two hex digits, the last byte of the hash modulo 64.',
  type: 'The type; a dot in it is written =.',
  hash: 'First 32 hex digits of SHA-256 over scope, type, key and, for private tasks, user: see README.md.',
  taskId: 'UUIDv7 of the task.',
  role: 'worker, supervisor or projector.',
  id: 'Id of the node.',
  schedule: 'Name of the schedule; a dot in it is written =.',
  queue: 'Name of the queue; a dot in it is written =.',
  worker: 'Id of the worker, as presence knows it.',
  supervisor: 'Id of the supervisor.',
  verb: 'submit, cancel, signal or why.',
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
