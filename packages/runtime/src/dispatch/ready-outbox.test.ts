import type { Address } from '@baton/protocols';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { ReadyMessage } from '../ports/dispatch.ts';
import { ReadyOutbox, type QueuedTask } from './ready-outbox.ts';
import { MESSAGE_BYTES } from './timings.ts';

const test = suite('ready outbox');

const task = (n: number, size: number): QueuedTask => ({
  queue: 'default',
  address: `a${n}` as Address,
  revision: n,
  order: n,
  priority: 'normal',
  type: 'job',
  bytes: new Uint8Array(size),
});

const outbox = () => {
  const sent: ReadyMessage[] = [];
  const dispatch = { tell: (_to: string, message: ReadyMessage) => void sent.push(message) };
  const chance = { nonce: () => 'n' };
  return { sent, out: new ReadyOutbox('peer', 'me', { dispatch, chance } as never) };
};

test('records of one message take no more bytes together than they may, but for one that does alone', async () => {
  const { sent, out } = outbox();
  const sizes = [MESSAGE_BYTES - 1, MESSAGE_BYTES * 3, 10, MESSAGE_BYTES - 1_000, 1_000];
  sizes.forEach((size, n) => out.tellReady(task(n, size)));
  await Promise.resolve();
  const told = sent.filter(({ ready }) => ready.length > 0).map(({ ready }) => ready.map(({ revision }) => revision));
  assert.equal(told, [[0], [1], [2, 3], [4]]);
  assert.equal(
    sent.map(({ number }) => number),
    [1, 2, 3, 4, 5],
  );
});

test('what is gone is told behind what was ready before it, and before what is ready after it', async () => {
  const { sent, out } = outbox();
  out.tellReady(task(1, 1));
  out.tellGone({ queue: 'default', address: 'a1' as Address, revision: 1 });
  out.tellReady(task(2, 1));
  await Promise.resolve();
  const told = sent
    .slice(1)
    .map(({ ready, gone }) => [ready.map((each) => each.revision), gone.map((each) => each.revision)]);
  assert.equal(told, [
    [[1], [1]],
    [[2], []],
  ]);
});

test.run();
