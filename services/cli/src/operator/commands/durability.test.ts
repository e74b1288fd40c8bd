import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { durabilityOf } from './durability.ts';

const test = suite('durability');

const server = (version: string, syncsAlways: boolean, name = 'n1') => ({ name, version, syncsAlways });
const level = (version: string, ...servers: readonly ReturnType<typeof server>[]): string =>
  durabilityOf({ version, servers })
    .map((finding) => finding.level)
    .join();

test('a server that is to sync every write and is too old for it has to be upgraded, in a cluster each', () => {
  assert.is(level('2.15.2', server('2.15.2', true)), 'ok');
  assert.is(level('2.15.1', server('2.15.1', true)), 'fail');
  assert.is(level('2.15.2', server('2.15.2', true), server('2.14.9', true, 'n2')), 'fail');
  const [found] = durabilityOf({ version: '2.15.2', servers: [server('2.14.9', true, 'n2')] });
  assert.match(found?.found ?? '', '2.14.9 (n2)');
  assert.match(found?.advice ?? '', '2.15.2');
});

test('one that is not is let be, and where nobody tells, the version alone is a warning', () => {
  assert.is(level('2.14.5', server('2.14.5', false)), 'ok');
  assert.is(level('2.14.5'), 'warn');
  assert.is(level('2.15.2'), 'ok');
  assert.is(level('2.15.2-RC.1'), 'warn');
});

test.run();
