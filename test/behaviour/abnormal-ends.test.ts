// limit: 200s
// R10, X9: what is thrown cannot end a worker by being described, and a worker that ends abnormally does not hand its
// tasks on for ever.
import { fileURLToPath } from 'node:url';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { waitsForEver } from '../support/fixture-breaks.ts';
import { HOSTILE, quick, throwsHostile, throwsHostileInThread, throwsInListener } from '../support/fixture-isolated.ts';
import { ISOLATED_TASKS } from '../support/isolated-effects.ts';
import { suite } from '../support/suite.ts';
import { until } from '../support/stage.ts';
import { startSystem } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = suite('abnormal ends');

const kinds = Object.keys(HOSTILE) as readonly (keyof typeof HOSTILE)[];

test(
  'R10 a worker goes on, whatever is thrown in it, in a thread or not, by a body, a handler or a listener',
  async (context) => {
    const system = await startSystem(context, { tasks: [ISOLATED_TASKS], projectors: 0 });
    const [worker] = system.workers;
    const neighbour = await quick.schedule(3_000);
    await until(neighbour, ({ status }) => status === 'in_progress');
    for (const hostile of [throwsHostile, throwsHostileInThread]) {
      for (const kind of kinds) {
        for (const where of ['body', 'cleanup', 'stray', 'log'] as const) {
          const handle = await hostile.schedule(kind, where);
          await handle.wait({ timeout: '45s' });
          const ended = where === 'log' ? 'success' : 'failure';
          assert.is(handle.status, ended, `${kind} in ${where}: ${JSON.stringify(handle.error)}`);
        }
      }
    }
    const listens = await throwsInListener.schedule();
    await until(listens, ({ isAbortable }) => isAbortable);
    await listens.cancel();
    await listens.wait({ timeout: '30s' });
    assert.is(listens.status, 'aborted');
    await neighbour.wait({ timeout: '30s' });
    assert.is((neighbour.result as { readonly pid: number }).pid, worker?.pid);
    assert.ok(worker?.isRunning);
  },
  { limitMs: 120_000 },
);

test(
  'R10 an inline caller lives, whatever his task throws',
  async (context) => {
    const system = await startSystem(context, { projectors: 0, workers: 0, supervisors: 0 });
    for (const kind of kinds) {
      const inline = task({ name: 'r10.inline' }, () => {
        // oxlint-disable-next-line only-throw-error -- that is what is tried
        throw HOSTILE[kind]();
      });
      const handle = await system.baton.within(() => inline());
      assert.is(handle.status, 'failure', kind);
    }
  },
  { limitMs: 60_000 },
);

const BREAKS = fileURLToPath(new URL('./fixture-breaks.mjs', import.meta.url));

test(
  'R10 what ran when a worker ended abnormally is counted as rescued, and ends at the second time in a row',
  async (context) => {
    const system = await startSystem(context, { projectors: 0, workers: 0 });
    const handles = await Promise.all([1, 2, 3].map(() => waitsForEver.schedule()));
    const patient = await waitsForEver.with({ maxRescues: 9 }).schedule();
    const all = [...handles, patient];
    const breakWorker = async (env: Readonly<Record<string, string>>): Promise<void> => {
      const args = [BREAKS, ...all.map(({ uuid, address }) => `${uuid}@${address}`)];
      const host = new SystemProcess({ name: 'host', args, env: { ...system.env, ...env } });
      context.defer(() => host.destroy());
      await host.start();
      const { code } = await host.ended;
      assert.is(code, 1, host.output);
      for (const handle of all) await handle.refresh();
    };
    await breakWorker({});
    for (const { record } of all) {
      assert.equal([record.status, record.rescues, record.failures], ['pending', 1, undefined]);
      assert.match(record.history.at(-1)?.why ?? '', /^worker .* ended abnormally: in the program$/);
    }
    await breakWorker({ HOST_HOSTILE: '1' });
    for (const { status, error, record } of handles) {
      assert.equal([status, error?.type, record.rescues], ['failure', 'OrphanedTaskError', 1]);
      assert.match(error?.message ?? '', /ended abnormally: in the program; given up after 1 rescues/);
    }
    assert.equal([patient.status, patient.record.rescues], ['pending', 2]);
    await eventually(() => patient.cancel());
  },
  { limitMs: 90_000 },
);

test.run();
