import { headers as ourHeaders, parseAddress, type Address } from '@baton/protocols';
import type { Entry } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';

/**
 * Where the server sourced a message from: `<stream> <sequence> <filter> <transform> <subject> [<identity>]`. The subject
 * is the one before the transform, so the address that the log's subject has lost stands here.
 */
const SOURCE = 'Nats-Stream-Source';

export type EventReading =
  | { readonly kind: 'record'; readonly entry: Entry }
  /** A deletion by hand or its marker: nothing to tell. */
  | { readonly kind: 'nothing' }
  | { readonly kind: 'unreadable'; readonly reason: string };

export const readEvent = (msg: Msg, recordPrefix: string): EventReading => {
  if (msg.data.length === 0) return { kind: 'nothing' };
  const source = msg.headers?.get(SOURCE) ?? '';
  const origin = source === '' ? directOrigin(msg) : sourcedOrigin(source, recordPrefix);
  if (typeof origin === 'string') return { kind: 'unreadable', reason: origin };
  // A copy: kept bytes would keep the whole piece of the socket's stream they came in.
  return { kind: 'record', entry: { ...origin, bytes: new Uint8Array(msg.data) } };
};

type Origin = { readonly address: Address; readonly revision: number };

const sourcedOrigin = (source: string, recordPrefix: string): Origin | string => {
  const [, sequence = '', , , subject = ''] = source.split(' ');
  const address = subject.startsWith(recordPrefix) ? parseAddress(subject.slice(recordPrefix.length)) : undefined;
  return originOf(address, sequence) ?? `its source '${source}' is no record of the bucket`;
};

const directOrigin = (msg: Msg): Origin | string => {
  const address = parseAddress(msg.headers?.get(ourHeaders.address) ?? '');
  return (
    originOf(address, msg.headers?.get(ourHeaders.revision) ?? '') ??
    'it neither was sourced nor says which record it is'
  );
};

const originOf = (address: Address | undefined, sequence: string): Origin | undefined => {
  const revision = Number(sequence);
  return address !== undefined && Number.isSafeInteger(revision) && revision > 0 ? { address, revision } : undefined;
};
