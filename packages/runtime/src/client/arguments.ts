import type { ObjectReference } from '@baton/core';
import { encodeSized, EncodeError, objectName, type Address, type Sized } from '@baton/protocols';
import { storeObject } from '../data/large-data.ts';
import { InvalidArgumentError, PayloadTooLargeError } from '../errors.ts';
import type { DataStore } from '../ports.ts';

/** Encoded arguments; undefined where there are none. */
export type GivenArguments = Sized | undefined;

/** Before anything is sent. Throws InvalidArgumentError for what cannot travel, PayloadTooLargeError above the limit. */
export const encodeArguments = (args: readonly unknown[], limit: number): GivenArguments => {
  if (args.length === 0) return undefined;
  const sized = encoded(args);
  if (sized.bytes.length <= limit) return sized;
  const text = `the arguments are ${sized.bytes.length} bytes, at most ${limit} are allowed: store them elsewhere and pass where`;
  throw new PayloadTooLargeError(text);
};

const encoded = (args: readonly unknown[]): Sized => {
  try {
    return encodeSized(args);
  } catch (error) {
    if (error instanceof EncodeError)
      throw new InvalidArgumentError(`the arguments are ${error.message}`, { cause: error });
    throw error;
  }
};

/** Puts large arguments where the task of that id is going to refer to. Rejects with a BatonError: no task was made. */
export const keepArguments = (data: DataStore, address: Address, id: string, args: Sized): Promise<ObjectReference> =>
  storeObject(data, objectName(address, id, 'args'), args.bytes);
