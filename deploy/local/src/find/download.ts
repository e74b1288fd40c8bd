import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A host that answers at all answers within this time. */
export const CONNECT_TIMEOUT_MS = 3_000;
const FIRST_BYTE_TIMEOUT_MS = 6_000;
const IDLE_TIMEOUT_MS = 15_000;
const WHOLE_TIMEOUT_MS = 10 * 60_000;

/** A download that did not come, came broken or came wrong. */
export class DownloadError extends Error {
  override readonly name = 'DownloadError';
}

/** Fails within `timeoutMs` when nothing listens behind the address, whatever the network does with the packets. */
export function probe(url: string, timeoutMs: number = CONNECT_TIMEOUT_MS): Promise<void> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port) || (protocol === 'http:' ? 80 : 443) });
    const finish = (why?: string): void => {
      clearTimeout(timer);
      socket.destroy();
      if (why === undefined) resolve();
      else reject(new DownloadError(`${hostname} can't be reached (${why})`));
    };
    // The name look-up is not covered by the socket's own timeout, so this is a timer.
    const timer = setTimeout(() => finish(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    socket.once('connect', () => finish());
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
}

export async function fetchText(url: string): Promise<string> {
  const { response, done } = await open(url);
  try {
    return await response.text();
  } catch (error) {
    throw broken(url, error);
  } finally {
    done();
  }
}

export type FileDownload = {
  readonly url: string;
  readonly to: string;
  readonly onProgress?: (doneBytes: number, totalBytes: number | undefined) => void;
};

export async function downloadFile({ url, to, onProgress }: FileDownload): Promise<void> {
  const { response, kick, done } = await open(url);
  const totalBytes = Number(response.headers.get('content-length')) || undefined;
  let doneBytes = 0;
  try {
    if (!response.body) throw new DownloadError('the answer is empty');
    const body = Readable.fromWeb(response.body);
    body.on('data', (chunk: Buffer) => {
      kick();
      doneBytes += chunk.length;
      onProgress?.(doneBytes, totalBytes);
    });
    await pipeline(body, createWriteStream(to));
  } catch (error) {
    throw broken(url, error);
  } finally {
    done();
  }
}

/** Compares with the line of a `SHA256SUMS` file that names `fileName`. */
export async function checkSha256(path: string, fileName: string, sums: string): Promise<void> {
  const expected = new RegExp(`^([0-9a-f]{64})\\s+\\*?${escapeRegExp(fileName)}$`, 'im').exec(sums)?.[1]?.toLowerCase();
  if (expected === undefined) throw new DownloadError(`the checksum list does not name ${fileName}`);
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const actual = hash.digest('hex');
  if (actual !== expected)
    throw new DownloadError(`${fileName} has the wrong checksum: expected ${expected}, got ${actual}`);
}

type OpenResponse = { readonly response: Response; readonly kick: () => void; readonly done: () => void };

/** Starts a GET that is given up when no byte comes for a while. */
async function open(url: string): Promise<OpenResponse> {
  const abort = new AbortController();
  const giveUp = (why: string) => (): void => abort.abort(new DownloadError(why));
  const whole = setTimeout(giveUp(`took longer than ${WHOLE_TIMEOUT_MS / 60_000} min`), WHOLE_TIMEOUT_MS);
  let idle = setTimeout(giveUp(`no answer within ${FIRST_BYTE_TIMEOUT_MS / 1000} s`), FIRST_BYTE_TIMEOUT_MS);
  const kick = (): void => {
    clearTimeout(idle);
    idle = setTimeout(giveUp(`nothing came for ${IDLE_TIMEOUT_MS / 1000} s`), IDLE_TIMEOUT_MS);
  };
  const done = (): void => {
    clearTimeout(idle);
    clearTimeout(whole);
  };
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok) throw new DownloadError(`the answer is ${response.status}`);
    kick();
    return { response, kick, done };
  } catch (error) {
    done();
    throw broken(url, error);
  }
}

function broken(url: string, error: unknown): DownloadError {
  const cause = (error as Error).cause;
  const why = cause instanceof Error ? cause.message : (error as Error).message;
  return new DownloadError(`${url}: ${why}`, { cause: error });
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
