// limit: 240s
// What services write: one JSON line each, whatever happens; and what a worker says at `info` of the tasks it has run.
import { resolve } from 'node:path';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { warnsInThread } from '../support/fixture-isolated.ts';
import { double, fails, flaky, hangs, overtime, warns } from '../support/fixture-tasks.ts';
import { ISOLATED_TASKS } from '../support/isolated-effects.ts';
import { metricsUrlOf } from '../support/metrics-page.ts';
import { stagedSuite, until, type Stage } from '../support/stage.ts';
import { FIXTURE_TASKS } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('logs', {
  ownNats: true,
  tasks: [FIXTURE_TASKS, ISOLATED_TASKS],
  env: { BATON_METRICS_PORT: '0', BATON_HTTP_PORT: '0', BATON_AUTH: 'dev', BATON_LOAD_LIMT_MS: '50000' },
});

type Line = Readonly<Record<string, unknown>>;

/** Throws for whatever is no JSON line with the fields every line has. */
const linesOf = ({ name, output }: SystemProcess): readonly Line[] => {
  // The last one may be on its way.
  const whole = output.slice(0, output.lastIndexOf('\n') + 1);
  return whole
    .split('\n')
    .filter((text) => text !== '')
    .map((text) => {
      let line: Line;
      try {
        line = JSON.parse(text) as Line;
      } catch {
        throw new Error(`${name} wrote what is no JSON line: ${text}`);
      }
      const { time, level, service, pid, msg } = line;
      assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.equal(
        [typeof level, typeof service, typeof pid, typeof msg],
        ['string', 'string', 'number', 'string'],
        text,
      );
      return line;
    });
};

const said = (process: SystemProcess, fields: Line): Promise<Line> =>
  eventually(
    () => {
      const wanted = Object.entries(fields);
      const found = linesOf(process).find((line) => wanted.every(([name, value]) => line[name] === value));
      if (found === undefined) throw new Error(`${process.name} has not said ${JSON.stringify(fields)}`);
      return found;
    },
    { limitMs: 15_000 },
  );

const workerOf = ({ workers }: Stage): SystemProcess => workers[0] as SystemProcess;

test('a variable that is written nearly as one that is read is told by who reads that one', async (stage) => {
  const [worker, [supervisor]] = [workerOf(stage), stage.supervisors];
  const slip = { level: 'warn', variable: 'BATON_LOAD_LIMT_MS', meant: 'BATON_LOAD_LIMIT_MS' };
  assert.match(
    String((await said(worker, slip))['msg']),
    /^BATON_LOAD_LIMT_MS is no setting .* BATON_LOAD_LIMIT_MS meant/,
  );
  assert.not.match(supervisor?.output ?? '', 'BATON_LOAD_LIMT_MS');
});

test('a worker says at info what a task did: failed with type and message, tried again, timed out, aborted', async (stage) => {
  const { baton } = stage;
  const worker = workerOf(stage);
  const run = <T>(body: () => Promise<T>): Promise<T> => baton.within(body);
  const [failed, retried, late] = [
    await run(() => fails.schedule('the disk\nis gone')),
    await run(() => flaky.schedule(1)),
    await run(() => overtime.schedule()),
  ];
  const hanging = await run(() => hangs.schedule());
  await until(hanging, () => hanging.record.abortable === true);
  await hanging.cancel();

  const failure = await said(worker, { task: failed.uuid, msg: 'task failed' });
  assert.equal(
    [failure['level'], failure['type'], failure['attempt'], failure['error'], failure['reason']],
    ['info', 'fx.fails', 1, 'RangeError', 'the disk\nis gone'],
  );
  const again = await said(worker, { task: retried.uuid, msg: 'task failed and is tried again' });
  assert.equal([again['level'], again['error'], again['reason']], ['info', 'Error', 'attempt 1 fails']);
  assert.ok(Date.parse(String(again['runAt'])) > 0);
  await retried.wait({ timeout: '30s' });
  const timedOut = await said(worker, { task: late.uuid, msg: 'task timed out' });
  assert.is(timedOut['level'], 'info');
  const aborted = await said(worker, { task: hanging.uuid, msg: 'task aborted' });
  assert.equal([aborted['level'], aborted['by']], ['info', 'user:alice']);
  const ok = await run(() => double.schedule(1));
  await ok.wait({ timeout: '30s' });
  assert.not.ok(
    linesOf(worker).some(({ task }) => task === ok.uuid),
    'a success is no news at info',
  );
});

test('warnings of Node, in the process and in a thread, are lines like every other', async (stage) => {
  const worker = workerOf(stage);
  await stage.baton.within(() => warns.schedule('mind the gap'));
  await stage.baton.within(() => warnsInThread.schedule('mind the thread'));
  for (const message of ['mind the gap', 'mind the thread']) {
    const line = await eventually(
      () => {
        const found = linesOf(worker).find(({ err }) => (err as { message?: string } | undefined)?.message === message);
        if (found === undefined) throw new Error(`nothing of ${message}`);
        return found;
      },
      { limitMs: 15_000 },
    );
    const { level, warning, msg } = line;
    assert.equal([level, warning, msg], ['warn', 'FixtureWarning', 'a warning of Node']);
  }
});

test(
  'every service says when NATS is lost and when it is back, and is not ready meanwhile',
  async (stage, { defer }) => {
    const gateway = new SystemProcess({
      name: 'gateway',
      args: [resolve('services/gateway/dist/main.mjs')],
      env: stage.env,
      readyWhen: '"msg":"started"',
    });
    defer(() => gateway.destroy());
    await gateway.start();
    const all = [...stage.workers, ...stage.supervisors, ...stage.projectors, gateway];
    const urls = await Promise.all(all.map((process) => metricsUrlOf(process)));
    const readiness = (): Promise<readonly number[]> =>
      Promise.all(urls.map(async (url) => (await fetch(`${url}/readyz`)).status));
    await eventually(async () => assert.equal(await readiness(), [200, 200, 200, 200]), { limitMs: 10_000 });
    await stage.nats.kill();
    for (const process of all) {
      const line = await said(process, { msg: 'the connection to NATS was lost' });
      assert.is(line['level'], 'warn');
    }
    await eventually(async () => assert.equal(await readiness(), [503, 503, 503, 503]), { limitMs: 10_000 });
    const alive = await Promise.all(urls.map(async (url) => (await fetch(`${url}/healthz`)).status));
    assert.equal(alive, [200, 200, 200, 200], 'a restart of theirs would not bring NATS back');
    await stage.nats.restart();
    for (const process of all) {
      const line = await said(process, { msg: 'the connection to NATS is back' });
      assert.is(line['level'], 'info');
    }
    await eventually(async () => assert.equal(await readiness(), [200, 200, 200, 200]), { limitMs: 20_000 });
    const lost = linesOf(gateway).filter(({ msg }) => msg === 'the connection to NATS was lost').length;
    await gateway.stop();
    const after = linesOf(gateway).filter(({ msg }) => msg === 'the connection to NATS was lost').length;
    assert.is(after, lost, 'what is closed at the end is not lost');
  },
  { limitMs: 60_000 },
);

test(
  'a task whose worker is killed: the supervisor says from whom it took it, the next worker that it runs it again',
  async (stage) => {
    const first = workerOf(stage);
    const hanging = await stage.baton.within(() => hangs.with({ taskKey: 'rescued' }).schedule());
    await until(hanging, ({ status }) => status === 'in_progress');
    const second = stage.service('worker', 'worker 2');
    await first.kill();
    await second.start();
    const taken = await said(stage.supervisors[0] as SystemProcess, {
      task: hanging.uuid,
      msg: 'taken from a dead worker',
    });
    assert.is(taken['level'], 'info');
    const line = await said(second, { task: hanging.uuid, msg: 'task is run again after a rescue' });
    assert.equal([line['level'], line['attempt'], line['rescues']], ['info', 2, 1]);
    assert.match(String(line['why']), /^worker \S+ died$/);
    await until(hanging, ({ record }) => record.attempt === 2 && record.abortable === true);
    await hanging.cancel();
  },
  { limitMs: 40_000 },
);

test('what a service writes is JSON from the first line to the last', async (stage) => {
  const all = [...stage.supervisors, ...stage.projectors];
  for (const process of all) {
    assert.is((await process.stop()).code, 0);
    const lines = linesOf(process);
    assert.is(lines.at(-1)?.['msg'], 'stopped');
    assert.is(process.output.at(-1), '\n');
    assert.ok(lines.length > 3);
  }
  for (const process of stage.workers) linesOf(process);
});

test.run();
