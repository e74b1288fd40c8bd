import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { commandsOf, endOfForgotten, hasEndedBy, runOf, verdictOn, type RunReport } from './remote-run.ts';
import { given } from './testing/given.ts';
import { cancel, claim, finish, makeAbortable, markFinishing, observeAbort, submit, T0 } from './testing/make.ts';
import type { TaskRecord } from './task.ts';

const test = suite('runs of workers that write no records');

const running = given(submit(), claim());
const aborting = given(submit(), claim(), makeAbortable, cancel());
const NOTHING: RunReport = { abortable: false, observed: false };

const recordOf = ({ now }: typeof running): TaskRecord => {
  if (now.record === undefined) throw new Error('no record');
  return now.record;
};
const ownerIn = (record: TaskRecord) => {
  if (record.owner === undefined) throw new Error('nobody owns it');
  return record.owner;
};
const kinds = (record: TaskRecord, report: RunReport) =>
  commandsOf(record, report, { at: T0, fence: ownerIn(record).fence, deliveredAt: undefined }).map(({ kind }) => kind);

test('O2 a report counts for who owns the run, under its fence', () => {
  const record = recordOf(running);
  const { worker, fence } = ownerIn(record);
  assert.is(runOf(record, worker, fence), record);
  assert.is(runOf(record, 'liar', fence), undefined);
  assert.is(runOf(record, worker, { ...fence, revision: fence.revision + 1 }), undefined);
  assert.is(runOf(undefined, worker, fence), undefined);
  assert.equal([verdictOn(record, worker, fence), verdictOn(record, 'liar', fence)], ['running', 'lost']);
});

test('O1 what was asked to stop is told, and what has ended is lost', () => {
  const record = recordOf(aborting);
  const { worker, fence } = ownerIn(record);
  assert.is(verdictOn(record, worker, fence), 'abort');
  const ended = recordOf(running.when(finish()).and);
  assert.is(verdictOn(ended, worker, fence), 'lost');
  assert.equal([hasEndedBy(ended, worker, fence), hasEndedBy(ended, 'liar', fence)], [true, false]);
  assert.is(hasEndedBy(recordOf(running), worker, fence), false);
});

test('O1 a report asks for what the record does not say yet, and for nothing twice', () => {
  const all: RunReport = { abortable: true, observed: true, finishing: {} };
  const record = recordOf(running);
  assert.equal(kinds(record, NOTHING), []);
  assert.equal(kinds(record, all), ['make-abortable', 'mark-finishing']);
  assert.equal(kinds(recordOf(running.when(makeAbortable).and), all), ['mark-finishing']);
  assert.equal(kinds(recordOf(running.when(markFinishing).and), { ...NOTHING, finishing: {} }), []);
  assert.equal(kinds(recordOf(aborting), all), ['observe-abort']);
  assert.equal(kinds(recordOf(aborting.when(observeAbort).and), all), []);
});

test('O1 a run its worker does not know of goes back, and ends where it was to be stopped', () => {
  const back = (story: typeof running) =>
    story.when(({ record }) => {
      if (record === undefined) throw new Error('no record');
      return endOfForgotten(record, { at: T0, fence: ownerIn(record).fence });
    });
  const given = back(running).after;
  assert.equal([given?.status, given?.failures, given?.rescues], ['pending', undefined, undefined]);
  assert.is(back(aborting).after?.status, 'aborted');
});

test.run();
