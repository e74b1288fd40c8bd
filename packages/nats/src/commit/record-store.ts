import { outcomeKeyOf, type Address } from '@baton/protocols';
import { StoreRefusedError, type Entry, type TaskStore, type WriteOptions, type WriteResult } from '@baton/runtime';
import { CopyReader } from './copy-reader.ts';
import type { NatsWire } from '../connect.ts';
import { ApiError } from '../errors.ts';
import { apiCodes } from '../codes.ts';

/** The answer to a message request: header and body as base64. */
type Stored = { readonly message: { readonly seq: number; readonly hdrs?: string; readonly data?: string } };

/** Deletions by hand are rare; forgetting them costs one read. */
const MAX_TOMBSTONES = 1_000;

export const createRecordStore = (wire: NatsWire): TaskStore => new NatsRecordStore(wire);

class NatsRecordStore implements TaskStore {
  private readonly wire: NatsWire;
  private readonly copies: CopyReader;
  /** Records deleted by hand leave an empty message: absent, but not at revision 0. Where one was seen, it is written over. */
  private readonly tombstones = new Map<Address, number>();

  constructor(wire: NatsWire) {
    this.wire = wire;
    this.copies = new CopyReader(wire);
  }

  get epoch(): number {
    return this.wire.epoch;
  }

  get shortage(): string | undefined {
    return this.wire.room.shortage;
  }

  /** By the stream's message request, which the leader answers. */
  async load(address: Address, outcomeOf?: string): Promise<Entry | undefined> {
    const { api, names } = this.wire;
    try {
      const body = { last_by_subj: names.recordSubject(keyOf(address, outcomeOf)) };
      const { message } = await api.call<Stored>(`STREAM.MSG.GET.${names.tasksStream}`, body);
      if (message.data === undefined || message.data === '') {
        return outcomeOf === undefined ? this.bury(address, message.seq) : undefined;
      }
      return { address, revision: message.seq, bytes: fromBase64(message.data) };
    } catch (fault) {
      if (!(fault instanceof ApiError)) throw fault;
      if (fault.apiCode === apiCodes.noMessage) return undefined;
      const code = fault.apiCode === apiCodes.streamNotFound ? 'STORE_MISSING' : 'STORE_REFUSED';
      throw new StoreRefusedError(code, fault.message, { cause: fault });
    }
  }

  loadFromCopy(address: Address): Promise<Entry | undefined> {
    return this.copies.read(address);
  }

  write(
    address: Address,
    bytes: Uint8Array,
    expected: number,
    { ttlMs, outcomeOf }: WriteOptions = {},
  ): Promise<WriteResult> {
    const { names, records, room } = this.wire;
    const key = keyOf(address, outcomeOf);
    const over = expected === 0 && outcomeOf === undefined ? this.tombstones.get(address) : undefined;
    if (over !== undefined) this.tombstones.delete(address);
    const life = ttlMs === undefined ? {} : { ttlMs };
    const written = records.publish(names.recordSubject(key), bytes, { expected: over ?? expected, ...life });
    return room.isLimited ? this.counted(written, bytes.length) : written;
  }

  private async counted(written: Promise<WriteResult>, bytes: number): Promise<WriteResult> {
    const { room } = this.wire;
    room.begin(bytes);
    const result = await written;
    room.done(bytes);
    return result;
  }

  private bury(address: Address, revision: number): undefined {
    if (this.tombstones.size >= MAX_TOMBSTONES) this.tombstones.clear();
    this.tombstones.set(address, revision);
    return undefined;
  }
}

const keyOf = (address: Address, outcomeOf: string | undefined): string =>
  outcomeOf === undefined ? address : outcomeKeyOf(address, outcomeOf);

const fromBase64 = (text: string): Uint8Array => {
  const bytes = Buffer.from(text, 'base64');
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
};
