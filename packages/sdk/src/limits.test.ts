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

test('Q5 Q6 limits of a definition are checked where they are written, and stand in it', () => {
  const wrong = (options: object): string => messageOf(() => task({ name: 't', ...options } as TaskOptions, () => 1));
  const count = 'is a whole number, 1 to 1000000';
  for (const [options, message] of [
    [{ concurrency: 0 }, `concurrency: ${count}`],
    [{ rate: 5 }, 'rate: is { units, window }'],
    [{ rate: { units: 0, window: 1 } }, `rate.units: ${count}`],
    [{ rate: { units: 1, window: '2d' } }, 'rate.window: is 0.1 s to 24 h'],
    [{ perGroup: {} }, 'perGroup: is { concurrency }, { rate } or both'],
    [{ perGroup: { concurency: 1 } }, 'perGroup: is { concurrency }, { rate } or both'],
    [{ perKey: { concurrency: 1.5 } }, `perKey.concurrency: ${count}`],
    [
      { perGroup: { concurrency: 1, whenFull: 'never' } },
      'perGroup.whenFull: is one of wait, cancel_newest, cancel_running',
    ],
    [
      { perKey: { rate: { units: 1, window: 1 }, whenFull: 'cancel_newest' } },
      'perKey.whenFull: needs a concurrency that can be full',
    ],
    [{ perKey: { rate: { units: 1, window: 0 } } }, 'perKey.rate.window: is 0.1 s to 24 h'],
  ] as const)
    assert.is(wrong(options), message, JSON.stringify(options));
  const rate = { units: 100, window: '1m' };
  const limited = task(
    { name: 't', concurrency: 5, perGroup: { rate }, perKey: { concurrency: 1, rate, whenFull: 'cancel_newest' } },
    () => 1,
  );
  const windowed = { units: 100, windowMs: 60_000 };
  assert.equal(limited.definition.limits, [
    { of: 'type', concurrency: 5 },
    { of: 'group', rate: windowed },
    { of: 'key', concurrency: 1, whenFull: 'cancel_newest', rate: windowed },
  ]);
  assert.not('limits' in task({ name: 't' }, () => 1).definition);
  assert.match(
    messageOf(() => limited.with({ concurrency: 1 } as CallOptions)),
    /^unknown option 'concurrency'/,
  );
});

test('Q8 what is taken back of a queue for which nothing is set is no error, and sets nothing', async ({ defer }) => {
  const { queues } = clientOf(defer).as({ id: 'root', admin: true });
  const settings = [
    await queues.resume('q'),
    await queues.resume('q', { type: 'mail' }),
    await queues.limit('q', { of: 'queue' }),
    await queues.weigh('q', 'acme', 1),
    await queues.get('q'),
  ];
  for (const { queue, pauses, limits, weights, changes } of settings)
    assert.equal([queue, pauses, limits, weights, changes], ['q', [], [], [], []]);
});

test.run();
