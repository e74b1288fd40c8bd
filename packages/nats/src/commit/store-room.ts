import { STORE_RESERVE, STORE_TIMEOUT_MS, type Names } from '@baton/protocols';
import type { Api } from '../connection/api.ts';

/** How much of something there is, and how much there may be; absent: no limit. Bytes. */
export type Fill = { readonly used: number; readonly limit?: number };

export type Filling = { readonly tasks: Fill; readonly account: Fill };

/** How old what is known may get while this process writes little. */
const LOOK_MS = 1_000;

/** Where nothing is limited: an operator may set a limit at any time. */
const LOOK_UNLIMITED_MS = 10_000;

/** Looks are at least this far apart, however much is written. */
const LEAST_LOOK_MS = 25;

/** What one process writes of what is left before it looks again: several that fill the store at once share the rest. */
const LOOK_AFTER = 1 / 16;

/**
 * Whether there is room for new tasks (behaviour R8). The server refuses everything once a limit is reached, the end of
 * a task like its beginning; so new ones are refused before, and the rest is kept for those that are there.
 *
 * What the server said last is up to a second old. What this process has written since is added to it, and when that is
 * much of what was left the server is asked again.
 */
export class StoreRoom {
  private readonly api: Pick<Api, 'probe'>;
  private readonly names: Names;
  private readonly replicas: number;
  private known: Filling = { tasks: { used: 0 }, account: { used: 0 } };
  /** Bytes whose writing is under way, and written since the last look. */
  private underWay = 0;
  private written = 0;
  private allowance = Number.POSITIVE_INFINITY;
  private lookedAt = Number.NEGATIVE_INFINITY;
  private looking = false;
  private timer: NodeJS.Timeout | undefined;
  private plannedAt = Number.POSITIVE_INFINITY;
  private closed = false;

  constructor(api: Pick<Api, 'probe'>, names: Names, replicas: number) {
    this.api = api;
    this.names = names;
    this.replicas = replicas;
  }

  /** Why no new tasks are taken; undefined: there is room. */
  get shortage(): string | undefined {
    return this.isLimited ? shortageOf(this.known, this.underWay + this.written) : undefined;
  }

  /** Whether anything has to be counted. */
  get isLimited(): boolean {
    return this.allowance !== Number.POSITIVE_INFINITY;
  }

  /** A write begins; `done` is to be called when it has ended, in any way. */
  begin(bytes: number): void {
    this.underWay += bytes;
    // Where there is no room already, it is no matter how much less there is.
    if (this.allowance > 0 && this.underWay + this.written > this.allowance) this.lookIn(LEAST_LOOK_MS);
  }

  done(bytes: number): void {
    this.underWay -= bytes;
    this.written += bytes;
  }

  /** Looks, and goes on looking. Never rejects: what cannot be seen is no reason to refuse. */
  async watch(): Promise<void> {
    this.looking = true;
    this.plannedAt = Number.POSITIVE_INFINITY;
    await this.look();
    this.looking = false;
    this.lookIn(this.isLimited ? LOOK_MS : LOOK_UNLIMITED_MS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** So long after the last look, where none is planned for an earlier time. */
  private lookIn(ms: number): void {
    const at = this.lookedAt + ms;
    if (this.looking || this.closed || at >= this.plannedAt) return;
    clearTimeout(this.timer);
    this.plannedAt = at;
    this.timer = setTimeout(() => void this.watch(), Math.max(0, at - performance.now()));
    this.timer.unref();
  }

  private async look(): Promise<void> {
    // What ends while the server answers may be in its answer or not: it is counted, rather twice than not at all.
    const before = this.written;
    this.lookedAt = performance.now();
    try {
      const [stream, account] = await Promise.all([
        this.api.probe<StreamRoom>(`STREAM.INFO.${this.names.tasksStream}`, STORE_TIMEOUT_MS),
        this.api.probe<AccountRoom>('INFO', STORE_TIMEOUT_MS),
      ]);
      this.known = { tasks: fillOfStream(stream), account: fillOfAccount(account, this.replicas) };
      this.written -= before;
      this.allowance = Math.max(0, headroomOf(this.known)) * LOOK_AFTER;
    } catch {
      // Whoever writes meanwhile is told why it cannot be done.
    }
  }
}

/** Bytes that may come before new tasks are refused; infinite without a limit. */
export const headroomOf = ({ tasks, account }: Filling): number => Math.min(roomIn(tasks), roomIn(account));

const roomIn = ({ used, limit }: Fill): number =>
  limit === undefined ? Number.POSITIVE_INFINITY : limit * (1 - STORE_RESERVE) - used;

/** What is nearly full, in words; undefined: nothing is. `more` has come since that was so. */
export const shortageOf = ({ tasks, account }: Filling, more: number): string | undefined => {
  if (roomIn(tasks) <= more) return `the records of the tasks take ${inWords(tasks, more)}`;
  if (roomIn(account) <= more) return `the streams of this account take ${inWords(account, more)}`;
  return undefined;
};

const inWords = ({ used, limit }: Fill, more: number): string => `${used + more} of ${limit} bytes`;

type StreamRoom = { readonly state: { readonly bytes: number }; readonly config: { readonly max_bytes?: number } };

type Tier = { readonly storage?: number; readonly limits?: { readonly max_storage?: number } };

/** An account has one limit, or one for every number of copies. */
type AccountRoom = Tier & { readonly tiers?: Readonly<Record<string, Tier>> };

const fillOfStream = ({ state, config }: StreamRoom): Fill => fill(state.bytes, config.max_bytes);

export const fillOfAccount = (account: AccountRoom, replicas: number): Fill => {
  const { storage, limits } = account.tiers?.[`R${replicas}`] ?? account;
  return fill(storage ?? 0, limits?.max_storage);
};

/** The server says -1 for no limit, and 0 for a tier that is not there. */
const fill = (used: number, limit = 0): Fill => (limit > 0 ? { used, limit } : { used });
