import { createHash, randomBytes } from 'node:crypto';
import { OBJECT_CHUNK, paddedBase64Url, STORE_TIMEOUT_MS } from '@baton/protocols';
import { BatonError, StoreRefusedError, type DataStore, type WriteResult } from '@baton/runtime';
import { ApiError, StoreTimeoutError } from '../errors.ts';
import type { Wire } from '../wire.ts';
import { apiCodes } from '../codes.ts';
import { subjectsOf } from '../streams/subjects.ts';

/** What is known of an object, as every NATS object store writes it: `nats object` reads ours. */
type ObjectInfo = {
  readonly name: string;
  readonly bucket: string;
  /** Last token of the subject of its pieces. */
  readonly nuid: string;
  readonly size: number;
  readonly chunks: number;
  /** `SHA-256=` and base64url with its padding. */
  readonly digest: string;
  readonly deleted?: boolean;
};

type Stored = { readonly message: { readonly seq: number; readonly time: string; readonly data?: string } };
type Found = { readonly seq: number; readonly storedAt: number; readonly bytes: Uint8Array };

/** Pieces under way at once: enough to fill the wire, and a large object does not hold up everybody else's writes. */
const AT_ONCE = 4;

/**
 * The object store on its own stream: pieces first, then what is known of the object, so that nobody finds a half. Pieces
 * are read one after the other by the stream's message request: no consumer is made, and one piece is in memory beside
 * the object itself.
 */
export const createDataStore = (wire: Wire): DataStore => new NatsDataStore(wire);

class NatsDataStore implements DataStore {
  private readonly wire: Wire;
  /** A role that may not remove is told once, and does not fill the server's log with tries. */
  private denied: BatonError | undefined;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const { names } = this.wire;
    const nuid = (await this.putPieces(bytes, AT_ONCE)) ?? (await this.putPieces(bytes, 1));
    if (nuid === undefined) {
      throw new StoreRefusedError('STORE_REFUSED', `the pieces of ${name} were stored in another order than sent`);
    }
    const chunks = Math.ceil(bytes.length / OBJECT_CHUNK);
    const digest = `SHA-256=${paddedBase64Url(createHash('sha256').update(bytes).digest())}`;
    const info: ObjectInfo = { name, bucket: names.objectsBucket, nuid, size: bytes.length, chunks, digest };
    await this.write(names.objectSubject(name), new TextEncoder().encode(JSON.stringify(info)));
  }

  /**
   * The pieces under a name of their own: two who write one object at once must not mix. Undefined when they are not stored
   * in their order: one that a busy server refused is sent again behind those that were under way with it.
   */
  private async putPieces(bytes: Uint8Array, atOnce: number): Promise<string | undefined> {
    const nuid = randomBytes(12).toString('hex');
    const subject = this.wire.names.chunkSubject(nuid);
    let last = 0;
    for (let from = 0; from < bytes.length; from += atOnce * OBJECT_CHUNK) {
      const some = Array.from({ length: atOnce }, (_, i) => from + i * OBJECT_CHUNK).filter((at) => at < bytes.length);
      const places = await Promise.all(some.map((at) => this.write(subject, bytes.subarray(at, at + OBJECT_CHUNK))));
      for (const place of places) {
        if (place < last) {
          // Where it may not be removed, the sweep finds it.
          await this.purge(subject).catch(() => {});
          return undefined;
        }
        last = place;
      }
    }
    return nuid;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const known = await this.find(name);
    if (known === undefined) return undefined;
    const { nuid, size } = known.info;
    const subject = this.wire.names.chunkSubject(nuid);
    const parts: Uint8Array[] = [];
    let length = 0;
    for (let seq = 1; length < size;) {
      const found = await this.message({ seq, next_by_subj: subject });
      if (found === undefined) return undefined;
      parts.push(found.bytes);
      length += found.bytes.length;
      seq = found.seq + 1;
    }
    return length === size ? Buffer.concat(parts, length) : undefined;
  }

  /** Pieces first: as long as they are not all gone, what is known of the object still names them. */
  async remove(name: string): Promise<void> {
    const { names } = this.wire;
    const known = await this.find(name);
    if (known !== undefined) await this.purge(names.chunkSubject(known.info.nuid));
    await this.purge(names.objectSubject(name));
  }

  async *names(): AsyncGenerator<readonly string[]> {
    const { objectPrefix, allObjects } = this.wire.names;
    for await (const subjects of this.subjects(allObjects)) {
      yield subjects.map((subject) => Buffer.from(subject.slice(objectPrefix.length), 'base64url').toString());
    }
  }

  async storedAt(name: string): Promise<number | undefined> {
    return (await this.find(name))?.storedAt;
  }

  async removeUnfinished(before: number): Promise<number> {
    const { names } = this.wire;
    const finished = new Set<string>();
    for await (const page of this.names()) {
      for (const name of page) {
        const known = await this.find(name);
        if (known !== undefined) finished.add(names.chunkSubject(known.info.nuid));
      }
    }
    let removed = 0;
    for await (const page of this.subjects(names.allChunks)) {
      for (const subject of page) {
        if (finished.has(subject)) continue;
        // What is known of it may have come since: then its last piece is young.
        const last = await this.message({ last_by_subj: subject });
        if (last === undefined || last.storedAt >= before) continue;
        await this.purge(subject);
        removed++;
      }
    }
    return removed;
  }

  private async find(name: string): Promise<{ readonly info: ObjectInfo; readonly storedAt: number } | undefined> {
    const found = await this.message({ last_by_subj: this.wire.names.objectSubject(name) });
    if (found === undefined) return undefined;
    const info = infoIn(found.bytes);
    return info === undefined ? undefined : { info, storedAt: found.storedAt };
  }

  private subjects(filter: string): AsyncGenerator<readonly string[]> {
    const call = <T>(subject: string, body: object = {}): Promise<T> => this.call<T>(subject, body);
    return subjectsOf({ call }, this.wire.names.objectsStream, filter);
  }

  private async message(request: object): Promise<Found | undefined> {
    const subject = `STREAM.MSG.GET.${this.wire.names.objectsStream}`;
    try {
      const { message } = await this.call<Stored>(subject, request);
      const { seq, time, data = '' } = message;
      return { seq, storedAt: Date.parse(time), bytes: Buffer.from(data, 'base64') };
    } catch (fault) {
      if (fault instanceof StoreRefusedError && isNoMessage(fault.cause)) return undefined;
      throw fault;
    }
  }

  private async purge(filter: string): Promise<void> {
    if (this.denied !== undefined) throw this.denied;
    try {
      await this.call(`STREAM.PURGE.${this.wire.names.objectsStream}`, { filter });
    } catch (fault) {
      if (fault instanceof BatonError && fault.code === 'PERMISSION_DENIED') this.denied = fault;
      throw fault;
    }
  }

  private async call<T>(subject: string, body: object): Promise<T> {
    try {
      return await this.wire.api.call<T>(subject, body);
    } catch (fault) {
      if (!(fault instanceof ApiError)) throw fault;
      const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
      throw new StoreRefusedError(code, fault.message, { cause: fault });
    }
  }

  /** Where in the stream it is. */
  private async write(subject: string, bytes: Uint8Array): Promise<number> {
    const result = await this.wire.publisher.publish(subject, bytes);
    if (result.kind === 'written') return result.revision;
    throw faultOf(result);
  }
}

/** An object that is not known to be stored is not there: nobody will refer to it, so there is no third answer. */
const faultOf = (result: Exclude<WriteResult, { kind: 'written' }>): BatonError => {
  switch (result.kind) {
    case 'failed':
      return result.cause;
    case 'unknown':
      return new StoreTimeoutError(`a large object was not confirmed within ${STORE_TIMEOUT_MS} ms`, {
        cause: result.cause,
      });
    case 'conflict':
      return new StoreRefusedError('STORE_REFUSED', 'a write without a condition was refused as conflicting');
  }
};

const isNoMessage = (cause: unknown): boolean => cause instanceof ApiError && cause.apiCode === apiCodes.noMessage;

const infoIn = (bytes: Uint8Array): ObjectInfo | undefined => {
  try {
    const info = JSON.parse(new TextDecoder().decode(bytes)) as Partial<ObjectInfo> | null;
    const { nuid, size, deleted } = info ?? {};
    const isOne = typeof nuid === 'string' && /^[A-Za-z0-9_-]{1,64}$/.test(nuid) && Number.isSafeInteger(size);
    return isOne && deleted !== true ? (info as ObjectInfo) : undefined;
  } catch {
    return undefined;
  }
};
