import { randomBytes } from 'node:crypto';
import { namesOf, type Names, type StreamOptions } from '@baton/protocols';
import {
  NotConnectedError,
  ServerTooOldError,
  StoreRefusedError,
  type BatonError,
  type WriteCounts,
} from '@baton/runtime';
import { createInbox, type NatsConnection } from '@nats-io/nats-core';
import { Api, SILENT, type Answered } from './connection/api.ts';
import { CONNECT_TIMEOUT_MS, dial, type DialSettings } from './connection/dial.ts';
import { ensureStreams, epochOf, findStreams, type StreamInfo, type Streams } from './streams/ensure-streams.ts';
import { EpochChangedError } from './errors.ts';
import { hearRefusals, Inbox, INBOX_PREFIX } from './connection/inbox.ts';
import { NatsLink } from './connection/link.ts';
import { AckPipeline } from './commit/ack-pipeline.ts';
import type { GateLimits } from './commit/gate.ts';
import { commitDefaults, GroupCommit, type CommitMode, type CommitSettings } from './commit/group-commit.ts';
import { moment, ServerClock } from './connection/server-clock.ts';
import { closeConnection } from './connection/stale.ts';
import { requireJetStream, requireVersion } from './connection/server-check.ts';
import { StoreRoom } from './commit/store-room.ts';
import type { FaultListener, Publisher, Wire } from './wire.ts';

/** Dialling, streams that are made now (one copy each when not said), and how the connection is used. */
export type NatsSettings = DialSettings &
  Partial<StreamOptions> & {
    /** Prefix of all streams and subjects. Default `BATON`. */
    readonly namespace?: string;
    /** A publisher makes no streams and writes none but commands; it needs no right to. Default `runtime`. */
    readonly role?: 'runtime' | 'publisher';
    /** How records are written. Default `auto`. */
    readonly commit?: CommitMode;
    /** Fine settings of group commit; for measurements. */
    readonly commitSettings?: Partial<Omit<CommitSettings, 'mode'>>;
    /** Publishes that may wait for their acknowledgement. Default 4,096 and 32 MiB. */
    readonly inFlight?: Partial<GateLimits>;
    /** How often readers compare their consumers with what they have to be, and followers what they know. Default 30,000. */
    readonly consumerCheckMs?: number;
    /** Told what went wrong where nobody waits. Default: a process warning. */
    readonly onFault?: FaultListener;
  };

export type NatsWire = Wire & {
  /** Publisher of the tasks bucket: compare-and-set writes, grouped when that is faster. */
  readonly records: Publisher;
  readonly link: NatsLink;
  readonly writes: WriteCounts;
  /** Whether new tasks are taken. */
  readonly room: StoreRoom;
  /** The server's wall clock, as well as it is known here. */
  readonly clock: ServerClock;
  readonly consumerCheckMs: number;
  /** Sends bytes to any subject and waits for an empty answer. Rejects when it does not come. */
  readonly confirm: (subject: string, bytes: Uint8Array, timeoutMs: number) => Promise<void>;
  /** Sends bytes to a core subject and waits for the answer. Never rejects. */
  readonly request: (subject: string, bytes: Uint8Array, timeoutMs: number) => Promise<Answered>;
  /** Ends the connection. What is still in flight is told `unknown`. */
  readonly close: () => Promise<void>;
};

const IN_FLIGHT: GateLimits = { count: 4_096, bytes: 32 * 1024 * 1024 };
/** A consumer that somebody has changed says nothing of it. */
const CONSUMER_CHECK_MS = 30_000;
const CHECK_TIMEOUT_MS = 2_000;

/**
 * Connects, looks whether the server fits, makes missing streams. Rejects within seconds with NotConnectedError
 * (NOT_CONNECTED), AuthorizationFailedError (AUTHORIZATION_FAILED), ServerTooOldError (SERVER_TOO_OLD), ServerUnfitError
 * (JETSTREAM_DISABLED) or StreamMismatchError (STREAM_MISMATCH, PARTITIONS_MISMATCH).
 */
export const connectNats = async (settings: NatsSettings): Promise<NatsWire> => {
  const names = namesOf(settings.namespace);
  const onFault = settings.onFault ?? warn;
  const nc = await dial(settings);
  try {
    requireVersion(nc.info?.version);
    const inbox = new Inbox(nc, createInbox(settings.inboxPrefix ?? INBOX_PREFIX), onFault);
    hearRefusals(nc, inbox).catch((fault: unknown) => onFault('status of the connection', fault));
    const api = new Api(nc, inbox);
    await requireJetStream(api, settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    const isPublisher = settings.role === 'publisher';
    const streams = isPublisher
      ? await findStreams(api, names)
      : await ensureStreams(api, names, { replicas: 1, ...settings });
    const clock = new ServerClock();
    await look(api, names, clock);
    const room = new StoreRoom(api, names, streams.replicas);
    if (!isPublisher) await room.watch();
    return assemble(settings, { nc, names, onFault, inbox, api, streams, clock, room });
  } catch (fault) {
    await closeConnection(nc);
    throw fault;
  }
};

type Parts = {
  readonly nc: NatsConnection;
  readonly names: Names;
  readonly onFault: FaultListener;
  readonly inbox: Inbox;
  readonly api: Api;
  readonly streams: Streams;
  readonly clock: ServerClock;
  readonly room: StoreRoom;
};

const assemble = (settings: NatsSettings, parts: Parts): NatsWire => {
  const { nc, names, onFault, inbox, api, streams, clock, room } = parts;
  const link = new NatsLink(
    nc,
    inbox,
    { run: () => recheck(nc, api, names, streams.epoch, clock), fatal: isFatal },
    onFault,
  );
  api.useGate(link);
  const publisher = new AckPipeline({
    nc,
    inbox,
    link,
    limits: { ...IN_FLIGHT, ...settings.inFlight },
    whyUnheard: whyUnheard(api, link),
  });
  const commit = { ...commitDefaults, ...settings.commitSettings, mode: settings.commit ?? commitDefaults.mode };
  const records = new GroupCommit(publisher, commit, randomBytes(9).toString('base64url'));
  link.onReconnect(() => records.remeasure());
  link.onClosed(() => room.close());
  const { epoch, replicas } = streams;
  const inboxPrefix = settings.inboxPrefix ?? INBOX_PREFIX;
  return {
    nc,
    names,
    publisher,
    records,
    writes: { records: records.outcomes, others: publisher.outcomes, groups: records.groups },
    api,
    link,
    clock,
    room,
    epoch,
    replicas,
    inboxPrefix,
    consumerCheckMs: settings.consumerCheckMs ?? CONSUMER_CHECK_MS,
    onFault,
    confirm: (subject, bytes, timeoutMs) => api.confirm(subject, bytes, timeoutMs),
    request: async (subject, bytes, timeoutMs) => (link.connected ? api.request(subject, bytes, timeoutMs) : SILENT),
    close: () => link.close(),
  };
};

/** After a reconnect and from time to time: is it still a server and a bucket we may write to? */
const recheck = async (
  nc: NatsConnection,
  api: Api,
  names: Names,
  epoch: number,
  clock: ServerClock,
): Promise<void> => {
  // The client forgets what the server said of itself when the connection breaks: nothing is known, nothing is wrong.
  if (nc.info === undefined) throw new NotConnectedError('no connection to NATS');
  requireVersion(nc.info.version);
  const found = epochOf(await look(api, names, clock));
  if (found === epoch) return;
  const text =
    `the bucket ${names.tasksBucket} was made anew at ${new Date(found).toISOString()} (it was of ` +
    `${new Date(epoch).toISOString()}): nothing known before holds any more; start this process again`;
  throw new EpochChangedError(text);
};

/** Looks at the bucket, and at what time it is there. */
const look = async (api: Api, names: Names, clock: ServerClock): Promise<StreamInfo> => {
  const sent = moment();
  const info = await api.probe<StreamInfo & { readonly ts?: string }>(
    `STREAM.INFO.${names.tasksStream}`,
    CHECK_TIMEOUT_MS,
  );
  clock.note(sent, moment(), info.ts);
  return info;
};

const isFatal = (fault: unknown): fault is BatonError =>
  fault instanceof EpochChangedError || fault instanceof ServerTooOldError;

/** How long one finding answers for all publishes that nobody heard. */
const FINDING_MS = 250;

/**
 * A publish nobody listened for was not stored. Either its stream is gone, or JetStream is starting, electing a leader
 * or off; the server gives the same answer for all of these, so it is asked for the stream of the subject.
 */
const whyUnheard = (api: Api, link: NatsLink): ((subject: string) => Promise<BatonError>) => {
  // The subjects of one stream begin alike and go unheard together.
  let last: { readonly root: string; readonly until: number; readonly cause: Promise<BatonError> } | undefined;
  return (subject) => {
    const now = performance.now();
    const root = rootOf(subject);
    if (last?.root === root && now < last.until) return last.cause;
    link.suspect();
    last = { root, until: now + FINDING_MS, cause: findCause(api, subject) };
    return last.cause;
  };
};

type StreamNames = { readonly streams?: readonly string[] | null };

const findCause = async (api: Api, subject: string): Promise<BatonError> => {
  try {
    const { streams } = await api.probe<StreamNames>('STREAM.NAMES', CHECK_TIMEOUT_MS, { subject });
    if (streams === undefined || streams === null || streams.length === 0) {
      return new StoreRefusedError('STORE_MISSING', `no stream takes ${subject}: it was deleted, or never made`);
    }
    return new NotConnectedError(`stream ${String(streams[0])} has no leader now: nothing was stored`);
  } catch (fault) {
    return new NotConnectedError('JetStream does not answer: nothing was stored', { cause: fault });
  }
};

const rootOf = (subject: string): string => subject.split('.', 2).join('.');

const warn: FaultListener = (where, fault) => {
  process.emitWarning(
    `${where}: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`,
    'BatonNatsWarning',
  );
};
