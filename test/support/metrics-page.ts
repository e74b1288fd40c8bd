import { readFileSync } from 'node:fs';
import { eventually } from './eventually.ts';
import type { SystemProcess } from './system-process.ts';

/** A page in Prometheus' text format, read by its grammar and not by our writer's. */
export type MetricsText = {
  /** Families by name: `counter`, `gauge`, `histogram`. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly MetricSample[];
};

export type MetricSample = {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/g;

/** Throws for a line that is none of the format, and for a series that is there twice. */
export const readMetrics = (text: string): MetricsText => {
  const types = new Map<string, string>();
  const samples: MetricSample[] = [];
  const seen = new Set<string>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (type !== null) types.set(type[1] ?? '', type[2] ?? '');
    if (line === '' || line.startsWith('#')) continue;
    const [, name = '', labelText = '', value = ''] = SAMPLE.exec(line) ?? [];
    if (name === '') throw new Error(`not a sample: ${line}`);
    const labels = Object.fromEntries([...labelText.matchAll(LABEL)].map(([, key = '', text = '']) => [key, text]));
    const series = `${name} ${Object.entries(labels).map(String).toSorted().join()}`;
    if (seen.has(series)) throw new Error(`twice: ${line}`);
    seen.add(series);
    samples.push({ name, labels, value: value === 'Nan' ? Number.NaN : Number(value) });
  }
  return { types, samples };
};

/** The sum of all samples of that name which have these labels. */
export const sumOf = (
  pages: readonly MetricsText[],
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number =>
  pages
    .flatMap(({ samples }) => samples)
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);

/** Where a service tells its health and metrics, as it says in its log. */
export const metricsUrlOf = async (process: SystemProcess): Promise<string> => {
  const said = await eventually(() => {
    const found = [...process.output.matchAll(/"url":"([^"]+)","msg":"health and metrics"/g)].at(-1);
    if (found?.[1] === undefined) throw new Error(`${process.name} has not said where its metrics are`);
    return found[1];
  });
  return said;
};

export const scrape = async (url: string): Promise<MetricsText> => {
  const answer = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(5_000) });
  if (answer.status !== 200) throw new Error(`${url}/metrics answers ${answer.status}`);
  return readMetrics(await answer.text());
};

/** One line of the table of names in `deploy/metrics/README.md`. */
export type NamedMetric = { readonly name: string; readonly labels: readonly string[]; readonly services: string };

export const namedMetrics = (): readonly NamedMetric[] =>
  readFileSync('deploy/metrics/README.md', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, name, labels = '', services = ''] = /^\| `(baton_\w+)` +\| (.*?) *\| ([swpg ]+?) *\|/.exec(line) ?? [];
      if (name === undefined) return [];
      return [{ name, labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label), services }];
    });
