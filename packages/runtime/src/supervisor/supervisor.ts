import { hostname } from 'node:os';
import type { QueueView, TaskRecord } from '@baton/core';
import { allPartitions, partitionOfAddress, type Address } from '@baton/protocols';
import { CommandHandler } from '../commands/command-handler.ts';
import { Catalogue } from '../definitions/catalogue.ts';
import { DefinitionKeeper } from '../definitions/keeper.ts';
import { LimitsOfTypes } from '../definitions/limits-of-types.ts';
import { MissingPeers } from '../dispatch/missing-peers.ts';
import { QueueHost } from '../dispatch/queue-host.ts';
import { sumLines } from '../dispatch/lanes.ts';
import { ownedBy } from '../dispatch/rendezvous.ts';
import { createKernel, type Kernel } from '../kernel.ts';
import { createSettingsKernel } from '../queues/settings-actor.ts';
import { SettingsBook } from '../queues/settings-book.ts';
import type { Log } from '../log.ts';
import type { Place } from '../ports/commands.ts';
import type { Lease } from '../ports/presence.ts';
import type { StandingQuestion, WaitingLine } from '../ports/dispatch.ts';
import type { Ports } from '../ports.ts';
import type { Subscription } from '../ports/environment.ts';
import { ActionRunner } from './tasks/action-runner.ts';
import { Relations } from './tasks/relations.ts';
import { TaskTimers } from './tasks/task-timers.ts';
import { SharedConsumer, type SharedConsumerOptions } from './subscriptions/shared-consumer.ts';
import { FullRecords } from './records/full-records.ts';
import { Intake } from './tasks/intake.ts';
import { NodesWatch } from './nodes/nodes-watch.ts';
import { Reconciler } from './records/reconciler.ts';
import { RecordWatch } from './records/record-watch.ts';
import { reportOf, vouchOf, type SupervisorReport } from './queue-depths.ts';
import { allReady, allRunning, queuedTask, runningTask } from './tasks/queued-tasks.ts';
import { RoomWatch } from './records/room-watch.ts';
import { SaidOnce } from './said-once.ts';
import type { Supervisor, SupervisorOptions, SupervisorStats, WaitingLane } from './supervisor-types.ts';
import { displace } from './tasks/displace.ts';
import { TaskActions } from './tasks/task-actions.ts';
import { TaskIndex, type Sight } from './tasks/task-index.ts';
import { SUPERVISOR_TIMINGS, type SupervisorTimings } from './timings.ts';
import { UnreadableRecords } from './records/unreadable-records.ts';
import { UnservedLanes } from './nodes/unserved-lanes.ts';
import { ScheduleHost } from '../schedules/schedule-host.ts';
import { within } from '../within.ts';
import { RemoteWorkers } from '../work/remote-workers.ts';

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
  private readonly actions: ActionRunner;
  private readonly taskTimers: TaskTimers;
  private readonly records: RecordWatch;
  private readonly nodes: NodesWatch;
  private readonly queues: QueueHost;
  private readonly book: SettingsBook;
  private readonly missing: MissingPeers;
  private readonly reconciler: Reconciler;
  private readonly unserved: UnservedLanes;
  private readonly room: RoomWatch;
  private readonly full: FullRecords;
  private readonly relations: Relations;
  private readonly commands: CommandHandler;
  private readonly catalogue: Catalogue;
  private readonly keeper: DefinitionKeeper;
  private readonly commandConsumer: SharedConsumer;
  private readonly unreadable: UnreadableRecords;
  private readonly work: RemoteWorkers;
  private readonly schedules: ScheduleHost;
  private readonly enabled: boolean;
  private listens = false;
  private starting: Promise<void> | undefined;
  private stopping: Promise<void> | undefined;
  private lease: Lease | undefined;
  private ties: readonly Subscription[] = [];
  private scanTimer: { readonly cancel: () => void } | undefined;
  /** When somebody was seen to come or to go last. */
  private changedAt = Number.NEGATIVE_INFINITY;
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
      held: (watched, lane) => {
        if (this.queues.counts(lane.queue)) this.queues.held(runningTask(watched, lane));
      },
      freed: ({ address, revision }, { queue }, how) => this.queues.freed(queue, address, revision, how),
      removed: (watched) => {
        this.taskTimers.release(watched);
        this.full.forget(watched);
        this.relations.forget(watched.address);
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
    // One for all of them: what they ask of one address goes into one mailbox (behaviour D9).
    const kernel = createKernel(ports, meter?.stored);
    const parts = {
      ...{ ...base, kernel, signals, by: `supervisor:${id}` },
      learned: (address: Address, revision: number, record: TaskRecord, written: boolean) =>
        this.learned(address, revision, record, written),
    };
    const limits = new LimitsOfTypes({
      ...base,
      kernel: createSettingsKernel({ ...ports, store: ports.queues.store }),
      book: this.book,
      released: () => this.queues.typesChanged(),
    });
    this.queues = new QueueHost({
      ...base,
      displace: (displacement) => displace(parts, displacement),
      holdsBack: (queue, type) => limits.holdsBack(queue, type),
      supervisor: id,
      dispatch,
      store,
      allReady: () => allReady(index),
      allRunning: () => allRunning(index),
      partitions: () => (this.records.isComplete ? this.records.owned : []),
      sync: () => this.records.sync(),
      leased: () => this.nodes.members(),
      admits: (worker) => this.nodes.admits(worker),
      settings: this.book,
    });
    this.unreadable = new UnreadableRecords(clock, this.log, index);
    this.intake = new Intake(clock, this.timings.intakeMs, {
      isKnown: (address) => index.get(address) !== undefined,
      isUrgent: (address) => this.queues.countsAny && this.isCounted(address),
      over: (address, sight) => void index.apply(address, sight, undefined),
      record: (address, sight, record) => this.seen(address, sight, record),
      unreadable: (address, sight, kind, reason) =>
        this.unreadable.note(address, `${address} ${sight.revision}`, kind, reason),
    });
    const { intake } = this;
    this.relations = new Relations({ ...parts, ports });
    const taskActions = this.taskActions(once, kernel);
    this.actions = new ActionRunner({
      parallel: this.timings.parallelActions,
      perform: (watched, action) => taskActions.perform(watched, action),
      done: (watched, _act, outcome, revision) => this.taskTimers.acted(watched, outcome, revision),
    });
    const ask: ActionRunner['ask'] = (watched, action) => this.actions.ask(watched, action);
    this.taskTimers = new TaskTimers({
      ...base,
      index,
      signals,
      ask,
      isDead: (holder) => this.nodes.isDead(holder),
      expect: (holder, begins) => this.nodes.expect(holder, begins),
    });
    this.records = new RecordWatch({
      ...base,
      feed,
      store,
      link,
      index,
      intake,
      complete: () => this.queues.complete(),
    });
    this.nodes = new NodesWatch({
      ...base,
      self: id,
      presence,
      link,
      workerDied: (worker, why) => this.workerDied(worker, why),
      membersChanged: () => {
        this.changedAt = clock.monotonic();
        this.settle();
      },
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
    this.keeper = new DefinitionKeeper({ definitions, link, clock, log: this.log, seen, liveWorkers, limits });
    this.enabled = rules.enabled ?? true;
    const submitting = { ports, kernel, catalogue: this.catalogue, unknownTypes, log: this.log };
    this.schedules = new ScheduleHost({ ...submitting, once, supervisor: id });
    this.commands = new CommandHandler({
      ...submitting,
      once,
      commands: ports.commands,
      rules: { enabled: true, admins: true, ...rules },
      find: async (taskId) =>
        index.addressOf(taskId) ?? ports.commands.find(taskId, this.timings.findMs, this.nodes.members().length),
    });
    this.commandConsumer = this.openCommands(base);
    this.work = new RemoteWorkers({
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
      timers: this.taskTimers.timers,
      entries: this.intake.counts,
      queues: this.queues.sizes(),
      schedules: this.schedules.stats(),
      commands: this.commands.counts,
      actions: this.actions.counts(),
      load: this.actions.load,
      unreadable: this.unreadable.count,
      restarts: { records: this.records.restarts, nodes: this.nodes.restarts },
    };
  }

  report(): SupervisorReport {
    return reportOf(this.index, this.nodes, this.queues, this.book, this.lease);
  }

  waiting(): readonly WaitingLane[] {
    return this.waitingLines()
      .map(({ waiting, ...lane }) => ({ lane, tasks: waiting, served: this.nodes.isServed(lane) }))
      .toSorted((a, b) => b.tasks - a.tasks);
  }

  /** What waits for a worker: to begin, and, where its own is dead, for one that cancels what it had begun elsewhere. */
  private waitingLines(): readonly WaitingLine[] {
    const lines = this.index.lines().map(({ lane, waiting }) => ({ ...lane, waiting }));
    const orphans = [...this.index.orphans((holder) => this.nodes.isDead(holder))];
    return sumLines([...lines, ...orphans.map((lane) => ({ ...lane, waiting: 1 }))]);
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
    this.listen();
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
      this.ports.dispatch.onWaiting(() => this.waitingLines()),
      this.ports.dispatch.onStanding((question) => this.standing(question)),
      this.ports.commands.onFind((taskId) => this.placeOf(taskId)),
    ];
    this.nodes.start();
    this.reconciler.start();
    this.keeper.start();
    this.commandConsumer.start();
    // Switched off, nothing new is made; what was missed is made up for as each schedule says (behaviour X6).
    if (this.enabled) this.schedules.start();
    this.missing.start();
    this.scan();
    this.log.info({}, 'supervisor started');
  }

  /** Before anybody knows of this supervisor: who asks for it finds it. Once, though its start may have to be tried again. */
  private listen(): void {
    if (this.listens) return;
    this.listens = true;
    this.queues.start();
    this.book.start();
    this.work.start();
  }

  /** That it is not here counts once it is known what is: all has been read, and nobody has come or gone a moment ago. */
  private placeOf(taskId: string): Place {
    const { clock } = this.ports;
    const isSettled = this.nodes.isKnown && clock.monotonic() - this.changedAt >= 3 * this.timings.settleMs;
    return this.index.addressOf(taskId) ?? (isSettled && this.records.ready ? 'nowhere' : undefined);
  }

  private standing(question: StandingQuestion): QueueView<Address> | undefined {
    const view = this.queues.standing(question);
    if (view === undefined) return undefined;
    const { type, worker } = question;
    return {
      ...view,
      ...(view.workers.type > 0 ? {} : { servedIn: this.nodes.queuesServing(type) }),
      ...(worker !== undefined && this.nodes.isGone(worker) ? { isOrphan: true } : {}),
    };
  }

  private async end(): Promise<void> {
    const { clock } = this.ports;
    for (const timer of [this.scanTimer, this.settleTimer]) timer?.cancel();
    for (const tie of this.ties) tie.close();
    this.missing.stop();
    const told = this.work.stop();
    this.relations.stop();
    this.schedules.stop();
    this.queues.stop();
    this.book.stop();
    await within(clock, this.timings.stopMs, this.commandConsumer.stop());
    await within(clock, this.timings.stopMs, this.keeper.stop());
    await told;
    this.catalogue.close();
    this.reconciler.stop();
    this.nodes.stop();
    this.records.stop();
    this.taskTimers.stop();
    await within(clock, this.timings.stopMs, this.actions.stop());
    const release = this.lease?.release() ?? Promise.resolve();
    const released = release.catch((error: unknown) => {
      this.log.warn({ err: error }, 'the lease could not be given back; it ends by itself');
    });
    await within(clock, this.timings.stopMs, released);
    // Until the others have seen it: requests that are on their way are nobody's else.
    await new Promise<void>((resolve) => void clock.after(this.timings.lingerMs, resolve));
    this.work.close();
    this.log.info({}, 'supervisor stopped');
  }

  /** What all supervisors share: each command is given to one of them. */
  private openCommands(base: Pick<SharedConsumerOptions, 'clock' | 'chance' | 'log'>): SharedConsumer {
    const { ports, timings } = this;
    return new SharedConsumer({
      ...base,
      what: 'commands',
      open: () => ports.commands.open((one) => void this.commands.take(one), { most: timings.commandsAtOnce }),
    });
  }

  /** The heartbeat: whatever has to be looked at again and again, and is cheap. */
  private scan(): void {
    this.nodes.scan();
    this.records.scan();
    this.taskTimers.checkWallClock();
    this.room.look();
    this.full.look();
    this.relations.look();
    this.keeper.look();
    this.work.look();
    this.unserved.look(() => this.waitingLines(), this.ports.clock.monotonic());
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
    const tasks = this.taskTimers.holderDied(worker);
    if (tasks > 0) this.log.warn({ worker, tasks }, `worker is gone (${why}); its tasks are taken over`);
  }

  private taskActions(once: SaidOnce, kernel: Kernel): TaskActions {
    const { signals, clock } = this.ports;
    return new TaskActions({
      kernel,
      signals,
      clock,
      once,
      log: this.log,
      by: `supervisor:${this.id}`,
      isWatched: (watched) => this.index.get(watched.address) === watched,
      cancellerFor: (type) => this.nodes.cancellerFor(type),
      epoch: () => this.ports.store.epoch,
      learned: (address, revision, record, written) => this.learned(address, revision, record, written),
      gone: (watched) => this.index.remove(watched),
      unreadable: (address, kind, reason) => this.unreadable.note(address, address, kind, reason),
    });
  }

  private seen(address: Address, sight: Sight, record: TaskRecord): void {
    const watched = this.taskTimers.seen(address, sight, record);
    if (watched === undefined) return;
    if (sight.bytes !== undefined) this.full.note(watched, record.id, sight.bytes.length);
    this.relations.seen(address, record);
  }

  private learned(address: Address, revision: number, record: TaskRecord, written: boolean): void {
    if (!this.records.owns(partitionOfAddress(address))) return;
    // It has ended since it was read, or lies here to be looked at.
    if (this.index.get(address) === undefined && this.records.ownWrites.isGiven(revision)) return;
    // While the reader is not ready it may have passed by before the write.
    if (written && this.records.ready) this.records.ownWrites.expect(address, revision);
    const { clock } = this.ports;
    const { generation } = this.records;
    const sight: Sight = { revision, generation, at: clock.monotonic(), wall: clock.now(), live: true };
    if (this.taskTimers.seen(address, sight, record) !== undefined) this.relations.seen(address, record);
  }
}
