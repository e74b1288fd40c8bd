import { namesOf, streamConfigs, type Names } from '@baton/protocols';
import type { ProjectionProgress, WaitingLine } from '@baton/runtime';
import { createInbox } from '@nats-io/nats-core';
import { Api } from '../connection/api.ts';
import { CONNECT_TIMEOUT_MS, dial, type DialSettings } from '../connection/dial.ts';
import {
  consumerDifferences,
  findConsumer,
  sharedConsumers,
  type ConsumerDifference,
  type ConsumerInfo,
  type WantedConsumer,
} from '../streams/consumers.ts';
import { askWaiting } from '../dispatch/waiting.ts';
import { isKept, type StreamInfo } from '../streams/ensure-streams.ts';
import { ApiError } from '../errors.ts';
import { hearRefusals, Inbox } from '../connection/inbox.ts';
import { progressOf } from '../projection/projections.ts';
import { apiCodes } from '../codes.ts';
import { requireJetStream, requireVersion } from '../connection/server-check.ts';
import { askServers, type ServerFinding } from './servers.ts';
import { closeConnection } from '../connection/stale.ts';
import { differences, type Difference } from '../streams/stream-differences.ts';

export type StreamFinding = {
  readonly name: string;
  /** False: it is not there; a service that starts will make it. */
  readonly exists: boolean;
  /** What is not as it has to be; a service refuses to start with it. */
  readonly differences: readonly Difference[];
  readonly messages: number;
  readonly bytes: number;
  /** Undefined: no limit. */
  readonly maxBytes?: number;
  /** When its oldest message was stored, milliseconds. */
  readonly oldestAt?: number;
  readonly replicas: number;
};

export type ConsumerFinding = {
  readonly stream: string;
  readonly name: string;
  /** What keeps messages from it; a service that starts mends it. */
  readonly differences: readonly ConsumerDifference[];
};

export type NatsFindings = {
  readonly version: string;
  /** Every server of the cluster; none where these credentials may not ask. */
  readonly servers: readonly ServerFinding[];
  /** Server's clock minus ours, milliseconds, as far as one question can tell. */
  readonly skewMs: number;
  readonly streams: readonly StreamFinding[];
  /** Consumers that services share, as far as they have been made. */
  readonly consumers: readonly ConsumerFinding[];
  /** Consumers of earlier versions that nobody has taken away. */
  readonly leftOver: readonly { readonly stream: string; readonly name: string }[];
  /** What waits for a worker, as the supervisors that answer tell it. */
  readonly lanes: readonly WaitingLine[];
  /** Every projection, by its name. */
  readonly projections: readonly ProjectionFinding[];
};

/** `progress` undefined: nobody has ever read for it. */
export type ProjectionFinding = { readonly name: string; readonly progress: ProjectionProgress | undefined };

/** The projector read the event log before projections read the bucket. */
const FORMER_CONSUMER = 'projector';

type Info = StreamInfo & {
  readonly ts?: string;
  readonly state: { readonly messages: number; readonly bytes: number; readonly first_ts?: string };
};

/** Supervisors answer at once. */
const WAITING_MS = 300;

const boundsOf = (info: Info | undefined): Pick<StreamFinding, 'maxBytes' | 'oldestAt'> => {
  const maxBytes = Number(info?.config['max_bytes'] ?? -1);
  const oldestAt = info === undefined || info.state.messages === 0 ? Number.NaN : Date.parse(info.state.first_ts ?? '');
  return { ...(maxBytes > 0 ? { maxBytes } : {}), ...(Number.isFinite(oldestAt) ? { oldestAt } : {}) };
};

/**
 * Looks at a server as a service would, and changes nothing: missing streams are not made. Rejects as `connectNats` does
 * for a server that cannot be reached or is not fit.
 */
export const inspectNats = async (
  settings: DialSettings & { readonly namespace?: string; readonly events?: boolean },
): Promise<NatsFindings> => {
  const names = namesOf(settings.namespace);
  const nc = await dial(settings);
  const inbox = new Inbox(nc, createInbox(settings.inboxPrefix), () => {});
  hearRefusals(nc, inbox).catch(() => {});
  try {
    const version = nc.info?.version;
    requireVersion(version);
    const api = new Api(nc, inbox);
    await requireJetStream(api, settings.connectTimeoutMs ?? CONNECT_TIMEOUT_MS);
    let skewMs = 0;
    const streams: StreamFinding[] = [];
    const { events = true } = settings;
    for (const config of streamConfigs(names, { replicas: 1, events })) {
      const asked = Date.now();
      const info = await infoOf(api, config.name);
      if (info?.ts !== undefined) skewMs = Date.parse(info.ts) - (asked + Date.now()) / 2;
      streams.push({
        name: config.name,
        exists: info !== undefined,
        differences: info === undefined ? [] : differences(config, info.config, !isKept(names, config.name)),
        messages: info?.state.messages ?? 0,
        bytes: info?.state.bytes ?? 0,
        ...boundsOf(info),
        replicas: Number(info?.config['num_replicas'] ?? 0),
      });
    }
    const asker = { nc, names, inboxPrefix: settings.inboxPrefix, onFault: () => {} };
    const lanes = (await askWaiting(asker, WAITING_MS)) ?? [];
    const wanted = sharedConsumers(names);
    const consumers: ConsumerFinding[] = [];
    for (const one of Object.values(wanted)) {
      const info = await seen(api, one);
      if (info === undefined) continue;
      consumers.push({ stream: one.stream, name: one.name, differences: consumerDifferences(one, info) });
    }
    const leftOver = await leftOverOf(api, names);
    const projections = await projectionsOf(api, names, streams);
    const servers = await askServers(nc);
    return {
      version: version ?? '',
      servers,
      skewMs: Math.round(skewMs),
      streams,
      consumers,
      leftOver,
      lanes,
      projections,
    };
  } finally {
    inbox.close();
    await closeConnection(nc);
  }
};

const infoOf = async (api: Api, stream: string): Promise<Info | undefined> => {
  try {
    return await api.call<Info>(`STREAM.INFO.${stream}`);
  } catch (fault) {
    if (fault instanceof ApiError && fault.apiCode === apiCodes.streamNotFound) return undefined;
    throw fault;
  }
};

/** Undefined: it was never made, or its stream is not there. */
const seen = async (api: Api, wanted: Pick<WantedConsumer, 'stream' | 'name'>): Promise<ConsumerInfo | undefined> => {
  try {
    return await findConsumer(api, wanted);
  } catch (fault) {
    if (fault instanceof ApiError && fault.apiCode === apiCodes.streamNotFound) return undefined;
    throw fault;
  }
};

const leftOverOf = async (api: Api, { eventsStream }: Names): Promise<NatsFindings['leftOver']> => {
  const former = { stream: eventsStream, name: FORMER_CONSUMER };
  return (await seen(api, former)) === undefined ? [] : [former];
};

/** Ours. */
const projectionsOf = async (
  api: Api,
  names: Names,
  streams: readonly StreamFinding[],
): Promise<readonly ProjectionFinding[]> => {
  const hasEvents = streams.some(({ name, exists }) => name === names.eventsStream && exists);
  const { documents, log, archive } = names.projections;
  const wanted = [documents, ...(hasEvents ? [log] : []), archive];
  return Promise.all(wanted.map(async (name) => ({ name, progress: await progressOf(api, names.tasksStream, name) })));
};
