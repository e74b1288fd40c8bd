import { recordSchema, type SchemaPart } from '@baton/protocols';
import { described } from './page-words.ts';
import { DIALECT, millis, refTo, text } from './parts.ts';

/** Made of the table by which the code reads and writes records, with the words of the page. */
export const record = (): SchemaPart => {
  const { properties, $defs, ...rest } = recordSchema();
  return {
    $schema: DIALECT,
    title: 'The record of a task',
    description:
      'A MessagePack map. Bytes stand here as { "$hex" }. Fields that are not known are passed by and carried along; one with a higher v is left alone.',
    ...rest,
    properties: described(properties, 'The record'),
    $defs,
  };
};

const inState = (states: readonly string[], what: SchemaPart): SchemaPart => ({
  if: { properties: { status: { enum: states } } },
  // oxlint-disable-next-line unicorn/no-thenable -- a word of JSON Schema
  then: what,
});

const has = (...required: readonly string[]): SchemaPart => ({ required });
const without = (...names: readonly string[]): SchemaPart => ({
  not: { anyOf: names.map((name) => ({ required: [name] })) },
});

/** What a reader may rely on beyond the shape, by state: held against every record that the rules can make. */
export const recordByState = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'What a record has in each state',
  description:
    'Beyond record.json, for readers: records that Baton writes hold to it. Whoever reads does not refuse one that does not.',
  allOf: [
    { $ref: 'record.json' },
    inState(['pending'], without('owner', 'endedAt', 'abort', 'finishing', 'bodyOutcome', 'abortable', 'result')),
    inState(['in_progress', 'aborting'], {
      allOf: [has('owner', 'startedAt'), without('endedAt', 'runAt', 'result')],
      properties: { attempt: { minimum: 1 } },
    }),
    inState(['in_progress', 'aborting', 'success', 'failure', 'aborted', 'timed_out'], without('waiting')),
    { dependentRequired: { waiting: ['runAt', 'startedAt'] } },
    inState(['pending', 'success', 'failure', 'aborted', 'timed_out'], without('cancelHandle', 'cancelling')),
    { dependentRequired: { cancelling: ['cancelHandle'] } },
    inState(['in_progress'], without('abort')),
    inState(['aborting'], has('abort')),
    inState(['success', 'failure', 'aborted', 'timed_out'], {
      allOf: [has('endedAt'), without('finishing', 'bodyOutcome', 'notStopping', 'runAt')],
    }),
    inState(['success'], { allOf: [has('owner', 'startedAt'), without('error', 'abort')] }),
    inState(['failure'], { allOf: [has('error'), without('result')] }),
    inState(['aborted', 'timed_out'], { allOf: [has('abort'), without('error', 'result')] }),
    inState(['timed_out'], { properties: { abort: { properties: { cause: { const: 'timeout' } } } } }),
  ],
});

/** Of the log, and what is told live: the bytes of a record, and where it stands. */
export const event = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'A message of the event log',
  description: 'Its bytes are those of a record; of one task the higher revision is the newer version.',
  type: 'object',
  properties: {
    headers: {
      type: 'object',
      properties: {
        'Baton-Address': text('Where the record stands.', { pattern: ADDRESS_PATTERN }),
        'Baton-Revision': text('Its revision, in decimal digits.', { pattern: '^[1-9]\\d*$' }),
        'Nats-Msg-Id': text('Epoch and revision: the same message may come twice.', { pattern: '^\\d+-[1-9]\\d*$' }),
      },
      required: ['Baton-Address', 'Baton-Revision', 'Nats-Msg-Id'],
    },
    payload: refTo('record.json', 'The record.'),
  },
  required: ['headers', 'payload'],
});

export const live = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'A record as it is told to those who wait',
  type: 'object',
  properties: {
    headers: {
      type: 'object',
      properties: { 'Baton-Revision': text('Its revision, in decimal digits.', { pattern: '^[1-9]\\d*$' }) },
      required: ['Baton-Revision'],
    },
    payload: refTo('record.json', 'The record.'),
  },
  required: ['headers', 'payload'],
});

export const ADDRESS_PATTERN = '^[0-9a-f]{2}\\.[A-Za-z0-9][A-Za-z0-9_=-]{0,99}\\.[0-9a-f]{32}$';

export const progress = (): SchemaPart => ({
  $schema: DIALECT,
  title: 'Progress as it happens',
  description: 'At most ten a second of one task, at most once each; what is stored follows at its own pace.',
  type: 'object',
  properties: {
    at: millis('When it was told.'),
    progress: refTo('record.json#/$defs/progress', 'As in the record.'),
    payload: refTo('record.json#/$defs/bytes', 'As in the record.'),
  },
  required: ['at'],
});
