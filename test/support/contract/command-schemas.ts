import type { SchemaPart } from '@baton/protocols';
import { commandShapes, rules, workShapes } from '@baton/runtime';
import * as z from 'zod';
import { DIALECT } from './parts.ts';

/** Text that is read as a duration: at most 20 characters, or it is none. */
const DURATION_PATTERN = '^(?=.{1,20}$)\\s*\\d{1,9}(\\.\\d{1,3})?\\s?(ms|s|m|h|d)\\s*$';
const DURATION = {
  anyOf: [
    { type: 'number', minimum: 0, maximum: 366 * 86_400 },
    { type: 'string', pattern: DURATION_PATTERN },
  ],
};

const WORDS = new Map<unknown, string>(Object.values(rules).map(({ shape, says }) => [shape, says]));

/**
 * Made of the shapes by which the code reads what comes. What they say in code alone is said here in words of the schema:
 * durations, times, and the rules they carry.
 */
const made = (title: string, description: string, shape: z.ZodType, more: SchemaPart = {}): SchemaPart => {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(shape, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const says = WORDS.get(zodSchema);
      if (zodSchema === rules.duration.shape) {
        for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
        Object.assign(jsonSchema, DURATION);
      }
      if (says !== undefined) jsonSchema.description = says;
      if (zodSchema === commandShapes.time) {
        for (const key of Object.keys(jsonSchema)) delete (jsonSchema as Record<string, unknown>)[key];
        Object.assign(jsonSchema, {
          type: 'string',
          format: 'date-time',
          description: 'ISO text with an offset; in MessagePack also a timestamp',
        });
      }
    },
  });
  return { $schema: DIALECT, title, description, ...schema, ...more };
};

const notBoth = (a: string, b: string): SchemaPart => ({ not: { required: [a, b] } });

export const submit = (): SchemaPart =>
  made(
    'The command to submit a task',
    'Published to baton.cmd.submit.<type>. Nothing that is not named here may stand in it. Bytes and times in args are as MessagePack has them; JSON has neither.',
    commandShapes.submit,
    { allOf: [notBoth('run_at', 'delay'), notBoth('expires_at', 'expires')] },
  );

export const cancel = (): SchemaPart =>
  made('The command to cancel a task', 'Published to baton.cmd.cancel.', commandShapes.cancel);

export const signal = (): SchemaPart =>
  made(
    'The command to send a task a signal',
    'Published to baton.cmd.signal. Data is as that of arguments, encoded 64 KiB at most.',
    commandShapes.signal,
  );

export const why = (): SchemaPart =>
  made('The question why a task waits', 'Published to baton.cmd.why.', commandShapes.why);

export const claim = (): SchemaPart =>
  made(
    'A claim of a remote worker',
    'Asked of baton.work.claim or baton.work.claim.<type>, where no other type may stand in it.',
    workShapes.claim,
    notBoth('queue', 'queues'),
  );

export const beat = (): SchemaPart =>
  made('A beat of a remote worker', 'Asked of baton.work.beat, every 2 seconds.', workShapes.beat);

export const finish = (): SchemaPart =>
  made('The end of a run of a remote worker', 'Asked of baton.work.finish.', workShapes.finish);
