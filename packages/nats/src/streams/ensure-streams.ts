import { metadataKeys, streamConfigs, type Names, type StreamConfig, type StreamOptions } from '@baton/protocols';
import { BatonError, StoreRefusedError } from '@baton/runtime';
import type { Api } from '../connection/api.ts';
import { ApiError, StreamMismatchError } from '../errors.ts';
import { differences, type ActualConfig } from './stream-differences.ts';
import { apiCodes } from '../codes.ts';

export type StreamInfo = { readonly created: string; readonly config: ActualConfig };

export type Streams = {
  /** Creation time of the tasks bucket, milliseconds. */
  readonly epoch: number;
  /** Copies the tasks bucket has. */
  readonly replicas: number;
};

/**
 * Makes the streams that are missing and compares those that are there. Safe when several processes start at once: who
 * comes second finds what the first one made. Rejects with StreamMismatchError when one is not what is needed; nothing
 * that exists is ever changed here.
 */
export const ensureStreams = async (api: Api, names: Names, options: StreamOptions): Promise<Streams> => {
  let tasks: StreamInfo | undefined;
  for (const config of streamConfigs(names, options)) {
    const info = (await find(api, config.name)) ?? (await create(api, config));
    requireAgreement(config, info.config, !isKept(names, config.name));
    if (config.name === names.tasksStream) tasks = info;
  }
  if (tasks === undefined) throw new Error('the tasks bucket is not among the streams');
  return { epoch: epochOf(tasks), replicas: Number(tasks.config['num_replicas'] ?? 1) };
};

/** For who makes none: looks at the bucket alone. Rejects with StoreRefusedError when nobody has made it yet. */
export const findStreams = async (api: Api, names: Names): Promise<Streams> => {
  const info = await find(api, names.tasksStream);
  if (info === undefined) {
    throw notMade(names.tasksStream);
  }
  const wanted = streamConfigs(names, { replicas: 1 }).find(({ name }) => name === names.tasksStream);
  if (wanted !== undefined) requireMetadata(wanted, info.config);
  return { epoch: epochOf(info), replicas: Number(info.config['num_replicas'] ?? 1) };
};

const notMade = (stream: string, cause?: BatonError): StoreRefusedError =>
  new StoreRefusedError(
    'STORE_MISSING',
    `there is no stream ${stream}, and this role makes none: start a supervisor, which does`,
    cause === undefined ? {} : { cause },
  );

/** Streams nobody could rebuild: not even their limits may be others. */
export const isKept = (names: Names, stream: string): boolean => {
  const { tasksStream, objectsStream, commandsStream, operationsStream } = names;
  const { definitionsStream, schedulesStream, queuesStream } = names;
  const kept: readonly string[] = [
    ...[tasksStream, objectsStream, commandsStream, operationsStream],
    ...[definitionsStream, schedulesStream, queuesStream],
  ];
  return kept.includes(stream);
};

export const epochOf = (info: StreamInfo): number => {
  const epoch = Date.parse(info.created);
  if (!Number.isFinite(epoch)) throw new Error(`the creation time of the bucket cannot be read: ${info.created}`);
  return epoch;
};

const find = async (api: Api, name: string): Promise<StreamInfo | undefined> => {
  try {
    return await api.call<StreamInfo>(`STREAM.INFO.${name}`);
  } catch (fault) {
    if (fault instanceof ApiError && fault.apiCode === apiCodes.streamNotFound) return undefined;
    throw fault;
  }
};

const create = async (api: Api, config: StreamConfig): Promise<StreamInfo> => {
  try {
    return await api.call<StreamInfo>(`STREAM.CREATE.${config.name}`, config);
  } catch (fault) {
    if (fault instanceof BatonError && fault.code === 'PERMISSION_DENIED') throw notMade(config.name, fault);
    // Somebody was faster, with another version or other settings of this program: compare with what he made.
    const raced = fault instanceof ApiError && fault.apiCode === apiCodes.streamExists;
    const made = raced ? await find(api, config.name) : undefined;
    if (made === undefined) throw noRoom(config, fault) ?? fault;
    return made;
  }
};

/** The server sets a limit in bytes aside when it makes the stream. */
const noRoom = ({ name, max_bytes: bytes }: StreamConfig, fault: unknown): StoreRefusedError | undefined => {
  if (bytes === undefined || !(fault instanceof ApiError) || fault.apiCode !== apiCodes.storageExceeded)
    return undefined;
  const text = `the server cannot set ${bytes} bytes aside for ${name}: give it more room, or lower BATON_EVENTS_MAX_BYTES and BATON_TASKS_MAX_BYTES`;
  return new StoreRefusedError('STORE_FULL', text, { cause: fault });
};

const requireAgreement = (wanted: StreamConfig, actual: ActualConfig, derived: boolean): void => {
  requireMetadata(wanted, actual);
  const [first, ...more] = differences(wanted, actual, derived);
  if (first === undefined) return;
  const fields = [first, ...more].map(
    ({ field, wanted: want, actual: have }) => `${field} is ${show(have)}, ${show(want)} is needed`,
  );
  throw new StreamMismatchError('STREAM_MISMATCH', `stream ${wanted.name} is not what is needed: ${fields.join('; ')}`);
};

const requireMetadata = (wanted: StreamConfig, actual: ActualConfig): void => {
  const have = (actual['metadata'] ?? {}) as Readonly<Record<string, string>>;
  for (const [key, want] of Object.entries(wanted.metadata ?? {})) {
    if (have[key] === want) continue;
    const text = `stream ${wanted.name}: ${key} is ${show(have[key])}, this program needs ${show(want)}`;
    throw new StreamMismatchError(key === metadataKeys.partitions ? 'PARTITIONS_MISMATCH' : 'STREAM_MISMATCH', text);
  }
};

const show = (value: unknown): string => (value === undefined ? 'not set' : JSON.stringify(value));
