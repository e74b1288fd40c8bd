import { namesOf, streamConfigs, type StreamConfig } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { differences } from './stream-differences.ts';

const test = suite('stream differences');

const [tasks, events] = streamConfigs(namesOf('T'), { replicas: 1 }) as readonly [StreamConfig, StreamConfig];

/** As a server answers: with its own fields, and without what is false. */
const answered = (config: StreamConfig): Record<string, unknown> => {
  const actual: Record<string, unknown> = {
    max_age: 0,
    max_msgs: -1,
    max_bytes: -1,
    sealed: false,
    compression: 'none',
    ...config,
  };
  for (const [key, value] of Object.entries(actual))
    if (value === false && key.startsWith('allow_')) delete actual[key];
  return actual;
};

const fields = (wanted: StreamConfig, change: Readonly<Record<string, unknown>>, derived: boolean): readonly string[] =>
  differences(wanted, { ...answered(wanted), ...change }, derived).map(({ field }) => field);

test('what was made as wanted has none', () => {
  assert.equal(fields(tasks, {}, false), []);
  assert.equal(fields(events, {}, true), []);
});

test('in the bucket everything that could lose a record counts, also what we never sent', () => {
  const faults: Readonly<Record<string, unknown>> = {
    max_age: 1,
    max_msgs: 1_000,
    discard: 'old',
    persist_mode: 'async',
    sealed: true,
    no_ack: true,
    mirror: { name: 'X' },
    allow_atomic: undefined,
    allow_msg_ttl: undefined,
    max_msgs_per_subject: 5,
    subjects: ['other.>'],
  };
  for (const [field, value] of Object.entries(faults)) assert.equal(fields(tasks, { [field]: value }, false), [field]);
});

test('an operator may add copies, forbid reads from them, and limit what can be rebuilt', () => {
  // Full, it refuses: a limit loses nothing.
  assert.equal(fields(tasks, { num_replicas: 3, duplicate_window: 1, max_bytes: 5_000_000 }, false), []);
  for (const allow of [true, false, undefined]) assert.equal(fields(tasks, { allow_direct: allow }, false), []);
  assert.equal(fields(events, { num_replicas: 3, max_age: 1, max_bytes: 5, persist_mode: undefined }, true), []);
  for (const compression of ['none', 's2', undefined]) assert.equal(fields(events, { compression }, true), []);
});

test('a log that still sources the bucket would have everything twice', () => {
  assert.equal(fields(events, { sources: undefined }, true), []);
  assert.equal(fields(events, { sources: [{ name: 'KV_T_TASKS' }] }, true), ['sources']);
});

test.run();
