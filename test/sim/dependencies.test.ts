// G1, G2 over simulated processes: tasks that wait for others while supervisors and workers are killed, frozen and cut off,
// every hint of an end is lost, keys are used again at once, and outcomes are archived. All of them end, as their edges ask.
import type { TaskRecord } from '@baton/core';
import { recordOf, silentLog, startProjector } from '@baton/runtime';
import { createBaton, getContext, task, TerminalError, type DependencyOption, type TaskHandle } from '@baton/sdk';
import { createMemoryViews } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('dependencies under kills');

const LAYERS = 4;
const WIDTH = 8;
const EVENTS = 14;

type Edge = { readonly on: TaskHandle; readonly onFailure: 'fail' | 'continue' | 'ignore' };
type Node = { readonly handle: TaskHandle; readonly edges: readonly Edge[]; readonly isBad: boolean };

for (const seed of seeds(4)) {
  test(
    `G1 G2 every wait ends, and as the edges ask: seed ${seed}`,
    async () => {
      const { clock, world, chance, pause, start, harm, end } = createSimRoom(seed);
      const lost = world.inject({ op: 'signal.record', fault: 'drop' });
      /** How each task has ended: its record may be forgotten, and its key another's. */
      const ends = new Map<string, TaskRecord>();
      world.onWrite((stored) => {
        const record = recordOf(stored);
        if (record.endedAt !== undefined) ends.set(record.id, record);
      });
      const began = new Map<string, readonly unknown[]>();
      const step = task({ name: 'step', maxRescues: 1_000 }, async (ms: number, isBad: boolean) => {
        const { taskId, dependencies } = getContext();
        const told = dependencies.map(({ taskId: id, status, result }) => [id, status, result]);
        const before = began.get(taskId);
        if (before !== undefined) assert.equal(told, before, 'another run was told something else');
        began.set(taskId, told);
        await pause(ms);
        if (isBad) throw new TerminalError('bad');
        return taskId;
      });
      await clock.settle(startProjector(world.ports('projector'), createMemoryViews(), { log: silentLog, paceMs: 0 }));
      const client = createBaton({ ports: world.ports('app'), user: { id: 'alice' } });
      await start({ supervisors: 2, workers: 2 }, () => ({ tasks: [step], concurrency: 10 }));
      const reused = new Set<string>();
      const layers: Node[][] = [];
      for (let layer = 0; layer < LAYERS; layer++) {
        const nodes: Node[] = [];
        for (let i = 0; i < WIDTH; i++) {
          const edges = (layers[layer - 1] ?? [])
            .filter(() => chance.random() < 0.4)
            .map(({ handle }): Edge => {
              const onFailure = (['fail', 'fail', 'continue', 'ignore'] as const)[Math.floor(chance.random() * 4)];
              return { on: handle, onFailure: onFailure ?? 'fail' };
            });
          const dependsOn = edges.map(({ on, onFailure }): DependencyOption => ({ task: on, onFailure }));
          const isBad = chance.random() < 0.2;
          const args = [chance.random() * 20_000, isBad] as const;
          const options = { dependsOn, taskKey: `${layer}-${i}` };
          const handle = await clock.settle(client.schedule(step, args, options));
          nodes.push({ handle, edges, isBad });
        }
        layers.push(nodes);
      }
      for (let i = 0; i < EVENTS; i++) {
        await clock.advance(chance.random() * 6_000);
        await harm({ supervisors: 0.7, crash: 0.5, freeze: 0.25, freezeMs: 12_000 });
        // The key of one that has ended is used again at once: its outcome must not be lost to who waits for it.
        const free = layers.flat().filter(({ handle }) => ends.has(handle.uuid) && !reused.has(handle.uuid));
        for (const { handle } of free) {
          const again = await clock.settle(client.schedule(step, [10, false], { taskKey: handle.key }));
          if (again.outcome === 'created') reused.add(handle.uuid);
        }
      }
      const all = layers.flat();
      await end(() => all.filter(({ handle }) => !ends.has(handle.uuid)).map(({ handle }) => handle.key));
      assert.ok(lost.hits() > 0, 'no hint was lost');
      assert.ok(reused.size > 0, 'no key was used again');
      const statusOf = (id: string) => ends.get(id)?.status;
      for (const { handle, edges, isBad } of all) {
        const spoilt = edges.some(({ on, onFailure }) => onFailure === 'fail' && statusOf(on.uuid) !== 'success');
        const { status, error } = ends.get(handle.uuid)!;
        assert.is(status, spoilt || isBad ? 'failure' : 'success', `${handle.key}: ${error?.message}`);
        assert.is(error?.type === 'DependencyFailedError', spoilt, handle.key);
        const told = edges.map(({ on: { uuid } }) => {
          const how = statusOf(uuid);
          return [uuid, how, how === 'success' ? uuid : undefined];
        });
        assert.equal(began.get(handle.uuid), spoilt ? undefined : told, handle.key);
      }
      world.close();
    },
    { limitMs: 90_000 },
  );
}

test.run();
