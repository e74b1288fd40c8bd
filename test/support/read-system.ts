import {
  headers as ourHeaders,
  namesOf,
  parseAddress,
  parseOutcomeKey,
  type Address,
  type Names,
} from '@baton/protocols';
import { recordedOf, type ConvergenceInput, type ReadDocument, type Recorded } from '@baton/testkit';
import { jetstream, jetstreamManager, type JsMsg } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Db } from 'mongodb';

/**
 * Reads a real system into the form the checkers take. Reads by the drivers and not by the product's own adapters, so
 * that a fault of those does not hide itself.
 */
export type ReadSystem = ConvergenceInput & {
  readonly epoch: number;
  /** Outcomes that are kept in the bucket beside the records that took their place; they are among the heads, too. */
  readonly outcomes: readonly Recorded[];
  /** Messages of the log that are no records. */
  readonly unreadable: readonly { readonly sequence: number; readonly reason: string }[];
};

export type SystemSource = {
  readonly nc: NatsConnection;
  readonly namespace: string;
  /** Absent: no documents are read. */
  readonly db?: Db;
};

export const readSystem = async ({ nc, namespace, db }: SystemSource): Promise<ReadSystem> => {
  const names = namesOf(namespace);
  const epoch = await readEpoch(nc, names);
  const { recorded, unreadable } = await readEvents(nc, names, epoch);
  const { records, outcomes } = await readHeads(nc, names, epoch);
  return {
    epoch,
    heads: [...outcomes, ...records],
    outcomes,
    events: recorded,
    unreadable,
    documents: db === undefined ? [] : await readDocuments(db),
  };
};

export const readEpoch = async (nc: NatsConnection, names: Names): Promise<number> => {
  const jsm = await jetstreamManager(nc);
  return Date.parse((await jsm.streams.info(names.tasksStream)).created);
};

/** What is in the bucket: of every key the last version. */
export const readHeads = async (
  nc: NatsConnection,
  names: Names,
  epoch: number,
): Promise<{ readonly records: readonly Recorded[]; readonly outcomes: readonly Recorded[] }> => {
  const records: Recorded[] = [];
  const outcomes: Recorded[] = [];
  const last = new Map((await readStream(nc, names.tasksStream)).map((message) => [message.subject, message]));
  for (const { subject, seq: revision, data: bytes } of last.values()) {
    if (bytes.length === 0) continue;
    const outcome = parseOutcomeKey(subject.slice(names.recordPrefix.length));
    const address = outcome?.address ?? addressIn(subject, names);
    (outcome === undefined ? records : outcomes).push(recordedOf({ address, revision, bytes }, epoch));
  }
  return { records, outcomes };
};

/** Everything in the event log, in its order. */
export const readEvents = async (
  nc: NatsConnection,
  names: Names,
  epoch: number,
): Promise<{ readonly recorded: readonly Recorded[]; readonly unreadable: ReadSystem['unreadable'] }> => {
  const recorded: Recorded[] = [];
  const unreadable: { sequence: number; reason: string }[] = [];
  for (const message of await readStream(nc, names.eventsStream)) {
    if (message.data.length === 0) continue;
    try {
      recorded.push(recordedOf({ ...originOf(message), bytes: message.data }, epoch));
    } catch (error) {
      unreadable.push({ sequence: message.seq, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { recorded, unreadable };
};

export const readDocuments = (db: Db): Promise<readonly ReadDocument[]> =>
  db.collection<ReadDocument & { _id: string }>('tasks').find({}).toArray();

/** An event carries its address and revision. */
const originOf = (message: JsMsg): { readonly address: Address; readonly revision: number } => {
  const address = parseAddress(message.headers?.get(ourHeaders.address) ?? '');
  if (address === undefined) throw new Error(`no address on ${message.subject}`);
  return { address, revision: Number(message.headers?.get(ourHeaders.revision)) };
};

const addressIn = (subject: string, names: Names): Address => {
  const address = subject.startsWith(names.recordPrefix)
    ? parseAddress(subject.slice(names.recordPrefix.length))
    : undefined;
  if (address === undefined) throw new Error(`'${subject}' is no subject of a record`);
  return address;
};

/** Every message that is in a stream now. */
const readStream = async (nc: NatsConnection, stream: string): Promise<readonly JsMsg[]> => {
  const jsm = await jetstreamManager(nc);
  const { state } = await jsm.streams.info(stream);
  if (state.messages === 0) return [];
  const messages: JsMsg[] = [];
  const consumer = await jetstream(nc).consumers.get(stream);
  const reading = await consumer.consume();
  for await (const message of reading) {
    messages.push(message);
    // Only what was there at the start: a system that is written to meanwhile would never be read to the end.
    if (message.seq >= state.last_seq || message.info.pending === 0) break;
  }
  await reading.close();
  return messages;
};
