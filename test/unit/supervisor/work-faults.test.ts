// Workers that write no records, while requests and answers are lost and supervisors die: every task is run, no claim twice.
import * as assert from 'uvu/assert';
import { suite } from '../../support/suite.ts';
import type { WorkAnswer, WorkTask } from '../../support/work-client.ts';
import { addressFor, createStage } from './world.ts';

const test = suite('supervisor: workers in any language, under faults');

const TASKS = 30;

/** One worker as the document says it has to be: it asks the same again until it is answered, and lists what it has. */
const createWorker = (stage: ReturnType<typeof createStage>, worker: string, beatAll: () => Promise<void>) => {
  const { clock, world } = stage;
  const secret = `the secret of ${worker}, which is long`;
  const running = new Map<string, { readonly task: WorkTask; readonly request: string }>();
  const begun: string[] = [];
  let count = 0;
  let claim: string | undefined;
  const ask = async (verb: string, body: object, timeoutMs: number): Promise<WorkAnswer | undefined> => {
    const bytes = new TextEncoder().encode(JSON.stringify({ worker, secret, ...body }));
    const answer = await clock.settle(world.ask({ verb, bytes, contentType: 'application/json' }, timeoutMs));
    return answer === undefined ? undefined : (JSON.parse(new TextDecoder().decode(answer)) as WorkAnswer);
  };
  const begin = (task: WorkTask): void => {
    begun.push(`${task.address} ${task.fence.revision}`);
    running.set(task.address, { task, request: `f${++count}` });
  };
  const beat = async (): Promise<void> => {
    const listed = [...running.values()].map(({ task: { address, fence } }) => ({ address, fence }));
    await ask('beat', { running: listed }, 100);
  };
  const turn = async (): Promise<void> => {
    await beatAll();
    claim ??= `c${++count}`;
    const claimed = await ask('claim', { request: claim, types: ['job'], max: 3, wait: 0.5 }, 900);
    if (claimed?.ok) claim = undefined;
    for (const task of claimed?.tasks ?? []) begin(task);
    for (const [address, { task, request }] of running) {
      const { fence } = task;
      await beatAll();
      const told = await ask('finish', { request, address, fence, outcome: 'success', result: task.key }, 900);
      if (told === undefined || told.code === 'OUTCOME_UNKNOWN') continue;
      running.delete(address);
    }
  };
  return { turn, beat, begun };
};

for (const kills of [false, true]) {
  test(
    `O1 messages are lost${kills ? ' and supervisors die' : ''}: every task is run, and no claim is told twice`,
    async () => {
      for (let seed = 1; seed <= 6; seed++) {
        const stage = createStage(seed, { onlooker: false });
        const { clock, world, submit, record, supervise } = stage;
        for (const name of ['s1', 's2', 's3']) await supervise(name);
        await clock.advance(1_000);
        const keys = Array.from({ length: TASKS }, (_, i) => `k${i}`);
        for (const key of keys) await submit(key);
        world.inject({ op: 'work.request', fault: 'drop', probability: 0.2 });
        world.inject({ op: 'work.answer', fault: 'drop', probability: kills ? 0.5 : 0.2 });
        world.inject({ op: 'work.request', fault: 'duplicate', probability: 0.1 });
        // Whatever one of them waits for, both beat.
        const beatAll = async (): Promise<void> => {
          for (const worker of workers) await worker.beat();
        };
        const workers = ['w1', 'w2'].map((name) => createWorker(stage, name, beatAll));
        const isDone = () => keys.every((key) => record(addressFor(key)).status === 'success');
        for (let turn = 0; !isDone(); turn++) {
          assert.ok(turn < 200, `seed ${seed}: not done after ${turn} turns`);
          for (const worker of workers) await worker.turn();
          if (kills && turn === 3) world.node('s1').crash();
          if (kills && turn === 8) await supervise('s4');
          if (kills && turn === 12) world.node('s2').crash();
        }
        const begun = workers.flatMap((worker) => worker.begun);
        assert.is(new Set(begun).size, begun.length, `seed ${seed}: a claim was told twice`);
        // What was run is what was claimed and told; what was claimed and never told was given back, and counts for nothing.
        assert.ok(begun.length >= TASKS, `seed ${seed}: ${begun.length}`);
        const counted = keys.filter((key) => record(addressFor(key)).failures !== undefined);
        assert.equal(counted, [], `seed ${seed}`);
      }
    },
    { limitMs: 60_000 },
  );
}

test('O1 supervisors come and go in order: every request is answered, within its time', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const { clock, world, supervise } = createStage(seed, { onlooker: false });
    await supervise('s1');
    await clock.advance(1_000);
    const codes: (string | undefined)[] = [];
    const beat = async (worker: string): Promise<void> => {
      const bytes = new TextEncoder().encode(
        JSON.stringify({ worker, secret: `the secret of ${worker}, which is long`, running: [] }),
      );
      const answer = await world.ask({ verb: 'beat', bytes, contentType: 'application/json' }, 1_000);
      if (answer === undefined) return void codes.push('no answer');
      const { ok, code } = JSON.parse(new TextDecoder().decode(answer)) as WorkAnswer;
      codes.push(ok ? 'ok' : code);
    };
    const beats: Promise<void>[] = [];
    let open = true;
    const go = (): void => {
      if (!open) return;
      for (let w = 0; w < 8; w++) beats.push(beat(`w${w}`));
      clock.after(20, go);
    };
    // From its start it listens, though nobody knows it yet.
    const starting = supervise('s2');
    go();
    const second = await starting;
    await clock.advance(2_000);
    await clock.settle(second.stop());
    await clock.advance(2_000);
    open = false;
    await clock.settle(Promise.all(beats));
    assert.ok(codes.length > 1_000, `${codes.length}`);
    const others = codes.filter((code) => code !== 'ok' && code !== 'NOT_CONNECTED');
    assert.equal(others, [], `seed ${seed}`);
    assert.is(codes.at(-1), 'ok');
  }
});

test('O1 a request that is on its way when a supervisor has just gone is answered', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { clock, world, supervise } = createStage(seed, { onlooker: false });
    await supervise('s1');
    const second = await supervise('s2');
    await clock.advance(2_000);
    const asked: Promise<Uint8Array | undefined>[] = [];
    const ask = async (turns: number): Promise<void> => {
      for (let turn = 0; turn < turns; turn++) {
        for (let w = 0; w < 16; w++) {
          const beat = { worker: `w${w}`, secret: `the secret of w${w}, which is long`, running: [] };
          const bytes = new TextEncoder().encode(JSON.stringify(beat));
          asked.push(world.ask({ verb: 'beat', bytes, contentType: 'application/json' }, 1_000));
        }
        await clock.advance(0.5);
      }
    };
    await ask(10);
    const stopping = second.stop();
    await ask(20);
    await clock.settle(stopping);
    const answers = await clock.settle(Promise.all(asked));
    assert.is(answers.filter((answer) => answer === undefined).length, 0, `seed ${seed}`);
  }
});

test.run();
