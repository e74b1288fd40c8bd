import { DEFAULT_RUN_OPTIONS, type QueueSettings, type TypeDefinition } from '@baton/core';
import * as assert from 'uvu/assert';
import { suite } from '../../test/support/suite.ts';
import { encodeAnnouncement, readAnnouncement } from './definition.ts';
import { encodeQueueSettings, readQueueSettings } from './queue-settings.ts';

const test = suite('definitions and settings on the wire');

const definition = (type: string, argsSchema: object): TypeDefinition => ({ type, ...DEFAULT_RUN_OPTIONS, argsSchema });

const codes = Array.from({ length: 260 }, (_, i) => `${String.fromCharCode(97 + (i % 26))}${Math.floor(i / 26)}`);

test('all types of a worker are heard, however many values their schemas have', () => {
  const argsSchema = { type: 'object', properties: { country: { enum: codes }, language: { enum: codes } } };
  for (const count of [1, 40, 80]) {
    const served = Array.from({ length: count }, (_, i) => ({
      since: 1,
      definition: definition(`t${i}`, argsSchema),
    }));
    const heard = encodeAnnouncement(served).flatMap((bytes) => readAnnouncement(bytes, 'w1'));
    assert.equal(
      heard.map(({ definition: { type } }) => type),
      served.map(({ definition: { type } }) => type),
    );
  }
});

test('as much can be read of what is set for a queue as can be set', () => {
  const by = 'user:root';
  const of = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i));
  const most = { concurrency: 1, rate: { units: 1, windowMs: 1_000 } };
  const limits = [
    { of: 'type', ...most },
    { of: 'group', ...most },
    { of: 'key', ...most },
  ];
  const settings = {
    pauses: of(500, (i) => ({ group: `g${i}`, by, at: 1, why: 'x' })),
    limits: of(500, (i) => ({ of: 'group', name: `g${i}`, ...most, by, at: 1, why: 'x' })),
    weights: of(500, (i) => ({ group: `g${i}`, weight: 2, by, at: 1 })),
    defined: of(500, (i) => ({ type: `t${i}`, limits, by: 'w1', at: 1 })),
    changes: [],
    v: 1,
    queue: 'q',
  } as unknown as QueueSettings;
  const reading = readQueueSettings(encodeQueueSettings(settings), 'q');
  assert.is(reading.kind, 'settings', JSON.stringify(reading));
});

test.run();
