import * as assert from 'uvu/assert';
import { suite } from '../../../../../test/support/suite.ts';
import { sampleTask } from '../task/sample-task.ts';
import { fitsButStatus, fitsQuery } from './matching.ts';
import { EVERYTHING } from './query.ts';

const test = suite('what belongs in a list');
const task = sampleTask({ type: 'send_mail', name: 'Send Mail', key: 'Order-7', createdBy: 'alice' });

test('E2 without a filter everything, with one what the server would give', () => {
  assert.ok(fitsQuery(task, EVERYTHING));
  assert.ok(
    fitsQuery(task, { ...EVERYTHING, status: ['success', 'pending'], type: ['send_mail'], scope: ['private'] }),
  );
  assert.not.ok(fitsQuery(task, { ...EVERYTHING, status: ['success'] }));
  assert.ok(fitsButStatus(task, { ...EVERYTHING, status: ['success'] }));
  for (const other of [{ type: ['send'] }, { scope: ['shared' as const] }, { createdBy: ['Alice'] }]) {
    assert.not.ok(fitsButStatus(task, { ...EVERYTHING, ...other }), JSON.stringify(other));
  }
  assert.not.ok(fitsQuery(sampleTask({ createdBy: undefined }), { ...EVERYTHING, createdBy: ['alice'] }));
});

test('E2 text: part of name, type or key in any case, or the whole id; not across two of them', () => {
  for (const text of ['send m', 'D_MAIL', 'order-7', ` ${task.uuid.toUpperCase()} `]) {
    assert.ok(fitsQuery(task, { ...EVERYTHING, text }), text);
  }
  for (const text of ['mailsend', task.uuid.slice(1), 'order-8']) {
    assert.not.ok(fitsQuery(task, { ...EVERYTHING, text }), text);
  }
});

test('B1 what Baton has of its own stands in a list that names its type, or itself', () => {
  const own = sampleTask({ type: 'baton.bulk', name: 'Cancel tasks', createdBy: 'alice' });
  for (const query of [{}, { text: 'cancel' }, { createdBy: ['alice'] }, { type: ['send_mail'] }])
    assert.not.ok(fitsButStatus(own, { ...EVERYTHING, ...query }), JSON.stringify(query));
  for (const query of [{ type: ['baton.bulk'] }, { text: own.uuid }])
    assert.ok(fitsButStatus(own, { ...EVERYTHING, ...query }), JSON.stringify(query));
});

test.run();
