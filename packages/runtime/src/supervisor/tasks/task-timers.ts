import { backoffDelayMs, readyAtOf, successorsOf, type Backoff, type TaskRecord } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Chance, Clock } from '../../ports/environment.ts';
import type { Signals } from '../../ports/signals.ts';
import type { Action, ActionOutcome } from './action-runner.ts';
import { dutiesOf, holderOf, isSameRun, laneOf, type Duties } from './duties.ts';
import { actFor, nextMoment, planFor } from './plan.ts';
import type { Life, Marks, Sight, TaskIndex, TaskTimer, Watched } from './task-index.ts';
import { TimerHeap } from './timer-heap.ts';
import type { SupervisorTimings } from '../timings.ts';
import { WorkerClocks } from './worker-clocks.ts';

/**
 * Pauses between tries of an action that comes to nothing: short, so that nothing is late when an outage is over, and longer
 * where many are tried, so that all of them together are a load that a store which comes back can bear.
 */
const AGAIN = { initialMs: 1_000, factor: 2, jitter: 0.5 };
const AGAIN_MOST_MS = [5_000, 30_000] as const;
const AGAIN_EACH_MS = 2;

/** And between looks for somebody who could do it. */
const LATER = { initialMs: 1_000, factor: 2, maxMs: 30_000, jitter: 0.5 };

/** The wall clock was set when it moved against the monotonic one by more than this. */
const CLOCK_STEP_MS = 250;

export type TaskTimersOptions = {
  readonly index: TaskIndex;
  readonly clock: Clock;
  readonly chance: Chance;
  readonly signals: Signals;
  readonly timings: SupervisorTimings;
  readonly ask: (watched: Watched, action: Action) => void;
  readonly isDead: (holder: string) => boolean;
  /** The holder owns something, so it has to be alive or to be found dead. `begins`: it has just taken it. */
  readonly expect: (holder: string, begins: boolean) => void;
};

/** Sees to it that every task is looked at when its time has come, and decides what is done then. */
export class TaskTimers {
  private readonly options: TaskTimersOptions;
  private readonly heap = new TimerHeap<TaskTimer>();
  private readonly clocks = new WorkerClocks();
  /** Whose last action came to nothing. */
  private readonly failing = new Set<Watched>();
  private alarm: { readonly cancel: () => void; readonly at: number } | undefined;
  private wallOffset: number;
  private stopped = false;

  constructor(options: TaskTimersOptions) {
    this.options = options;
    this.wallOffset = options.clock.now() - options.clock.monotonic();
  }

  get timers(): number {
    return this.heap.size;
  }

  /** A record was seen. Undefined when it asks for nothing. */
  seen(address: Address, sight: Sight, record: TaskRecord): Watched | undefined {
    const { index, timings } = this.options;
    const known = index.get(address);
    if (known !== undefined && index.confirm(address, sight.revision, sight.generation)) return known;
    const former = known === undefined ? undefined : { duties: known.duties, limitAt: known.timer?.limitAt };
    if (this.clocks.isWaiting && sight.live) this.learnClock(record, sight);
    const duties = startable(dutiesOf(record), sight.wall);
    const watched = index.apply(address, sight, duties, lifeOf(record));
    if (watched === undefined || duties === undefined) return undefined;
    this.failing.delete(watched);
    index.name(
      watched,
      record.id,
      successorsOf(record).map(({ spec }) => spec.id),
    );
    const plan = planFor(duties, sight, former, timings);
    if (plan === undefined) this.release(watched);
    else this.schedule(watched, plan.dueAt, plan.limitAt, 'expiresAt' in duties ? duties.expiresAt : undefined);
    if (former === undefined && !sight.live) this.unwitnessed(watched, sight);
    this.minder(watched, sight.live && duties.stage === 'running' && !isSameRun(former?.duties, duties));
    return watched;
  }

  /** The task is not watched any more. */
  release(watched: Watched): void {
    this.failing.delete(watched);
    if (watched.timer !== undefined) this.heap.remove(watched.timer);
    watched.timer = undefined;
  }

  /** Everything that `holder` had is looked at: it is dead. */
  holderDied(holder: string): number {
    const tasks = [...this.options.index.held(holder)];
    for (const watched of tasks) this.attend(watched);
    this.clocks.forget(holder);
    return tasks.length;
  }

  /** An action is over. What it was asked for may still be there, or something new. */
  acted(watched: Watched, outcome: ActionOutcome, revision: number): void {
    if (this.options.index.get(watched.address) !== watched) return;
    this.failing.delete(watched);
    if (outcome === 'later') return this.again(watched, LATER);
    if (outcome === 'again' || watched.revision === revision) return this.again(watched, this.fail(watched));
    // Who had it meanwhile may have died, when it could not be asked for.
    const holder = holderOf(watched.duties);
    const isOrphan = holder !== undefined && this.options.isDead(holder);
    if (isOrphan || watched.timer === undefined || watched.timer.heapAt < 0) this.attend(watched);
  }

  /** The server's wall clock may have been set, or be known better. Called often. */
  checkWallClock(): void {
    const { clock, index } = this.options;
    const offset = clock.now() - clock.monotonic();
    if (Math.abs(offset - this.wallOffset) < CLOCK_STEP_MS) return;
    this.wallOffset = offset;
    this.clocks.clear();
    for (const watched of index.all()) {
      if (!watched.busy) this.scheduleNext(watched);
    }
  }

  stop(): void {
    this.stopped = true;
    this.alarm?.cancel();
    this.alarm = undefined;
  }

  private attend(watched: Watched): void {
    const { clock, isDead, ask, signals, timings } = this.options;
    const now = clock.monotonic();
    const { duties } = watched;
    const holder = holderOf(duties);
    const action = actFor(watched, now, holder !== undefined && isDead(holder));
    if (action !== undefined && action !== 'poke') return ask(watched, action);
    if (duties.stage === 'waiting' || duties.stage === 'blocked') return this.expireWhenDue(watched);
    if (duties.stage === 'delayed') return this.startWhenDue(watched, duties);
    if (duties.stage === 'running') return this.awaitTimeout(watched, duties.timeoutMs);
    if (duties.stage === 'finishing')
      return this.awaitTimeout(watched, duties.notStopping ? undefined : duties.graceMs);
    if (duties.stage !== 'aborting') return;
    const limitAt = watched.timer?.limitAt ?? now + duties.graceMs;
    if (action === 'poke') signals.poke(duties.holder, watched.address);
    if (duties.observed && duties.notStopping) return;
    const pokeAt = duties.observed ? limitAt : now + (duties.notStopping ? timings.pokeSlowlyMs : timings.pokeMs);
    this.schedule(watched, duties.notStopping ? pokeAt : Math.min(pokeAt, limitAt), limitAt);
  }

  private minder(watched: Watched, begins: boolean): void {
    const holder = holderOf(watched.duties);
    if (holder === undefined) return;
    this.options.expect(holder, begins);
    if (this.options.isDead(holder)) this.options.ask(watched, 'rescue');
  }

  private unwitnessed(watched: Watched, sight: Sight): void {
    const { duties } = watched;
    if (duties.stage !== 'running' || duties.timeoutMs === undefined) return;
    const timeoutMs = duties.timeoutMs + this.options.timings.timeoutGraceMs;
    this.clocks.add(duties.holder, { watched, startedAt: duties.startedAt, seenAt: sight.at, timeoutMs });
  }

  private learnClock(record: TaskRecord, sight: Sight): void {
    const { owner, startedAt } = record;
    // Only a claim was written by the worker for certain: a progress may have been covered by somebody who joined.
    if (record.status !== 'in_progress' || owner === undefined || startedAt !== record.changedAt) return;
    this.checkWallClock();
    // Its clock was set, and ours is not yet: it would show more time than has passed.
    if (startedAt > sight.wall + CLOCK_STEP_MS) return;
    this.clocks.claimed(owner.worker, startedAt, sight.at, (watched, limitAt) =>
      this.schedule(watched, limitAt, limitAt),
    );
  }

  private fail(watched: Watched): Backoff {
    this.failing.add(watched);
    const [least, most] = AGAIN_MOST_MS;
    return { ...AGAIN, maxMs: Math.min(most, Math.max(least, this.failing.size * AGAIN_EACH_MS)) };
  }

  private again(watched: Watched, pauses: Backoff): void {
    watched.failures++;
    const { clock, chance } = this.options;
    const dueAt = clock.monotonic() + backoffDelayMs(pauses, watched.failures, chance.random());
    this.schedule(watched, dueAt, watched.timer?.limitAt ?? dueAt);
  }

  /** Looked at for another reason than its timeout, which may come yet. */
  private awaitTimeout(watched: Watched, timeoutMs: number | undefined): void {
    const limitAt = watched.timer?.limitAt;
    if (timeoutMs === undefined || limitAt === undefined) return this.release(watched);
    this.schedule(watched, limitAt, limitAt);
  }

  /** The server's clock is the one that counts, and it is not a timer: at the time it may still be a moment early. */
  private startWhenDue(watched: Watched, duties: Extract<Duties, { stage: 'delayed' }>): void {
    const { clock, index, ask } = this.options;
    const now = clock.now();
    const { runAt, expiresAt, lane } = duties;
    if (expiresAt !== undefined && now >= expiresAt) return ask(watched, 'expire');
    if (now < runAt) return this.scheduleNext(watched);
    this.release(watched);
    index.startNow(watched, lane);
    if (expiresAt !== undefined) this.scheduleAt(watched, expiresAt, expiresAt);
  }

  /** Only what is to be started in time is looked at while it waits (behaviour Q11). */
  private expireWhenDue(watched: Watched): void {
    const expiresAt = watched.timer?.expiresAt;
    if (expiresAt === undefined) return this.release(watched);
    if (this.options.clock.now() >= expiresAt) this.options.ask(watched, 'expire');
    else this.scheduleNext(watched);
  }

  /** One that has not begun, by what its clock says now. */
  private scheduleNext(watched: Watched): void {
    const { duties, timer } = watched;
    if (duties.stage !== 'delayed' && duties.stage !== 'waiting' && duties.stage !== 'blocked') return;
    const expiresAt = duties.stage === 'delayed' ? duties.expiresAt : timer?.expiresAt;
    const at = duties.stage === 'delayed' ? nextMoment(duties) : expiresAt;
    if (at !== undefined) this.scheduleAt(watched, at, expiresAt);
  }

  private scheduleAt(watched: Watched, at: number, expiresAt: number | undefined): void {
    const { clock } = this.options;
    const limitAt = clock.monotonic() + Math.max(1, at - clock.now());
    this.schedule(watched, limitAt, limitAt, expiresAt);
  }

  private schedule(watched: Watched, dueAt: number, limitAt: number, expiresAt = watched.timer?.expiresAt): void {
    watched.timer ??= { watched, dueAt, heapAt: -1, limitAt };
    watched.timer.limitAt = limitAt;
    if (expiresAt === undefined) delete watched.timer.expiresAt;
    else watched.timer.expiresAt = expiresAt;
    this.heap.set(watched.timer, dueAt);
    this.arm();
  }

  /** One timer of the clock for all of them, set anew only when something is due earlier than it. */
  private arm(): void {
    const first = this.heap.earliest;
    if (this.stopped || first === undefined || (this.alarm !== undefined && this.alarm.at <= first.dueAt)) return;
    this.alarm?.cancel();
    const { clock } = this.options;
    const { cancel } = clock.after(first.dueAt - clock.monotonic(), () => this.ring());
    this.alarm = { cancel, at: first.dueAt };
  }

  private ring(): void {
    this.alarm = undefined;
    const now = this.options.clock.monotonic();
    for (let timer = this.heap.takeDue(now); timer !== undefined; timer = this.heap.takeDue(now))
      this.attend(timer.watched);
    this.arm();
  }
}

/** By assignment, as in `queuedTask`: it is made of every record that is decoded. */
const lifeOf = (record: TaskRecord): Life => {
  const { id, history, historyDropped = 0, status, host, group, limitKey, units } = record;
  const transitions = history.length + historyDropped;
  const life: { -readonly [K in keyof Life]: Life[K] } = { id, transitions, since: readyAtOf(record) };
  if ((status === 'in_progress' || status === 'aborting') && host === undefined) life.slot = laneOf(record);
  if (group !== undefined || limitKey !== undefined || units !== undefined) life.marks = marksOf(record);
  return life;
};

const marksOf = ({ group, limitKey, units, attempt }: TaskRecord): Marks => {
  const marks: { -readonly [K in keyof Marks]: Marks[K] } = {};
  if (group !== undefined) marks.group = group;
  if (limitKey !== undefined) marks.limitKey = limitKey;
  if (units !== undefined) marks.units = units;
  if (attempt > 0 && (group !== undefined || limitKey !== undefined)) marks.begun = true;
  return marks;
};

/** A delayed task whose time has come waits like any other. */
const startable = (duties: Duties | undefined, now: number): Duties | undefined =>
  duties?.stage === 'delayed' && duties.runAt <= now ? waitingOf(duties) : duties;

const waitingOf = ({ lane, expiresAt }: Extract<Duties, { stage: 'delayed' }>): Duties =>
  expiresAt === undefined ? { stage: 'waiting', lane } : { stage: 'waiting', lane, expiresAt };
