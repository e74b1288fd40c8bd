import { STORE_TIMEOUT_MS } from '@baton/protocols';
import {
  BatonError,
  systemClock,
  type Chance,
  type Clock,
  type Entry,
  type Ports,
  type Subscription,
} from '@baton/runtime';
import { createRandom, type Random } from '../random.ts';
import { createSeededChance } from '../seeded-chance.ts';
import { CommandState, memoryCommands, type DeadCommand } from './commands.ts';
import { DataState, memoryData } from './data.ts';
import { DefinitionState, memoryDefinitions } from './definitions.ts';
import { DispatchState, memoryDispatch } from './dispatch.ts';
import { memoryEventLog } from './event-log.ts';
import type { FaultRule, Injected } from './faults.ts';
import { memoryFeed, type FeedReader } from './feed.ts';
import { LogState } from './log-state.ts';
import { memoryOperations, OperationState } from './operations.ts';
import { memoryPresence } from './presence.ts';
import { PresenceState } from './presence-state.ts';
import { Process, type ProcessState } from './process.ts';
import { durablesOf, memoryProjections } from './projections.ts';
import { memoryQueueSettings } from './queue-settings.ts';
import { Records, type StoredRecord } from './records.ts';
import { createTopics, memorySignals } from './signals.ts';
import { memorySchedules } from './schedules.ts';
import { memoryStore } from './store.ts';
import { Surroundings } from './surroundings.ts';
import type { Trace } from './trace.ts';
import { askWork, memoryWork, WorkState, type WorkQuestion } from './work.ts';

export type MemoryWorldOptions = {
  /** Default: this machine's clock. With a virtual one no real timer is used anywhere. */
  readonly clock?: Clock;
  /** Used by all processes. Default: one per process, from the seed. */
  readonly chance?: Chance;
  /** Decides the order of what happens at once, every fault and every id. Default 1. */
  readonly seed?: number | string;
  /** Time of one way to the server, drawn between the two, milliseconds. Default [0, 0]. */
  readonly latencyMs?: readonly [least: number, most: number];
  /** Most bytes of all records together; new tasks are refused before it is reached. Default: no limit. */
  readonly tasksMaxBytes?: number;
  /** How long a process waits for an answer before it does not know. Default `STORE_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
};

/** One simulated process. What is done to it is done at once; what it notices of it comes over its ports. */
export type MemoryNode = {
  readonly name: string;
  readonly ports: Ports;
  readonly state: () => ProcessState;
  readonly disconnect: () => void;
  readonly reconnect: () => void;
  /** The connection is over for good. */
  readonly closeLink: (cause: BatonError) => void;
  /** Its event loop hangs: no timer, message or answer reaches its code; the thread of its lease runs on. */
  readonly block: () => void;
  /** Stopped with all its threads. */
  readonly freeze: () => void;
  /** The end of a block or a freeze; all that came meanwhile comes now. */
  readonly resume: () => void;
  /** Killed: nothing it awaits ever comes, nothing it does has an effect. */
  readonly crash: () => void;
  /** Wall clock ahead of the world's, milliseconds. */
  readonly skew: (ms: number) => void;
};

export type LoggedRecord = Entry & {
  readonly sequence: number;
};

/** A NATS server in memory, shared by all simulated processes. */
export type MemoryWorld = {
  readonly clock: Clock;
  readonly epoch: () => number;
  /** The process of that name; made when there is none, or when the last one was killed. */
  readonly node: (name: string) => MemoryNode;
  /** `node(name).ports` */
  readonly ports: (name: string) => Ports;
  readonly inject: (rule: FaultRule) => Injected;
  /** Removes every fault, lets every paused process run and connects every one. */
  readonly heal: () => void;
  /** Every version of a record ever stored, in order, also what the server has forgotten since. */
  readonly history: () => readonly StoredRecord[];
  /** The records that are in the bucket now. */
  readonly heads: () => readonly Entry[];
  /** Outcomes that are kept in the bucket now, beside the records that took their place. */
  readonly outcomes: () => readonly Entry[];
  /** The records in the event log now. */
  readonly events: () => readonly LoggedRecord[];
  /** Names of what is in the object store now. */
  readonly objects: () => readonly string[];
  /** Commands that wait to be carried out, and those that were put aside. */
  readonly commands: () => { readonly waiting: number; readonly dead: readonly DeadCommand[] };
  /** Puts something into the event log that is no record. */
  readonly putUnreadable: (bytes: Uint8Array, reason: string) => void;
  /**
   * As if the bucket had been deleted and made again, with a later epoch. Feeds end; the processes of now find out within
   * seconds, and their links are over for good.
   */
  readonly recreateBucket: () => void;
  /** Called inside every write, before anybody else can write. What it throws, the writer meets. */
  readonly onWrite: (listener: (stored: StoredRecord) => void) => Subscription;
  /** A request of a worker that is no process of this world (see `protocols/worker.md`); undefined: no answer in time. */
  readonly ask: (question: WorkQuestion, timeoutMs: number) => Promise<Uint8Array | undefined>;
  readonly trace: Trace;
  /** Cancels the server's timers, so that nothing holds the test process. */
  readonly close: () => void;
};

/** How long a process may go on under the epoch it knew. */
const NOTICED_WITHIN_MS = 5_000;
const NEW_EPOCH = 'the bucket was made anew: nothing known before holds any more; start this process again';

export const createMemoryWorld = (options: MemoryWorldOptions = {}): MemoryWorld => {
  const clock = options.clock ?? systemClock;
  const random = createRandom(options.seed ?? 1);
  const around = new Surroundings({
    clock,
    random,
    latencyMs: options.latencyMs ?? [0, 0],
    timeoutMs: options.timeoutMs ?? STORE_TIMEOUT_MS,
    virtual: 'advance' in clock,
  });
  const server = createServer(around, options.tasksMaxBytes ?? Infinity);
  const nodes = new Map<string, { readonly node: MemoryNode; readonly process: Process }>();

  const born = new Map<string, number>();
  const lives = (name: string): number => {
    const count = (born.get(name) ?? 0) + 1;
    born.set(name, count);
    return count;
  };

  const node = (name: string): MemoryNode => {
    const known = nodes.get(name);
    if (known !== undefined && known.process.state !== 'crashed') return known.node;
    const made = makeNode(around, server, name, options.chance, random.fork(`node/${name}/${lives(name)}`));
    nodes.set(name, made);
    return made.node;
  };
  return {
    clock,
    epoch: () => server.records.epoch,
    node,
    ports: (name) => node(name).ports,
    inject: (rule) => around.faults.inject(rule),
    heal: () => {
      around.faults.clear();
      for (const { process } of nodes.values()) {
        process.resume();
        process.reconnect();
      }
    },
    history: () => server.records.history().filter(({ outcomeOf }) => outcomeOf === undefined),
    heads: () => server.records.all(),
    outcomes: () => server.records.after(0).filter(({ outcomeOf }) => outcomeOf !== undefined),
    events: () =>
      server.log
        .kept()
        .flatMap(({ sequence, content }) => (content.kind === 'record' ? [{ ...content.entry, sequence }] : [])),
    objects: () => server.data.names(),
    commands: () => ({ waiting: server.commands.size, dead: [...server.commands.dead] }),
    putUnreadable: (bytes, reason) => void server.log.append({ kind: 'unreadable', bytes: bytes.slice(), reason }),
    recreateBucket: () => {
      server.records.recreate();
      server.durables.clear();
      for (const reader of [...server.feeds]) reader.end('the bucket was deleted');
      for (const { process } of nodes.values()) {
        around.after(random.next() * NOTICED_WITHIN_MS, () => process.end(new BatonError('EPOCH_CHANGED', NEW_EPOCH)));
      }
    },
    onWrite: (listener) => ({
      close: server.records.onWrite((stored) => {
        if (stored.outcomeOf === undefined) listener(stored);
      }),
    }),
    ask: (question, timeoutMs) => askWork(around, server.work, question, timeoutMs),
    trace: around.trace,
    close: () => around.close(),
  };
};

type Server = ReturnType<typeof createServer>;

const createServer = (around: Surroundings, tasksMaxBytes: number) => {
  const records = new Records(around.clock, tasksMaxBytes);
  const log = new LogState(around.clock);
  return {
    records,
    log,
    durables: durablesOf(records, around.clock),
    data: new DataState(around.clock),
    dispatch: new DispatchState(),
    operations: new OperationState(around.clock),
    commands: new CommandState(around),
    definitions: new DefinitionState(),
    schedules: new Records(around.clock, Infinity),
    queues: new Records(around.clock, Infinity),
    nodes: new PresenceState(around.clock),
    topics: createTopics(around),
    work: new WorkState(),
    feeds: new Set<FeedReader>(),
  };
};

const makeNode = (around: Surroundings, server: Server, name: string, chance: Chance | undefined, random: Random) => {
  let skewMs = 0;
  const process = new Process(name, around.clock, () => skewMs);
  const ports: Ports = {
    store: memoryStore(around, process, server.records),
    feed: memoryFeed(around, process, server.records, server.feeds),
    projections: memoryProjections(around, process, server.records, server.durables),
    log: memoryEventLog(around, process, server.log, server.records.epoch),
    data: memoryData(around, process, server.data),
    operations: memoryOperations(around, process, server.operations),
    commands: memoryCommands(around, process, server.commands),
    definitions: memoryDefinitions(around, process, server.definitions),
    schedules: memorySchedules(around, process, server.schedules),
    queues: memoryQueueSettings(around, process, server.queues),
    dispatch: memoryDispatch(around, process, server.dispatch),
    presence: memoryPresence(around, process, server.nodes),
    signals: memorySignals(around, process, server.topics),
    work: memoryWork(around, process, server.work),
    link: process.link,
    clock: process.clock,
    chance: chance ?? createSeededChance(process.clock, `${random.next()}`),
  };
  const done = (what: string, run: () => void) => (): void => {
    around.note(name, 'node', what, '');
    run();
  };
  const node: MemoryNode = {
    name,
    ports,
    state: () => process.state,
    disconnect: done('disconnect', () => process.disconnect()),
    reconnect: done('reconnect', () => process.reconnect()),
    closeLink: (cause) => process.end(cause),
    block: done('block', () => process.block()),
    freeze: done('freeze', () => process.freeze()),
    resume: done('resume', () => process.resume()),
    crash: done('crash', () => process.crash()),
    skew: (ms) => {
      skewMs = ms;
    },
  };
  return { node, process };
};
