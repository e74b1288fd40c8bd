import { Readable } from 'node:stream';
import { jsonPieces, readDataText, viewOfDataText } from '@baton/protocols';
import { DataLostError } from '@baton/runtime';
import type { FastifyReply } from 'fastify';
import type { LargeReads } from './large-reads.ts';

/** Who reads nothing of an answer for so long, or is not done with it after so long, does not need it. */
const STALL_MS = 15_000;
const WHOLE_MS = 300_000;

type Asked = {
  /** Of the document; null: there is none. */
  readonly text: string | null;
  /** Members before the data, and the name of the data. */
  readonly before: Readonly<Record<string, unknown>>;
  readonly name: string;
  readonly user: string;
};

/**
 * Answers with data of a task: at once where it lies in the record, piece by piece and as fast as the client reads where it
 * lies beside it. Rejects with DataLostError when it cannot be had.
 */
export const sendData = async (reply: FastifyReply, reads: LargeReads, asked: Asked): Promise<FastifyReply> => {
  const { text, before, name, user } = asked;
  const reading = text === null ? undefined : readDataText(text);
  if (text === null || reading?.kind !== 'data' || reading.data instanceof Uint8Array) {
    return reply.send({ ...before, [name]: text === null ? null : viewOfDataText(text) });
  }
  const { bytes, release } = await reads.open(reading.data, user);
  const pieces = piecesOf(bytes, release);
  const { raw } = reply;
  const stalled = setTimeout(() => raw.destroy(), STALL_MS);
  const late = setTimeout(() => raw.destroy(), WHOLE_MS);
  const body = Readable.from(wrapped(before, name, pieces, () => stalled.refresh()));
  body.once('close', () => {
    clearTimeout(stalled);
    clearTimeout(late);
    release();
  });
  return reply.type('application/json; charset=utf-8').send(body);
};

/** A piece is asked for when the client has read those before it. */
function* wrapped(before: object, name: string, pieces: Iterable<string>, asked: () => void): Generator<string> {
  const head = JSON.stringify(before).slice(0, -1);
  yield `${head}${head === '{' ? '' : ','}${JSON.stringify(name)}:`;
  for (const piece of pieces) {
    asked();
    yield piece;
  }
  yield '}';
}

const piecesOf = (bytes: Uint8Array, release: () => void): Iterable<string> => {
  try {
    return jsonPieces(bytes);
  } catch (error) {
    release();
    throw new DataLostError('DATA_DAMAGED', `the data cannot be read: ${error instanceof Error ? error.message : ''}`);
  }
};
