// The span of a run in a worker that writes no records: told by the worker, kept for the next run, with no write of its own.
import * as assert from 'uvu/assert';
import { only, WorkClient, type WorkAnswer, type WorkTask } from '../../support/work-client.ts';
import { suite } from '../../support/suite.ts';
import { addressFor, createStage, until, type SubmitOptions } from './world.ts';

const test = suite('supervisor: spans of workers in any language');

const spanOf = (digit: string, flags = '01'): string =>
  `00-0af7651916cd43dd8448eb211c80319c-${digit.repeat(16)}-${flags}`;

const AT_ONCE = { maxAttempts: 9, backoff: { initialMs: 0, factor: 1, maxMs: 0, jitter: 0 } };
const address = addressFor('a');

const open = async (options: SubmitOptions = { policy: AT_ONCE }) => {
  const stage = createStage(1, { onlooker: false });
  const { clock, world, record } = stage;
  await stage.supervise('s1');
  await clock.advance(1_000);
  const clientOf = (name: string) =>
    new WorkClient(async (verb, type, body, timeoutMs) => {
      const bytes = new TextEncoder().encode(JSON.stringify(body));
      const question = { verb, bytes, contentType: 'application/json', ...(type === undefined ? {} : { type }) };
      const answer = await clock.settle(world.ask(question, timeoutMs));
      return answer === undefined ? undefined : (JSON.parse(new TextDecoder().decode(answer)) as WorkAnswer);
    }, name);
  const client = clientOf('py');
  await stage.submit('a', options);
  const next = async (from = client): Promise<WorkTask> => only(await from.claim({ wait: 10 }));
  /** One beat with that run, and time for what it says to be stored. */
  const beat = async ({ fence }: WorkTask, fields: Readonly<Record<string, unknown>>) => {
    const answer = await client.ask('beat', { running: [{ address, fence, ...fields }] });
    await clock.advance(200);
    return answer;
  };
  const revision = () => world.heads().find((head) => head.address === address)?.revision ?? 0;
  const writes = async (act: () => Promise<unknown>): Promise<number> => {
    const before = revision();
    await act();
    return revision() - before;
  };
  return { stage, clock, client, clientOf, next, beat, writes, now: () => record(address) };
};

const FAILED = { outcome: 'failure', error: { message: 'no' } };

test('F2 told with the end it is in the write of the end, whatever that is, and comes with the next claim', async () => {
  const { client, next, writes, now } = await open();
  let before: string | undefined;
  for (const [digit, fields] of [
    ['1', FAILED],
    ['2', { outcome: 'give_back', why: 'drain' }],
    ['3', { outcome: 'give_back', why: 'stray', abnormal: true }],
    ['4', { outcome: 'wait', wait: { signal: 'go', number: 1, timeout: '1s' } }],
    ['5', { outcome: 'success' }],
  ] as const) {
    const task = await next();
    assert.is(task.previous.traceparent, before);
    assert.is(await writes(() => client.finish(task, { ...fields, traceparent: spanOf(digit) })), 1);
    before = spanOf(digit);
    assert.is(now().runTrace, before, JSON.stringify(fields));
  }
  assert.is(now().status, 'success');
});

test('F2 told with a beat it is written once, with what the run reports, and is there when its worker dies', async () => {
  const { stage, client, clientOf, clock, next, beat, writes, now } = await open();
  const first = await next();
  const [traceparent, other] = [spanOf('1'), spanOf('2')];
  assert.is(await writes(() => beat(first, { traceparent, progress: [1, 4] })), 1);
  assert.equal([now().runTrace, now().progress], [traceparent, { current: 1, total: 4 }]);
  assert.is(await writes(() => beat(first, { traceparent, progress: [1, 4] })), 0);
  await until(stage, 9_000, () => now().status === 'pending');
  const second = await next(clientOf('other'));
  assert.equal([second.attempt, second.previous.traceparent], [2, traceparent]);
  // Alone it takes a write, and the end has none of it then.
  await clientOf('other').finish(second, { outcome: 'give_back', why: 'drain' });
  const third = await next();
  assert.is(await writes(() => beat(third, { traceparent: other })), 1);
  assert.is(await writes(() => beat(third, { traceparent: other })), 0);
  assert.is(await writes(() => client.finish(third, { outcome: 'success', traceparent: other })), 1);
  assert.is(now().runTrace, other);
  await clock.advance(100);
});

test('F2 of a run that tells none the one before stands; what is no trace context, or is not recorded, is dropped', async () => {
  const { client, next, beat, writes, now } = await open();
  await client.finish(await next(), { ...FAILED, traceparent: spanOf('1') });
  const second = await next();
  for (const traceparent of [spanOf('2', '00'), 'nonsense', 7, null, spanOf('0'), { a: 1 }])
    assert.equal([await writes(() => beat(second, { traceparent })), now().runTrace], [0, spanOf('1')]);
  await client.finish(second, { ...FAILED, traceparent: ['no'] });
  const third = await next();
  assert.equal([third.attempt, third.previous.traceparent], [3, spanOf('1')]);
});

test('F2 a task whose workers tell no span has none in its record or its claims', async () => {
  const { client, next, now } = await open();
  const task = await next();
  assert.equal(Object.keys(task.previous), ['progress', 'payload']);
  await client.finish(task, { outcome: 'success' });
  assert.is('runTrace' in now(), false);
});

test.run();
