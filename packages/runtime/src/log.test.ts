import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { createLog, taskFields, type LogOptions } from './log.ts';

const test = suite('log');

const recorded = (options: Omit<LogOptions, 'to'> = {}) => {
  const lines: string[] = [];
  const log = createLog({ ...options, to: { write: (line: string) => void lines.push(line) } });
  const last = (): Record<string, unknown> => JSON.parse(lines.at(-1) ?? '') as Record<string, unknown>;
  return { log, lines, last };
};

test('one JSON line each, with time, level, service, fields and text', () => {
  const { log, lines, last } = recorded({ service: 'worker' });
  log.info({ count: 3 }, 'done');
  assert.is(lines.length, 1);
  assert.is(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
  const { time, pid, ...rest } = last();
  assert.equal(rest, { level: 'info', service: 'worker', count: 3, msg: 'done' });
  assert.match(String(time), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.is(pid, process.pid);
});

test('a child carries the fields of its task', () => {
  const { log, last } = recorded();
  log.child(taskFields({ id: 't1', type: 'report', attempt: 2 })).warn('slow');
  const { task, type, attempt, msg } = last();
  assert.equal({ task, type, attempt, msg }, { task: 't1', type: 'report', attempt: 2, msg: 'slow' });
});

test('below the level nothing is written', () => {
  const { log, lines } = recorded({ level: 'warn' });
  log.info('quiet');
  assert.is(lines.length, 0);
});

test('control characters cannot drive a terminal or break a line, and are still read back', () => {
  const { log, lines, last } = recorded();
  const nasty = 'a\n\u001b[31m\u009b31m\u2028\u202e\u007fz';
  log.info({ [nasty]: nasty }, nasty);
  const line = (lines[0] ?? '').slice(0, -1);
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  assert.not.match(line, /[\u0000-\u001f\u007f-\u009f\u2028\u202e]/);
  assert.is(last()['msg'], nasty);
  assert.is(last()[nasty], nasty);
});

test('logins in URLs and known secrets are hidden wherever they stand', () => {
  const { log, lines } = recorded({ secrets: ['SECRET-XYZZY-"1"'] });
  const error = new Error('cannot reach nats://bob:SECRET-XYZZY-2@host:4222,nats://SECRET-XYZZY-3@two', {
    cause: new Error('SECRET-XYZZY-"1"'),
  });
  log.error({ err: error, deep: { url: 'mongodb://u:SECRET-XYZZY-4@h/db?x=1' } }, 'mongodb://u:SECRET-XYZZY-5@h/db');
  assert.not.match(lines.join(''), /XYZZY/);
  assert.match(lines.join(''), /nats:\/\/\*\*\*@host:4222,nats:\/\/\*\*\*@two/);
  assert.type(JSON.parse(lines[0] ?? ''), 'object');
});

test('what cannot be written as JSON does not throw', () => {
  const { log, last } = recorded();
  const cycle: Record<string, unknown> = { big: 1n };
  cycle['self'] = cycle;
  log.info({ cycle }, 'still here');
  assert.is(last()['msg'], 'still here');
});

test('R10 a line has an end, whatever is logged, and is written at once', () => {
  const { log, lines, last } = recorded();
  const endless = (): object =>
    new Proxy({}, { get: () => endless(), ownKeys: () => Array.from({ length: 1_000_000 }, (_, i) => `k${i}`) });
  const throwing = {
    get x(): never {
      throw new Error('no');
    },
    y: 1,
  };
  const values: Readonly<Record<string, unknown>> = {
    endless: endless(),
    bytes: new Uint8Array(5_000_000),
    buffer: Buffer.alloc(5_000_000),
    text: 'x'.repeat(5_000_000),
    message: new Error('x'.repeat(5_000_000)),
    list: Array.from({ length: 300_000 }, () => 'x'.repeat(100)),
    map: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`key ${i}`, i])),
    tree: Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => Array.from({ length: 200 }, () => 'x'))),
    own: Object.assign(new Error('x'), { response: { body: Buffer.alloc(5_000_000) } }),
  };
  const began = performance.now();
  for (const value of Object.values(values)) {
    for (const say of [
      () => log.info({ value, err: value }, 'said'),
      () => log.info(value as never),
      () => (log.info as (...line: unknown[]) => void)('said %o', value),
      () => log.child({ value }).info('said'),
    ])
      say();
    assert.ok(
      lines.every((line) => line.length < 300_000 && JSON.parse(line)),
      `${Math.max(...lines.map((line) => line.length))}`,
    );
    lines.length = 0;
  }
  const tookMs = performance.now() - began;
  assert.ok(tookMs < 5_000, `${tookMs} ms`);
  log.info({ throwing, error: new RangeError('in a field', { cause: new Error('deep') }), at: new Date(0) }, 'said');
  const { throwing: seen, error, at } = last();
  assert.equal([seen, at], [{ x: '[unreadable]', y: 1 }, '1970-01-01T00:00:00.000Z']);
  assert.is((error as { message: string }).message, 'in a field: deep');
});

test.run();
