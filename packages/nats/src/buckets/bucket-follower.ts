import { BatonError, NotConnectedError, StoreRefusedError, type Subscription } from '@baton/runtime';
import { ApiError } from '../errors.ts';
import { hasLeft, OPERATION_HEADER } from '../presence/presence-node.ts';
import { headersOf } from '../foreign-headers.ts';
import { listen, type Wire } from '../wire.ts';
import { apiCodes } from '../codes.ts';
import { subjectsOf } from '../streams/subjects.ts';

/** The answer to a message request: body and headers as base64. */
type Stored = { readonly message: { readonly seq: number; readonly data?: string; readonly hdrs?: string } };

/** Keys read at once while catching up. */
const READS = 16;

const NOTHING = new Uint8Array();

/** A bucket of few keys whose server repeats what it has stored. */
export type RepeatedBucket = {
  readonly stream: string;
  /** What the subjects of its keys begin with, and all of them. */
  readonly prefix: string;
  readonly all: string;
  /** The same of what is repeated. */
  readonly repeatedPrefix: string;
  readonly allRepeated: string;
};

export type BucketListener = {
  /** No bytes: it was deleted. */
  readonly key: (key: string, revision: number, bytes: Uint8Array) => void;
  readonly caughtUp: () => void;
  readonly lost: (cause: BatonError) => void;
};

export type Read = { readonly revision: number; readonly bytes: Uint8Array };

/** From the leader. Undefined: there is none. A tombstone has no bytes. */
export const readKey = async ({ api }: Wire, { stream, prefix }: RepeatedBucket, key: string) => {
  try {
    const { message } = await api.call<Stored>(`STREAM.MSG.GET.${stream}`, { last_by_subj: `${prefix}${key}` });
    const isGone = Buffer.from(message.hdrs ?? '', 'base64').includes(`${OPERATION_HEADER}:`);
    return { revision: message.seq, bytes: isGone ? NOTHING : Buffer.from(message.data ?? '', 'base64') } as Read;
  } catch (fault) {
    if (!(fault instanceof ApiError)) throw fault;
    if (fault.apiCode === apiCodes.noMessage) return undefined;
    const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
    throw new StoreRefusedError(code, fault.message, { cause: fault });
  }
};

export const keysOf = async ({ api }: Wire, { stream, all, prefix }: RepeatedBucket): Promise<string[]> => {
  const keys: string[] = [];
  for await (const page of subjectsOf(api, stream, all)) {
    for (const subject of page) keys.push(subject.slice(prefix.length));
  }
  return keys;
};

/** Calls `take` for every key that is there, so many at once, as long as `goesOn`. */
export const readAll = async (
  wire: Wire,
  bucket: RepeatedBucket,
  left: string[],
  take: (key: string, read: Read) => void,
  goesOn = (): boolean => true,
): Promise<void> => {
  const reader = async (): Promise<void> => {
    for (let key = left.pop(); key !== undefined && goesOn(); key = left.pop()) {
      const stored = await readKey(wire, bucket, key);
      if (stored !== undefined) take(key, stored);
    }
  };
  await Promise.all(Array.from({ length: READS }, reader));
};

/**
 * Hears what the server repeats once it is stored, and reads what was there before. It does not outlive the connection:
 * what was repeated meanwhile is gone, so the owner starts anew.
 */
export class BucketFollower {
  private readonly wire: Wire;
  private readonly bucket: RepeatedBucket;
  private readonly listener: BucketListener;
  private readonly revisions = new Map<string, number>();
  private readonly undo: Subscription[] = [];
  private closed = false;

  private constructor(wire: Wire, bucket: RepeatedBucket, listener: BucketListener) {
    this.wire = wire;
    this.bucket = bucket;
    this.listener = listener;
  }

  static async start(wire: Wire, bucket: RepeatedBucket, listener: BucketListener): Promise<Subscription> {
    const { link } = wire;
    if (!link.connected) throw new NotConnectedError(`no connection to NATS: ${bucket.stream} cannot be followed`);
    const follower = new BucketFollower(wire, bucket, listener);
    follower.undo.push(
      link.onDisconnect(() => follower.lose(new NotConnectedError('the connection was lost; follow again'))),
      listen(wire, bucket.allRepeated, (msg) => {
        const { subject, data } = msg;
        const headers = headersOf(msg);
        const revision = Number(headers?.get('Nats-Sequence'));
        follower.take(subject.slice(bucket.repeatedPrefix.length), revision, hasLeft(headers) ? NOTHING : data);
      }),
    );
    try {
      // The subscription goes before the question on one connection: nothing is missed between the two.
      const keys = await keysOf(wire, bucket);
      void follower.catchUp(keys);
    } catch (fault) {
      follower.close();
      throw fault;
    }
    return { close: () => follower.close() };
  }

  private async catchUp(keys: string[]): Promise<void> {
    const { wire, bucket } = this;
    try {
      const take = (key: string, { revision, bytes }: Read): void => this.take(key, revision, bytes);
      await readAll(wire, bucket, keys, take, () => !this.closed);
      if (!this.closed) this.listener.caughtUp();
    } catch (fault) {
      const text = `${bucket.stream} cannot be read`;
      this.lose(fault instanceof BatonError ? fault : new BatonError('STORE_REFUSED', text, { cause: fault }));
    }
  }

  private take(key: string, revision: number, bytes: Uint8Array): void {
    if (this.closed || !(revision > (this.revisions.get(key) ?? 0))) return;
    this.revisions.set(key, revision);
    this.listener.key(key, revision, bytes);
  }

  private lose(cause: BatonError): void {
    if (this.closed) return;
    this.close();
    this.listener.lost(cause);
  }

  private close(): void {
    this.closed = true;
    for (const subscription of this.undo.splice(0)) subscription.close();
  }
}
