// G3 and G4 over simulated processes: families of three generations whose parents wait, are cancelled, fail and run out of
// time, while workers and supervisors are killed, frozen and cut off, hints are lost and outcomes are archived. No child is
// made twice, none outlives a parent that did not succeed, and every wait ends with what became of the children.
import { isTerminal, type TaskRecord } from '@baton/core';
import { recordOf, silentLog, startProjector } from '@baton/runtime';
import { createBaton, getContext, task, TerminalError, type TaskHandle } from '@baton/sdk';
import { checkFamilies, checkLives, createMemoryViews, describeReport, recordedOf } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('children under kills');

const PARENTS = 10;
const EVENTS = 12;

type Fate = 'well' | 'fails' | 'cancelled' | 'timed_out';

for (const seed of seeds(3)) {
  test(
    `G3, G4 no child is made twice, lost, or outlives its parent: seed ${seed}`,
    async () => {
      const { clock, world, chance, pause, start, harm, end } = createSimRoom(seed);
      const lost = world.inject({ op: 'signal.record', fault: 'drop' });
      const leaf = task({ name: 'leaf', maxRescues: 1_000 }, async (ms: number, isBad: boolean) => {
        const { signal } = getContext();
        for (let left = ms; left > 0; left -= 1_000) {
          await pause(Math.min(left, 1_000));
          signal.throwIfAborted();
        }
        if (isBad) throw new TerminalError('bad');
        return ms;
      });
      const branch = task({ name: 'branch', maxRescues: 1_000 }, async (sizes: readonly number[]) => {
        const { spawn, waitFor } = getContext();
        const leaves = [];
        for (const [i, ms] of sizes.entries())
          leaves.push(await spawn(leaf.with({ taskKey: `${i}` }), ms, ms % 7 === 0));
        const outcomes = await waitFor(leaves, { onFailure: 'continue' });
        return outcomes.map(({ status, result }) => (status === 'success' ? result : status));
      });
      const whole = task(
        { name: 'whole', maxRescues: 1_000 },
        async (parts: readonly (readonly number[])[], fate: Fate) => {
          const { spawn, waitFor, signal } = getContext();
          const left = leaf.with({ taskKey: 'left', onParentEnd: 'leave' });
          const branches = await Promise.all([
            ...parts.map((sizes) => spawn(branch, sizes)),
            spawn(left, 90_000, false),
          ]);
          if (fate === 'fails') throw new TerminalError('no more');
          if (fate === 'timed_out') while (!signal.aborted) await pause(500);
          signal.throwIfAborted();
          return (await waitFor(branches.slice(0, -1))).map(({ result }) => result);
        },
      );
      await clock.settle(startProjector(world.ports('projector'), createMemoryViews(), { log: silentLog, paceMs: 0 }));
      const alice = createBaton({ ports: world.ports('alice'), user: { id: 'alice' } });
      await start({ supervisors: 2, workers: 3 }, () => ({ tasks: [leaf, branch, whole], concurrency: 6 }));
      const jobs: {
        readonly handle: TaskHandle;
        readonly fate: Fate;
        readonly parts: readonly (readonly number[])[];
      }[] = [];
      for (let i = 0; i < PARENTS; i++) {
        const fate = (['well', 'well', 'fails', 'cancelled', 'timed_out'] as const)[i % 5] as Fate;
        const parts = Array.from({ length: 2 }, () =>
          Array.from({ length: 3 }, () => 1_000 + Math.floor(chance.random() * 30_000)),
        );
        const options = { taskKey: `k${i}`, ...(fate === 'timed_out' ? { timeout: '40s' } : {}) };
        jobs.push({ handle: await clock.settle(alice.schedule(whole, [parts, fate], options)), fate, parts });
      }
      for (let i = 0; i < EVENTS; i++) {
        await clock.advance(500 + chance.random() * 7_000);
        await harm({ supervisors: 0.5, crash: 0.6, freeze: 0.2, freezeMs: 12_000 });
        const [next] = jobs.filter(({ handle, fate }) => fate === 'cancelled' && !handle.isTerminal);
        if (next !== undefined && i % 3 === 1) {
          await clock.settle(next.handle.cancel().catch(() => undefined));
          await clock.settle(next.handle.refresh().catch(() => undefined));
        }
      }
      for (const { handle, fate } of jobs) {
        // One that runs and cannot be stopped is asked again, as a person would.
        for (let i = 0; i < 30 && fate === 'cancelled' && !handle.isTerminal; i++) {
          await clock.settle(handle.cancel().catch(() => undefined));
          await clock.advance(2_000);
          await clock.settle(handle.refresh().catch(() => undefined));
        }
      }
      const ends = new Map<string, TaskRecord>();
      const all = () => {
        for (const stored of world.history()) {
          const record = recordOf(stored);
          ends.set(record.id, record);
        }
        return [...ends.values()];
      };
      await end(() => all().flatMap(({ key, status }) => (isTerminal(status) ? [] : [`${key} ${status}`])));
      assert.ok(lost.hits() > 0, 'no hint was lost');
      for (const { handle, fate, parts } of jobs) {
        const end = ends.get(handle.uuid)!;
        const expected = { well: 'success', fails: 'failure', cancelled: 'aborted', timed_out: 'timed_out' } as const;
        assert.is(end.status, expected[fate], `${handle.key}: ${end.error?.message}`);
        const of = (id: string) => all().filter(({ parent }) => parent?.id === id);
        assert.is(of(end.id).find(({ parent }) => parent?.leave)?.status, 'success', 'the one that was to be left');
        assert.is(end.attempt, 1 + (end.rescues ?? 0), 'a wait was counted');
        if (fate !== 'well') continue;
        assert.is(of(end.id).length, parts.length + 1);
        for (const between of of(end.id).filter(({ type }) => type === 'branch')) assert.is(of(between.id).length, 3);
      }
      const history = world.history().map((each) => recordedOf(each, world.epoch()));
      for (const report of [checkLives(history), checkFamilies(history)]) assert.ok(report.ok, describeReport(report));
      const { counters } = checkFamilies(history);
      assert.ok((counters['cancelled'] ?? 0) > 5 && (counters['left'] ?? 0) > 5, JSON.stringify(counters));
      world.close();
    },
    { limitMs: 90_000 },
  );
}

test.run();
