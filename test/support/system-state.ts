import { readFileSync } from 'node:fs';
import { checkConvergence, describeReport, recordedOf, type Effect, type Recorded, type Report } from '@baton/testkit';
import * as assert from 'uvu/assert';
import { eventually } from './eventually.ts';
import { readSystem, type ReadSystem } from './read-system.ts';
import type { System } from './system-fixture.ts';

type Stored = Pick<System, 'ports' | 'mongo'>;

/** Every record in the event log, and every one that is in the bucket now. Fails for what is no record. */
const readRecords = async ({ ports }: Pick<System, 'ports'>, db?: System['mongo']['db']): Promise<ReadSystem> => {
  const { nc, names } = ports.wire;
  const read = await readSystem({ nc, namespace: names.namespace, ...(db === undefined ? {} : { db }) });
  assert.equal(read.unreadable, [], 'unreadable in the log');
  return read;
};

/** Every record in the event log. */
export const readEvents = async (system: Pick<System, 'ports'>): Promise<readonly Recorded[]> =>
  (await readRecords(system)).events;

/**
 * Every record that was ever stored, and whether that is certain. What lasted less than a moment may be missing in the
 * log, and what is repeated to listeners comes at most once; but each write has the next revision, so that a hole shows.
 */
export const readStored = async (
  system: Pick<System, 'ports' | 'heard'>,
): Promise<{ readonly records: readonly Recorded[]; readonly isWhole: boolean }> => {
  const { events, heads, outcomes, epoch } = await readRecords(system);
  const found = new Map<number, Recorded>();
  for (const entry of system.heard) found.set(entry.revision, recordedOf(entry, epoch));
  for (const one of [...events, ...heads]) found.set(one.revision, one);
  const whole = [...found.keys()].toSorted((a, b) => a - b).every((revision, i) => revision === i + 1);
  // What is kept of a task beside its record is a copy, and no step of its life.
  const copies = system.heard.filter(({ outcomeOf }) => outcomeOf !== undefined);
  for (const { revision } of [...copies, ...outcomes]) found.delete(revision);
  const records = [...found.values()].toSorted((a, b) => a.revision - b.revision);
  return { records, isWhole: whole };
};

/** The same for a test that cannot do with less than all. */
export const readAllStored = async (system: Pick<System, 'ports' | 'heard'>): Promise<readonly Recorded[]> => {
  const { records, isWhole } = await readStored(system);
  assert.ok(isWhole, `${records.length} records up to revision ${records.at(-1)?.revision}: some were not heard`);
  return records;
};

/** Waits until bucket, event log and MongoDB tell the same of every task. */
export const converged = async (system: Stored, limitMs = 15_000): Promise<Report> =>
  eventually(
    async () => {
      const report = checkConvergence(await readRecords(system, system.mongo.db));
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
