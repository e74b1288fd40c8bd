// limit: 180s
// B1 over real processes: the gateway that runs it is killed in the middle, and another one goes on.
import type { TaskDocument } from '@baton/protocols';
import { task, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { stagedSuite, type Stage } from '../support/stage.ts';
import type { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('behaviour: bulk operations', { workers: 0 });

const TASKS = 1_200;

const gatewayOf = async (stage: Stage, name: string): Promise<SystemProcess> => {
  const port = await freePort();
  const made = stage.service('gateway', name, { BATON_AUTH: 'dev', BATON_HTTP_PORT: String(port) });
  await made.start();
  return made;
};

const asked = async (stage: Stage, ...args: readonly string[]): Promise<TaskHandle> => {
  const { code, stdout, stderr } = await runCli(stage, ['bulk', ...args, '--json', '--no-wait']);
  assert.is(code, 0, stderr);
  const { id } = JSON.parse(stdout) as { readonly id: string };
  const { address } = await stage.document(id);
  return stage.admin.open({ uuid: id, address });
};

test(
  'B1 kill -9 of the gateway in the middle: the next one goes on, nothing is done twice and the counts are exact',
  async (stage, context) => {
    const alice = stage.as('alice');
    let broken = true;
    const runs = new Map<number, number>();
    const flaky = task({ name: 'b1.flaky' }, (n: number) => {
      if (broken) throw new Error('not yet');
      runs.set(n, (runs.get(n) ?? 0) + 1);
    });
    await stage.serve(context, [flaky], { concurrency: 100 });
    const numbers = Array.from({ length: TASKS }, (_, n) => n);
    const failed = await Promise.all(numbers.map((n) => alice.schedule(flaky, [n])));
    await Promise.all(failed.map((handle) => handle.wait({ timeout: '90s' })));
    broken = false;
    const waiting = await Promise.all(numbers.map((n) => alice.schedule('b1.never', [n], { tags: { b1: true } })));

    const [retry, cancel] = await Promise.all([
      asked(stage, 'retry', '--type', 'b1.flaky'),
      asked(stage, 'cancel', '--tag', 'b1=true'),
    ]);
    let killed: Promise<unknown> | undefined;
    let kill = (): Promise<unknown> | undefined => undefined;
    const live = await retry.onProgress(({ progress }) => {
      if (progress !== undefined && 'current' in progress && progress.current > 0) killed ??= kill();
    });
    // Not before anybody looks: it may be done with all of them soon.
    const first = gatewayOf(stage, 'gateway 1');
    kill = () => first.then((gateway) => gateway.kill('SIGKILL'));
    await eventually(() => assert.ok(killed !== undefined), { limitMs: 30_000, everyMs: 20 });
    live.close();
    await killed;
    await gatewayOf(stage, 'gateway 2');
    for (const handle of [retry, cancel]) await handle.wait({ timeout: '60s' });
    const report = { dry_run: false, matched: TASKS, done: TASKS, unsubscribed: 0, refused: {}, complete: true };
    assert.equal(retry.result, { operation: 'retry', ...report });
    assert.equal(cancel.result, { operation: 'cancel', ...report });
    assert.ok((retry.record.rescues ?? 0) >= 1, 'it was in the middle');

    const tasks = stage.mongo.db.collection<TaskDocument>('tasks');
    await eventually(() => assert.is(runs.size, TASKS), { limitMs: 30_000 });
    assert.equal(
      [...runs.values()].filter((times) => times !== 1),
      [],
    );
    await eventually(
      async () => {
        const made = await tasks.find({ task_type: 'b1.flaky', retried_from: { $ne: null } }).toArray();
        const sources = made.map(({ retried_from: from }) => from ?? '');
        assert.is(sources.length, TASKS);
        assert.equal(new Set(sources), new Set(failed.map(({ uuid }) => uuid)));
      },
      { limitMs: 20_000 },
    );
    await eventually(
      async () => {
        const ended = await tasks.find({ task_type: 'b1.never' }).toArray();
        assert.equal(
          [ended.length, new Set(ended.map(({ status }) => status))],
          [waiting.length, new Set(['aborted'])],
        );
        for (const { history } of ended) assert.equal([history.length, history[1]?.why], [2, `bulk ${cancel.uuid}`]);
      },
      { limitMs: 20_000 },
    );
  },
  { limitMs: 120_000 },
);

test(
  'B1 cancelled it stops between two tasks and says how far it came; the command line tells, and refuses',
  async (stage) => {
    const alice = stage.as('alice');
    const held = await Promise.all(Array.from({ length: 300 }, () => alice.schedule('b1.held', [])));
    await stage.document(held.at(-1)?.uuid ?? '');
    const dry = await runCli(stage, ['bulk', 'change-priority', '--priority', 'low', '--type', 'b1.held', '--dry-run']);
    assert.is(dry.code, 0, dry.stderr);
    assert.match(dry.stdout, /"dry_run":true,"matched":300,"done":300/);
    const handle = await asked(stage, 'change-priority', '--priority', 'low', '--type', 'b1.held');
    // Whoever is first: it is stopped, or was done.
    await handle.cancel().catch(() => undefined);
    await handle.wait({ timeout: '60s' });
    const { matched, done } = (handle.result ?? handle.payload ?? { matched: 0, done: 0 }) as Record<string, number>;
    const changed = await Promise.all(held.map(async (each) => (await each.refresh()).record.priority));
    assert.is(changed.filter((priority) => priority === 'low').length, done, `${handle.status} ${matched}`);
    const one = await runCli(stage, ['priority', held[0]?.uuid ?? '', 'high', '--user', 'alice']);
    assert.is(one.code, 0, one.stderr);
    assert.is((await held[0]?.refresh())?.record.priority, 'high');
    await asked(stage, 'cancel', '--type', 'b1.none', '--operation-id', 'b1-once');
    for (const [args, says] of [
      [['bulk', 'burn'], /operation: is one of cancel, retry, change-priority, delete; got burn/],
      [['bulk', 'cancel'], /filter: says which tasks are meant/],
      [['bulk', 'delete', '--type', 'x', '--user', 'alice'], /only an admin may delete tasks/],
      [['bulk', 'retry', '--status', 'pending'], /filter\.status: retry is for failure/],
      [['bulk', 'cancel', '--type', 'b1.held', '--wait-timeout', 'banana'], /--wait-timeout.*90s, 5m/],
      [['bulk', 'cancel', '--type', 'b1.other', '--operation-id', 'b1-once'], /--operation-id: was used for another/],
      [['priority', held[0]?.uuid ?? '', 'urgent'], /priority: is one of high, normal, low; got urgent/],
    ] as const) {
      const refused = await runCli(stage, args);
      assert.is.not(refused.code, 0);
      assert.match(refused.stderr, says);
    }
    const still = await Promise.all(held.map(async (each) => (await each.refresh()).status));
    assert.equal(new Set(still), new Set(['pending']), 'what is refused has done nothing');
  },
  { limitMs: 60_000 },
);

test.run();
