import { NotConnectedError, OutcomeUnknownError, StoreRefusedError, type WriteResult } from '@baton/runtime';
import type { Op, Struck } from './faults.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';

/** What a caller learns of a request: that it was carried out, that it was not, or neither. */
export type Called<T> =
  | { readonly kind: 'answered'; readonly value: T }
  | { readonly kind: 'unknown'; readonly cause: OutcomeUnknownError }
  | { readonly kind: 'failed'; readonly cause: NotConnectedError | StoreRefusedError };

/** A connection that breaks takes about this share of the requests with it that were under way. */
const LOST_WITH_CONNECTION = 0.5;

/** A request with an answer. `apply` is the server's part and runs in one piece. Never settles for a killed process. */
export const call = <T>(
  around: Surroundings,
  process: Process,
  op: Op,
  subject: string,
  apply: () => T,
): Promise<Called<T>> =>
  new Promise((resolve, reject) => {
    travel(around, process, op, subject, apply).then((called) => {
      around.note(process.name, op, subject, called.kind);
      process.run(() => resolve(called));
    }, reject);
  });

const travel = async <T>(
  around: Surroundings,
  process: Process,
  op: Op,
  subject: string,
  apply: () => T,
): Promise<Called<T>> => {
  if (!process.isConnected) {
    await around.leg();
    return { kind: 'failed', cause: new NotConnectedError(`no connection to NATS; ${op} of ${subject} was not sent`) };
  }
  const sentOn = process.connection;
  const fault = around.faults.draw(op, process.name, subject);
  await around.leg(fault?.kind === 'delay' ? fault.delayMs : 0);
  const unknown = (): Called<T> => ({
    kind: 'unknown',
    cause: new OutcomeUnknownError(`no answer to ${op} of ${subject}; it may have happened`),
  });
  const cutOff = (): boolean => process.connection !== sentOn;
  if (fault?.kind === 'refused') return refused(around, fault, op);
  if (fault?.kind === 'late-apply') around.after(around.timeoutMs + fault.delayMs, () => void apply());
  if (fault?.kind === 'late-apply' || fault?.kind === 'lost-request') {
    await around.wait(around.timeoutMs);
    return unknown();
  }
  if (cutOff() && around.random.hits(LOST_WITH_CONNECTION)) return unknown();
  const value = apply();
  if (fault?.kind === 'lost-reply') {
    await around.wait(around.timeoutMs);
    return unknown();
  }
  await around.leg();
  return cutOff() ? unknown() : { kind: 'answered', value };
};

const refused = async <T>(around: Surroundings, fault: Struck, op: Op): Promise<Called<T>> => {
  await around.leg();
  return { kind: 'failed', cause: new StoreRefusedError(fault.code, `${op} was refused by an injected fault`) };
};

/** The answer, or throws what stands for there being none. */
export const answerOf = <T>(called: Called<T>): T => {
  if (called.kind === 'answered') return called.value;
  throw called.cause;
};

/** For writes: `undefined` from the server means that the condition did not hold. */
export const writeResultOf = (called: Called<number | 'full' | undefined>): WriteResult => {
  if (called.kind !== 'answered') return called;
  if (called.value === 'full') {
    return { kind: 'failed', cause: new StoreRefusedError('STORE_FULL', 'there is no room left: nothing was written') };
  }
  return called.value === undefined ? { kind: 'conflict' } : { kind: 'written', revision: called.value };
};

/**
 * A message without an answer. It arrives, or is lost with the connection or by a fault. What one process sends arrives in
 * order, as on one connection, and where it breaks all that comes behind the first that was lost is lost too.
 */
export const send = (around: Surroundings, process: Process, op: Op, subject: string, apply: () => void): void => {
  if (!process.isConnected) return;
  const fault = around.faults.draw(op, process.name, subject);
  const lost = fault?.kind === 'drop';
  around.note(process.name, op, subject, lost ? 'dropped' : 'sent');
  if (lost) return;
  const sentOn = process.connection;
  const arrival = around.leg(fault?.kind === 'delay' ? fault.delayMs : 0);
  // Leases are renewed over a connection of their own.
  const isApart = op.startsWith('presence.');
  const arrived = Promise.all([isApart ? undefined : process.sent, arrival]).then(() => {
    if (process.connection !== sentOn) {
      if (process.lostWith === sentOn || around.random.hits(LOST_WITH_CONNECTION)) {
        if (!isApart) process.lostWith = sentOn;
        return;
      }
    }
    apply();
  });
  if (!isApart) process.sent = arrived;
};
