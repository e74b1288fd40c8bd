import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { DATA_LIMIT } from '@baton/protocols';
import {
  Catalogue,
  createKernel,
  createSettingsKernel,
  InvalidArgumentError,
  RunHost,
  ScheduleClient,
  silentLog,
  type Log,
  type Ports,
  type RunHostSettings,
  type TaskMeter,
  type UnknownTypes,
} from '@baton/runtime';
import { Baton, checkUser, type User } from './baton.ts';
import type { Metering } from './core.ts';
import { commandWrites } from './command-writes.ts';
import { Hosts } from './hosts.ts';
import { checkGateway, type GatewayOptions } from './tasks.ts';
import { directWrites } from './writes.ts';

export type Role = 'runtime' | 'publisher';

export type CreateOptions = {
  readonly ports: Ports;
  readonly user?: User;
  readonly log?: Log;
  /** A publisher writes no state: it submits and cancels by commands, and runs nothing. `runtime` when not set. */
  readonly role?: Role;
  readonly enabled?: boolean;
  /** Whether tasks of types no worker has ever served are taken; `accept` when not set. */
  readonly unknownTypes?: UnknownTypes;
  /** Whether handles show the stack traces of failures; false when not set. */
  readonly showStacktrace?: boolean;
  /** Stands in front of the id of this process as a node; for people. */
  readonly nodeName?: string;
  /** Least time between two durable progress writes of one task; 2 s when not set. */
  readonly progressThrottleMs?: number;
  /** Largest encoded arguments and results, bytes; 8 MiB when not set, which is also the most. */
  readonly dataLimitBytes?: number;
  /** Counts what this process does to tasks; nothing is counted without. */
  readonly meter?: TaskMeter;
  /** Where lists of tasks are asked for; see `Baton.tasks`. */
  readonly gateway?: GatewayOptions;
  /** Called by `close` after the runs of this process have been let go. */
  readonly closePorts?: () => Promise<void>;
};

/** A client on given ports: what `connect` makes on NATS and the test kit in memory. */
export const createBaton = (options: CreateOptions): Baton => {
  const { ports, user, log = silentLog, enabled = true, showStacktrace = false } = options;
  checkUser(user);
  if (options.gateway !== undefined) checkGateway(options.gateway);
  const dataLimit = checkDataLimit(options.dataLimitBytes ?? DATA_LIMIT);
  const metering: Metering = options.meter === undefined ? {} : { meter: options.meter };
  const kernel = createKernel(ports, (before, after) => metering.meter?.stored(before, after));
  const isPublisher = options.role === 'publisher';
  const { unknownTypes = 'accept', gateway } = options;
  const catalogue = new Catalogue({ definitions: ports.definitions, clock: ports.clock, log });
  const parts = { ports, kernel, log, catalogue, unknownTypes };
  const settings = isPublisher
    ? undefined
    : { kernel: createSettingsKernel({ ...ports, store: ports.queues.store }), ports };
  const writes = isPublisher ? commandWrites(parts) : directWrites(parts);
  const hosts = isPublisher ? undefined : new Hosts(() => hostOf(options, { ...parts, dataLimit }));
  const closing = new Set<() => void>();
  const onClose = (listener: () => void): (() => void) => {
    closing.add(listener);
    return () => void closing.delete(listener);
  };
  const close = async (): Promise<void> => {
    for (const listener of [...closing]) listener();
    closing.clear();
    catalogue.close();
    await hosts?.close();
    await options.closePorts?.();
  };
  const schedules = isPublisher ? undefined : new ScheduleClient({ ports, catalogue, log });
  const shared = {
    ...parts,
    settings,
    metering,
    writes,
    hosts,
    schedules,
    enabled,
    dataLimit,
    showStacktrace,
    gateway,
  };
  return new Baton({ ...shared, onClose, close }, user);
};

const hostOf = (
  { nodeName, progressThrottleMs }: CreateOptions,
  parts: Omit<RunHostSettings, 'info' | 'throttleMs'>,
): RunHost => {
  const id = nodeId(nodeName ?? hostname());
  const startedAt = parts.ports.clock.now();
  return new RunHost({
    ...parts,
    // Nothing is served before a worker says so: a process that only calls inline is there, and takes no task.
    info: {
      role: 'worker',
      id,
      host: hostname(),
      pid: process.pid,
      startedAt,
      state: 'ready',
      queues: [],
      types: [],
    },
    ...(progressThrottleMs === undefined ? {} : { throttleMs: progressThrottleMs }),
  });
};

const checkDataLimit = (bytes: number): number => {
  if (Number.isSafeInteger(bytes) && bytes >= 1 && bytes <= DATA_LIMIT) return bytes;
  throw new InvalidArgumentError(`dataLimitBytes is a whole number, 1 to ${DATA_LIMIT}; got ${bytes}`);
};

/** Unique for every start of a process: a node that comes back is another one, and its fences are its own. */
const nodeId = (name: string): string =>
  `${name.replaceAll(/[^A-Za-z0-9_-]/g, '-').slice(0, 32)}-${process.pid}-${randomBytes(4).toString('hex')}`;
