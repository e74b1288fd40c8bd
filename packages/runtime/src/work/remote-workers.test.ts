import * as assert from 'uvu/assert';
import { suite } from '../../../../test/support/suite.ts';
import type { WorkRequest } from '../ports/work.ts';
import { RemoteWorkers, type RemoteWorkersParts } from './remote-workers.ts';

const test = suite('remote workers');

const MIB = 1024 * 1024;

test('what comes before supervisors know each other is kept, up to so many bytes', async () => {
  const known: { members?: readonly string[] } = {};
  let hear: (request: WorkRequest) => void = () => {};
  let answers = 0;
  const onRequest = (listener: (request: WorkRequest) => void) => {
    hear = listener;
    return { close: () => {} };
  };
  const ports = { work: { onRequest }, clock: { monotonic: () => 0 } };
  const workers = new RemoteWorkers({
    ...{ ports, supervisor: 's', members: () => known.members, liveWorkers: () => [], held: () => [] },
  } as unknown as RemoteWorkersParts);
  workers.start();
  const send = (size: number): void => {
    const bytes = new TextEncoder().encode('{'.padEnd(size, '{'));
    hear({ verb: 'beat', bytes, answer: () => void answers++ });
  };
  for (let i = 0; i < 40; i++) send(MIB);
  assert.is(answers, 0);
  known.members = ['s'];
  workers.look();
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(answers, 16);
  send(10);
  await new Promise((resolve) => setImmediate(resolve));
  assert.is(answers, 17);
});

test.run();
