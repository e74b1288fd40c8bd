import { createMemoryWorld } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Baton } from './baton.ts';
import { createBaton } from './create.ts';
import { InvalidArgumentError, task, type CallOptions, type TaskOptions } from './index.ts';

const test = suite('sdk: limits');

const clientOf = (defer: (undo: () => unknown) => void): Baton => {
  const world = createMemoryWorld();
  defer(() => world.close());
  return createBaton({ ports: world.ports('app'), user: { id: 'alice' } });
};

const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof InvalidArgumentError && error.code === 'INVALID_ARGUMENT') return error.message;
    throw error;
  }
  return 'taken';
};

const TIME = /is a number of seconds or text like "90s" or "5m", up to 366 days$/;

test('a user has an id of 1 to 256 characters, at every place where one is named', ({ defer }) => {
  const baton = clientOf(defer);
  const world = createMemoryWorld();
  defer(() => world.close());
  for (const id of ['', 'x'.repeat(257), 'x'.repeat(10_000), '\ud800', undefined, 5]) {
    const user = { id: id as string };
    const expected = 'user.id: is text of 1 to 256 characters, well-formed Unicode';
    assert.is(
      messageOf(() => baton.as(user)),
      expected,
    );
    assert.is(
      messageOf(() => createBaton({ ports: world.ports('other'), user })),
      expected,
    );
  }
  assert.is(
    messageOf(() => baton.as({ id: 'a', admin: 'no' as never })),
    'user.admin: is true or false',
  );
  assert.is(
    messageOf(() => baton.as({ id: 'x'.repeat(256) })),
    'taken',
  );
});

test('options of a definition and of a call have the same limits, told with their names', () => {
  const bad: readonly (readonly [CallOptions & TaskOptions, RegExp])[] = [
    [{ timeout: 1e300 }, new RegExp(`^timeout: ${TIME.source}`)],
    [{ timeout: '99999999d' }, new RegExp(`^timeout: ${TIME.source}`)],
    [{ timeout: Number.NaN }, /^timeout: /],
    [{ abortGrace: '367d' }, /^abortGrace: /],
    [{ retry: { maxAttempts: 1_001 } }, /^retry\.maxAttempts: is a whole number, 1 to 1000$/],
    [{ retry: { backoff: { initial: 1e300 } } }, /^retry\.backoff\.initial: /],
    [{ retry: { backoff: { max: -1 } } }, /^retry\.backoff\.max: /],
    [{ retry: { backoff: { factor: 101 } } }, /^retry\.backoff\.factor: is a number, 1 to 100$/],
    [{ retry: { backoff: { jitter: Number.NaN } } }, /^retry\.backoff\.jitter: /],
    [{ maxRescues: 1_001 }, /^maxRescues: is a whole number, 0 to 1000$/],
    [{ queue: 'a b' }, /^queue: is 1 to 100 letters/],
    [{ priority: 'urgent' as never }, /^priority: is one of high, normal, low$/],
  ];
  const plain = task({ name: 'limits' }, () => 1);
  for (const [options, words] of bad) {
    assert.match(
      messageOf(() => task({ name: 'limits', ...options }, () => 1)),
      words,
    );
    assert.match(
      messageOf(() => plain.with(options)),
      words,
    );
  }
  assert.match(
    messageOf(() => plain.with({ delay: '99999999d' })),
    new RegExp(`^delay: ${TIME.source}`),
  );
  assert.match(
    messageOf(() => task({ name: 'x'.repeat(101) }, () => 1)),
    /^name: is 1 to 100 letters/,
  );
});

test('a timeout that is more than nothing never becomes none', async ({ defer }) => {
  const baton = clientOf(defer);
  const handle = await baton.schedule(task({ name: 'short' }, () => 1).definition, [], { timeout: 1e-9 });
  assert.is(handle.record.policy.timeoutMs, 1);
});

test('more arguments than a call takes are refused', async ({ defer }) => {
  const baton = clientOf(defer);
  const list = Array.from({ length: 1_001 }, () => 1);
  const error = await baton.schedule(task({ name: 'many' }, () => 1).definition, list).catch((fault: unknown) => fault);
  assert.ok(error instanceof InvalidArgumentError);
  assert.is(error.message, 'args: is a list of up to 1000 values');
});

test.run();
