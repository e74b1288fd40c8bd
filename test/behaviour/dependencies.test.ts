// limit: 150s
// G1, G2: tasks that wait for other tasks, at every door and across processes, with their supervisors killed in the middle.
import { jetstreamManager } from '@nats-io/jetstream';
import { getContext, task, TerminalError, type DependencyOption, type TaskHandle } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { runCli } from '../support/cli.ts';
import { ask, namesFor } from '../support/command-client.ts';
import { patient } from '../patience.mjs';
import { eventually } from '../support/eventually.ts';
import { stagedSuite, thrownBy, type Stage } from '../support/stage.ts';

const test = stagedSuite('behaviour: dependencies', { supervisors: 2, workers: 0 });

const alice = (stage: Stage) => stage.as('alice');

/** Bodies that end when they are told to, and one that says what it was handed over. */
const bodies = (prefix: string) => {
  const open = new Map<string, (fails: boolean) => void>();
  const step = task({ name: `${prefix}.step` }, async (name: string) => {
    getContext().updateTask({ payload: { from: name } });
    const fails = await new Promise<boolean>((resolve) => open.set(name, resolve));
    if (fails) throw new TerminalError(`${name} is broken`);
    return name.repeat(200);
  });
  const last = task({ name: `${prefix}.last` }, () => {
    const { dependencies, getDependencyPayloads, getDependencyResults } = getContext();
    return {
      statuses: dependencies.map(({ status }) => status),
      payloads: getDependencyPayloads(),
      results: getDependencyResults(),
    };
  });
  const end = (name: string, fails = false) =>
    eventually(() => {
      const resolve = open.get(name);
      assert.ok(resolve !== undefined, `${name} does not run`);
      resolve(fails);
    });
  return { step, last, end };
};

const behind =
  (stage: Stage, { last }: Pick<ReturnType<typeof bodies>, 'last'>) =>
  (...dependsOn: readonly DependencyOption[]): Promise<TaskHandle> =>
    alice(stage).schedule(last, [], { dependsOn });

test('G1 it starts when all have ended, with all supervisors killed between, and has what they left', async (stage, context) => {
  const all = bodies('g1');
  await stage.serve(context, [all.step, all.last], { concurrency: 20 });
  const [a, b] = [await alice(stage).schedule(all.step, ['a']), await alice(stage).schedule(all.step, ['b'])];
  const job = await behind(stage, all)(a, b.uuid);
  await all.end('a');
  await a.wait({ timeout: '30s' });
  await eventually(async () => assert.is((await job.refresh()).record.dependsOn?.[0]?.end?.status, 'success'));
  assert.is(job.status, 'pending');
  for (const supervisor of stage.supervisors) await supervisor.kill();
  // It ends while nobody is there to hear of it.
  await all.end('b');
  await b.wait({ timeout: '30s' });
  assert.is((await job.refresh()).status, 'pending');
  for (const supervisor of stage.supervisors) await supervisor.start();
  const { status, result } = await job.wait({ timeout: '60s' });
  const results = ['a'.repeat(200), 'b'.repeat(200)];
  assert.equal(
    [status, result],
    ['success', { statuses: ['success', 'success'], payloads: [{ from: 'a' }, { from: 'b' }], results }],
  );
  const document = await stage.document(job.uuid, (d) => d.terminal);
  assert.equal(document.depends_on_ids, [a.uuid, b.uuid]);
});

test(
  'G1 a thousand behind one and a hundred before one start within seconds',
  async (stage, context) => {
    const all = bodies('g1many');
    await stage.serve(context, [all.step, all.last], { concurrency: 200 });
    const one = await alice(stage).schedule(all.step, ['one']);
    const thousand = await Promise.all(Array.from({ length: 1_000 }, () => behind(stage, all)(one)));
    const last = await behind(stage, all)(...thousand.slice(0, 100));
    assert.is((await last.refresh()).status, 'pending');
    const from = performance.now();
    await all.end('one');
    await Promise.all(thousand.map((handle) => handle.wait({ timeout: '90s' })));
    const { result } = await last.wait({ timeout: '90s' });
    const ms = performance.now() - from;
    assert.ok(thousand.every(({ status }) => status === 'success'));
    assert.is((result as { readonly results: readonly unknown[] }).results.length, 100);
    assert.ok(ms < patient(20_000), `${ms} ms`);
  },
  { limitMs: 60_000 },
);

test('G1 continue and ignore: it starts whatever became of those, when all have ended', async (stage, context) => {
  const all = bodies('g1edges');
  await stage.serve(context, [all.step, all.last]);
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => alice(stage).schedule(all.step, [name])));
  const job = await behind(stage, all)({ task: a!, onFailure: 'continue' }, { task: b!, onFailure: 'ignore' }, c!);
  await all.end('a', true);
  await all.end('b', true);
  await eventually(async () => assert.is((await job.refresh()).record.dependsOn?.[1]?.end?.status, 'failure'));
  assert.is(job.status, 'pending');
  await all.end('c');
  const { result } = await job.wait({ timeout: '30s' });
  assert.equal(result, {
    statuses: ['failure', 'failure', 'success'],
    payloads: [{ from: 'a' }, null, { from: 'c' }],
    results: [null, null, 'c'.repeat(200)],
  });
});

test('G2 failed, cancelled and forgotten ones end the wait with the reason, at once and down the line', async (stage, context) => {
  const all = bodies('g2');
  await stage.serve(context, [all.step, all.last]);
  const [bad, slow] = [await alice(stage).schedule(all.step, ['bad']), await alice(stage).schedule(all.step, ['slow'])];
  const job = await behind(stage, all)(slow, bad);
  const next = await behind(stage, all)(job);
  const waiting = await behind(stage, all)(slow);
  const behindWaiting = await behind(stage, all)(waiting);
  await all.end('bad', true);
  await waiting.cancel();
  for (const [handle, dependency, how] of [
    ...[[job, bad, 'failure'] as const, [next, job, 'failure'] as const],
    [behindWaiting, waiting, 'aborted'] as const,
  ]) {
    const { status, error, record } = await handle.wait({ timeout: '30s' });
    assert.equal(
      [status, error?.type, record.history.at(-1)?.why],
      ['failure', 'DependencyFailedError', 'dependency_failed'],
    );
    assert.is(error?.message, `Prerequisite task ${dependency.uuid} did not succeed (status=${how})`);
  }
  // An operator deletes what is waited for: nobody can tell any more.
  const lost = await alice(stage).schedule(all.step, ['lost'], { delay: '1h' });
  const behindLost = await behind(stage, all)(lost);
  const { nc, names } = stage.ports.wire;
  const jsm = await jetstreamManager(nc);
  await jsm.streams.purge(names.tasksStream, { filter: names.recordSubject(lost.address) });
  const { error } = await behindLost.wait({ timeout: '90s' });
  assert.match(error?.message ?? '', new RegExp(`${lost.uuid} did not succeed \\(status=gone\\)`));
  await all.end('slow');
});

test(
  'G2 cycles, too many, and unknown ones are refused at every door',
  async (stage, context) => {
    const all = bodies('g2doors');
    await stage.serve(context, [all.step, all.last]);
    const baton = alice(stage);
    const keyed = await baton.schedule(all.last, [], { taskKey: 'k', delay: '1h' });
    const self = await thrownBy(() => baton.schedule(all.last, [], { taskKey: 'k', dependsOn: [keyed] }));
    assert.equal([self.name, self.code], ['WaitsForItselfError', 'WAITS_FOR_ITSELF']);
    const unknown = '018bcfe5-6800-7000-8000-000000000001';
    const many = Array.from({ length: 101 }, (_, i) => `018bcfe5-6800-7000-8000-${String(i).padStart(12, '0')}`);
    const publisher = await stage.client(context, { role: 'publisher', user: { id: 'alice' } });
    for (const client of [baton, publisher]) {
      const schedule = (dependsOn: readonly DependencyOption[]) =>
        thrownBy(() => client.schedule('g2doors.last', [], { dependsOn }));
      assert.is((await schedule([unknown])).code, 'DEPENDENCY_NOT_FOUND');
      assert.is((await schedule(many)).code, 'INVALID_ARGUMENT');
    }
    const stranger = await thrownBy(() => stage.as('bob').schedule(all.last, [], { dependsOn: [keyed] }));
    assert.is(stranger.code, 'DEPENDENCY_NOT_FOUND');
    const names = namesFor(stage);
    const command = await ask(stage, names.submitSubject('g2doors.last'), {
      user: { id: 'alice' },
      depends_on: [{ task: keyed.uuid, on_failure: 'ignore' }],
    });
    assert.is(command['ok'], true, JSON.stringify(command));
    const cli = await runCli(stage, [
      'submit',
      'g2doors.last',
      '--user',
      'alice',
      '--depends-on',
      keyed.uuid,
      '--json',
    ]);
    assert.is(cli.code, 0, cli.stderr);
    const byCli = JSON.parse(cli.stdout) as { readonly id: string };
    await stage.document(byCli.id);
    const shown = await runCli(stage, ['get', byCli.id, '--user', 'alice']);
    assert.is(shown.code, 0, shown.stderr);
    assert.match(shown.stdout, new RegExp(`depends on.*${keyed.uuid} \\(not ended\\)`));
    await keyed.cancel();
    await stage.document(byCli.id, ({ status }) => status === 'failure');
    const later = await runCli(stage, [
      'submit',
      'g2doors.last',
      '--user',
      'alice',
      '--depends-on',
      byCli.id,
      '--on-failure',
      'ignore',
      '--wait',
    ]);
    assert.is(later.code, 0, later.stderr);
  },
  { limitMs: 60_000 },
);

test.run();
