import * as assert from 'uvu/assert';
import { suite } from '../../../test/support/suite.ts';
import { reportStep } from './report.ts';
import { lineReporter } from './terminal-reporter.ts';

const test = suite('local: reporting');

test('without a terminal: a line for each note, none for each percent', async () => {
  const lines: string[] = [];
  const report = lineReporter((line) => lines.push(line));
  await reportStep(report, 'mongo', 'unpacking 206 packages', async (progress) => {
    for (let done = 1; done <= 206; done += 1) progress('packages', done, 206);
  });
  assert.is(lines[0], 'mongo: unpacking 206 packages');
  assert.match(lines[1] ?? '', /^mongo: unpacking 206 packages took \d+\.\d s$/);
  assert.is(lines.length, 2);
});

test('a failed step is finished too, and its error comes through', async () => {
  const kinds: string[] = [];
  const failing = reportStep(
    ({ kind }) => kinds.push(kind),
    'nats',
    'go install',
    () => Promise.reject(new Error('no')),
  );
  assert.is(await failing.catch((error: Error) => error.message), 'no');
  assert.equal(kinds, ['note', 'finished']);
});

test.run();
