import { apiCodes } from '../codes.ts';
import {
  NotConnectedError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  StoreRefusedError,
  type WriteResult,
} from '@baton/runtime';
import { StoreBusyError } from '../errors.ts';
import type { Ack } from './ack.ts';

/** The server took none of it because too much is waiting: nothing was stored, and trying again a little later helps. */
export const isThrottled = (ack: Ack): boolean =>
  ack.kind === 'error' && (ack.apiCode === apiCodes.tooManyRequests || ack.status === 429);

/** It failed while it stored, and may have got to the disk. Limits are looked at before. */
export const mayBeStored = ({ apiCode, text }: { readonly apiCode: number; readonly text: string }): boolean =>
  apiCode === apiCodes.storeFailed && !text.startsWith('maximum');

const FULL: readonly number[] = [
  apiCodes.accountResourcesExceeded,
  apiCodes.insufficientResources,
  apiCodes.memoryExceeded,
  apiCodes.storageExceeded,
  apiCodes.storeFailed,
  apiCodes.maxStreamBytes,
];

/** What one acknowledgement says about one write. */
export const resultOf = (ack: Ack, subject: string): WriteResult => {
  switch (ack.kind) {
    case 'stored':
      return { kind: 'written', revision: ack.sequence };
    case 'unreadable':
      return unknown(`the answer to ${subject} cannot be read: ${ack.text}`);
    case 'error':
      return refusal(ack.apiCode, ack.status, ack.text, subject);
  }
};

const refusal = (apiCode: number, status: number, text: string, subject: string): WriteResult => {
  // Whoever lost a race to a write that is still under way reads again, like any loser.
  if (apiCode === apiCodes.wrongLastSequence || apiCode === apiCodes.wrongLastSequenceInFlight) return CONFLICT;
  if (isThrottled({ kind: 'error', apiCode, status, text })) {
    return {
      kind: 'failed',
      cause: new StoreBusyError(`the server takes no more writes now (${text}); try again later`),
    };
  }
  if (mayBeStored({ apiCode, text })) return unknown(`the server failed to store ${subject}: ${text}`);
  const message = `the server refused a write to ${subject}: ${text} (${apiCode})`;
  if (apiCode === apiCodes.messageTooLarge) return { kind: 'failed', cause: new PayloadTooLargeError(message) };
  const code = FULL.includes(apiCode) ? 'STORE_FULL' : 'STORE_REFUSED';
  return { kind: 'failed', cause: new StoreRefusedError(code, message) };
};

export const CONFLICT: WriteResult = { kind: 'conflict' };

export const unknown = (message: string): WriteResult => ({ kind: 'unknown', cause: new OutcomeUnknownError(message) });

export const notConnected = (message: string): WriteResult => ({
  kind: 'failed',
  cause: new NotConnectedError(message),
});
