import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { BatonError } from './errors.ts';
import { openWatch, type WatchListener } from './open-watch.ts';
import type { Subscription } from './ports/environment.ts';

const test = suite('open watch');

/** One that is being opened: what is told of it, and what becomes of it, is up to the test. */
const opening = () => {
  const said: string[] = [];
  let source: WatchListener = { caughtUp: () => {}, lost: () => {} };
  let opened: (made: Subscription) => void = () => {};
  let failed: (cause: unknown) => void = () => {};
  const watch = openWatch(
    (listener) => {
      source = listener;
      return new Promise((resolve, reject) => ([opened, failed] = [resolve, reject]));
    },
    { caughtUp: () => void said.push('caught up'), lost: ({ code }) => void said.push(code) },
    (cause) => new BatonError('UNREADABLE', String(cause), { cause }),
  );
  const made = { close: () => void said.push('closed') };
  return { said, watch, source: () => source, open: () => opened(made), fail: (cause: unknown) => failed(cause) };
};

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('tells that it is current and that it is lost, once', async () => {
  const { said, source, open } = opening();
  open();
  await turn();
  source().caughtUp();
  source().lost(new BatonError('GONE', 'gone'));
  source().lost(new BatonError('AGAIN', 'again'));
  source().caughtUp();
  assert.equal(said, ['caught up', 'GONE']);
});

test('one that was closed while it was being opened is closed when it comes, and tells nothing', async () => {
  const { said, watch, source, open } = opening();
  watch.close();
  source().caughtUp();
  source().lost(new BatonError('GONE', 'gone'));
  open();
  await turn();
  assert.equal(said, ['closed']);
});

test('one that was lost while it was being opened is closed when it comes', async () => {
  const { said, source, open } = opening();
  source().lost(new BatonError('GONE', 'gone'));
  open();
  await turn();
  assert.equal(said, ['GONE', 'closed']);
});

test('one that cannot be opened is lost, by an error of ours', async () => {
  for (const [cause, code] of [
    [new BatonError('NOT_CONNECTED', 'no'), 'NOT_CONNECTED'],
    [new TypeError('what'), 'UNREADABLE'],
  ] as const) {
    const { said, fail, watch } = opening();
    fail(cause);
    await turn();
    watch.close();
    assert.equal(said, [code]);
  }
});

test.run();
