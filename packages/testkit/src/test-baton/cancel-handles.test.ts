// G7 in one process: what a handler may and may not say. Workers that die are in test/sim and test/behaviour.
import { getContext, InvalidArgumentError, task, type TaskOptions } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createTestBaton } from './test-baton.ts';

const test = suite('cancel handles, in memory');

const codesOf = async (
  { defer }: { readonly defer: (undo: () => unknown) => void },
  options: TaskOptions,
  body: (code: (error: unknown) => void) => Promise<unknown>,
): Promise<readonly string[]> => {
  const t = await createTestBaton();
  defer(() => t.close());
  const codes: string[] = [];
  const code = (error: unknown) => void codes.push((error as { readonly code?: string }).code ?? String(error));
  const job = task({ name: 'job', ...options }, () => body(code));
  await t.startWorker({ tasks: [job] });
  const handle = await t.run(() => job.schedule());
  await t.run(() => handle.wait());
  assert.equal([handle.status, handle.record.cancelHandle], ['success', undefined]);
  return codes;
};

test('G7 a handle is kept while the run lasts, replaced and taken back, and no canceller is called for one that ends', async (context) => {
  const called: unknown[] = [];
  const canceller = (handle: unknown) => void called.push(handle);
  const codes = await codesOf(context, { canceller }, async () => {
    const { setCancelHandle } = getContext();
    await setCancelHandle({ query: 1 });
    await setCancelHandle({ query: 2 });
    await setCancelHandle(undefined);
    await setCancelHandle({ query: 3 });
  });
  assert.equal([codes, called], [[], []]);
});

test('G7 one that nobody could take is refused, and so is one that is too large, no data, or too late', async (context) => {
  const codes = await codesOf(context, { canceller: () => {} }, async (code) => {
    const { setCancelHandle, onCleanup } = getContext();
    await setCancelHandle('x'.repeat(17_000)).catch(code);
    await setCancelHandle(() => {}).catch(code);
    onCleanup(() => setCancelHandle('late').catch(code));
  });
  assert.equal(codes, ['PAYLOAD_TOO_LARGE', 'NOT_PLAIN_DATA', 'CANCEL_HANDLE_TOO_LATE']);
  const without = await codesOf(context, {}, async (code) => {
    await getContext().setCancelHandle('q1').catch(code);
  });
  assert.equal(without, ['CANCELLER_MISSING']);
  assert.throws(
    () => task({ name: 'job', canceller: 'no function' as never }, () => 1),
    (error: unknown) => error instanceof InvalidArgumentError && error.message === 'canceller: is a function',
  );
});

test.run();
