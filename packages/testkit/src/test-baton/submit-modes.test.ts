import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import { createTestBaton } from './test-baton.ts';

const test = suite('test kit: modes of a submit');

test('Q10 a window is known as long as it lasts, long after the task has been forgotten otherwise', async ({
  defer,
}) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const report = task({ name: 'report', mode: 'throttle', window: '1h' }, () => 1);
  await t.startWorker({ tasks: [report] });
  const submit = () => t.run(() => report.with({ taskKey: 'k' }).schedule());
  const first = await submit();
  await t.run(() => first.wait());
  await t.advance('50m');
  const second = await submit();
  assert.equal([second.outcome, second.uuid], ['throttled', first.uuid]);
  await t.advance('11m');
  assert.is((await submit()).outcome, 'created');
});

test('Q11 a task that nobody serves expires, and one that waits behind another in its turn', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const slow = task({ name: 'slow', mode: 'coalesce' }, () => t.sleep('20m'));
  const options = { taskKey: 'k', expires: '10m' } as const;
  const lonely = await t.run(() => slow.with({ expires: '3m' }).schedule());
  await t.advance('190s');
  await t.run(() => lonely.refresh());
  assert.equal([lonely.status, lonely.record.abort?.cause], ['aborted', 'expired']);
  await t.startWorker({ tasks: [slow] });
  const first = await t.run(() => slow.with(options).schedule());
  await t.advance('1m');
  const second = await t.run(() => slow.with(options).schedule());
  assert.equal([second.outcome, second.uuid === first.uuid], ['created', false]);
  await t.run(() => first.wait());
  await t.run(() => second.wait());
  assert.equal([first.status, second.status, second.record.abort?.cause], ['success', 'aborted', 'expired']);
});

test('Q11 what has begun goes on, however long ago it was to have begun', async ({ defer }) => {
  const t = await createTestBaton();
  defer(() => t.close());
  const slow = task({ name: 'slow' }, () => t.sleep('1m'));
  await t.startWorker({ tasks: [slow] });
  const made = await t.run(() => slow.with({ expires: '1s' }).schedule());
  await t.run(() => made.wait());
  assert.is(made.status, 'success');
});

test.run();
