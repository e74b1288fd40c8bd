import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { connectMongo, createTaskViews } from '@baton/mongo';
import { connectPorts, type NatsPorts } from '@baton/nats';
import { readRecord } from '@baton/protocols';
import { createKernel, createLog, readSettings, startService } from '@baton/runtime';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { projectorService } from '../../services/projector/src/service.ts';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { startNatsCluster, type NatsCluster } from './nats-cluster.ts';
import { databaseUrl } from './system-fixture.ts';
import { liveOnce } from './task-lives.ts';
import type { TestContext } from './test-body.ts';

export type FailureRun = {
  /** How often one of the three servers is killed, one after the other. */
  readonly kills: number;
  readonly everyMs: number;
  readonly downMs: number;
};

export type FailureReport = {
  readonly tasks: number;
  /** Longest time from the end of a task until its outcome was there, milliseconds. */
  readonly documentsMs: number;
  readonly logMs: number;
  /** Longest time nothing new was in the documents, and in the log, while tasks ended. */
  readonly reportedMs: number;
};

type Ended = { readonly id: string; readonly at: number };

/**
 * Tasks begin and end on a cluster of three, whose servers are killed in turn, under two projectors: how late documents
 * and event log are at most. Fails when something is missing at the end.
 */
export const runOnFailingCluster = async (
  { defer }: Pick<TestContext, 'defer'>,
  mongoBase: string,
  run: FailureRun,
): Promise<FailureReport> => {
  const cluster = await startNatsCluster({ defer });
  const namespace = `F${randomUUID().slice(0, 8).toUpperCase()}`;
  const url = databaseUrl(mongoBase, `cluster-${namespace.toLowerCase()}`);
  const ports = await connectPorts({ servers: cluster.urls, namespace, replicas: 3 });
  defer(() => ports.close());
  const mongo = await connectMongo({ url });
  defer(() => mongo.close());
  defer(() => mongo.db.dropDatabase());
  await createTaskViews(mongo).ensureIndexes();
  for (let i = 0; i < 2; i++) {
    const settings = readSettings({
      NATS_URL: cluster.urls.join(','),
      MONGODB_URL: url,
      BATON_NAMESPACE: namespace,
      BATON_REPLICAS: '3',
    });
    const service = startService('projector', projectorService, { settings, log: createLog({ level: 'error' }) });
    defer(() => service.stop('the test is over'));
  }
  const shown = new Map<string, number>();
  const ended: Ended[] = [];
  const stopping = new AbortController();
  const works = [
    makeTasks(ports, ended, stopping.signal),
    watchDocuments(mongo.db.collection<{ _id: string }>('tasks'), shown, stopping.signal),
    watchLag(ports, stopping.signal),
  ] as const;
  // Everything runs before the first server goes.
  await eventually(() => assert.ok(shown.size > 10), { limitMs: 30_000 });
  await killInTurn(cluster, run);
  stopping.abort();
  const [, , reportedMs] = await Promise.all(works);
  const logged = await eventually(
    async () => {
      for (const { _id } of await mongo.db.collection<{ _id: string }>('tasks').find({ terminal: true }).toArray()) {
        if (!shown.has(_id)) shown.set(_id, Date.now());
      }
      const there = await readOutcomes(ports);
      const missing = ended.filter(({ id }) => !there.has(id) || !shown.has(id));
      assert.is(missing.length, 0, `${missing.length} of ${ended.length} are missing`);
      return there;
    },
    { limitMs: 60_000, everyMs: 500 },
  );
  const latest = (seen: ReadonlyMap<string, number>): number =>
    Math.max(...ended.map(({ id, at }) => (seen.get(id) ?? Infinity) - at));
  return { tasks: ended.length, documentsMs: latest(shown), logMs: latest(logged), reportedMs };
};

const killInTurn = async (cluster: NatsCluster, { kills, everyMs, downMs }: FailureRun): Promise<void> => {
  for (let i = 0; i < kills; i++) {
    await cluster.kill(i);
    await pause(downMs);
    await cluster.restart(i);
    await pause(everyMs - downMs);
  }
};

/** Tasks that begin and end, some sixty writes a second. What the store refuses meanwhile is another row's. */
const makeTasks = async (ports: NatsPorts, ended: Ended[], signal: AbortSignal): Promise<void> => {
  const kernel = createKernel(ports);
  let count = 0;
  const hand = async (): Promise<void> => {
    while (!signal.aborted) {
      const id = await liveOnce(kernel, ports, `k${count++}`);
      if (id !== undefined) ended.push({ id, at: Date.now() });
      await pause(150);
    }
  };
  await Promise.all(Array.from({ length: 4 }, hand));
};

type Documents = { find(filter: object): { toArray(): Promise<readonly { readonly _id: string }[]> } };

/** When each outcome was seen among the documents first. */
const watchDocuments = async (tasks: Documents, shown: Map<string, number>, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    for (const { _id } of await tasks.find({ terminal: true }).toArray()) {
      if (!shown.has(_id)) shown.set(_id, Date.now());
    }
    await pause(200);
  }
};

/** The longest lag that the bucket itself told of. */
const watchLag = async (ports: NatsPorts, signal: AbortSignal): Promise<number> => {
  let longest = 0;
  while (!signal.aborted) {
    for (const name of ['documents', 'log']) {
      const progress = await ports.projections.progress(name).catch(() => undefined);
      if (progress?.oldestAt !== undefined) longest = Math.max(longest, Date.now() - progress.oldestAt);
    }
    await pause(500);
  }
  return longest;
};

/** When each outcome was stored in the event log first, by the server's clock, which is this machine's. */
const readOutcomes = async ({ wire: { nc, names } }: NatsPorts): Promise<ReadonlyMap<string, number>> => {
  const outcomes = new Map<string, number>();
  const { state } = await (await jetstreamManager(nc)).streams.info(names.eventsStream);
  if (state.messages === 0) return outcomes;
  const reading = await (await jetstream(nc).consumers.get(names.eventsStream)).consume();
  for await (const message of reading) {
    const read = readRecord(message.data);
    const { id } = read.kind === 'record' && read.record.status === 'success' ? read.record : { id: '' };
    if (id !== '' && !outcomes.has(id)) outcomes.set(id, message.time.getTime());
    if (message.seq >= state.last_seq || message.info.pending === 0) break;
  }
  await reading.close();
  return outcomes;
};
