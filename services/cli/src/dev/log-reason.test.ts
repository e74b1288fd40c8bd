import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { reasonIn } from './log-reason.ts';

const test = suite('why a service ended');

const line = (level: string, msg: string, more: object = {}): string => JSON.stringify({ level, msg, ...more });

test('the last complaint counts, the gravest kind first; nothing of JSON is shown', () => {
  const log = [line('info', 'starting'), line('fatal', 'no such module', { code: 'X' }), line('info', 'stopped')];
  assert.is(reasonIn(log.join('\n')), 'X: no such module');
  const waits = [line('warn', 'waiting for NATS', { code: 'NOT_CONNECTED', reason: 'no server at nats://a' })];
  assert.is(reasonIn(waits.join('\n')), 'NOT_CONNECTED: waiting for NATS: no server at nats://a');
});

test('a crash that wrote no log line shows the end of what it wrote', () => {
  assert.is(reasonIn(`${line('info', 'starting')}\n\nError: boom\n    at x\n`), 'Error: boom\n    at x');
  assert.is(reasonIn(''), '');
});

test.run();
