// limit: 300s; tools: promtool
// The files of deploy/metrics, by Prometheus' own tool.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ensurePromtool } from '@baton/local';
import * as assert from 'uvu/assert';
import { namedMetrics } from '../support/metrics-page.ts';
import { suite } from '../support/suite.ts';

const test = suite('metrics: files');

const FOLDER = 'deploy/metrics';
const INSTALL_MS = 240_000;

const promtool = async (...args: readonly string[]): Promise<string> => {
  const { path } = await ensurePromtool();
  const { stdout, stderr } = await promisify(execFile)(path, args, { cwd: FOLDER, timeout: 60_000 });
  return stdout + stderr;
};

type Panel = { readonly title: string; readonly targets?: readonly { readonly expr: string }[] };
type Dashboard = {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { definition?: string }[] };
};

const dashboard = (): Dashboard => JSON.parse(readFileSync(join(FOLDER, 'grafana.json'), 'utf8')) as Dashboard;

const queries = (): readonly string[] =>
  dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

test(
  'promtool takes the rules and the configuration, and every alert comes in its story and in no other',
  async () => {
    assert.match(await promtool('check', 'rules', 'baton.rules.yaml'), /SUCCESS: \d\d rules found/);
    assert.match(await promtool('check', 'config', 'prometheus.yaml'), /prometheus\.yaml is valid/);
    assert.match(await promtool('test', 'rules', 'baton.rules.test.yaml'), /SUCCESS/);
    const rules = readFileSync(join(FOLDER, 'baton.rules.yaml'), 'utf8');
    const stories = readFileSync(join(FOLDER, 'baton.rules.test.yaml'), 'utf8');
    const page = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = '']) => name);
    assert.ok(alerts.length > 10);
    for (const alert of alerts) {
      assert.match(stories, new RegExp(`alertname: ${alert}\n +exp_alerts`), `${alert} comes in no story`);
      assert.match(page, new RegExp(`\\| \`${alert}\` +\\|`), `${alert} is not on the page`);
    }
  },
  { limitMs: INSTALL_MS },
);

test('promtool finds fault with a rule that is wrong: the check can fail', async ({ defer }) => {
  const folder = mkdtempSync(join(tmpdir(), 'baton-rules-'));
  defer(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'wrong.yaml');
  writeFileSync(path, 'groups: [{ name: g, rules: [{ record: a, expr: "sum(" }] }]');
  let said = '';
  await promtool('check', 'rules', path).catch(
    (error: unknown) => (said = String((error as { stderr?: string }).stderr)),
  );
  assert.match(said, /parse error|unclosed/);
});

test(
  'every query of the dashboard is PromQL',
  async ({ defer }) => {
    const folder = mkdtempSync(join(tmpdir(), 'baton-queries-'));
    defer(() => rmSync(folder, { recursive: true }));
    const rules = queries().map((expr, i) => {
      const plain = expr.replaceAll('$__rate_interval', '5m').replaceAll(/\$(queue|type)\b/g, '.*');
      return { record: `query:${i}`, expr: plain };
    });
    assert.ok(rules.length > 30);
    const path = join(folder, 'queries.json');
    writeFileSync(path, JSON.stringify({ groups: [{ name: 'queries', rules }] }));
    assert.match(await promtool('check', 'rules', path), new RegExp(`SUCCESS: ${rules.length} rules found`));
  },
  { limitMs: INSTALL_MS },
);

test('rules, stories, dashboard and page speak of metrics that are there, and of labels that they have', () => {
  const named = new Map(namedMetrics().map(({ name, labels }) => [name, labels]));
  const known = (name: string): boolean => named.has(name) || named.has(name.replace(/_(bucket|sum|count)$/, ''));
  const texts = {
    rules: readFileSync(join(FOLDER, 'baton.rules.yaml'), 'utf8'),
    stories: readFileSync(join(FOLDER, 'baton.rules.test.yaml'), 'utf8'),
    dashboard: [...queries(), ...dashboard().templating.list.map(({ definition = '' }) => definition)].join('\n'),
    page: readFileSync(join(FOLDER, 'README.md'), 'utf8'),
  };
  for (const [text, content] of Object.entries(texts)) {
    for (const [name] of content.matchAll(/\bbaton_\w+/g)) assert.ok(known(name), `${text}: there is no ${name}`);
  }
  for (const [, name = '', selector = ''] of texts.dashboard.matchAll(/\b(baton_\w+)\{([^}]*)\}/g)) {
    const labels = named.get(name) ?? named.get(name.replace(/_(bucket|sum|count)$/, '')) ?? [];
    for (const [, label = ''] of selector.matchAll(/(\w+)=/g))
      assert.ok(labels.includes(label), `${name} has no ${label}`);
  }
});

test.run();
