import { ServerTooOldError } from '@baton/runtime';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { isAtLeast, requireVersion, SERVER_FLOOR } from './server-check.ts';

const test = suite('server check');

test('versions are compared by number, and a pre-release is older than its release', () => {
  for (const version of [
    '2.14.5',
    '2.14.6',
    '2.14.10',
    '2.15.0',
    '2.15.2',
    '3.0.0',
    'v2.15.2',
    '2.15.0-RC.1',
    '2.15.0-dev',
  ]) {
    assert.ok(isAtLeast(version, SERVER_FLOOR), version);
  }
  for (const version of ['2.14.4', '2.9.99', '2.12.15', '1.99.99', '2.14.5-RC.2', '', 'new', '2.14']) {
    assert.not.ok(isAtLeast(version, SERVER_FLOOR), version);
  }
});

test('a version that is too old, or none, says what is needed', () => {
  for (const version of ['2.10.29', undefined]) {
    assert.throws(
      () => requireVersion(version),
      (fault: unknown) => fault instanceof ServerTooOldError && fault.message.includes(SERVER_FLOOR),
    );
  }
  requireVersion('2.15.2');
});

test.run();
