import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { misspeltIn } from './settings-misspelt.ts';
import { SETTINGS } from './settings-table.ts';

const test = suite('settings: slips');

test('a variable that is nearly one that is read and not set is a slip', () => {
  const env = {
    MONGO_URL: 'mongodb://a',
    NATS_URI: 'nats://a',
    BATON_EVENTS_MAX_BYTE: '1',
    BATON_PRUNE_DAY: '90',
    PATH: '/bin',
    BATON_SUPERVISOR_PASSWORD: 'x',
  };
  assert.equal(misspeltIn(env, 'projector'), [
    { variable: 'MONGO_URL', meant: 'MONGODB_URL' },
    { variable: 'NATS_URI', meant: 'NATS_URL' },
    { variable: 'BATON_EVENTS_MAX_BYTE', meant: 'BATON_EVENTS_MAX_BYTES' },
    { variable: 'BATON_PRUNE_DAY', meant: 'BATON_PRUNE_DAYS' },
  ]);
});

test('not what another service reads, what is empty, or what stands beside the right one', () => {
  assert.equal(misspeltIn({ MONGO_URL: 'mongodb://a' }, 'worker'), []);
  assert.equal(misspeltIn({ MONGO_URL: '' }, 'gateway'), []);
  assert.equal(misspeltIn({ MONGO_URL: 'mongodb://a', MONGODB_URL: 'mongodb://b' }, 'gateway'), []);
  // The nearest of those that are near.
  assert.equal(misspeltIn({ NATS_UR: 'x', NATS_URL: '' }, 'gateway'), [{ variable: 'NATS_UR', meant: 'NATS_URL' }]);
  assert.equal(misspeltIn(Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, 'x'])), 'gateway'), []);
});

test.run();
