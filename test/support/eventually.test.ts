import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { suite } from './suite.ts';

const test = suite('eventually');

test('returns what the assertion returns, as soon as it holds', async () => {
  let tries = 0;
  const value = await eventually(
    () => {
      tries++;
      assert.is(tries, 3);
      return 'held';
    },
    { everyMs: 1 },
  );
  assert.is(value, 'held');
});

const failureOf = async (promise: Promise<unknown>): Promise<Error> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
};

test('reports the last failure when time is up', async () => {
  let tries = 0;
  const failure = await failureOf(
    eventually(
      () => {
        throw new Error(`failure ${++tries}`);
      },
      { limitMs: 50, everyMs: 5 },
    ),
  );
  assert.ok(tries > 1);
  assert.match(failure.message, /^still failing after \d+ ms/);
  assert.match(failure.message, new RegExp(`failure ${tries}$`));
});

test('takes false for a failure, undefined for success', async () => {
  assert.is(await eventually(() => undefined), undefined);
  assert.match((await failureOf(eventually(() => false, { limitMs: 20, everyMs: 5 }))).message, /returned false/);
});

test('an assertion that hangs does not outlast the limit', async () => {
  const failure = await failureOf(eventually(() => new Promise(() => {}), { limitMs: 30 }));
  assert.match(failure.message, /did not return in time/);
});

test.run();
