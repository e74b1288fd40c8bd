// limit: 180s
// Claims of workers of the worker protocol while supervisors come and go: what is claimed reaches who asked for it.
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { namesOf } from '@baton/protocols';
import { connect } from '@nats-io/transport-node';
import * as assert from 'uvu/assert';
import { stagedSuite, statuses, type Stage } from '../support/stage.ts';
import { natsWork, WorkClient, type WorkAnswer } from '../support/work-client.ts';

const test = stagedSuite('remote claims', { workers: 0 });

const PASSING = new Set(['NOT_CONNECTED', 'OUTCOME_UNKNOWN']);

/** Asks the same again until the answer is definite, as `protocols/worker.md` has it. */
const insist = async (client: WorkClient, verb: 'claim' | 'finish', body: object, timeoutMs: number) => {
  const request = randomUUID();
  for (;;) {
    const answer: WorkAnswer | undefined = await client.ask(verb, { request, ...body }, { timeoutMs });
    if (answer !== undefined && !PASSING.has(answer.code ?? '')) return answer;
    await pause(50);
  }
};

/** A worker with one claim open at a time, until the signal. */
const work = async (stage: Stage, type: string, signal: AbortSignal): Promise<void> => {
  const nc = await connect({ servers: stage.natsUrl });
  const client = new WorkClient(natsWork(nc, namesOf(stage.namespace), 'msgpack'), type.replaceAll('.', '-'));
  const running = new Set<object>();
  const beats = (async () => {
    while (!signal.aborted) {
      const answer = await client.ask('beat', { running: [...running] }, { timeoutMs: 1_000 });
      await pause(answer === undefined ? 100 : 500);
    }
  })();
  while (!signal.aborted) {
    const { tasks = [] } = await insist(client, 'claim', { types: [type], max: 1, wait: 8 }, 9_000);
    for (const { address, fence } of tasks) {
      const run = { address, fence };
      running.add(run);
      await insist(client, 'finish', { ...run, outcome: 'success', result: 1 }, 5_000);
      running.delete(run);
    }
  }
  await beats;
  await nc.close();
};

test(
  'O1 whichever supervisor comes or goes: no task is claimed for a claim that nobody waits for any more',
  async (stage) => {
    const over = new AbortController();
    const types = ['rc.a', 'rc.b', 'rc.c', 'rc.d'];
    const working = types.map((type) => work(stage, type, over.signal));
    const histories: (readonly string[])[] = [];
    let isOver = false;
    // One at a time, so that nothing else wakes who has it.
    const submitting = types.map(async (type) => {
      while (!isOver) {
        const handle = await stage.as('alice').schedule(type, []);
        await handle.wait({ timeout: '40s' });
        histories.push(statuses(handle));
        await pause(20);
      }
    });
    for (let i = 0; i < 4; i++) {
      const second = stage.service('supervisor', `one that comes and goes ${i}`);
      await second.start();
      await pause(4_000);
      await second.stop();
      await pause(2_000);
    }
    isOver = true;
    await Promise.all(submitting);
    over.abort();
    // Theirs is the last claim, which waits.
    await Promise.all(working);
    assert.ok(histories.length > 100, `${histories.length} tasks`);
    const others = histories.filter((each) => each.join(' ') !== 'pending in_progress success');
    assert.equal(others, []);
  },
  { limitMs: 150_000 },
);

test.run();
