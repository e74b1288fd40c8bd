// L5 to L8: what becomes of what is thrown.
import { getContext, task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { aborted, stagedSuite, until } from '../support/stage.ts';

const test = stagedSuite('failures');

class OddError extends Error {
  override readonly name = 'OddError';
}

test('L5 an exception is kept with message, type and stack; what is no Error is described', async (stage, context) => {
  const throws: readonly (readonly [thrown: unknown, message: RegExp, type: string])[] = [
    [new OddError('odd thing'), /^odd thing$/, 'OddError'],
    ['just text', /^just text$/, 'string'],
    [{ reason: 'object' }, /reason: 'object'/, 'object'],
    [undefined, /^undefined$/, 'undefined'],
    [null, /^null$/, 'null'],
    [42n, /^42n$/, 'bigint'],
    [Symbol('sign'), /Symbol\(sign\)/, 'symbol'],
  ];
  const failing = task({ name: 'l5.failing' }, (i: number) => {
    throw throws[i]?.[0];
  });
  await stage.serve(context, [failing]);
  await stage.as('alice').within(async () => {
    for (const [i, [, message, type]] of throws.entries()) {
      const handle = await failing.schedule(i);
      await handle.wait({ timeout: '30s' });
      assert.is(handle.status, 'failure');
      assert.match(handle.error?.message ?? '', message);
      assert.is(handle.error?.type, type);
    }
    const withStack = await failing.schedule(0);
    await withStack.wait({ timeout: '30s' });
    const document = await stage.document(withStack.uuid, ({ terminal }) => terminal);
    assert.equal([document.error_message, document.exception_type], ['odd thing', 'OddError']);
    assert.match(document.stack_trace ?? '', /OddError: odd thing\n\s+at /);
  });
});

test('L5 a handle shows the stack only when SHOW_STACKTRACE is on', async (stage, context) => {
  const failing = task({ name: 'l5.stack' }, () => {
    throw new OddError('odd');
  });
  await stage.serve(context, [failing]);
  const open = await stage.client(context, { servers: stage.natsUrl, user: { id: 'alice' }, showStacktrace: true });
  const shut = await stage.client(context, { servers: stage.natsUrl, user: { id: 'alice' }, showStacktrace: false });
  const [shown, hidden] = [await open.within(() => failing()), await shut.within(() => failing())];
  assert.match(shown.error?.stack ?? '', /OddError: odd/);
  assert.equal(hidden.error, { message: 'odd', type: 'OddError' });
});

test('L6 all failures are kept, the body first, then the handlers in the order run', async (stage, context) => {
  const failing = (text: string) => () => {
    throw new RangeError(text);
  };
  const body = task({ name: 'l6.body' }, () => {
    const { onCleanup } = getContext();
    onCleanup(failing('cleanup 1'));
    onCleanup(() => undefined);
    onCleanup(failing('cleanup 2'));
    throw new TypeError('body');
  });
  const stopped = task({ name: 'l6.stopped' }, async () => {
    const { signal, onAbort, onCleanup } = getContext();
    onCleanup(failing('cleanup'));
    onAbort(failing('abort 1'));
    onAbort(failing('abort 2'));
    await aborted(signal);
    throw new TypeError('the body stops');
  });
  await stage.serve(context, [body, stopped]);
  await stage.as('alice').within(async () => {
    const failed = await body.schedule();
    await failed.wait({ timeout: '30s' });
    assert.is(failed.status, 'failure');
    assert.is(failed.error?.message, 'body; cleanup 2; cleanup 1');
    const handle = await stopped.schedule();
    await until(handle, ({ record }) => record.abortable === true);
    await handle.cancel();
    await handle.wait({ timeout: '30s' });
    assert.is(handle.status, 'failure');
    assert.is(handle.error?.message, 'the body stops; abort 2; abort 1; cleanup');
    const stack = handle.record.error?.stack ?? '';
    const at = ['the body stops', 'abort 2', 'abort 1', 'cleanup'].map((text) => stack.indexOf(`: ${text}\n`));
    assert.ok(
      at.every((place, i) => place > (at[i - 1] ?? -1)),
      `every trace, in order: ${stack}`,
    );
  });
});

for (const [id, title, leave] of [
  ['L7', 'an exception from the body while aborting', () => Promise.reject(new Error('stopped in the middle'))],
  ['L8', 'a normal return of the body while aborting', async () => 'a result nobody asked for any more'],
] as const) {
  test(`${id} ${title} ends the task as the abort promised`, async (stage, context) => {
    const body = task({ name: `${id}.body` }, async (): Promise<string> => {
      await aborted(getContext().signal);
      return leave();
    });
    await stage.serve(context, [body]);
    await stage.as('alice').within(async () => {
      const cancelled = await body.schedule();
      await until(cancelled, ({ record }) => record.abortable === true);
      await cancelled.cancel();
      const timedOut = await body.with({ timeout: '150ms', retry: { maxAttempts: 3 } }).schedule();
      for (const handle of [cancelled, timedOut]) await handle.wait({ timeout: '30s' });
      assert.equal([cancelled.status, timedOut.status], ['aborted', 'timed_out']);
      for (const handle of [cancelled, timedOut]) {
        assert.equal([handle.result, handle.error, handle.attempt], [undefined, undefined, 1]);
      }
    });
  });
}

test.run();
