import type { Fence } from '@baton/core';
import type { Address } from '@baton/protocols';
import { byTask, type Recorded } from './recorded.ts';
import { Findings, type Report } from './report.ts';

/**
 * What handlers did, written by the handlers themselves outside of the system: the only witness of what really ran.
 * `at` is monotonic and comparable between processes, milliseconds.
 */
export type Effect = {
  readonly kind: 'start' | 'end';
  readonly at: number;
  readonly address: Address;
  readonly task: string;
  readonly attempt: number;
  readonly fence: Fence;
  readonly worker: string;
};

/** Something that was done to a worker, on the same clock. It may explain that two bodies of one key overlap. */
export type FaultWindow = {
  readonly worker: string;
  /** `kill`: its bodies ended at `from`. */
  readonly kind: 'kill' | 'pause' | 'cut' | 'block' | 'clock';
  readonly from: number;
  readonly to: number;
};

export type EffectsInput = {
  readonly effects: readonly Effect[];
  /** Every record ever stored, of every address. */
  readonly records: readonly Recorded[];
  readonly faults?: readonly FaultWindow[];
};

type Run = { readonly start: Effect; readonly endedAt: number };

/** How long after a fault the body it hit may still be running. */
const AFTERMATH_MS = 1_000;

/** Bodies ran as the records say, and no two of one key at once unless a fault explains it. */
export const checkEffects = ({ effects, records, faults = [] }: EffectsInput): Report => {
  const found = new Findings();
  const tasks = byTask(records);
  const runs = runsOf(found, effects, faults);
  for (const run of runs) checkClaimed(found, run.start, tasks.get(run.start.task) ?? []);
  checkSuccesses(found, runs, tasks);
  checkOverlaps(found, runs, faults);
  return found.report();
};

const runKey = (effect: Pick<Effect, 'task' | 'fence'>): string =>
  `${effect.task} ${effect.fence.epoch}/${effect.fence.revision}`;

const runsOf = (found: Findings, effects: readonly Effect[], faults: readonly FaultWindow[]): readonly Run[] => {
  const starts = new Map<string, Effect>();
  const ends = new Map<string, Effect>();
  for (const effect of effects.toSorted((a, b) => a.at - b.at)) {
    const key = runKey(effect);
    const map = effect.kind === 'start' ? starts : ends;
    found.count(effect.kind === 'start' ? 'starts' : 'ends');
    found.expect(!map.has(key), `one-${effect.kind}`, () => `${key}: a second ${effect.kind}, on ${effect.worker}`);
    if (effect.kind === 'end')
      found.expect(starts.has(key), 'start-before-end', () => `${key}: ended and had not started`);
    if (!map.has(key)) map.set(key, effect);
  }
  return Array.from(starts, ([key, start]) => ({ start, endedAt: ends.get(key)?.at ?? killedAt(start, faults) }));
};

/** A body that never ended runs on, unless its process was killed. */
const killedAt = (start: Effect, faults: readonly FaultWindow[]): number =>
  Math.min(
    Infinity,
    ...faults.filter((f) => f.kind === 'kill' && f.worker === start.worker && f.from >= start.at).map((f) => f.from),
  );

const checkClaimed = (found: Findings, start: Effect, records: readonly Recorded[]): void => {
  const claimed = records.some(
    ({ record: { owner, attempt } }) =>
      owner !== undefined &&
      owner.worker === start.worker &&
      attempt === start.attempt &&
      runKey({ task: start.task, fence: owner.fence }) === runKey(start),
  );
  found.expect(
    claimed,
    'claimed-before-run',
    () => `${runKey(start)}: attempt ${start.attempt} ran on ${start.worker}, which never owned it so`,
  );
};

const checkSuccesses = (
  found: Findings,
  runs: readonly Run[],
  tasks: ReadonlyMap<string, readonly Recorded[]>,
): void => {
  const ran = new Map(runs.map((run) => [runKey(run.start), run.start]));
  for (const [task, records] of tasks) {
    const last = records.at(-1)?.record;
    if (last?.status !== 'success' || last.owner === undefined) continue;
    found.count('successes');
    const start = ran.get(runKey({ task, fence: last.owner.fence }));
    found.expect(
      start?.attempt === last.attempt,
      'success-ran',
      () => `${task}: success of attempt ${last.attempt}, whose body never ran`,
    );
  }
};

const checkOverlaps = (found: Findings, runs: readonly Run[], faults: readonly FaultWindow[]): void => {
  const keys = new Map<Address, Run[]>();
  for (const run of runs) keys.set(run.start.address, [...(keys.get(run.start.address) ?? []), run]);
  for (const ofKey of keys.values()) {
    // In order of their starts; each is compared with every one that had not ended.
    ofKey.forEach((earlier, i) => {
      for (const later of ofKey.slice(i + 1)) {
        if (later.start.at < earlier.endedAt) judgeOverlap(found, earlier, later, faults);
      }
    });
  }
};

const judgeOverlap = (found: Findings, earlier: Run, later: Run, faults: readonly FaultWindow[]): void => {
  const explained = faults.some(
    (fault) =>
      fault.worker === earlier.start.worker &&
      fault.from <= later.start.at &&
      fault.to + AFTERMATH_MS >= earlier.start.at,
  );
  found.count(explained ? 'overlapsExplained' : 'overlaps');
  found.expect(
    explained,
    'no-overlap',
    () =>
      `${later.start.address}: ${runKey(later.start)} began on ${later.start.worker} at ${later.start.at} while ` +
      `${runKey(earlier.start)} ran on ${earlier.start.worker} from ${earlier.start.at} to ${earlier.endedAt}`,
  );
};
