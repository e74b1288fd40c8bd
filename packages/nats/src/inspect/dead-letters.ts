import { headers as names } from '@baton/protocols';
import { BatonError } from '@baton/runtime';
import { apiCodes } from '../codes.ts';
import { ApiError } from '../errors.ts';
import type { Wire } from '../wire.ts';
import type { StreamInfo } from '../streams/ensure-streams.ts';

/** A command that was not carried out. */
export type DeadLetter = {
  /** Its sequence in the stream of dead letters. */
  readonly number: number;
  /** When it was put there, milliseconds. */
  readonly at: number;
  /** Where the command was published, without what no header can carry. */
  readonly subject: string;
  /** Why, as a code and in words. */
  readonly code: string;
  readonly reason: string;
  /** As they came; those that instruct JetStream under another name. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** As they came. */
  readonly bytes: Uint8Array;
};

type Stored = {
  readonly message: { readonly seq: number; readonly time: string; readonly hdrs?: string; readonly data?: string };
};

type Info = StreamInfo & { readonly state: { readonly first_seq: number; readonly last_seq: number } };

/** Read side by side. A message may be a megabyte. */
const AT_ONCE = 8;

/**
 * The newest first, those below `before` where that is given. Rejects as every call to JetStream does: ApiError,
 * StoreTimeoutError, NotConnectedError.
 */
export const listDeadLetters = async (
  wire: Pick<Wire, 'api' | 'names'>,
  { most, before = Number.POSITIVE_INFINITY }: { readonly most: number; readonly before?: number },
): Promise<readonly DeadLetter[]> => {
  const { state } = await wire.api.call<Info>(`STREAM.INFO.${wire.names.deadStream}`);
  const found: DeadLetter[] = [];
  let next = Math.min(state.last_seq, before - 1);
  while (found.length < most && next >= state.first_seq && next > 0) {
    const least = Math.max(state.first_seq, next - Math.min(AT_ONCE, most - found.length) + 1);
    const numbers = Array.from({ length: next - least + 1 }, (_, i) => next - i);
    const read = await Promise.all(numbers.map((number) => oneAt(wire, number)));
    // Some may have been deleted by hand.
    found.push(...read.filter((letter) => letter !== undefined));
    next = least - 1;
  }
  return found;
};

/** Rejects with BatonError (DATA_MISSING) where there is none of that number. */
export const deadLetterAt = async (wire: Pick<Wire, 'api' | 'names'>, number: number): Promise<DeadLetter> => {
  const letter = await oneAt(wire, number);
  if (letter !== undefined) return letter;
  throw new BatonError(
    'DATA_MISSING',
    `there is no dead letter ${number}: there never was, or it was older than they are kept`,
  );
};

const oneAt = async ({ api, names: { deadStream } }: Pick<Wire, 'api' | 'names'>, seq: number) => {
  try {
    const { message } = await api.call<Stored>(`STREAM.MSG.GET.${deadStream}`, { seq });
    return letterOf(message);
  } catch (fault) {
    if (fault instanceof ApiError && fault.apiCode === apiCodes.noMessage) return undefined;
    throw fault;
  }
};

const letterOf = ({ seq, time, hdrs = '', data = '' }: Stored['message']): DeadLetter => {
  const { [names.subject]: subject, [names.reason]: code, [names.message]: reason, ...headers } = headersIn(hdrs);
  return {
    number: seq,
    at: Date.parse(time),
    subject: subject?.[0] ?? '',
    code: code?.[0] ?? '',
    reason: reason?.[0] ?? '',
    headers,
    bytes: new Uint8Array(Buffer.from(data, 'base64')),
  };
};

/** A block of headers: the version of the protocol, then a line each. */
const headersIn = (block: string): Readonly<Record<string, readonly string[]>> => {
  const found: Record<string, string[]> = {};
  for (const line of Buffer.from(block, 'base64').toString('utf8').split('\r\n').slice(1)) {
    const [, name, value] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) (found[name] ??= []).push(value);
  }
  return found;
};
