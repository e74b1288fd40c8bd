import { readFileSync } from 'node:fs';
import { allPartitions } from '@baton/protocols';
import type { Entry } from '@baton/runtime';
import {
  checkConvergence,
  describeReport,
  recordedOf,
  type Effect,
  type ReadDocument,
  type Recorded,
  type Report,
} from '@baton/testkit';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import type { System } from './system-fixture.ts';

type Stored = Pick<System, 'ports' | 'mongo'>;

let readers = 0;

/** The record of every actor that is in the bucket now. */
export const readHeads = async ({ ports }: Pick<System, 'ports'>): Promise<readonly Recorded[]> => {
  const heads = new Map<string, Entry>();
  await new Promise<void>((resolve, reject) => {
    const followed = ports.feed.follow(allPartitions(), {
      entry: (entry) => void heads.set(entry.address, entry),
      caughtUp: () => void followed.then((subscription) => subscription.close()).then(resolve, reject),
      lost: reject,
    });
    followed.catch(reject);
  });
  return [...heads.values()].map((entry) => recordedOf(entry, ports.store.epoch));
};

/** Every record in the event log. */
export const readEvents = async ({ ports }: Pick<System, 'ports'>): Promise<readonly Recorded[]> => {
  const name = `look-${process.pid}-${readers++}`;
  const reader = await ports.log.reader(name);
  const events: Recorded[] = [];
  try {
    for (;;) {
      const batch = await reader.next(2_000, 500);
      if (batch.unreadable.length > 0) throw new Error(`unreadable in the log: ${batch.unreadable[0]?.reason}`);
      for (const entry of batch.entries) events.push(recordedOf(entry, ports.store.epoch));
      await batch.ack();
      if (batch.pending === 0) return events;
    }
  } finally {
    await reader.close();
    await ports.wire.api.call(`CONSUMER.DELETE.${ports.wire.names.eventsStream}.${name}`);
  }
};

/** The records one task had, in the order of storing. */
export const readLife = async (system: Pick<System, 'ports'>, task: string): Promise<readonly Recorded[]> => {
  const found = new Map<number, Recorded>();
  for (const one of await readEvents(system)) if (one.record.id === task) found.set(one.revision, one);
  return [...found.values()].toSorted((a, b) => a.revision - b.revision);
};

export const readDocuments = async ({ mongo }: Pick<System, 'mongo'>): Promise<readonly ReadDocument[]> =>
  mongo.db.collection<ReadDocument>('tasks').find({}).toArray() as Promise<ReadDocument[]>;

/** Waits until bucket, event log and MongoDB tell the same of every task. */
export const converged = async (system: Stored, limitMs = 15_000): Promise<Report> =>
  eventually(
    async () => {
      const documents = await readDocuments(system);
      const [heads, events] = [await readHeads(system), await readEvents(system)];
      const report = checkConvergence({ heads, events, documents });
      assert.ok(report.ok, describeReport(report));
      return report;
    },
    { limitMs, everyMs: 250 },
  );

/** What a handler of `fixture-tasks.ts` wrote: an effect without the worker, which a handler does not know. */
export type Witnessed = Omit<Effect, 'worker'> & { readonly pid: number };

export const readWitnessed = (path: string): readonly Witnessed[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Witnessed);

/** Effects with the worker that owned the task under the handler's fence; `nobody` where no record says so. */
export const effectsOf = (witnessed: readonly Witnessed[], records: readonly Recorded[]): readonly Effect[] => {
  const owners = new Map<string, string>();
  for (const { record } of records) {
    if (record.owner !== undefined) owners.set(runOf(record.id, record.owner.fence), record.owner.worker);
  }
  return witnessed.map((one) => ({ ...one, worker: owners.get(runOf(one.task, one.fence)) ?? 'nobody' }));
};

const runOf = (task: string, fence: Effect['fence']): string => `${task} ${fence.epoch}/${fence.revision}`;
