// Q5 over simulated processes: three workers and two supervisors that are killed, frozen and cut off twenty times, with groups,
// keys, limits of a definition, retries and waits for signals. Of what the records say and whose body has begun there is never
// more than the limit, and at the end all has run, and every slot is free.
import { recordOf } from '@baton/runtime';
import { createBaton, getContext, task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { createSimRoom } from '../support/sim-room.ts';
import { seeds } from '../support/seeds.ts';
import { suite } from '../support/suite.ts';

const test = suite('limits under kills');

const LIMIT = 4;
const GROUP_LIMIT = 2;
const KEY_LIMIT = 1;
const TASKS = 60;
const EVENTS = 20;

/** In some runs readers of records are often a moment behind, or now and then longer than anything is waited for at a takeover. */
const LATE = { op: 'feed.entry', fault: 'delay' } as const;
const OFTEN = { ...LATE, probability: 0.2, delayMs: 500 };
const LONG = { ...LATE, probability: 0.03, delayMs: 15_000 };
const LATE_BY_SEED = new Map([
  ...[7, 8, 9].map((seed) => [seed, LONG] as const),
  ...[42, 43, 44].map((seed) => [seed, OFTEN] as const),
]);

for (const seed of [...seeds(6), ...LATE_BY_SEED.keys()]) {
  test(
    `Q5 never above the limit, and nothing is left over: seed ${seed}`,
    async () => {
      const { clock, world, chance, pause, start, harm, end } = createSimRoom(seed);
      const rule = LATE_BY_SEED.get(seed);
      const late = rule === undefined ? undefined : world.inject(rule);
      const running = new Map<string, { readonly group: string; readonly key: string; readonly run: string }>();
      /** Runs whose body has begun: a claim that came too late is given back before it begins. */
      const begun = new Set<string>();
      const faults: string[] = [];
      let most = 0;
      const count = (): void => {
        const now = [...running.values()].filter(({ run }) => begun.has(run));
        most = Math.max(most, now.length);
        if (now.length > LIMIT) faults.push(`${now.length} run at ${clock.monotonic()}`);
        for (const { group, key } of now) {
          if (now.filter((each) => each.group === group).length > GROUP_LIMIT) faults.push(`too many of ${group}`);
          if (now.filter((each) => each.key === key).length > KEY_LIMIT) faults.push(`too many of ${key}`);
        }
      };
      world.onWrite((stored) => {
        const { status, group = '', limitKey: key = '', id, owner } = recordOf(stored);
        if (status === 'in_progress' || status === 'aborting')
          running.set(stored.address, { group, key, run: `${id} ${owner?.fence.revision}` });
        else running.delete(stored.address);
        count();
      });
      const options = { maxRescues: 1_000, retry: { maxAttempts: 2 }, perKey: { concurrency: KEY_LIMIT } } as const;
      const nap = task({ name: 'nap', scope: 'shared', ...options }, async (ms: number, i: number) => {
        const { taskId, fence, attempt, waitForSignal } = getContext();
        begun.add(`${taskId} ${fence.revision}`);
        count();
        await pause(ms);
        if (i % 6 === 1) await waitForSignal('go', { timeout: '10h' });
        if (i % 6 === 2 && attempt === 1) throw new Error('once more');
      });
      const admin = createBaton({ ports: world.ports('admin'), user: { id: 'root', admin: true } });
      await clock.settle(admin.queues.limit('default', { of: 'queue', concurrency: LIMIT }));
      await clock.settle(admin.queues.limit('default', { of: 'group', concurrency: GROUP_LIMIT }));
      await start({ supervisors: 2, workers: 3 }, () => ({ tasks: [nap], concurrency: 5 }));
      const handles: TaskHandle[] = [];
      for (let i = 0; i < TASKS; i++) {
        const options = { taskKey: `k${i}`, group: `g${i % 3}`, limitKey: `dock ${i % 10}` };
        handles.push(await clock.settle(admin.schedule(nap, [200 + (i % 7) * 300, i], options)));
      }
      for (let i = 0; i < EVENTS; i++) {
        await clock.advance(500 + chance.random() * 12_000);
        await harm({ supervisors: 0.6, crash: 0.5, freeze: 0.3, freezeMs: 15_000 });
      }
      assert.ok(late === undefined || late.hits() > 10, `${late?.hits()} were late`);
      late?.remove();
      const left = () =>
        world
          .heads()
          .map((head) => recordOf(head))
          .flatMap(({ key, status }) => (status === 'success' ? [] : [`${key} ${status}`]));
      for (const [i, handle] of handles.entries()) if (i % 6 === 1) await clock.settle(handle.signal('go'));
      await end(left);
      assert.equal(faults, []);
      assert.ok(most >= LIMIT - 1, `${most} at once: the room was used`);
      assert.ok(handles.length === TASKS && world.heads().every((head) => recordOf(head).attempt >= 1));
      // No slot was lost on the way.
      most = 0;
      for (let i = 0; i < LIMIT; i++) {
        const again = { taskKey: `again ${i}`, group: `h${i}`, limitKey: `quay ${i}` };
        await clock.settle(admin.schedule(nap, [5_000, 0], again));
      }
      await end(left);
      assert.equal([most, faults], [LIMIT, []]);
      world.close();
    },
    { limitMs: 60_000 },
  );
}

test.run();
