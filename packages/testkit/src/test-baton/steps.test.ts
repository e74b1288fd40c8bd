// G6 in one process, where minutes pass at once.
import { getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { TestContext } from '../../../../test/support/test-body.ts';
import { createTestBaton, type TestBaton } from './test-baton.ts';

const test = suite('steps, in memory');

const open = async ({ defer }: Pick<TestContext, 'defer'>): Promise<TestBaton> => {
  const made = await createTestBaton();
  defer(() => made.close());
  return made;
};

const PATIENT = { retry: { maxAttempts: 4, backoff: { initial: '1s' } } } as const;

/** Runs one task to its end. */
const runToEnd = async (t: TestBaton, body: () => unknown, options: object = {}): Promise<TaskHandle> => {
  const job = task({ name: 'job', ...PATIENT, ...options }, async () => body());
  await t.startWorker({ tasks: [job] });
  const handle = await t.run(() => job.schedule());
  await t.run(() => handle.wait());
  return handle;
};

const codeOf = (error: unknown): string => (error as { readonly code?: string }).code ?? String(error);

test('G6 a step that is done is not run again in a later attempt, which has its result', async (context) => {
  const t = await open(context);
  const ran: string[] = [];
  const handle = await runToEnd(t, async () => {
    const { step, attempt } = getContext();
    const paid = await step('charge', () => {
      ran.push(`charge ${attempt}`);
      return { amount: 17, at: new Date(5) };
    });
    await step('tell', async () => void ran.push(`tell ${attempt}`));
    if (attempt < 3) throw new Error('the disk is full');
    return [paid, await step('tell twice', () => 'told')];
  });
  assert.equal(ran, ['charge 1', 'tell 1']);
  assert.equal(handle.result, [{ amount: 17, at: new Date(5) }, 'told']);
  assert.equal(
    handle.record.steps?.map(({ name }) => name),
    ['charge', 'tell', 'tell twice'],
  );
});

test('G6 the first run gets what a later one will get, and nothing of the value itself', async (context) => {
  const t = await open(context);
  const made = { list: [1], none: undefined };
  const handle = await runToEnd(t, async () => {
    const { step, attempt } = getContext();
    const first = await step('make', () => made);
    first.list.push(2);
    if (attempt === 1) throw new Error('again');
    return first;
  });
  assert.equal(made.list, [1]);
  assert.equal(handle.result, { list: [1, 2] });
});

test('G6 a step that throws is not kept: it fails the attempt, or is caught, and runs again', async (context) => {
  const t = await open(context);
  let tries = 0;
  const handle = await runToEnd(t, () =>
    getContext().step('unsure', () => {
      if (++tries < 3) throw new RangeError(`try ${tries}`);
      return tries;
    }),
  );
  assert.equal([handle.result, handle.attempt, tries], [3, 3, 3]);
});

test('G6 a name twice in one run is an error that says so; what is no step is refused', async (context) => {
  const t = await open(context);
  const codes: string[] = [];
  const handle = await runToEnd(t, async () => {
    const { step, onCleanup } = getContext();
    const code = (error: unknown) => void codes.push(codeOf(error));
    await step('one', () => 1);
    await step('one', () => 2).catch(code);
    await Promise.all([step('two', () => 1), step('two', () => 2).catch(code)]);
    await step('', () => 1).catch(code);
    await step('x'.repeat(101), () => 1).catch(code);
    await step('no body', undefined as never).catch(code);
    await step('no data', () => Symbol('s') as never).catch(code);
    await step('too much', () => 'x'.repeat(9 * 1024 * 1024)).catch(code);
    onCleanup(() => step('late', () => 1).catch(code));
  });
  assert.is(handle.status, 'success');
  const refused = ['INVALID_ARGUMENT', 'INVALID_ARGUMENT', 'INVALID_ARGUMENT'];
  assert.equal(codes.slice(0, 5), ['STEP_REPEATED', 'STEP_REPEATED', ...refused]);
  assert.is(codes[5], 'NOT_PLAIN_DATA');
  assert.equal(codes.slice(6), ['PAYLOAD_TOO_LARGE', 'STEP_TOO_LATE']);
  assert.equal(
    handle.record.steps?.map(({ name }) => name),
    ['one', 'two'],
  );
});

test('G6 steps side by side are each kept once, whatever the order', async (context) => {
  const t = await open(context);
  let ran = 0;
  const handle = await runToEnd(t, async () => {
    const { step, attempt } = getContext();
    const names = Array.from({ length: 20 }, (_, i) => `part ${i}`);
    const order = attempt === 1 ? names : names.toReversed();
    const results = await Promise.all(order.map((name) => step(name, async () => [name, ++ran])));
    if (attempt === 1) throw new Error('again');
    return results.length;
  });
  assert.equal([handle.result, ran, handle.record.steps?.length], [20, 20, 20]);
});

test('G6 a large result lies beside the record and is found there', async (context) => {
  const t = await open(context);
  let ran = 0;
  const handle = await runToEnd(t, async () => {
    const { step, attempt } = getContext();
    const text = await step('large', () => {
      ran++;
      return 'x'.repeat(300_000);
    });
    if (attempt === 1) throw new Error('again');
    return text.length;
  });
  assert.equal([handle.result, ran], [300_000, 1]);
  const result = handle.record.steps?.[0]?.result;
  assert.ok(result !== undefined && 'object' in result && result.object.includes('/step-'));
});

test('R9 results that the record has no room for go beside it, one by one', async (context) => {
  const t = await open(context);
  const handle = await runToEnd(t, async () => {
    const { step, attempt } = getContext();
    let sum = 0;
    for (let i = 0; i < 20; i++) sum += (await step(`part ${i}`, () => 'x'.repeat(60_000))).length;
    if (attempt === 1) throw new Error('again');
    return sum;
  });
  assert.is(handle.result, 1_200_000);
  const lying = handle.record.steps?.map(({ result }) => result !== undefined && 'object' in result) ?? [];
  assert.is(lying.length, 20);
  assert.is(lying[0], false);
  assert.is(lying.at(-1), true);
});

test('G6 one that is told to stop begins no further step, and what it has done is kept', async (context) => {
  const t = await open(context);
  const ran: string[] = [];
  const job = task({ name: 'job' }, async () => {
    const { step, signal } = getContext();
    await step('first', () => void ran.push('first'));
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await step('first again', () => void ran.push('first again'));
  });
  await t.startWorker({ tasks: [job] });
  const handle = await t.run(() => job.schedule());
  for (let i = 0; i < 50 && handle.record.steps === undefined; i++) {
    await t.advance('100ms');
    await t.run(() => handle.refresh());
  }
  await t.run(() => handle.cancel());
  await t.run(() => handle.wait());
  assert.equal([handle.status, ran], ['aborted', ['first']]);
  assert.is(handle.record.steps?.length, 1);
});

test('G6 an inline call has steps, too, and a retry of an ended task begins without those of it', async (context) => {
  const t = await open(context);
  let ran = 0;
  const job = task({ name: 'job' }, async () => {
    const count = await getContext().step('count', () => ++ran);
    if (count === 1) throw new Error('the first one');
    return count;
  });
  await t.startWorker({ tasks: [job] });
  const failed = await t.run(() => job.schedule());
  await t.run(() => failed.wait());
  assert.is(failed.status, 'failure');
  const again = await t.run(() => t.baton.retry(failed));
  await t.run(() => again.wait());
  assert.is(again.result, 2);
  const inline = await t.run(() => job.with({ taskKey: 'inline' })());
  assert.is(inline.result, 3);
});

test.run();
