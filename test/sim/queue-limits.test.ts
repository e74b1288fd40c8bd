// Q5 over simulated processes: three workers and two supervisors that are killed, frozen and cut off twenty times. Of what the
// records say and whose body has begun there is never more than the limit, and at the end all has run.
import { createSupervisor, recordOf, silentLog, type Supervisor } from '@baton/runtime';
import { createBaton, getContext, task, type Baton } from '@baton/sdk';
import { createMemoryWorld, createVirtualClock, type MemoryNode } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { suite } from '../support/suite.ts';

const test = suite('limits under kills');

const LIMIT = 4;
const GROUP_LIMIT = 2;
const TASKS = 60;
const EVENTS = 20;

for (const seed of [1, 2, 3, 4, 5, 6]) {
  test(
    `Q5 never above the limit, and nothing is left over: seed ${seed}`,
    async () => {
      const clock = createVirtualClock({ seed });
      const world = createMemoryWorld({ clock, seed, latencyMs: [0, 8] });
      const chance = world.ports('chance').chance;
      const running = new Map<string, { readonly group: string; readonly run: string }>();
      /** Runs whose body has begun: a claim that came too late is given back before it begins. */
      const begun = new Set<string>();
      const faults: string[] = [];
      let most = 0;
      const count = (): void => {
        const now = [...running.values()].filter(({ run }) => begun.has(run)).map(({ group }) => group);
        most = Math.max(most, now.length);
        if (now.length > LIMIT) faults.push(`${now.length} run at ${clock.monotonic()}`);
        for (const group of now)
          if (now.filter((each) => each === group).length > GROUP_LIMIT) faults.push(`too many of ${group}`);
      };
      world.onWrite((stored) => {
        const { status, group = '', id, owner } = recordOf(stored);
        if (status === 'in_progress' || status === 'aborting')
          running.set(stored.address, { group, run: `${id} ${owner?.fence.revision}` });
        else running.delete(stored.address);
        count();
      });
      const nap = task({ name: 'nap', scope: 'shared', maxRescues: 1_000 }, async (ms: number) => {
        const { taskId, fence } = getContext();
        begun.add(`${taskId} ${fence.revision}`);
        count();
        await new Promise<void>((resolve) => void clock.after(ms, resolve));
      });
      let made = 0;
      const supervise = async (): Promise<MemoryNode> => {
        const node = world.node(`s${++made}`);
        const supervisor: Supervisor = createSupervisor(node.ports, { id: node.name, log: silentLog });
        await clock.settle(supervisor.start());
        return node;
      };
      const work = async (): Promise<MemoryNode> => {
        const node = world.node(`w${++made}`);
        const baton: Baton = createBaton({ ports: node.ports, nodeName: node.name });
        await clock.settle(baton.startWorker({ tasks: [nap], queues: ['default'], concurrency: 5 }));
        return node;
      };
      const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });
      await clock.settle(admin.queues.limit('default', { of: 'queue', concurrency: LIMIT }));
      await clock.settle(admin.queues.limit('default', { of: 'group', concurrency: GROUP_LIMIT }));
      const supervisors = [await supervise(), await supervise()];
      const workers = [await work(), await work(), await work()];
      for (let i = 0; i < TASKS; i++) {
        const options = { taskKey: `k${i}`, group: `g${i % 3}` };
        await clock.settle(admin.schedule(nap, [200 + (i % 7) * 300], options));
      }
      for (let i = 0; i < EVENTS; i++) {
        await clock.advance(500 + chance.random() * 12_000);
        const of = chance.random() < 0.6 ? supervisors : workers;
        const place = Math.floor(chance.random() * of.length);
        const node = of[place] as MemoryNode;
        const what = chance.random();
        if (what < 0.5) {
          node.crash();
          of[place] = await (of === supervisors ? supervise() : work());
        } else if (what < 0.8) {
          node.freeze();
          await clock.advance(chance.random() * 15_000);
          node.resume();
        } else {
          node.disconnect();
          await clock.advance(chance.random() * 10_000);
          node.reconnect();
        }
      }
      const left = () =>
        world
          .heads()
          .map((head) => recordOf(head))
          .filter(({ status }) => status !== 'success');
      for (let i = 0; i < 60 && left().length > 0; i++) await clock.advance(10_000);
      assert.equal(
        left().map(({ key, status }) => `${key} ${status}`),
        [],
      );
      assert.equal(faults, []);
      assert.ok(most >= LIMIT - 1, `${most} at once: the room was used`);
      world.close();
    },
    { limitMs: 60_000 },
  );
}

test.run();
