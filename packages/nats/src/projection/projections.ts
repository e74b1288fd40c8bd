import type { ProjectionProgress, Projections } from '@baton/runtime';
import type { NatsWire } from '../connect.ts';
import { ApiError } from '../errors.ts';
import { readVersion } from '../streams/event-message.ts';
import { StreamReader } from '../streams/stream-reader.ts';
import type { JetStreamApi } from '../wire.ts';
import { apiCodes } from '../codes.ts';

/** The server's codes for a consumer and a message that are not there. */

const TIMEOUT_MS = 3_000;

type StreamInfo = { readonly state: { readonly last_seq: number } };
type ConsumerInfo = {
  readonly ack_floor: { readonly stream_seq: number };
  readonly num_pending: number;
  readonly num_ack_pending: number;
};
type Stored = { readonly message: { readonly time: string } };

export const createProjections = (wire: NatsWire): Projections => {
  const { api, names } = wire;
  return {
    reader: (projection, options) =>
      StreamReader.open(wire, {
        stream: names.tasksStream,
        consumer: projection,
        options,
        read: (msg, delivery) => readVersion(msg, delivery, names.recordPrefix),
      }),
    progress: (projection) => progressOf(api, names.tasksStream, projection),
  };
};

/**
 * How far a consumer of the bucket has come. What the consumer says is pending is only a number for people: whether there
 * is anything behind its place, and how old that is, the stream itself is asked. What was last may have been forgotten,
 * so a place before the end is not by itself behind.
 */
export const progressOf = async (
  api: JetStreamApi,
  stream: string,
  consumer: string,
): Promise<ProjectionProgress | undefined> => {
  const info = await found(api.call<ConsumerInfo>(`CONSUMER.INFO.${stream}.${consumer}`, undefined, TIMEOUT_MS));
  if (info === undefined) return undefined;
  const { state } = await api.call<StreamInfo>(`STREAM.INFO.${stream}`, undefined, TIMEOUT_MS);
  const last = state.last_seq;
  // A place behind the end is that of writes the server has lost, and says nothing of those that came since.
  const floor = info.ack_floor.stream_seq > last ? 0 : info.ack_floor.stream_seq;
  const atEnd = { floor, last, behind: 0 };
  if (floor >= last) return atEnd;
  const body = { seq: floor + 1, next_by_subj: '>' };
  const oldest = await found(api.call<Stored>(`STREAM.MSG.GET.${stream}`, body, TIMEOUT_MS));
  if (oldest === undefined) return atEnd;
  const behind = Math.max(1, info.num_pending + info.num_ack_pending);
  return { floor, last, behind, oldestAt: Date.parse(oldest.message.time) };
};

/** Undefined for a stream, a consumer or a message that is not there. */
const found = async <T>(call: Promise<T>): Promise<T | undefined> => {
  const absent: readonly number[] = [apiCodes.consumerNotFound, apiCodes.noMessage, apiCodes.streamNotFound];
  try {
    return await call;
  } catch (fault) {
    if (fault instanceof ApiError && absent.includes(fault.apiCode)) return undefined;
    throw fault;
  }
};
