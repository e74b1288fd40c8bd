import { headers as ourHeaders, parseAddress, parseOutcomeKey } from '@baton/protocols';
import type { Entry, LoggedEntry, Version } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import { headersOf } from '../foreign-headers.ts';
import { headerNames } from '../commit/header-bytes.ts';

export type Reading<E extends Entry> =
  | { readonly kind: 'entry'; readonly entry: E }
  /** A deletion by hand or its marker: nothing to tell. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Where a message stands in its stream, and since when (milliseconds, server's clock). */
export type Place = { readonly streamSequence: number; readonly storedAt: number };

/** The name of an event, by which the server knows what comes twice: its bucket and its revision there. */
export const eventId = (epoch: number, revision: number): string => `${epoch}-${revision}`;

/** A message of the event log: the record's bytes, where it was found in the headers. */
export const readEvent = (msg: Msg): Reading<LoggedEntry> => {
  if (msg.data.length === 0) return { kind: 'nothing' };
  const headers = headersOf(msg);
  const address = parseAddress(headers?.get(ourHeaders.address) ?? '');
  const revision = Number(headers?.get(ourHeaders.revision));
  const epoch = Number.parseInt(headers?.get(headerNames.id) ?? '', 10);
  const isPlace =
    Number.isSafeInteger(revision) && revision > 0 && headers?.get(headerNames.id) === eventId(epoch, revision);
  if (address === undefined || !isPlace) return { kind: 'unreadable', reason: 'it does not say which record it is' };
  return { kind: 'entry', entry: { address, revision, epoch, bytes: copyOf(msg) } };
};

/** A message of the bucket: the record at an address, or an outcome that was kept beside it. */
export const readVersion = (msg: Msg, { streamSequence, storedAt }: Place, recordPrefix: string): Reading<Version> => {
  if (msg.data.length === 0) return { kind: 'nothing' };
  const key = msg.subject.slice(recordPrefix.length);
  const outcome = parseOutcomeKey(key);
  const address = outcome?.address ?? parseAddress(key);
  if (address === undefined) return { kind: 'unreadable', reason: 'its subject is no key of a record' };
  const entry = {
    address,
    revision: streamSequence,
    bytes: copyOf(msg),
    storedAt,
    isMark: headersOf(msg)?.has(headerNames.ttl) ?? false,
    ...(outcome === undefined ? {} : { outcomeOf: outcome.id }),
  };
  return { kind: 'entry', entry };
};

/** Kept bytes would keep the whole piece of the socket's stream they came in. */
const copyOf = (msg: Msg): Uint8Array => new Uint8Array(msg.data);
