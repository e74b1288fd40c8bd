import { ServerTooOldError, ServerUnfitError } from '@baton/runtime';
import { NoRespondersError, type Api } from './api.ts';
import { ApiError } from '../errors.ts';
import { apiCodes } from '../codes.ts';

/** The first server with everything needed and without the faults that were mended on the way. */
export const SERVER_FLOOR = '2.14.5';

/**
 * The first server that keeps `sync_interval: always`: every write on disk before it is answered. Those before compact blocks
 * without it, skip the sync of compacted ones, and destroy an existing consumer when they refuse to make one of its name.
 */
export const DURABLE_FLOOR = '2.15.2';

/** Throws ServerTooOldError for a version below the floor, and for one that cannot be read. */
export const requireVersion = (version: string | undefined): void => {
  if (version !== undefined && isAtLeast(version, SERVER_FLOOR)) return;
  throw new ServerTooOldError(
    `nats-server ${version ?? 'of unknown version'} is too old: ${SERVER_FLOOR} or newer is needed; upgrade the server`,
  );
};

/** A pre-release counts as older than its release. */
export const isAtLeast = (version: string, floor: string): boolean => {
  const wanted = numbersOf(floor);
  const given = numbersOf(version);
  if (given === undefined || wanted === undefined) return false;
  for (const [i, least] of wanted.numbers.entries()) {
    const number = given.numbers[i] ?? 0;
    if (number !== least) return number > least;
  }
  return !given.preRelease;
};

const numbersOf = (
  version: string,
): { readonly numbers: readonly number[]; readonly preRelease: boolean } | undefined => {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(-.+)?/.exec(version);
  if (match === null) return undefined;
  return { numbers: match.slice(1, 4).map(Number), preRelease: match[4] !== undefined };
};

/** Rejects with ServerUnfitError when JetStream is off, for the server or for this account. */
export const requireJetStream = async (api: Api, timeoutMs: number): Promise<void> => {
  try {
    await api.probe('INFO', timeoutMs);
  } catch (fault) {
    if (!isDisabled(fault)) throw fault;
    const text = 'JetStream is not enabled on this server or for this account; start nats-server with JetStream';
    throw new ServerUnfitError('JETSTREAM_DISABLED', text, { cause: fault });
  }
};

const isDisabled = (fault: unknown): boolean =>
  fault instanceof NoRespondersError ||
  (fault instanceof ApiError &&
    (fault.apiCode === apiCodes.notEnabled || fault.apiCode === apiCodes.notEnabledForAccount));
