import { hostname } from 'node:os';
import type { TaskRecord } from '@baton/core';
import { allPartitions, partitionOfAddress, type Address } from '@baton/protocols';
import { CommandDesk } from '../commands/command-desk.ts';
import { Catalogue } from '../definitions/catalogue.ts';
import { DefinitionKeeper } from '../definitions/keeper.ts';
import { MissingPeers } from '../dispatch/missing-peers.ts';
import { QueueHost } from '../dispatch/queue-host.ts';
import { ownedBy } from '../dispatch/rendezvous.ts';
import { createKernel, type Kernel } from '../kernel.ts';
import { SettingsBook } from '../queues/settings-book.ts';
import type { Log } from '../log.ts';
import type { Lease, Ports, Subscription } from '../ports.ts';
import { Acts } from './acts.ts';
import { Attendant } from './attendant.ts';
import { Desk, type DeskOptions } from './desk.ts';
import { FullRecords } from './full-records.ts';
import { Intake } from './intake.ts';
import { NodesWatch } from './nodes-watch.ts';
import { Reconciler } from './reconciler.ts';
import { RecordWatch } from './record-watch.ts';
import { reportOf, vouchOf, type SupervisorReport } from './queue-depths.ts';
import { allReady, allRunning, queuedTask, runningTask } from './queued-tasks.ts';
import { RoomWatch } from './room-watch.ts';
import { SaidOnce } from './said-once.ts';
import type { Supervisor, SupervisorOptions, SupervisorStats, WaitingLane } from './supervisor-types.ts';
import { TaskActs } from './task-acts.ts';
import { TaskIndex, type Sight } from './task-index.ts';
import { SUPERVISOR_TIMINGS, type SupervisorTimings } from './timings.ts';
import { UnreadableRecords } from './unreadable-records.ts';
import { UnservedLanes } from './unserved-lanes.ts';
import { ScheduleHost } from '../schedules/schedule-host.ts';
import { within } from '../within.ts';
import { WorkDesk } from '../work/work-desk.ts';

export const createSupervisor = (ports: Ports, options: SupervisorOptions): Supervisor => {
  const actor = new Actor(ports, options);
  return {
    id: options.id,
    start: () => actor.start(),
    stop: () => actor.stop(),
    stats: () => actor.stats(),
    waiting: () => actor.waiting(),
    report: () => actor.report(),
  };
};

class Actor {
  private readonly ports: Ports;
  private readonly id: string;
  private readonly log: Log;
  private readonly timings: SupervisorTimings;
  private readonly index: TaskIndex;
  private readonly intake: Intake;
  private readonly acts: Acts;
  private readonly attendant: Attendant;
  private readonly records: RecordWatch;
  private readonly nodes: NodesWatch;
  private readonly queues: QueueHost;
  private readonly book: SettingsBook;
  private readonly missing: MissingPeers;
  private readonly reconciler: Reconciler;
  private readonly unserved: UnservedLanes;
  private readonly room: RoomWatch;
  private readonly full: FullRecords;
  private readonly commands: CommandDesk;
  private readonly catalogue: Catalogue;
  private readonly keeper: DefinitionKeeper;
  private readonly desk: Desk;
  private readonly unreadable: UnreadableRecords;
  private readonly work: WorkDesk;
  private readonly schedules: ScheduleHost;
  private readonly enabled: boolean;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private lease: Lease | undefined;
  private ties: readonly Subscription[] = [];
  private scanTimer: { readonly cancel: () => void } | undefined;
  private settleTimer: { readonly cancel: () => void; readonly at: number } | undefined;

  constructor(ports: Ports, { id, log, timings, commands, meter }: SupervisorOptions) {
    const { clock, chance, signals, store, dispatch, feed, link, presence } = ports;
    this.ports = ports;
    this.id = id;
    this.log = log.child({ supervisor: id });
    this.timings = { ...SUPERVISOR_TIMINGS, ...timings };
    const once = new SaidOnce(clock, 60_000);
    const base = { clock, chance, timings: this.timings, log: this.log, once };
    this.index = new TaskIndex({
      ready: (watched, lane, bytes) => this.queues.ready(queuedTask(watched, lane, bytes)),
      gone: ({ address, revision }, { queue }, how) => this.queues.gone(queue, address, revision, how),
      held: (watched, lane) => this.queues.held(runningTask(watched, lane)),
      freed: ({ address, revision }, { queue }, how) => this.queues.freed(queue, address, revision, how),
      removed: (watched) => {
        this.attendant.release(watched);
        this.full.forget(watched);
      },
    });
    const { index } = this;
    this.book = new SettingsBook({
      queues: ports.queues,
      clock,
      log: this.log,
      changed: (queues) => this.queues.settingsChanged(queues),
    });
    this.full = new FullRecords(this.log, (fullRecords) => this.lease?.update({ fullRecords }));
    this.queues = new QueueHost({
      ...base,
      supervisor: id,
      dispatch,
      store,
      allReady: () => allReady(index),
      allRunning: () => allRunning(index),
      partitions: () => (this.records.ready ? this.records.owned : []),
      leased: () => this.nodes.members(),
      settings: this.book,
    });
    this.unreadable = new UnreadableRecords(clock, this.log, index);
    this.intake = new Intake(clock, this.timings.intakeMs, {
      isKnown: (address) => index.get(address) !== undefined,
      isUrgent: (address) => this.queues.countsAny && this.isCounted(address),
      over: (address, sight) => void index.apply(address, sight, undefined),
      record: (address, sight, record) => this.seen(address, sight, record),
      unreadable: (address, sight, reason) => this.unreadable.note(address, `${address} ${sight.revision}`, reason),
    });
    const { intake } = this;
    // One for all of them: what they ask of one address goes into one mailbox (behaviour D9).
    const kernel = createKernel(ports, meter?.stored);
    const taskActs = this.taskActs(once, kernel);
    this.acts = new Acts({
      parallel: this.timings.parallelActs,
      perform: (watched, act) => taskActs.perform(watched, act),
      done: (watched, _act, outcome, revision) => this.attendant.acted(watched, outcome, revision),
    });
    const ask: Acts['ask'] = (watched, act) => this.acts.ask(watched, act);
    this.attendant = new Attendant({
      ...base,
      index,
      signals,
      ask,
      isDead: (holder) => this.nodes.isDead(holder),
      expect: (holder) => this.nodes.expect(holder),
    });
    this.records = new RecordWatch({ ...base, feed, link, index, intake, caughtUp: () => this.queues.caughtUp() });
    this.nodes = new NodesWatch({
      ...base,
      self: id,
      presence,
      link,
      workerDied: (worker, why) => this.workerDied(worker, why),
      membersChanged: () => this.settle(),
      departed: (how) => this.queues.departed(how),
      isHolder: (worker) => index.isHolder(worker),
    });
    this.missing = new MissingPeers({
      ...base,
      dispatch,
      link,
      everyMs: this.timings.pingMs,
      peers: () => this.nodes.members().filter((member) => member !== id),
      changed: () => this.settle(this.timings.missingMs),
    });
    this.reconciler = new Reconciler({ ...base, feed, store, index, intake, records: this.records });
    const { definitions } = ports;
    const { unknownTypes = 'accept', ...rules } = commands ?? {};
    this.catalogue = new Catalogue({ definitions, clock, log: this.log });
    const liveWorkers = () => (this.nodes.isKnown ? this.nodes.liveWorkers() : undefined);
    const seen = (type: string) => this.catalogue.seen(type);
    this.keeper = new DefinitionKeeper({ definitions, link, clock, log: this.log, seen, liveWorkers });
    this.enabled = rules.enabled ?? true;
    const submitting = { ports, kernel, catalogue: this.catalogue, unknownTypes, log: this.log };
    this.schedules = new ScheduleHost({ ...submitting, once, supervisor: id });
    this.commands = new CommandDesk({
      ...submitting,
      once,
      commands: ports.commands,
      rules: { enabled: true, admins: true, ...rules },
      find: async (taskId) => index.addressOf(taskId) ?? ports.commands.find(taskId, this.timings.findMs),
      isReady: () => this.records.ready,
    });
    this.desk = this.openDesk(base);
    this.work = new WorkDesk({
      ...base,
      ports,
      kernel,
      supervisor: id,
      members: () => (this.nodes.isKnown ? this.members() : undefined),
      liveWorkers: () => this.nodes.liveWorkers(),
      held: (worker) => index.held(worker),
    });
    this.room = new RoomWatch(store, this.log);
    meter?.trust(vouchOf(this.catalogue, this.nodes));
    this.unserved = new UnservedLanes(this.log, (lane) => this.nodes.isServed(lane));
  }

  start(): Promise<void> {
    this.starting ??= this.begin().catch((error: unknown) => {
      this.starting = undefined;
      throw error;
    });
    return this.starting;
  }

  stop(): Promise<void> {
    this.stopping ??= this.end();
    return this.stopping;
  }

  stats(): SupervisorStats {
    return {
      id: this.id,
      partitions: this.records.owned.length,
      supervisors: this.members().length,
      workers: this.nodes.liveWorkers().length,
      remoteWorkers: this.work.size,
      ready: this.records.ready,
      tasks: this.index.size,
      timers: this.attendant.timers,
      entries: this.intake.counts,
      queues: this.queues.sizes(),
      commands: this.commands.counts,
      acts: this.acts.counts(),
      load: this.acts.load,
      unreadable: this.unreadable.count,
      restarts: { records: this.records.restarts, nodes: this.nodes.restarts },
    };
  }

  report(): SupervisorReport {
    return reportOf(this.index.lines(), this.nodes, this.queues, this.lease);
  }

  waiting(): readonly WaitingLane[] {
    return this.index
      .lines()
      .map(({ lane, waiting }) => ({ lane, tasks: waiting.size, served: this.nodes.isServed(lane) }))
      .toSorted((a, b) => b.tasks - a.tasks);
  }

  private async begin(): Promise<void> {
    const { presence, clock } = this.ports;
    const info = {
      role: 'supervisor',
      id: this.id,
      host: hostname(),
      pid: process.pid,
      startedAt: clock.now(),
    } as const;
    // Before anybody knows of this supervisor: who asks for it finds it.
    this.queues.start();
    this.book.start();
    const lease = await presence.hold(
      { ...info, state: 'ready' },
      {
        lost: () => {
          this.queues.lease(false);
          this.log.warn(
            {},
            'own lease is not renewed: other supervisors may take over its partitions, which harms nothing',
          );
        },
        regained: () => {
          this.queues.lease(true);
          this.log.info({}, 'own lease is renewed again');
        },
      },
    );
    // Stopped while it waited.
    if (this.stopping !== undefined) return lease.release();
    this.lease = lease;
    this.ties = [
      this.ports.dispatch.onWaiting(() =>
        this.index.lines().map(({ lane, waiting }) => ({ ...lane, waiting: waiting.size })),
      ),
      this.ports.commands.onFind((taskId) => this.index.addressOf(taskId)),
    ];
    this.nodes.start();
    this.reconciler.start();
    this.keeper.start();
    this.desk.start();
    this.work.start();
    // Switched off, nothing new is made; what was missed is made up for as each schedule says (behaviour X6).
    if (this.enabled) this.schedules.start();
    this.missing.start();
    this.scan();
    this.log.info({}, 'supervisor started');
  }

  private async end(): Promise<void> {
    const { clock } = this.ports;
    for (const timer of [this.scanTimer, this.settleTimer]) timer?.cancel();
    for (const tie of this.ties) tie.close();
    this.missing.stop();
    this.work.stop();
    this.schedules.stop();
    this.queues.stop();
    this.book.stop();
    await within(clock, this.timings.stopMs, this.desk.stop());
    await within(clock, this.timings.stopMs, this.keeper.stop());
    this.catalogue.close();
    this.reconciler.stop();
    this.nodes.stop();
    this.records.stop();
    this.attendant.stop();
    await within(clock, this.timings.stopMs, this.acts.stop());
    const release = this.lease?.release() ?? Promise.resolve();
    const released = release.catch((error: unknown) => {
      this.log.warn({ err: error }, 'the lease could not be given back; it ends by itself');
    });
    await within(clock, this.timings.stopMs, released);
    this.log.info({}, 'supervisor stopped');
  }

  /** What all supervisors share: each command is given to one of them. */
  private openDesk(base: Pick<DeskOptions, 'clock' | 'chance' | 'log'>): Desk {
    const { ports, timings } = this;
    return new Desk({
      ...base,
      what: 'commands',
      open: () => ports.commands.open((one) => void this.commands.take(one), { most: timings.commandsAtOnce }),
    });
  }

  /** The heartbeat: whatever has to be looked at again and again, and is cheap. */
  private scan(): void {
    this.nodes.scan();
    this.records.scan();
    this.attendant.checkWallClock();
    this.room.look();
    this.full.look();
    this.keeper.look();
    this.work.look();
    this.unserved.look(this.index.lines(), this.ports.clock.monotonic());
    this.scanTimer = this.ports.clock.after(this.timings.scanMs, () => this.scan());
  }

  /** Supervisors that are there, this one among them. */
  private members(): readonly string[] {
    return this.nodes.members().filter((member) => !this.missing.has(member));
  }

  private settle(ms: number = this.timings.settleMs): void {
    if (!this.nodes.isKnown || this.stopping !== undefined) return;
    const at = this.ports.clock.monotonic() + ms;
    if (this.settleTimer !== undefined && this.settleTimer.at <= at) return;
    this.settleTimer?.cancel();
    const { cancel } = this.ports.clock.after(ms, () => {
      this.settleTimer = undefined;
      this.share();
    });
    this.settleTimer = { cancel, at };
  }

  private share(): void {
    const members = this.members();
    this.queues.share(members);
    this.work.share();
    this.schedules.share(members);
    const owned = ownedBy(this.id, allPartitions(), members);
    if (owned.length === this.records.owned.length && owned.every((partition) => this.records.owns(partition))) return;
    this.log.info({ partitions: owned.length, supervisors: members.length }, 'partitions shared out');
    this.records.follow(owned);
  }

  private isCounted(address: Address): boolean {
    const watched = this.index.get(address);
    const lane = watched?.slot ?? (watched?.duties.stage === 'waiting' ? watched.duties.lane : undefined);
    return lane !== undefined && this.queues.counts(lane.queue);
  }

  private workerDied(worker: string, why: string): void {
    this.queues.workerGone(worker);
    const tasks = this.attendant.holderDied(worker);
    if (tasks > 0) this.log.warn({ worker, tasks }, `worker is gone (${why}); its tasks are taken over`);
  }

  private taskActs(once: SaidOnce, kernel: Kernel): TaskActs {
    const { signals, clock } = this.ports;
    return new TaskActs({
      kernel,
      signals,
      clock,
      once,
      log: this.log,
      by: `supervisor:${this.id}`,
      isWatched: (watched) => this.index.get(watched.address) === watched,
      learned: (address, revision, record, written) => this.learned(address, revision, record, written),
      gone: (watched) => this.index.remove(watched),
      unreadable: (address, reason) => this.unreadable.note(address, address, reason),
    });
  }

  private seen(address: Address, sight: Sight, record: TaskRecord): void {
    const watched = this.attendant.seen(address, sight, record);
    if (watched !== undefined && sight.bytes !== undefined) this.full.note(watched, record.id, sight.bytes.length);
  }

  private learned(address: Address, revision: number, record: TaskRecord, written: boolean): void {
    if (!this.records.owns(partitionOfAddress(address))) return;
    // While the reader is not ready it may have passed by before the write.
    if (written && this.records.ready) this.records.echoes.expect(address, revision);
    const { clock } = this.ports;
    const { generation } = this.records;
    const sight: Sight = { revision, generation, at: clock.monotonic(), wall: clock.now(), live: true };
    this.attendant.seen(address, sight, record);
  }
}
