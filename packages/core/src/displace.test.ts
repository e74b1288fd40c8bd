import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import type { Command } from './index.ts';
import { given, type Now, type Step } from './testing/given.ts';
import {
  cancel,
  claim,
  finish,
  makeAbortable,
  markFinishing,
  rescue,
  setCancelHandle,
  submit,
  T0,
} from './testing/make.ts';

const test = suite('a task that makes room');

const displace = (fence?: { readonly epoch: number; readonly revision: number }): Command => ({
  ...{ kind: 'displace', at: T0 + 50, by: 'supervisor:s1', id: 'task-1', why: 'displaced: group g is full' },
  ...(fence === undefined ? {} : { fence }),
});

const fenceOf = ({ record }: Now) => record?.owner?.fence ?? { epoch: 0, revision: 0 };

const running = ({ record }: Now): Command => displace(record?.owner?.fence);

test('Q7 one that waits ends, with the reason; its body does not run', () => {
  const { after } = given(submit()).when(displace());
  assert.equal([after?.status, after?.abort?.cause, after?.attempt], ['aborted', 'displaced', 0]);
  assert.equal(after?.history.at(-1), {
    ...{ status: 'aborted', at: T0 + 50, by: 'supervisor:s1', attempt: 0, why: 'displaced: group g is full' },
  });
  assert.is(given(submit(), claim()).when(displace()).refusal, 'not_pending');
  const again: Step = (now) => ({ kind: 'give-back', at: T0 + 40, fence: fenceOf(now), why: 'drain' });
  assert.is(given(submit(), claim(), again).when(displace()).refusal, 'not_pending', 'it has begun once');
  assert.is(given(submit({ host: 'w1' })).when(displace()).refusal, 'not_pending', 'it takes no slot');
  assert.is(given().when(displace()).refusal, 'not_found');
});

test('Q7 one that runs is told to stop, where it can be, and ends as aborted', () => {
  assert.is(given(submit(), claim()).when(running).refusal, 'not_abortable');
  const told = given(submit(), claim(), makeAbortable).when(running);
  assert.equal([told.after?.status, told.after?.abort?.cause], ['aborting', 'displaced']);
  assert.match(told.after?.history.at(-1)?.why ?? '', /group g is full/);
  assert.is(told.and.when(finish()).after?.status, 'aborted');
  assert.equal(told.and.when(running).events, [], 'once');
  const canceller = { worker: 'w2', fence: { epoch: 1, revision: 5 } };
  const dead = given(submit(), claim(), setCancelHandle(), rescue('w1', { canceller }));
  assert.is(dead.when(running).after?.status, 'aborting', 'its canceller runs, and it is not run again');
  const cancelled = given(submit(), claim(), makeAbortable, cancel()).when(running);
  assert.is(cancelled.after?.abort?.cause, 'cancel', 'the first cause stands');
  const other = given(submit(), claim(), makeAbortable).when(displace({ epoch: 1, revision: 999 }));
  assert.is(other.refusal, 'not_running', 'another run than was meant');
  const late = given(submit(), claim(), makeAbortable, markFinishing).when(running);
  assert.equal([late.after?.status, late.events], ['in_progress', []], 'its body has returned');
});

test.run();
