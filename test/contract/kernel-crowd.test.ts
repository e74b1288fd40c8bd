// alone
import { createKernel, type Asked, type Kernel } from '@baton/runtime';
import {
  checkAnswers,
  checkLives,
  createMemoryWorld,
  createRandom,
  createVirtualClock,
  describeReport,
  type CallEvent,
} from '@baton/testkit';
import * as assert from 'uvu/assert';
import { sampleAddress, sampleSpec } from '../support/sample-records.ts';
import { suite } from '../support/suite.ts';
import { claimBy, finishOf, historyOf, rules } from './kernel-scene.ts';

const test = suite('kernel: a crowd under faults');

/** Many callers of few keys, some workers, faults everywhere; all answers are held against all records. */
const crowd = async (seed: number) => {
  // One kernel a process, as it is: what its callers ask at the same time goes into one write.
  const kernels = new Map<string, Kernel>();
  const clock = createVirtualClock({ seed });
  const world = createMemoryWorld({ clock, seed, latencyMs: [0, 6] });
  const random = createRandom(seed).fork('crowd');
  const strength = seed % 4 === 0 ? 0 : random.next() * 0.3;
  for (const rule of rules) world.inject({ ...rule, probability: random.next() * strength });
  const kernelOf = (process: string): Kernel => {
    const kernel = kernels.get(process) ?? createKernel(world.ports(process));
    kernels.set(process, kernel);
    return kernel;
  };
  const calls: CallEvent[] = [];
  const keys = ['x', 'y'];
  let count = 0;
  const call = async (key: string, process: string): Promise<void> => {
    const id = world.ports(process).chance.uuid();
    const name = `call-${count++}`;
    const kernel = kernelOf(process);
    calls.push({
      phase: 'invoke',
      call: name,
      at: clock.now(),
      user: process,
      asked: { kind: 'schedule', address: sampleAddress(key), id },
    });
    const asked = await kernel.ask(sampleAddress(key), () => ({
      kind: 'submit',
      at: clock.now(),
      actor: { user: process, admin: false },
      spec: sampleSpec({ id, key }),
      whenAborting: 'queue',
    }));
    calls.push({ phase: 'answer', call: name, at: clock.now(), answer: scheduleAnswer(asked) });
  };
  const work = async (key: string, worker: string): Promise<void> => {
    const ports = world.ports(worker);
    const kernel = kernelOf(worker);
    const asked = await kernel.ask(sampleAddress(key), (held) => claimBy(worker, held, ports));
    const fence = asked.kind === 'done' ? asked.record.owner?.fence : undefined;
    if (fence === undefined) return;
    await kernel.ask(sampleAddress(key), () => finishOf(fence, clock.now(), { kind: 'returned' }));
  };
  for (let i = 0; i < 40; i++) {
    const key = keys[random.int(2)] ?? 'x';
    const process = `p${random.int(4)}`;
    clock.after(random.next() * 30_000, () => void (i % 3 === 0 ? work(key, process) : call(key, process)));
  }
  // And some that come together.
  const together = random.next() * 30_000;
  for (let i = 0; i < 30; i++) {
    const process = `p${random.int(3)}`;
    clock.after(together + random.next() * 10, () => void (i % 6 === 0 ? work('x', process) : call('x', process)));
  }
  await clock.advance(200_000);
  return { calls, records: historyOf(world), strength };
};

const scheduleAnswer = (asked: Asked): Extract<CallEvent, { phase: 'answer' }>['answer'] => {
  if (asked.kind === 'refused')
    return asked.doubt === undefined ? { kind: 'refused', reason: asked.reason } : { kind: 'unknown' };
  if (asked.kind !== 'done') return { kind: asked.kind };
  const { answer } = asked;
  if (answer.kind !== 'created' && answer.kind !== 'joined') throw new Error(`a submit was answered ${answer.kind}`);
  return { kind: answer.kind, task: answer.id };
};

test(
  'a crowd: every call is answered once and truly, every task is made once and lives by the rules',
  async () => {
    const counters: Record<string, number> = {};
    for (let seed = 0; seed < 40; seed++) {
      const { calls, records, strength } = await crowd(seed);
      for (const report of [checkLives(records), checkAnswers({ calls, records })]) {
        assert.ok(report.ok, `seed ${seed}: ${describeReport(report)}`);
        for (const [name, value] of Object.entries(report.counters)) counters[name] = (counters[name] ?? 0) + value;
        if (strength === 0)
          assert.is(report.counters['schedule unknown'] ?? 0, 0, `seed ${seed}: unknown without a fault`);
      }
    }
    for (const name of [
      'schedule created',
      'schedule joined',
      'schedule unknown',
      'schedule failed',
      'recovered',
      'claims',
      'success',
    ]) {
      assert.ok((counters[name] ?? 0) > 0, `never: ${name} (${JSON.stringify(counters)})`);
    }
  },
  { limitMs: 60_000 },
);

test.run();
