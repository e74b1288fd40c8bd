import type { DefinitionConflict, SubmitOptions, TypeDefinition } from '@baton/core';
import { typeLimitsSchema, type Served, type SchemaPart } from '@baton/protocols';
import { DIALECT, listOf, mapOf, millis, refTo, text } from './parts.ts';

const ms = (description: string): SchemaPart => ({
  type: 'number',
  minimum: 0,
  description: `${description} Milliseconds.`,
});

const definitionPart = mapOf<TypeDefinition>(
  'How tasks of a type are run where their submit says nothing else.',
  {
    type: text('The type.', { pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$' }),
    scope: { enum: ['private', 'shared', 'system'] },
    queue: text('Its queue.'),
    priority: { enum: ['high', 'normal', 'low'] },
    group: text('Whose tasks they are, of those that share the queue.'),
    limitKey: text('What they share with others that are limited together.'),
    units: { type: 'integer', minimum: 1, description: 'Of the units of a rate a task takes so many.' },
    tags: refTo('record.json#/$defs/tags', 'What its tasks are found by.'),
    policy: refTo('record.json#/$defs/policy', 'As in a record.'),
    submit: mapOf<SubmitOptions>(
      'How its tasks are submitted.',
      {
        mode: { enum: ['join', 'reject', 'replace', 'coalesce', 'debounce', 'throttle'] },
        windowMs: ms('Of debounce and throttle.'),
        maxWaitMs: ms('Of debounce: the longest wait.'),
        expiresMs: ms('To be started this long after they may be.'),
      },
      {},
    ),
    limits: { ...typeLimitsSchema(), description: 'How many of its tasks run at once, or start in a time.' },
    title: text('What people read.'),
    description: text('The same, in more words.'),
    argsSchema: { type: 'object', description: 'A JSON Schema of the list of arguments.' },
  },
  { type: true, scope: true, queue: true, priority: true, policy: true },
);

/** As supervisors keep it, in the bucket and on the subject where it is repeated. */
export const definition = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'The definition of a type, as it is kept',
  description: 'MessagePack, written by supervisors alone.',
  type: 'object',
  properties: {
    v: { const: 1 },
    worker: text('Who serves the type by it.'),
    since: millis('When that worker began to.'),
    digest: text('The same for the same definition.', { pattern: '^[0-9a-f]{16}$' }),
    definition: { $ref: '#/$defs/definition' },
    conflicts: listOf(
      'Live workers that serve it otherwise, at most 10.',
      mapOf<DefinitionConflict>(
        'One of them.',
        { worker: text('Its id.'), fields: listOf('What differs.', { type: 'string' }) },
        { worker: true, fields: true },
      ),
    ),
  },
  required: ['v', 'worker', 'since', 'digest', 'definition', 'conflicts'],
  $defs: { definition: definitionPart },
});

/** As workers tell what they serve. */
export const announcement = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'What a worker serves',
  description: 'MessagePack, told at most once and said again every 30 s; several messages where one is too small.',
  type: 'object',
  properties: {
    v: { const: 1 },
    served: listOf(
      'Its types.',
      mapOf<Served>(
        'One of them.',
        {
          since: millis('When it began to serve it.'),
          definition: refTo('definition.json#/$defs/definition', 'Its definition.'),
        },
        { since: true, definition: true },
      ),
    ),
  },
  required: ['v', 'served'],
});
