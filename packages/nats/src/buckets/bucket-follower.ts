import { BatonError, NotConnectedError, StoreRefusedError, type Subscription } from '@baton/runtime';
import { ApiError } from '../errors.ts';
import { hasLeft, OPERATION_HEADER } from '../presence/presence-node.ts';
import type { NatsWire } from '../connect.ts';
import { headersOf } from '../foreign-headers.ts';
import { listen, type Wire } from '../wire.ts';
import { apiCodes } from '../codes.ts';
import { subjectsOf } from '../streams/subjects.ts';

/** The answer to a message request: body and headers as base64. */
type Message = { readonly seq: number; readonly subject: string; readonly data?: string; readonly hdrs?: string };
type Stored = { readonly message: Message };
type StreamState = { readonly created: string; readonly state: { readonly last_seq: number } };

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
export const readKey = async (wire: Wire, bucket: RepeatedBucket, key: string): Promise<Read | undefined> => {
  const message = await find(wire, bucket, { last_by_subj: `${bucket.prefix}${key}` });
  return message === undefined ? undefined : readOf(message);
};

const readOf = ({ seq, data = '', hdrs = '' }: Message): Read => {
  const isGone = Buffer.from(hdrs, 'base64').includes(`${OPERATION_HEADER}:`);
  return { revision: seq, bytes: isGone ? NOTHING : Buffer.from(data, 'base64') };
};

const find = async ({ api }: Wire, { stream }: RepeatedBucket, which: object): Promise<Message | undefined> => {
  try {
    return (await api.call<Stored>(`STREAM.MSG.GET.${stream}`, which)).message;
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
 * what was repeated meanwhile is gone, so the owner starts anew. Nor does it outlive the stream.
 *
 * What is repeated is sent once, and may be dropped on the way: now and then the stream is asked how far it has come, and
 * what was not heard is read.
 */
export class BucketFollower {
  private readonly wire: NatsWire;
  private readonly bucket: RepeatedBucket;
  private readonly listener: BucketListener;
  private readonly revisions = new Map<string, number>();
  private readonly undo: Subscription[] = [];
  private closed = false;
  /** When the stream was made. */
  private made = '';
  /** All that the stream has up to here is known. */
  private through = 0;
  private timer: NodeJS.Timeout | undefined;

  private constructor(wire: NatsWire, bucket: RepeatedBucket, listener: BucketListener) {
    this.wire = wire;
    this.bucket = bucket;
    this.listener = listener;
  }

  static async start(wire: NatsWire, bucket: RepeatedBucket, listener: BucketListener): Promise<Subscription> {
    const { link } = wire;
    if (!link.connected) throw new NotConnectedError(`no connection to NATS: ${bucket.stream} cannot be followed`);
    const follower = new BucketFollower(wire, bucket, listener);
    follower.undo.push(
      link.onDisconnect(() => follower.lose(new NotConnectedError('the connection was lost; follow again'))),
      listen(wire, bucket.allRepeated, (msg) => {
        const { subject, data } = msg;
        const headers = headersOf(msg);
        const revision = Number(headers?.get('Nats-Sequence'));
        if (revision === follower.through + 1) follower.through = revision;
        follower.take(subject.slice(bucket.repeatedPrefix.length), revision, hasLeft(headers) ? NOTHING : data);
      }),
    );
    try {
      // The subscription goes before the question on one connection: nothing is missed between the two.
      const { created, state } = await follower.stream();
      follower.made = created;
      follower.through = state.last_seq;
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
      if (this.closed) return;
      this.lookLater();
      this.listener.caughtUp();
    } catch (fault) {
      const text = `${bucket.stream} cannot be read`;
      this.lose(fault instanceof BatonError ? fault : new BatonError('STORE_REFUSED', text, { cause: fault }));
    }
  }

  private stream(): Promise<StreamState> {
    return this.wire.api.call<StreamState>(`STREAM.INFO.${this.bucket.stream}`);
  }

  /** All processes at different times. */
  private lookLater(): void {
    const ms = this.wire.consumerCheckMs * (0.5 + Math.random() / 2);
    this.timer = setTimeout(() => void this.look(), ms);
    this.timer.unref();
  }

  private async look(): Promise<void> {
    const { stream } = this.bucket;
    try {
      const { created, state } = await this.stream();
      if (created !== this.made || state.last_seq < this.through) {
        const text = `${stream} was made anew, or has lost its last writes; follow again`;
        return this.lose(new StoreRefusedError('STORE_REFUSED', text));
      }
      await this.readTo(state.last_seq);
    } catch (fault) {
      // Asked again the next time. What breaks the connection is told by the link.
      if (!(fault instanceof BatonError)) this.wire.onFault(`follower of ${stream}`, fault);
    }
    if (!this.closed) this.lookLater();
  }

  private async readTo(last: number): Promise<void> {
    const { wire, bucket } = this;
    while (this.through < last && !this.closed) {
      const message = await find(wire, bucket, { seq: this.through + 1, next_by_subj: bucket.all });
      // What is behind the last one there is was written over, or is gone.
      if (message === undefined) return void (this.through = Math.max(this.through, last));
      const { revision, bytes } = readOf(message);
      this.take(message.subject.slice(bucket.prefix.length), revision, bytes);
      this.through = Math.max(this.through, revision);
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
    clearTimeout(this.timer);
    for (const subscription of this.undo.splice(0)) subscription.close();
  }
}
