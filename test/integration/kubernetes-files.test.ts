// limit: 180s; tools: helm, kustomize, promtool
// The chart and the overlays of deploy/kubernetes by helm and kustomize themselves: every object held to the schemas of
// Kubernetes and of the operators, and to our code.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePromtool } from '@baton/local';
import * as assert from 'uvu/assert';
import { holdManifests } from '../support/manifest-rules.ts';
import { faultsOf } from '../support/manifest-schemas.ts';
import {
  buildOverlay,
  lintChart,
  madeFiles,
  manifestsIn,
  renderChart,
  type Manifest,
  type Values,
} from '../support/manifests.ts';
import { namedMetrics } from '../support/metrics-page.ts';
import { suite } from '../support/suite.ts';

const test = suite('kubernetes: files');
const INSTALL = { limitMs: 800_000 };

const EVERYTHING: Values = {
  'nats.replicas': 5,
  'nats.tls': { secretName: 'nats-tls', clientSecretName: 'nats-client' },
  'mongodb.bundled': true,
  'nats.storage.className': 'fast',
  'mongodb.storage.className': 'fast',
  imagePullSecrets: [{ name: 'registry' }],
  settings: { BATON_LOG_LEVEL: 'debug' },
  'projector.settings': { BATON_PRUNE_DAYS: 90, BATON_LOG_LEVEL: 'info' },
  'gateway.ingress': {
    host: 'tasks.example.org',
    className: 'nginx',
    tlsSecretName: 'tasks-tls',
    annotations: { a: 'b' },
  },
  'monitoring.podMonitor': true,
  'monitoring.rules': true,
  'monitoring.labels': { release: 'prometheus' },
  workers: {
    default: { settings: { BATON_MAX_BLOCK_MS: 90_000 } },
    reports: {
      queues: ['reports', 'eu.west'],
      concurrency: 8,
      image: 'reports:1',
      autoscaling: { by: 'keda', min: 0 },
    },
    models: { tasks: ['/tasks/a.mjs', '/tasks/b.mjs'], autoscaling: { by: 'hpa' } },
  },
};
const INSTALLATIONS: Readonly<Record<string, Values>> = {
  'as it comes': {},
  everything: EVERYTHING,
  'NATS elsewhere': { 'nats.enabled': false, 'nats.url': 'tls://nats.example.org:4222' },
  'for trying': { 'nats.replicas': 1, 'mongodb.bundled': true, 'networkPolicy.enabled': false },
};

const refused = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    return String((error as { readonly stderr?: string }).stderr ?? error);
  }
  throw new Error('it was taken');
};

const hold = async (what: string, manifests: readonly Manifest[]): Promise<void> => {
  for (const manifest of manifests) {
    assert.equal(await faultsOf(manifest), [], `${what}: ${manifest.kind} ${manifest.metadata.name}`);
  }
  holdManifests(manifests);
};

const kinds = (manifests: readonly Manifest[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const { kind } of manifests) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};

const variable = (manifests: readonly Manifest[], workload: string, name: string): string | undefined => {
  const found = manifests.find(
    ({ kind, metadata }) => /^(Deployment|StatefulSet)$/.test(kind) && metadata.name === workload,
  );
  const env = found?.spec?.template?.spec.containers[0]?.env ?? [];
  return env.find((one) => one.name === name)?.value;
};

test('the schemas find a field that is missing, of the wrong kind, and one that nobody knows', async () => {
  const budget = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'a', labels: { any: 'x' } },
  };
  assert.equal(await faultsOf({ ...budget, spec: { maxUnavailable: 1 } } as Manifest), []);
  const misspelt = { ...budget, spec: { maxUnavailabel: 1 } } as unknown as Manifest;
  assert.equal(await faultsOf(misspelt), ['/spec/maxUnavailabel is not known']);
  const wrong = { ...budget, spec: { unhealthyPodEvictionPolicy: 5 } } as unknown as Manifest;
  assert.match((await faultsOf(wrong)).join(), '/spec/unhealthyPodEvictionPolicy {"type":"string"}');
  const scaled = {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledObject',
    metadata: { name: 'a' },
    spec: {},
  } as Manifest;
  assert.match((await faultsOf(scaled)).join(), '{"missingProperty":"scaleTargetRef"}');
});

test(
  'every installation of the chart fits the schemas, its own parts, the roles of NATS and the settings that the code reads',
  async () => {
    for (const [what, values] of Object.entries(INSTALLATIONS)) {
      assert.match(await lintChart(values), '0 chart(s) failed');
      await hold(what, manifestsIn(await renderChart(values)));
    }
  },
  INSTALL,
);

test(
  'as it comes: three nats-servers with copies of everything, two of each service, and nobody in doubt where NATS is',
  async () => {
    const manifests = manifestsIn(await renderChart());
    assert.equal(kinds(manifests), {
      NetworkPolicy: 1,
      PodDisruptionBudget: 5,
      ConfigMap: 1,
      Service: 2,
      Deployment: 4,
      StatefulSet: 1,
      Pod: 1,
    });
    assert.is(manifests.find(({ kind }) => kind === 'StatefulSet')?.spec?.replicas, 3);
    const urls = [0, 1, 2].map((i) => `nats://baton-nats-${i}.baton-nats:4222`).join(',');
    assert.is(variable(manifests, 'baton-supervisor', 'NATS_URL'), urls);
    assert.is(variable(manifests, 'baton-projector', 'BATON_REPLICAS'), '3');
    const many = manifestsIn(await renderChart(EVERYTHING));
    assert.is(variable(many, 'baton-worker-reports', 'NATS_CA'), '/etc/nats-ca/ca.crt');
    assert.is(variable(many, 'baton-worker-reports', 'BATON_QUEUES'), 'reports,eu.west');
    assert.is(variable(many, 'baton-worker-reports', 'BATON_CONCURRENCY'), '8');
    assert.is(variable(many, 'baton-worker-models', 'BATON_TASKS'), '/tasks/a.mjs,/tasks/b.mjs');
    assert.is(variable(many, 'baton-projector', 'BATON_LOG_LEVEL'), 'info', 'what is said for one service goes before');
    assert.is(variable(many, 'baton-supervisor', 'BATON_LOG_LEVEL'), 'debug');
    const elsewhere = manifestsIn(await renderChart(INSTALLATIONS['NATS elsewhere']));
    assert.is(variable(elsewhere, 'baton-gateway', 'NATS_URL'), 'tls://nats.example.org:4222');
    assert.not.ok(elsewhere.some(({ kind }) => kind === 'StatefulSet'));
  },
  INSTALL,
);

test(
  'values that cannot be are refused before anything is made',
  async () => {
    const wrong: readonly (readonly [Values, RegExp])[] = [
      [{ 'nats.replicas': 2 }, /replicas/],
      [{ 'supervisor.replica': 2 }, /replica/],
      [{ 'worker.default': {} }, /worker/],
      [{ 'workers.a': { concurrency: 0 } }, /concurrency/],
      [{ 'workers.a': { autoscaling: { by: 'cpu' } } }, /autoscaling/],
      [{ 'workers.A_b': {} }, /A_b/],
      [{ settings: { LOG_LEVEL: 'debug' } }, /LOG_LEVEL/],
      [{ 'nats.enabled': false }, /nats\.url: say where/],
    ];
    for (const [values, why] of wrong) assert.match(await refused(renderChart(values)), why, JSON.stringify(values));
  },
  INSTALL,
);

test(
  'what is made from other files is as they say: base and overlays from the chart, its roles and rules from ours',
  async () => {
    if (process.env['BATON_WRITE_MANIFESTS'] === '1') {
      // Twice: the chart is rendered with the copies that the first time has written.
      for (let i = 0; i < 2; i++) for (const [path, text] of await madeFiles()) writeFileSync(path, text);
    }
    for (const [path, text] of await madeFiles()) {
      assert.is(readFileSync(path, 'utf8'), text, `${path}: BATON_WRITE_MANIFESTS=1 makes it anew`);
    }
  },
  INSTALL,
);

test(
  'every overlay fits as the chart does',
  async () => {
    const base = manifestsIn(await buildOverlay('base'));
    await hold('base', base);
    const production = manifestsIn(await buildOverlay('overlays/production'));
    await hold('production', production);
    assert.ok(production.every(({ metadata }) => metadata.namespace === 'baton'));
    assert.is(kinds(production)['ScaledObject'], 1);
    assert.is(kinds(production)['PrometheusRule'], 1);
    assert.match(variable(production, 'baton-gateway', 'BATON_HTTP_ALLOWED_HOSTS') ?? '', /^tasks\.example\.org,/);
    const small = manifestsIn(await buildOverlay('overlays/small'));
    await hold('small', small);
    for (const workload of small.filter(({ spec }) => spec?.replicas !== undefined)) {
      assert.is(workload.spec?.replicas, 1, workload.metadata.name);
    }
    assert.not.match(small.find(({ kind }) => kind === 'ConfigMap')?.data?.['nats-server.conf'] ?? '', /^cluster \{/m);
    for (const service of ['supervisor', 'projector', 'gateway', 'worker-default']) {
      assert.is(variable(small, `baton-${service}`, 'NATS_URL'), 'nats://baton-nats-0.baton-nats:4222');
      assert.is(variable(small, `baton-${service}`, 'BATON_REPLICAS'), '1');
    }
    assert.is(variable(small, 'baton-gateway', 'MONGODB_URL'), 'mongodb://baton-mongodb:27017/baton');
  },
  INSTALL,
);

test(
  'what KEDA asks and what alerts is PromQL over metrics that are there, and an empty queue is a number',
  async ({ defer }) => {
    const manifests = manifestsIn(await renderChart(EVERYTHING));
    const triggers = manifests.flatMap(({ spec }) => spec?.triggers ?? []);
    const [query = ''] = triggers.map(({ metadata }) => metadata['query'] ?? '');
    assert.is(triggers.length, 1);
    assert.is(triggers[0]?.metadata['threshold'], '8', 'the slots of one worker');
    const known = new Set(namedMetrics().map(({ name }) => name));
    for (const [name] of query.matchAll(/\bbaton_\w+/g)) assert.ok(known.has(name), `there is no ${name}`);

    const folder = mkdtempSync(join(tmpdir(), 'baton-keda-'));
    defer(() => rmSync(folder, { recursive: true }));
    const rules = manifests.find(({ kind }) => kind === 'PrometheusRule')?.spec?.groups ?? [];
    const figure = { name: 'keda', rules: [{ record: 'keda', expr: query }] };
    writeFileSync(join(folder, 'rules.json'), JSON.stringify({ groups: [...rules, figure] }));
    const of = (series: string, values: string) => ({ series, values });
    const stories = [
      { input: [], value: 0 },
      {
        input: [of('baton_queue_waiting_tasks{namespace="baton",queue="eu.west",priority="medium"}', '30')],
        value: 30,
      },
      { input: [of('baton_queue_waiting_tasks{namespace="baton",queue="euXwest"}', '30')], value: 0 },
      {
        input: [
          of('baton_queue_waiting_tasks{namespace="baton",queue="reports",pod="a"}', '3'),
          of('baton_queue_waiting_tasks{namespace="baton",queue="reports",pod="b"}', '4'),
          of('baton_queue_waiting_tasks{namespace="other",queue="reports"}', '100'),
          of('baton_worker_slots_busy{namespace="baton",pod="baton-worker-reports-6b7f9c-x2x4z"}', '5'),
          of('baton_worker_slots_busy{namespace="baton",pod="baton-worker-reports-gpu-6b7f9c-x2x4z"}', '50'),
        ],
        value: 12,
      },
    ];
    const tests = stories.map(({ input, value }) => ({
      interval: '1m',
      input_series: input,
      promql_expr_test: [{ expr: query, eval_time: '0m', exp_samples: [{ labels: '{}', value }] }],
    }));
    writeFileSync(join(folder, 'stories.json'), JSON.stringify({ rule_files: ['rules.json'], tests }));
    const { path } = await ensurePromtool();
    const run = promisify(execFile);
    assert.match((await run(path, ['check', 'rules', join(folder, 'rules.json')])).stdout, /SUCCESS: \d\d rules found/);
    assert.match((await run(path, ['test', 'rules', join(folder, 'stories.json')])).stdout, /SUCCESS/);
  },
  INSTALL,
);

test.run();
