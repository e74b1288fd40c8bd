import { headers as ourHeaders, parseAddress, parseOutcomeKey } from '@baton/protocols';
import type { Entry, Version } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import { headerNames } from '../commit/header-bytes.ts';

export type Reading<E extends Entry> =
  | { readonly kind: 'entry'; readonly entry: E }
  /** A deletion by hand or its marker: nothing to tell. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Where a message stands in its stream, and since when (milliseconds, server's clock). */
export type Place = { readonly streamSequence: number; readonly storedAt: number };

/** A message of the event log: the record's bytes, where it was found in the headers. */
export const readEvent = (msg: Msg, { storedAt }: Place, epoch: number): Reading<Entry> => {
  if (msg.data.length === 0) return { kind: 'nothing' };
  // Revisions count anew in a bucket that was made again: an old one says nothing about which is newer.
  if (storedAt < epoch) return { kind: 'unreadable', reason: 'it is of a bucket that is no more' };
  const address = parseAddress(msg.headers?.get(ourHeaders.address) ?? '');
  const revision = Number(msg.headers?.get(ourHeaders.revision));
  if (address === undefined || !Number.isSafeInteger(revision) || revision <= 0) {
    return { kind: 'unreadable', reason: 'it does not say which record it is' };
  }
  return { kind: 'entry', entry: { address, revision, bytes: copyOf(msg) } };
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
    isMark: msg.headers?.has(headerNames.ttl) ?? false,
    ...(outcome === undefined ? {} : { outcomeOf: outcome.id }),
  };
  return { kind: 'entry', entry };
};

/** Kept bytes would keep the whole piece of the socket's stream they came in. */
const copyOf = (msg: Msg): Uint8Array => new Uint8Array(msg.data);
