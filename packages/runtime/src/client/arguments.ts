import type { ObjectReference } from '@baton/core';
import { encodeSized, EncodeError, objectName, type Address, type ObjectPart, type Sized } from '@baton/protocols';
import { storeObject } from '../data/large-data.ts';
import { InvalidArgumentError, PayloadTooLargeError } from '../errors.ts';
import { storeFull } from '../kernel.ts';
import type { Ports } from '../ports.ts';
import { requireField, rules } from './rules.ts';

/** Encoded arguments; undefined where there are none. */
export type GivenArguments = Sized | undefined;

/** Before anything is sent. Throws InvalidArgumentError for what cannot travel, PayloadTooLargeError above the limit. */
export const encodeArguments = (args: readonly unknown[], limit: number): GivenArguments => {
  if (args.length === 0) return undefined;
  requireField('args', args, rules.args);
  const sized = encoded(args);
  if (sized.bytes.length <= limit) return sized;
  const text = `the arguments are ${sized.bytes.length} bytes, at most ${limit} are allowed: store them elsewhere and pass where`;
  throw new PayloadTooLargeError(text);
};

const encoded = (args: readonly unknown[]): Sized => {
  try {
    return encodeSized(args);
  } catch (error) {
    if (error instanceof EncodeError) throw new InvalidArgumentError(`args: ${error.message}`, { cause: error });
    throw error;
  }
};

/**
 * Puts large arguments where the task of that id is going to refer to. Rejects with a BatonError: no task was made. Where
 * room is short that is not begun, though the task might be one to join: what is kept for others is not eaten up by
 * submits that are refused.
 */
export const keepArguments = async (
  { data, store }: Pick<Ports, 'data' | 'store'>,
  address: Address,
  id: string,
  bytes: Uint8Array,
  part: ObjectPart = 'args',
): Promise<ObjectReference> => {
  const full = storeFull(store);
  if (full !== undefined) throw full;
  return storeObject(data, objectName(address, id, part), bytes);
};
