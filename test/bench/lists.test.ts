// limit: 900s, alone
// Lists of the gateway over many documents: `BATON_BENCH_DOCUMENTS=100000 node test/run.mjs bench/lists` measures; by itself
// it only shows with a few that every query works.
import { writeFileSync } from 'node:fs';
import type { Scope, Status, TaskRecord } from '@baton/core';
import { createTaskViews } from '@baton/mongo';
import { addressOf, documentOf, encodeData } from '@baton/protocols';
import { createRandom } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { ADMIN, openGatewaySystem, type GatewaySystem } from '../support/gateway-fixture.ts';
import { suite } from '../support/suite.ts';

const test = suite('bench: lists of the gateway');

const DOCUMENTS = Number(process.env['BATON_BENCH_DOCUMENTS'] ?? 2_000);
const IS_MEASURED = DOCUMENTS >= 100_000;
const ROUNDS = IS_MEASURED ? 100 : 5;
/** Sorted by anything but creation a list is slow on the local server, and has no bar. */
const SLOW_ROUNDS = 5;
/** The bars of a page: newest first, and any filter. */
const NEWEST_P99_MS = 25;
const FILTER_P99_MS = 100;

const USERS = 200;
const TYPES = 25;
const DAY_MS = 86_400_000;

const random = createRandom(7);
const pick = <T>(values: readonly T[]): T => values[Math.floor(random.next() * values.length)] as T;

const statusAt = (): Status => {
  const n = random.next();
  if (n < 0.02) return 'pending';
  if (n < 0.025) return 'in_progress';
  if (n < 0.93) return 'success';
  return n < 0.97 ? 'failure' : n < 0.99 ? 'aborted' : 'timed_out';
};

/** A task of the last day, made of what a real one has. */
const recordAt = (index: number, now: number): TaskRecord => {
  const createdAt = Math.floor(now - DAY_MS + (index * DAY_MS) / DOCUMENTS);
  const status = statusAt();
  const n = random.next();
  const scope: Scope = n < 0.78 ? 'private' : n < 0.98 ? 'shared' : 'system';
  const creator = `user${Math.floor(random.next() * USERS)}`;
  const hasRun = status !== 'pending';
  const isTerminal = hasRun && status !== 'in_progress';
  const others = scope === 'shared' ? [{ user: `user${Math.floor(random.next() * USERS)}`, at: createdAt + 5 }] : [];
  return {
    v: 1,
    id: idAt(createdAt, index),
    type: `job.type${Math.floor(random.next() * TYPES)}`,
    key: `key-${index}`,
    name: `${pick(['Report', 'Export', 'Import', 'Model run'])} ${index} of ${pick(['sales', 'stock', 'people'])}`,
    scope,
    creator,
    args: encodeData([index, { from: '2026-01-01', to: '2026-02-01' }]),
    queue: pick(['default', 'reports']),
    priority: 'normal',
    mode: 'async',
    policy: { timeoutMs: 300_000, maxAttempts: 3 },
    status,
    subscribers: [{ user: creator, at: createdAt }, ...others.filter(({ user }) => user !== creator)],
    createdAt,
    changedAt: createdAt + 2_000,
    attempt: hasRun ? 1 : 0,
    ...(hasRun
      ? { startedAt: createdAt + 100, progress: { current: 40, total: 100 }, payload: encodeData({ last: index }) }
      : {}),
    ...(isTerminal ? { endedAt: createdAt + 2_000, result: encodeData({ rows: index }) } : {}),
    history: [{ status: 'pending', at: createdAt, by: `user:${creator}`, attempt: 0 }],
  };
};

const idAt = (ms: number, index: number): string => {
  const time = ms.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${index.toString(16).padStart(12, '0')}`;
};

const fill = async ({ mongo, ports }: GatewaySystem): Promise<void> => {
  const views = createTaskViews(mongo);
  const now = Date.now();
  for (let from = 0; from < DOCUMENTS; from += 500) {
    const documents = Array.from({ length: Math.min(500, DOCUMENTS - from) }, (_, i) => {
      const record = recordAt(from + i, now);
      const address = addressOf({
        scope: record.scope,
        type: record.type,
        key: record.key,
        user: record.creator ?? '',
      });
      return documentOf(record, { address, epoch: ports.store.epoch, revision: from + i + 1 });
    });
    await views.project(documents, new Set(documents.map(({ _id }) => _id)));
  }
};

const someone = (): string => `user${Math.floor(random.next() * USERS)}`;
const someType = (): string => `job.type${Math.floor(random.next() * TYPES)}`;

/** Everything the page asks for, with what it may take at p99. */
const QUERIES: readonly (readonly [name: string, url: () => string, as: () => string, barMs: number | undefined])[] = [
  ['newest first, admin', () => '', () => ADMIN, NEWEST_P99_MS],
  ['newest first, one user', () => '', someone, FILTER_P99_MS],
  ['status success, admin', () => 'status=success', () => ADMIN, FILTER_P99_MS],
  ['status pending, admin', () => 'status=pending', () => ADMIN, FILTER_P99_MS],
  ['status in_progress,aborting, admin', () => 'status=in_progress,aborting', () => ADMIN, FILTER_P99_MS],
  ['status failure, one user', () => 'status=failure', someone, FILTER_P99_MS],
  ['type, admin', () => `type=${someType()}`, () => ADMIN, FILTER_P99_MS],
  ['type, one user', () => `type=${someType()}`, someone, FILTER_P99_MS],
  ['scope system, admin', () => 'scope=system', () => ADMIN, FILTER_P99_MS],
  ['created by, admin', () => `created_by=${someone()}`, () => ADMIN, FILTER_P99_MS],
  ['common text, admin', () => 'text=report', () => ADMIN, FILTER_P99_MS],
  ['rare text, admin', () => `text=Export ${Math.floor(random.next() * DOCUMENTS)} of`, () => ADMIN, FILTER_P99_MS],
  ['text, one user', () => 'text=sales', someone, FILTER_P99_MS],
  ['by end, admin', () => 'order_by=ended_at', () => ADMIN, undefined],
  ['by end, one user', () => 'order_by=ended_at', someone, undefined],
];

const measured = async (ask: () => Promise<number>, rounds = ROUNDS): Promise<readonly number[]> => {
  const times: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    assert.is(await ask(), 200);
    times.push(performance.now() - began);
  }
  return times.toSorted((a, b) => a - b);
};

type Row = { readonly name: string; readonly p50Ms: number; readonly p99Ms: number; readonly barMs: number | null };

/** Beside the other benchmark's figures: a test that passes shows nothing. */
const keep = (figures: object): void =>
  writeFileSync('test/bench/results/lists.json', `${JSON.stringify(figures, null, 2)}\n`);

const rounded = (ms: number): number => Math.round(ms * 10) / 10;

const at = (times: readonly number[], share: number): number =>
  times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
const shown = (name: string, times: readonly number[], bar: number | undefined): string =>
  `${name.padEnd(38)} p50 ${at(times, 0.5).toFixed(1).padStart(7)} ms   p99 ${at(times, 0.99).toFixed(1).padStart(7)} ms   bar ${bar ?? '-'}`;

test(
  `every list of the page over ${DOCUMENTS} documents`,
  async (context) => {
    const system = await openGatewaySystem(context);
    await fill(system);
    const late: string[] = [];
    const rows: Row[] = [];
    for (const [name, url, as, bar] of QUERIES) {
      const ask = async (): Promise<number> =>
        (await system.call('GET', `/api/v1/task/?${encodeURI(url())}`, { as: as() })).status;
      await ask();
      const times = await measured(ask, bar === undefined ? SLOW_ROUNDS : ROUNDS);
      console.log(shown(name, times, bar));
      rows.push({ name, p50Ms: rounded(at(times, 0.5)), p99Ms: rounded(at(times, 0.99)), barMs: bar ?? null });
      if (bar !== undefined && at(times, 0.99) > bar) late.push(name);
    }
    const overview = async (): Promise<number> =>
      (await system.call('GET', '/api/v1/overview?window=24h', { as: ADMIN })).status;
    const began = performance.now();
    await overview();
    const overviewMs = Math.round(performance.now() - began);
    console.log(`overview of a day, not kept: ${overviewMs} ms`);
    console.log(shown('overview, kept', await measured(overview), undefined));
    if (IS_MEASURED) keep({ documents: DOCUMENTS, rounds: ROUNDS, rows, overviewMs, overBar: late });
  },
  { limitMs: 800_000 },
);

test.run();
