import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { compareVersions, parseVersion } from './version.ts';

const test = suite('local: versions');

test('read from what programs print about themselves', () => {
  const printed = {
    'nats-server: v2.15.2\n': '2.15.2',
    'nats-server: v2.14.0-preview.1': '2.14.0',
    'db version v8.2.6\nBuild Info: {': '8.2.6',
    'Redis server v=8.0.6 sha=00000000:1 malloc=jemalloc-5.3.0 bits=64': '8.0.6',
    'postgres (PostgreSQL) 18.6 (Debian 18.6-3)': '18.6',
  };
  for (const [text, version] of Object.entries(printed)) assert.is(parseVersion(text), version);
  assert.is(parseVersion('no such option'), undefined);
});

test('compared by number, not by letter', () => {
  assert.ok(compareVersions('2.9.25', '2.14.5') < 0);
  assert.ok(compareVersions('2.15.0', '2.14.5') > 0);
  assert.is(compareVersions('v2.15', '2.15.0'), 0);
  assert.ok(compareVersions('1.0-0-1', '0.104') > 0);
});

test.run();
