import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Order, Position } from '@baton/mongo';
import { problem } from '../http/problem.ts';

/**
 * Where the next page begins, as text a client gives back. It is signed together with who asked and for what, so that it
 * cannot be edited, lent to somebody else or carried over to another list.
 */
export type Cursors = {
  readonly write: (position: Position, bound: Bound) => string;
  /** Throws a Problem `INVALID_CURSOR`. */
  readonly read: (cursor: string, bound: Bound) => Position;
};

/** Whom and what a cursor is good for. */
export type Bound = { readonly user: string; readonly admin: boolean; readonly filter: object; readonly order: Order };

const LENGTH_LIMIT = 2_000;
const MAC_BYTES = 16;

export const createCursors = (secret: string): Cursors => {
  const key = createHmac('sha256', secret).update('baton list cursor').digest();
  const sign = (body: string, bound: Bound): Buffer =>
    createHmac('sha256', key)
      .update(`${canonical(bound)}\n${body}`)
      .digest()
      .subarray(0, MAC_BYTES);

  return {
    write: ({ id, value }, bound) => {
      const body = encode(JSON.stringify([id, value instanceof Date ? { at: value.getTime() } : value]));
      return `${body}.${sign(body, bound).toString('base64url')}`;
    },
    read: (cursor, bound) => {
      const [body = '', mac = '', ...more] = cursor.length > LENGTH_LIMIT ? [] : cursor.split('.');
      const given = Buffer.from(mac, 'base64url');
      const isOurs = more.length === 0 && given.length === MAC_BYTES && timingSafeEqual(given, sign(body, bound));
      if (!isOurs) throw invalid();
      const [id, value] = JSON.parse(Buffer.from(body, 'base64url').toString()) as [string, SignedValue];
      return { id, value: typeof value === 'object' && value !== null ? new Date(value.at) : value };
    },
  };
};

type SignedValue = string | null | { readonly at: number };

const encode = (text: string): string => Buffer.from(text).toString('base64url');

const canonical = ({ user, admin, filter, order }: Bound): string =>
  JSON.stringify([user, admin, Object.entries(filter).toSorted(([a], [b]) => (a < b ? -1 : 1)), order]);

const invalid = () =>
  problem('INVALID_CURSOR', 'the cursor is not one of this list', {
    hint: 'Give back next_cursor as it came, with the same user, filters and order; begin without one otherwise.',
  });
