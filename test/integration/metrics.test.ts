// limit: 240s
// What every service tells of its health and of what it does, over HTTP.
import { resolve } from 'node:path';
import { METRICS } from '@baton/metrics';
import { task } from '@baton/sdk';
import * as assert from 'uvu/assert';
import { eventually } from '../support/eventually.ts';
import { double, fails, flaky, hangs, overtime } from '../support/fixture-tasks.ts';
import { metricsUrlOf, namedMetrics, scrape, sumOf, type MetricsText } from '../support/metrics-page.ts';
import { stagedSuite, until, type Stage } from '../support/stage.ts';
import { mainOf, type ServiceKind } from '../support/system-fixture.ts';
import { SystemProcess } from '../support/system-process.ts';

const test = stagedSuite('metrics', { supervisors: 2, env: { BATON_METRICS_PORT: '0' } });

const GATEWAY = { BATON_HTTP_PORT: '0', BATON_AUTH: 'dev' };

const gatewayOf = (stage: Stage): SystemProcess =>
  new SystemProcess({
    name: 'gateway',
    args: [resolve('services/gateway/dist/main.mjs')],
    env: { ...stage.env, ...GATEWAY },
    readyWhen: '"msg":"started"',
  });

const pagesOf = async (processes: readonly SystemProcess[]): Promise<readonly MetricsText[]> =>
  Promise.all(processes.map(async (process) => scrape(await metricsUrlOf(process))));

const ready = async (url: string): Promise<{ readonly status: number; readonly checks: Record<string, string> }> => {
  const answer = await fetch(`${url}/readyz`);
  const body = (await answer.json()) as { readonly checks: Record<string, string> };
  return { status: answer.status, checks: body.checks };
};

/** Labels of each name, where it has a sample. */
const labelsIn = ({ samples, types }: MetricsText): ReadonlyMap<string, readonly string[]> => {
  const labels = new Map<string, readonly string[]>();
  for (const sample of samples) {
    const base = sample.name.replace(/_(bucket|sum|count)$/, '');
    const isHistogram = types.get(base) === 'histogram';
    const keys = Object.keys(sample.labels).filter((key) => !(isHistogram && key === 'le'));
    labels.set(isHistogram ? base : sample.name, keys.toSorted());
  }
  return labels;
};

test('every name on the page is told by the services it says, with its labels, and no other', async (stage, {
  defer,
}) => {
  const gateway = gatewayOf(stage);
  defer(() => gateway.destroy());
  await gateway.start();
  await stage.baton.within(() => double.schedule(1)).then((handle) => handle.wait());
  const services = { s: stage.supervisors[0], w: stage.workers[0], p: stage.projectors[0], g: gateway };
  const named = namedMetrics();
  for (const [letter, process] of Object.entries(services)) {
    if (process === undefined) throw new Error(letter);
    const url = await metricsUrlOf(process);
    const page = await scrape(url);
    const told = [...page.types.keys()].filter((name) => name.startsWith('baton_'));
    const wanted = named.filter((one) => one.services.split(' ').includes(letter));
    // A projector does nothing to tasks.
    assert.equal(told.toSorted(), wanted.map(({ name }) => name).toSorted(), process.name);
    const labels = labelsIn(page);
    for (const one of wanted) {
      const found = labels.get(one.name);
      if (found !== undefined) assert.equal(found, one.labels.toSorted(), `${process.name}: ${one.name}`);
    }
    assert.ok(page.types.has('process_cpu_seconds_total'), 'and the process itself');
    assert.is((await fetch(`${url}/healthz`)).status, 200);
    await eventually(async () => assert.is((await ready(url)).status, 200));
  }
  for (const [name, { labels, type }] of Object.entries(METRICS)) {
    const one = named.find((each) => each.name === name);
    assert.equal(one?.labels.toSorted(), labels.toSorted(), name);
    if (type === 'counter') assert.match(name, /_total$/);
    else assert.not.match(name, /_total$/);
  }
});

test('what becomes of tasks is counted once, over all services together', async (stage) => {
  const { baton, workers, supervisors } = stage;
  const all = [...workers, ...supervisors];
  const before = await pagesOf(all);
  const schedule = <T>(body: () => Promise<T>): Promise<T> => baton.within(body);
  const handles = [
    await schedule(() => double.schedule(2)),
    await schedule(() => fails.schedule('no')),
    await schedule(() => flaky.schedule(2)),
    await schedule(() => overtime.schedule()),
  ];
  const hanging = await schedule(() => hangs.schedule());
  await until(hanging, () => hanging.record.abortable === true);
  await hanging.cancel();
  for (const handle of [...handles, hanging]) await handle.wait({ timeout: '45s' });
  await eventually(
    async () => {
      const after = await pagesOf(all);
      const more = (name: string, labels: Record<string, string> = {}): number =>
        sumOf(after, name, labels) - sumOf(before, name, labels);
      assert.is(more('baton_tasks_ended_total', { status: 'success' }), 2);
      assert.is(more('baton_tasks_ended_total', { type: 'fx.fails', status: 'failure' }), 1);
      assert.is(more('baton_tasks_ended_total', { type: 'fx.overtime', status: 'timed_out' }), 1);
      assert.is(more('baton_tasks_ended_total', { type: 'fx.hangs', status: 'aborted' }), 1);
      assert.is(more('baton_task_retries_total', { type: 'fx.flaky' }), 2);
      assert.is(more('baton_tasks_started_total'), 7);
      assert.is(more('baton_task_run_seconds_count'), 7);
      assert.is(more('baton_task_queue_seconds_count', { queue: 'default' }), 7);
      assert.is(more('baton_task_run_seconds_bucket', { le: '+Inf' }), 7);
      assert.is(more('baton_abort_seconds_count', { step: 'stopped' }), 2);
      assert.is(more('baton_task_aborts_total', { type: 'fx.overtime', cause: 'timeout' }), 1);
    },
    { limitMs: 8_000 },
  );
  const [worker] = await pagesOf(workers);
  if (worker === undefined) throw new Error('no worker');
  assert.is(sumOf([worker], 'baton_worker_slots'), 50);
  assert.ok(sumOf([worker], 'baton_writes_total', { store: 'records', outcome: 'written' }) >= 10);
  assert.ok(sumOf([worker], 'baton_commit_group_size_count') >= 10);
  assert.is(sumOf([worker], 'baton_lease_held'), 1);
  const renewals = sumOf([worker], 'baton_lease_renewals_total');
  await eventually(async () => assert.ok(sumOf(await pagesOf(workers), 'baton_lease_renewals_total') > renewals));
});

test('how deep is queue X: the sum over supervisors; its oldest; nobody serves it; and 0 once it is empty', async (stage, context) => {
  const { baton, supervisors } = stage;
  const queue = 'reports';
  const later = task({ name: 'fx.later', queue }, () => 1);
  const scheduled = await Promise.all(Array.from({ length: 12 }, () => baton.schedule('fx.later', [], { queue })));
  await eventually(
    async () => {
      const pages = await pagesOf(supervisors);
      assert.is(sumOf(pages, 'baton_queue_waiting_tasks', { queue, priority: 'normal' }), 12);
      assert.is(sumOf(pages, 'baton_queue_unserved_tasks', { queue }), 12);
      const oldest = pages.map((page) => sumOf([page], 'baton_queue_oldest_wait_seconds', { queue }));
      assert.ok(Math.max(...oldest) > 0.2, oldest.join());
    },
    { limitMs: 8_000 },
  );
  const worker = await stage.serve(context, [later], { queues: [queue] });
  for (const handle of scheduled) await handle.wait({ timeout: '45s' });
  await eventually(async () => {
    const pages = await pagesOf(supervisors);
    assert.is(sumOf(pages, 'baton_queue_waiting_tasks', { queue }), 0);
    assert.is(sumOf(pages, 'baton_queue_oldest_wait_seconds', { queue }), 0);
    const told = pages.flatMap(({ samples }) => samples).filter(({ labels }) => labels['queue'] === queue);
    assert.ok(
      told.some(({ name }) => name === 'baton_queue_waiting_tasks'),
      'it is told as empty, not left out',
    );
    assert.is(sumOf(pages, 'baton_queue_workers', { queue }), 1);
  });
  await worker.drain({ grace: 0 });
});

test('a pause shows, and what waits in it goes on to be told; so do the fires of schedules', async (stage, context) => {
  const { baton, supervisors, admin } = stage;
  const queue = 'paused.reports';
  const alone = task({ name: 'fx.paused', queue }, () => 1);
  await admin.queues.pause(queue);
  await admin.queues.pause(queue, { type: 'fx.else' });
  await admin.queues.limit(queue, { of: 'queue', concurrency: 1 });
  const worker = await stage.serve(context, [alone], { queues: [queue] });
  const scheduled = await Promise.all(Array.from({ length: 5 }, () => baton.schedule('fx.paused', [], { queue })));
  await eventually(
    async () => {
      const pages = await pagesOf(supervisors);
      for (const page of pages) {
        assert.is(sumOf([page], 'baton_queue_paused', { queue, part: 'queue' }), 1, 'every supervisor tells it');
        assert.is(sumOf([page], 'baton_queue_paused', { queue, part: 'type' }), 1);
        assert.is(sumOf([page], 'baton_queue_paused', { queue, part: 'group' }), 0);
        assert.is(sumOf([page], 'baton_queue_settings_known'), 1);
      }
      assert.is(sumOf(pages, 'baton_queue_waiting_tasks', { queue }), 5);
      assert.is(sumOf(pages, 'baton_queue_unserved_tasks', { queue }), 0, 'a worker serves it');
      assert.is(sumOf(pages, 'baton_queue_offered_tasks', { queue }), 0);
      const oldest = pages.map((page) => sumOf([page], 'baton_queue_oldest_wait_seconds', { queue }));
      assert.ok(Math.max(...oldest) > 0.3, oldest.join());
    },
    { limitMs: 10_000 },
  );
  await admin.queues.resume(queue);
  for (const handle of scheduled) await handle.wait({ timeout: '60s' });
  await eventually(async () => {
    const pages = await pagesOf(supervisors);
    assert.is(sumOf(pages, 'baton_queue_paused', { queue, part: 'queue' }), 0);
    assert.is(sumOf(pages, 'baton_queue_waiting_tasks', { queue }), 0);
    assert.is(sumOf(pages, 'baton_queue_oldest_wait_seconds', { queue }), 0);
  });
  await worker.drain({ grace: 0 });

  const before = await pagesOf(supervisors);
  const { schedules } = stage.as('alice');
  // Nobody serves it: the first fire has a task, and those behind it wait for its end in vain.
  await schedules.set('metrics.often', { cron: '* * * * * *', task: 'fx.nobody', queue: 'nobody' });
  await eventually(
    async () => {
      const after = await pagesOf(supervisors);
      const more = (outcome: string): number =>
        sumOf(after, 'baton_schedule_fires_total', { outcome }) -
        sumOf(before, 'baton_schedule_fires_total', { outcome });
      assert.is(more('started'), 1);
      assert.ok(more('overlap') >= 2, 'skipped');
      assert.equal([more('missed'), more('refused')], [0, 0]);
      assert.is(sumOf(after, 'baton_schedules'), 1);
    },
    { limitMs: 15_000 },
  );
  await schedules.pause('metrics.often');
  await eventually(async () => {
    const { started, skipped, waiting } = await schedules.get('metrics.often');
    assert.is(waiting, 0);
    const pages = await pagesOf(supervisors);
    const total = (outcome: string): number => sumOf(pages, 'baton_schedule_fires_total', { outcome });
    assert.equal([total('started'), total('overlap')], [started, skipped], 'as its record says');
  });
  await schedules.remove('metrics.often');
  await eventually(async () => assert.is(sumOf(await pagesOf(supervisors), 'baton_schedules'), 0));
});

test('names that somebody makes up do not become series', async (stage) => {
  const { baton, supervisors } = stage;
  const made = Array.from({ length: 300 }, (_, i) => `made-up-${i}`);
  await Promise.all(made.map((name) => baton.schedule(name, [], { queue: name })));
  await eventually(
    async () => {
      const pages = await pagesOf(supervisors);
      const total = sumOf(pages, 'baton_queue_waiting_tasks');
      assert.ok(total >= 300, `${total} wait`);
      for (const { samples } of pages) {
        const queues = new Set(samples.flatMap(({ labels }) => labels['queue'] ?? []));
        assert.ok(queues.has('other') && queues.has('default') && queues.size <= 110, `${queues.size} names of queues`);
      }
    },
    { limitMs: 10_000 },
  );
});

test('a worker in a program of its own: one option, and nothing without it', async (stage, context) => {
  const own = await stage.client(context, { user: { id: 'alice' } });
  const one = task({ name: 'own.one' }, () => 1);
  const quiet = await own.startWorker({ tasks: [one], queues: ['own'] });
  assert.is(quiet.metricsUrl, undefined);
  await quiet.drain();

  const worker = await own.startWorker({ tasks: [one], queues: ['own'], concurrency: 3, metrics: { port: 0 } });
  const url = worker.metricsUrl ?? '';
  assert.match(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const done = await own.within(() => one.with({ queue: 'own' }).schedule());
  await done.wait({ timeout: '30s' });
  const page = await scrape(url);
  assert.is(sumOf([page], 'baton_worker_slots'), 3);
  assert.is(sumOf([page], 'baton_tasks_ended_total', { type: 'own.one', status: 'success' }), 1);
  assert.is(sumOf([page], 'baton_tasks_submitted_total', { type: 'own.one', outcome: 'created' }), 1);
  const { status, checks } = await ready(url);
  assert.equal([status, checks], [200, { worker: 'ok', nats: 'ok', lease: 'ok' }]);
  assert.is((await fetch(`${url}/else`)).status, 404);
  assert.is((await fetch(`${url}/metrics`, { method: 'POST', body: 'x' })).status, 405);

  const port = Number(new URL(url).port);
  const refused = async (metrics: { readonly port: number; readonly host?: string }): Promise<unknown> => {
    try {
      await own.startWorker({ tasks: [one], queues: ['own'], metrics });
    } catch (error) {
      return (error as { readonly code?: string }).code;
    }
    return 'started';
  };
  assert.is(await refused({ port }), 'PORT_TAKEN');
  for (const wrong of [{ port: -1 }, { port: 1.5 }, { port: 65_536 }, { port: 0, host: '' }])
    assert.is(await refused(wrong), 'INVALID_ARGUMENT');
  await worker.drain();
  let closed = false;
  await fetch(`${url}/healthz`).catch(() => (closed = true));
  assert.ok(closed, 'a worker that has gone tells nothing');
});

test('a service that waits for its servers is alive and not ready; a port that is taken is named', async (stage, {
  defer,
}) => {
  const unready = (kind: ServiceKind, env: Readonly<Record<string, string>>): SystemProcess =>
    new SystemProcess({ name: `unready ${kind}`, args: [mainOf(kind)], env: { ...stage.env, ...env } });
  const waiting = unready('supervisor', { NATS_URL: 'nats://127.0.0.1:1' });
  defer(() => waiting.destroy());
  await waiting.start();
  const url = await metricsUrlOf(waiting);
  assert.is((await fetch(`${url}/healthz`)).status, 200);
  assert.equal(await ready(url), { status: 503, checks: { supervisor: 'starting' } });
  await waiting.kill('SIGTERM');

  const { port } = new URL(await metricsUrlOf(stage.projectors[0] as SystemProcess));
  const late = unready('worker', { BATON_METRICS_PORT: port });
  defer(() => late.destroy());
  await late.start();
  await eventually(() => assert.match(late.output, /"code":"PORT_TAKEN".*BATON_METRICS_PORT/));
  assert.is((await late.ended).code, 3);
});

test.run();
