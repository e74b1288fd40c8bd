import { queueSettingsSchema, scheduleSchema, type SchemaPart } from '@baton/protocols';
import { described } from './page-words.ts';
import { DIALECT } from './parts.ts';

/** Of what is kept beside tasks: made of the tables by which the code reads it, with the words of the page. */
const kept = (title: string, { properties, ...rest }: SchemaPart, section: string): SchemaPart => ({
  $schema: DIALECT,
  title,
  description:
    'A MessagePack map. Bytes stand here as { "$hex" }. Fields that are not known are passed by and carried along; one with a higher v is left alone.',
  ...rest,
  properties: described(properties, section),
});

export const schedule = (): SchemaPart => kept('A schedule', scheduleSchema(), 'Schedules');

export const queueSettings = (): SchemaPart =>
  kept('What is set for a queue', queueSettingsSchema(), 'What is set for queues');
