import type { HeldTask, Priority, ReadyTask, Return } from '@baton/core';
import {
  decode,
  DecodeError,
  encode,
  NAME_PATTERN,
  NODE_ID_PATTERN,
  parseAddress,
  PRIORITIES,
  type Address,
} from '@baton/protocols';
import type { Credit, CreditAnswer, HostingState, OfferBatch, ReadyMessage, WaitingLine } from '@baton/runtime';

/**
 * The messages of dispatch as they are written: MessagePack arrays, the version of their shape first (see "Dispatch" in
 * `protocols/README.md`). What cannot be read throws DecodeError, and is left out by who reads it: hints may be lost.
 */
export const VERSION = 1;

/** Below the `max_payload` of the server. */
const MESSAGE_LIMIT = 1024 * 1024;

const RETURNS: readonly Return[] = ['free', 'refused', 'stale'];

export const encodeCredit = (credit: Credit): Uint8Array => {
  const { queue, worker, session, turn, types, limit, returned, shares, leaving } = credit;
  const back = returned.map(({ address, revision, how, term }) => [
    address,
    revision,
    RETURNS.indexOf(how),
    ...(term === undefined ? [] : [term]),
  ]);
  return encode([VERSION, queue, worker, session, turn, types, limit, back, shares === true, leaving === true]);
};

export const decodeCredit = (bytes: Uint8Array): Credit => {
  const [queue, worker, session, turn, types, limit, returned, shares, leaving] = fieldsOf(bytes, 9);
  return {
    queue: queueName(queue),
    worker: node(worker),
    session: text(session),
    turn: count(turn),
    types: list(types).map(text),
    limit: count(limit),
    returned: list(returned).map((one) => {
      const [address, revision, how, term] = list(one);
      const under = typeof term === 'string' ? { term } : {};
      return { address: place(address), revision: count(revision), how: oneOf(RETURNS, how), ...under };
    }),
    ...(shares === true ? { shares: true } : {}),
    ...(leaving === true ? { leaving: true } : {}),
  };
};

export const encodeAnswer = ({ supervisor, hosts, sent, limit, waiting, term }: CreditAnswer): Uint8Array =>
  encode([VERSION, supervisor, hosts, sent, limit, waiting, ...(term === undefined ? [] : [term])]);

export const decodeAnswer = (bytes: Uint8Array): CreditAnswer => {
  const [supervisor, hosts, sent, limit, waiting, term] = fieldsOf(bytes, 5);
  return {
    supervisor: node(supervisor),
    hosts: hosts === true,
    sent: count(sent),
    limit: count(limit),
    waiting: count(waiting),
    ...(typeof term === 'string' ? { term } : {}),
  };
};

export const encodeOffers = ({ queue, session, from, offers, waiting, term }: OfferBatch): Uint8Array => {
  const each = offers.map(({ address, revision, bytes }) => [address, revision, bytes ?? null]);
  return encode([VERSION, queue, session, from, waiting, each, ...(term === undefined ? [] : [term])]);
};

export const decodeOffers = (bytes: Uint8Array): OfferBatch => {
  const [queue, session, from, waiting, offers, term] = fieldsOf(bytes, 5);
  return {
    queue: text(queue),
    session: text(session),
    from: count(from),
    waiting: count(waiting),
    offers: list(offers).map((one) => {
      const [address, revision, record] = list(one);
      return { address: place(address), revision: count(revision), ...bytesOf(record) };
    }),
    ...(typeof term === 'string' ? { term } : {}),
  };
};

export const encodeReady = ({
  from,
  session,
  number,
  begins,
  ask,
  ready,
  gone,
  held,
  state,
  sync,
}: ReadyMessage): Uint8Array =>
  encode([
    VERSION,
    from,
    session,
    number,
    begins === true,
    ask === true,
    ready.map((task) => [
      task.queue,
      task.address,
      task.revision,
      task.order,
      PRIORITIES.indexOf(task.priority),
      task.type,
      task.bytes ?? null,
      ...groupingOf(task, task.begun),
    ]),
    gone.map(({ queue, address, revision }) => [queue, address, revision]),
    ...(held === undefined && state === undefined && sync === undefined
      ? []
      : [
          (held ?? []).map((task) => [
            task.queue,
            task.address,
            task.revision,
            task.type,
            ...groupingOf(task, task.since),
          ]),
        ]),
    ...(state === undefined && sync === undefined ? [] : [state === undefined ? null : stateOf(state)]),
    ...(sync === undefined ? [] : [sync]),
  ]);

const stateOf = ({ members, partitions, limited, synced }: HostingState): readonly unknown[] =>
  synced === undefined ? [members, partitions, limited] : [members, partitions, limited, synced];

/** Left out at the end of a list where there is none, as with most tasks. */
const groupingOf = (
  { group, units, limitKey }: Pick<ReadyTask, 'group' | 'units' | 'limitKey'>,
  more?: unknown,
): readonly unknown[] => {
  if (more !== undefined) return [group ?? null, units ?? null, limitKey ?? null, more];
  if (limitKey !== undefined) return [group ?? null, units ?? null, limitKey];
  return group === undefined && units === undefined ? [] : [group ?? null, units ?? null];
};

const groupingIn = (
  group: unknown,
  units: unknown,
  limitKey: unknown,
): Pick<HeldTask, 'group' | 'units' | 'limitKey'> => ({
  ...(typeof group === 'string' ? { group } : {}),
  ...(typeof units === 'number' ? { units: count(units) } : {}),
  ...(typeof limitKey === 'string' ? { limitKey } : {}),
});

export const decodeReady = (bytes: Uint8Array): ReadyMessage => {
  const [from, session, number, begins, ask, ready, gone, held, state, sync] = fieldsOf(bytes, 7);
  return {
    from: text(from),
    session: text(session),
    number: count(number),
    ...(begins === true ? { begins: true } : {}),
    ...(ask === true ? { ask: true } : {}),
    ready: list(ready).map((one) => {
      const [queue, address, revision, order, priority, type, record, group, units, limitKey, begun] = list(one);
      return {
        queue: text(queue),
        address: place(address),
        revision: count(revision),
        order: count(order),
        priority: oneOf<Priority>(PRIORITIES, priority),
        type: text(type),
        ...groupingIn(group, units, limitKey),
        ...(begun === true ? { begun: true as const } : {}),
        ...bytesOf(record),
      };
    }),
    gone: list(gone).map((one) => {
      const [queue, address, revision] = list(one);
      return { queue: text(queue), address: place(address), revision: count(revision) };
    }),
    ...(held === undefined ? {} : { held: list(held).map(heldIn) }),
    ...(state === undefined || state === null ? {} : { state: stateIn(state) }),
    ...(sync === undefined ? {} : { sync: text(sync) }),
  };
};

const heldIn = (one: unknown) => {
  const [queue, address, revision, type, group, units, limitKey, since] = list(one);
  return {
    queue: text(queue),
    address: place(address),
    revision: count(revision),
    type: text(type),
    ...groupingIn(group, units, limitKey),
    ...(typeof since === 'number' ? { since: count(since) } : {}),
  };
};

const stateIn = (value: unknown): HostingState => {
  const [members, partitions, limited, synced] = list(value);
  return {
    members: list(members).map(text),
    partitions: list(partitions).map(text),
    limited: list(limited).map(text),
    ...(synced === undefined ? {} : { synced: text(synced) }),
  };
};

export const encodeWaiting = (lines: readonly WaitingLine[]): Uint8Array =>
  encode([
    VERSION,
    lines.map(({ queue, priority, type, waiting }) => [queue, PRIORITIES.indexOf(priority), type, waiting]),
  ]);

export const decodeWaiting = (bytes: Uint8Array): readonly WaitingLine[] => {
  const [lines] = fieldsOf(bytes, 1);
  return list(lines).map((one) => {
    const [queue, priority, type, waiting] = list(one);
    return { queue: text(queue), priority: oneOf(PRIORITIES, priority), type: text(type), waiting: count(waiting) };
  });
};

/** The fields behind the version. A later version may have more of them. */
export const fieldsOf = (bytes: Uint8Array, least: number): readonly unknown[] => {
  const [version, ...fields] = list(decode(bytes, MESSAGE_LIMIT));
  if (version !== VERSION) throw new DecodeError(`a message of version ${String(version)} is not for this program`);
  if (fields.length < least) throw new DecodeError(`${fields.length} fields, ${least} are needed`);
  return fields;
};

const bytesOf = (value: unknown): { readonly bytes?: Uint8Array } =>
  value instanceof Uint8Array ? { bytes: value } : {};

export const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new DecodeError('a text is missing');
  return value;
};

/** Whoever hosts it remembers it. */
export const queueName = (value: unknown): string => {
  if (typeof value !== 'string' || !NAME_PATTERN.test(value)) throw new DecodeError('the name of a queue is missing');
  return value;
};

/** What may stand in a subject. Anything else could listen to everybody's messages, or to none. */
export const isNode = (id: string): boolean => NODE_ID_PATTERN.test(id) && id !== 'all';

/** Whoever reads it writes to it next. */
const node = (value: unknown): string => {
  if (typeof value !== 'string' || !isNode(value)) throw new DecodeError('the name of a node is missing');
  return value;
};

export const count = (value: unknown): number => {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new DecodeError('a number is missing');
  return value;
};

export const list = (value: unknown): readonly unknown[] => {
  if (!Array.isArray(value)) throw new DecodeError('a list is missing');
  return value;
};

export const place = (value: unknown): Address => {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  if (address === undefined) throw new DecodeError('an address is missing');
  return address;
};

export const oneOf = <T>(values: readonly T[], index: unknown): T => {
  const value = values[count(index)];
  if (value === undefined) throw new DecodeError(`${String(index)} names nothing`);
  return value;
};
