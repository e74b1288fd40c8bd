import type {
  Catalogue,
  Kernel,
  Log,
  Ports,
  ScheduleClient,
  SettingsParts,
  TaskMeter,
  UnknownTypes,
} from '@baton/runtime';
import type { Hosts } from './hosts.ts';
import type { GatewayOptions } from './tasks.ts';
import type { Writes } from './writes.ts';

export type Connection = Pick<Ports, 'link' | 'writes'> & { readonly store: Pick<Ports['store'], 'shortage'> };

/** Who counts what this process does to tasks: nobody, until somebody asks. */
export type Metering = { meter?: TaskMeter };

/** What the clients of one connection share. */
export type Core = {
  readonly ports: Ports;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly metering: Metering;
  /** The definitions of types, as far as this process knows. */
  readonly catalogue: Catalogue;
  readonly unknownTypes: UnknownTypes;
  /** How tasks are submitted and cancelled. */
  readonly writes: Writes;
  /** Run inline calls and workers of this process; a publisher has none. */
  readonly hosts: Hosts | undefined;
  /** A publisher has none. */
  readonly schedules: ScheduleClient | undefined;
  /** What is set for queues; a publisher sets nothing. */
  readonly settings: SettingsParts | undefined;
  /** Where lists are asked for. */
  readonly gateway: GatewayOptions | undefined;
  readonly enabled: boolean;
  /** Largest encoded arguments, bytes. */
  readonly dataLimit: number;
  readonly showStacktrace: boolean;
  /** Called by `close`, before anything else. Returns what takes it back. */
  readonly onClose: (listener: () => void) => () => void;
  readonly close: () => Promise<void>;
};
