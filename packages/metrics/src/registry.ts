import type { HistogramCounts } from '@baton/runtime';
import { collectDefaultMetrics, Registry, type Metric } from 'prom-client';
import { METRICS, type MetricName } from './names.ts';

export type Labels = Readonly<Record<string, string>>;

/** Where a source tells what it counted; every pair of name and labels at most once. */
export type Readings = {
  readonly value: (name: MetricName, value: number, labels?: Labels) => void;
  readonly histogram: (name: MetricName, counts: HistogramCounts, labels?: Labels) => void;
};

/** Something that counts in plain numbers, and is asked for them when somebody scrapes. */
export type MetricSource = {
  readonly names: readonly MetricName[];
  readonly read: (readings: Readings) => void | Promise<void>;
};

type Sample = { readonly value: number; readonly labels: Labels; readonly metricName?: string };

/** What prom-client asks of a metric when it writes the page. Its own kinds count by themselves, which costs on every event. */
class Family {
  readonly name: MetricName;
  samples: Sample[] = [];

  constructor(name: MetricName) {
    this.name = name;
  }

  async get() {
    const { help, type } = METRICS[this.name];
    return { name: this.name, help, type, values: this.samples, aggregator: 'sum' };
  }
}

/** The metrics of one process: sources of ours, and whatever else is registered with `registry`. */
export class MetricsPage {
  readonly registry = new Registry();
  private readonly sources: MetricSource[] = [];
  private readonly families = new Map<MetricName, Family>();
  private scraping: Promise<string> | undefined;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  add(source: MetricSource): void {
    this.sources.push(source);
    for (const name of source.names) {
      if (this.families.has(name)) continue;
      const family = new Family(name);
      this.families.set(name, family);
      this.registry.registerMetric(family as unknown as Metric);
    }
  }

  /** The page. Who asks while one is being written is given that one. */
  text(): Promise<string> {
    this.scraping ??= this.scrape().finally(() => {
      this.scraping = undefined;
    });
    return this.scraping;
  }

  private async scrape(): Promise<string> {
    for (const family of this.families.values()) family.samples = [];
    const readings: Readings = {
      value: (name, value, labels = {}) => this.familyOf(name).samples.push({ value, labels }),
      histogram: (name, counts, labels = {}) => this.familyOf(name).samples.push(...samplesOf(name, counts, labels)),
    };
    for (const source of this.sources) await source.read(readings);
    return this.registry.metrics();
  }

  private familyOf(name: MetricName): Family {
    const family = this.families.get(name);
    if (family === undefined) throw new Error(`a source tells ${name} and has not said so`);
    return family;
  }
}

/** As Prometheus has them: every bucket with all that is below it. */
const samplesOf = (name: MetricName, { bounds, counts, sum }: HistogramCounts, labels: Labels): readonly Sample[] => {
  let count = 0;
  const buckets = counts.map((one, i): Sample => {
    count += one;
    const le = i < bounds.length ? String(bounds[i]) : '+Inf';
    return { metricName: `${name}_bucket`, labels: { ...labels, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels, value: sum },
    { metricName: `${name}_count`, labels, value: count },
  ];
};
