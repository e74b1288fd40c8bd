import { connectPorts, type NatsPortsSettings } from '@baton/nats';
import { DEFAULT_NAMESPACE, MAX_BLOCK_MS, MAX_BLOCK_RANGE_MS, namesOf, TASKS_MAX_BYTES_LEAST } from '@baton/protocols';
import {
  checkNames,
  InvalidArgumentError,
  isLoadingTasks,
  optionNames,
  rules,
  serversFault,
  silentLog,
  type Log,
  type TaskMeter,
  type UnknownTypes,
} from '@baton/runtime';
import { clearAmbient, setAmbient } from './ambient.ts';
import { checkUser, type Baton, type User } from './baton.ts';
import { createBaton, type Role } from './create.ts';
import { durationMs, type Duration } from './duration.ts';
import { checkGateway, type GatewayOptions } from './tasks.ts';

export type ConnectOptions = {
  /** `nats://host:port`, several with commas between or as a list; `NATS_URL`, then this machine, when not set. */
  readonly servers?: string | readonly string[] | undefined;
  /** On whose behalf this client acts; `as` gives a client for somebody else. */
  readonly user?: User;
  /**
   * A publisher writes no state, and needs no right to: it submits and cancels by commands, which a supervisor carries out.
   * It reads and follows tasks as usual; to run any is refused with WrongRoleError. `runtime` when not set.
   */
  readonly role?: Role;
  /** What reply subjects begin with, where permissions give every role its own; `_INBOX` when not set. */
  readonly inboxPrefix?: string;
  /** Path of a NATS credentials file. */
  readonly credsFile?: string;
  readonly natsUser?: string;
  readonly natsPassword?: string;
  /**
   * Files of TLS in PEM, read anew for every connection: whose certificates are trusted, and our own where servers ask for one.
   * With any of them, or a server `tls://...`, there is TLS or no connection.
   */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  /** Prefix of streams and subjects; `BATON` when not set. */
  readonly namespace?: string;
  /** Shown in the server's list of connections, and in front of this process's id as a worker. */
  readonly name?: string;
  /** Copies of streams that are made now: 1, 3 or 5. */
  readonly replicas?: number;
  /**
   * Most bytes the records of all tasks may take, when their stream is made now; 4 MiB or more. Above four fifths of it
   * new tasks are refused as STORE_FULL, and those that are there go on (behaviour R8).
   */
  readonly tasksMaxBytes?: number;
  /** False: no event log is made; as `BATON_EVENTS_ENABLED` says for the services, which is the default. */
  readonly events?: boolean;
  /** Most bytes of the event log, when it is made now. */
  readonly eventsMaxBytes?: number;
  /** False refuses new tasks; `BATON_ENABLED` and `GLOBAL_TASK_FRAMEWORK` when not set (behaviour X6). */
  readonly enabled?: boolean;
  /**
   * Whether tasks of types no worker has ever served are taken (behaviour D10); `BATON_UNKNOWN_TYPES`, then `accept`, when
   * not set. Of a publisher's commands the supervisors' setting decides.
   */
  readonly unknownTypes?: UnknownTypes;
  /** Whether handles show the stack traces of failures; `SHOW_STACKTRACE` when not set (behaviour L5). */
  readonly showStacktrace?: boolean;
  /** Least milliseconds between two durable progress writes of one task; 2,000 when not set, 0: every update. */
  readonly progressThrottleMs?: number;
  /**
   * A worker whose event loop does not turn is shown as blocked, and counts as dead after this long: its tasks are run
   * elsewhere then (behaviour R6). 60 s when not set.
   */
  readonly maxBlock?: Duration;
  /**
   * This process is a worker and nothing else: when its event loop has not turned for ten times `maxBlock` it is killed, so
   * that whoever runs it starts another one (behaviour R6). Otherwise it is let be.
   */
  readonly endWhenBlocked?: boolean;
  /** Where lists of tasks are asked for, by `baton.tasks.list`; not needed for anything else. */
  readonly gateway?: GatewayOptions;
  /** Largest encoded arguments and results, bytes; 8 MiB when not set, which is also the most (behaviour X4). */
  readonly dataLimitBytes?: number;
  /** Counts what this process does to tasks, for services that tell it themselves; see `metrics` of `startWorker`. */
  readonly meter?: TaskMeter;
  readonly log?: Log;
};

const CONNECT_NAMES = optionNames<ConnectOptions>({
  servers: true,
  user: true,
  role: true,
  inboxPrefix: true,
  credsFile: true,
  natsUser: true,
  natsPassword: true,
  tls: true,
  namespace: true,
  name: true,
  replicas: true,
  tasksMaxBytes: true,
  events: true,
  eventsMaxBytes: true,
  enabled: true,
  unknownTypes: true,
  showStacktrace: true,
  progressThrottleMs: true,
  maxBlock: true,
  endWhenBlocked: true,
  gateway: true,
  dataLimitBytes: true,
  meter: true,
  log: true,
});

const DEFAULT_SERVER = 'nats://127.0.0.1:4222';

/**
 * Connects, makes missing streams, and makes the client the one that task calls use. Rejects within seconds with
 * NotConnectedError, AuthorizationFailedError, TlsFailedError, ServerTooOldError or another ServerUnfitError.
 */
export const connect = async (options: ConnectOptions = {}): Promise<Baton> => {
  if (isLoadingTasks()) {
    throw new InvalidArgumentError(
      'connect() was called while a task thread loads the module of its tasks: a module with isolated tasks must not ' +
        'start the program. Put the tasks into a module of their own, or start only where isMainThread of ' +
        'node:worker_threads is true',
    );
  }
  checkNames(options, CONNECT_NAMES);
  const { servers } = options;
  if (servers !== undefined && ![servers].flat().every((each) => typeof each === 'string'))
    throw new InvalidArgumentError('servers: is text, or a list of text');
  const fault = serversFault(serversOf(options));
  if (fault !== undefined)
    throw new InvalidArgumentError(`${servers === undefined ? 'NATS_URL' : 'servers'}: ${fault}`);
  checkUser(options.user);
  if (options.gateway !== undefined) checkGateway(options.gateway);
  const log = options.log ?? silentLog;
  const ports = await connectPorts(natsSettings(options, log));
  const { progressThrottleMs, dataLimitBytes, name, user, role, meter, gateway } = options;
  const baton = createBaton({
    ports,
    log,
    enabled: options.enabled ?? enabledByEnvironment(),
    unknownTypes: unknownTypesOf(options.unknownTypes ?? process.env['BATON_UNKNOWN_TYPES']),
    showStacktrace: options.showStacktrace ?? ON.has((process.env['SHOW_STACKTRACE'] ?? '').toLowerCase()),
    ...(role === undefined ? {} : { role }),
    ...(user === undefined ? {} : { user }),
    ...(name === undefined ? {} : { nodeName: name }),
    ...(progressThrottleMs === undefined ? {} : { progressThrottleMs }),
    ...(dataLimitBytes === undefined ? {} : { dataLimitBytes }),
    ...(meter === undefined ? {} : { meter }),
    ...(gateway === undefined ? {} : { gateway }),
    closePorts: async () => {
      clearAmbient(baton);
      await ports.close();
    },
  });
  setAmbient(baton);
  return baton;
};

const natsSettings = (options: ConnectOptions, log: Log): NatsPortsSettings => {
  const {
    credsFile,
    natsUser,
    natsPassword,
    name,
    replicas,
    tasksMaxBytes,
    events = !isOff(process.env['BATON_EVENTS_ENABLED'] ?? ''),
    eventsMaxBytes,
    role,
    inboxPrefix,
    tls,
  } = options;
  if (role !== undefined && role !== 'runtime' && role !== 'publisher') {
    throw new InvalidArgumentError(`role is runtime or publisher; got ${JSON.stringify(role)}`);
  }
  if (tasksMaxBytes !== undefined && !(Number.isSafeInteger(tasksMaxBytes) && tasksMaxBytes >= TASKS_MAX_BYTES_LEAST)) {
    throw new InvalidArgumentError(
      `tasksMaxBytes is a whole number from ${TASKS_MAX_BYTES_LEAST}; got ${tasksMaxBytes}`,
    );
  }
  if (replicas !== undefined && ![1, 3, 5].includes(replicas)) throw new InvalidArgumentError('replicas is 1, 3 or 5');
  return {
    servers: serversOf(options),
    namespace: namespaceOf(options.namespace ?? process.env['BATON_NAMESPACE'] ?? DEFAULT_NAMESPACE),
    onFault: (where, fault) => log.warn({ err: fault, where }, 'something went wrong that nobody waits for'),
    ...(role === undefined ? {} : { role }),
    ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    ...(credsFile === undefined ? {} : { creds: credsFile }),
    ...(natsUser === undefined ? {} : { user: natsUser }),
    ...(natsPassword === undefined ? {} : { password: natsPassword }),
    ...(tls === undefined ? {} : { tls }),
    ...(name === undefined ? {} : { name }),
    ...(replicas === undefined ? {} : { replicas }),
    ...(tasksMaxBytes === undefined ? {} : { tasksMaxBytes }),
    ...(events ? {} : { events }),
    ...(eventsMaxBytes === undefined ? {} : { eventsMaxBytes }),
    presence: { timings: blockTimings(options) },
  };
};

const serversOf = ({ servers }: ConnectOptions): string | readonly string[] =>
  servers ?? (process.env['NATS_URL'] || DEFAULT_SERVER);

const namespaceOf = (namespace: string): string => {
  try {
    return namesOf(namespace).namespace;
  } catch (error) {
    throw new InvalidArgumentError(`namespace: ${error instanceof Error ? error.message : String(error)}`);
  }
};

/** How many times as long as a worker may block until it counts as dead it may do so until it is ended. */
const END_BLOCKED_FACTOR = 10;

const blockTimings = ({ maxBlock, endWhenBlocked = false }: ConnectOptions) => {
  const ms = maxBlock === undefined ? MAX_BLOCK_MS : maxBlockMs(maxBlock);
  return { maxBlockMs: ms, ...(endWhenBlocked ? { endBlockedMs: END_BLOCKED_FACTOR * ms } : {}) };
};

const maxBlockMs = (maxBlock: Duration): number => {
  const ms = durationMs(maxBlock, 'maxBlock');
  if (rules.maxBlockMs.holds(ms)) return ms;
  const { least, most } = MAX_BLOCK_RANGE_MS;
  throw new InvalidArgumentError(`maxBlock: is ${least / 1_000} to ${most / 1_000} seconds`);
};

const unknownTypesOf = (value: string | undefined): UnknownTypes => {
  if (value === undefined || value === '' || value === 'accept') return 'accept';
  if (value === 'refuse') return 'refuse';
  throw new InvalidArgumentError('unknownTypes, or BATON_UNKNOWN_TYPES: is accept or refuse');
};

const ON = new Set(['true', '1', 'yes', 'on']);
const OFF = new Set(['false', '0', 'no', 'off']);

const enabledByEnvironment = (): boolean => {
  const { BATON_ENABLED = '', GLOBAL_TASK_FRAMEWORK = '' } = process.env;
  return !isOff(BATON_ENABLED) && !isOff(GLOBAL_TASK_FRAMEWORK);
};

const isOff = (value: string): boolean => OFF.has(value.toLowerCase());
