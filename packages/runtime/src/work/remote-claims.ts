import type { Data } from '@baton/core';
import { WORK_DATA_LIMIT, type Address } from '@baton/protocols';
import { WorkerQueues } from '../dispatch/worker-queues.ts';
import type { OfferedTask } from '../dispatch/queue-client.ts';
import { UnreadableRecordError } from '../errors.ts';
import { recordOf, type Held } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { Claims } from '../run/claims.ts';
import { withRecord, type OfferedRecord } from '../run/offered-record.ts';
import type { WorkTask } from './answers.ts';
import { OpenClaims, type Place } from './open-claims.ts';

/** Says a thing once in a while, however often it happens. */
export type SaysOnce = { readonly say: (key: string, speak: () => void) => void };

export type RemoteClaimsParts = {
  readonly ports: Pick<Ports, 'store' | 'dispatch' | 'link' | 'clock' | 'chance'>;
  readonly log: Log;
  readonly once: SaysOnce;
  readonly worker: string;
  readonly queues: readonly string[];
  readonly types: readonly string[];
  readonly claims: Claims;
  /** The record as it is stored. */
  readonly load: (address: Address) => Promise<Held | undefined>;
  /** It is the worker's; what he is told of it, undefined where it is not for him after all. Never rejects. */
  readonly taken: (address: Address, held: Held) => Promise<WorkTask | undefined>;
  /** Whether the worker lives and takes tasks: what is claimed for one that does not is only taken from it again. */
  readonly isThere: () => boolean;
  /** It was claimed for a claim that is over: nobody waits for it. */
  readonly tooLate: (address: Address, held: Held) => void;
};

/** What a task takes in an answer beside its data, bytes, about. */
const VIEW_BYTES = 2_048;

/**
 * The claims of one remote worker before its queues: takes offers for the claims that wait, and claims for it. So order,
 * priorities and limits are the same for it as for everybody: the queue actors see a worker with as many free slots as its
 * claims ask for.
 */
export class RemoteClaims {
  private readonly parts: RemoteClaimsParts;
  private readonly types: ReadonlySet<string>;
  private readonly open: OpenClaims;
  private readonly queues: WorkerQueues;
  private readonly claiming = new Set<Address>();

  constructor(parts: RemoteClaimsParts) {
    const { ports, worker, queues, types, log } = parts;
    this.parts = parts;
    this.types = new Set(types);
    this.open = new OpenClaims(
      ports.clock,
      () => this.offerRoom(),
      () => this.queues.isReached,
    );
    this.queues = new WorkerQueues({ ...ports, worker, queues, types, log, offered: (task) => this.take(task) });
  }

  serves(queues: readonly string[], types: readonly string[]): boolean {
    return sameNames(queues, this.parts.queues) && sameNames(types, this.parts.types);
  }

  /** Resolves with what was claimed for it; empty where nothing was. */
  claim(max: number, waitMs: number): Promise<readonly WorkTask[]> {
    return this.open.wait(max, waitMs);
  }

  /** The worker takes nothing more here; what is offered goes to others. Never rejects. */
  async close(): Promise<void> {
    this.open.closeAll();
    await this.queues.close();
  }

  /** Another supervisor stands here from now on. */
  abandon(): void {
    this.open.closeAll();
    this.queues.abandon();
  }

  private offerRoom(): void {
    this.queues.setFree(this.parts.isThere() ? Math.max(0, this.open.room) : 0);
  }

  private take(task: OfferedTask): void {
    // What is being claimed is not claimed twice; should that come to nothing, the offer ends in its time.
    if (this.claiming.has(task.address)) return this.offerRoom();
    const held = this.offered(task);
    const bytes = VIEW_BYTES + (held === undefined || held === 'unreadable' ? 0 : dataBytes(held));
    const place = this.isFor(held) && this.parts.isThere() ? this.open.reserve(bytes) : undefined;
    this.offerRoom();
    if (!this.isFor(held)) return task.giveBack('refused');
    if (place === undefined) return task.giveBack('free');
    void this.claimFor(place, task, held);
  }

  private async claimFor(place: Place, task: OfferedTask, offer: Held | undefined): Promise<void> {
    const { address } = task;
    this.claiming.add(address);
    let view: WorkTask | undefined;
    try {
      view = await this.claimed(task, offer);
    } catch (error) {
      this.parts.log.error({ err: error, address }, 'a claim for a worker came to nothing');
    }
    this.claiming.delete(address);
    if (view === undefined) this.open.failed(place);
    else this.open.arrived(place, view);
  }

  /** Undefined: it is not for this worker, or nobody knows yet. */
  private async claimed(task: OfferedTask, offer: Held | undefined): Promise<WorkTask | undefined> {
    const { address, revision } = task;
    const { claims, ports, taken, tooLate, load, isThere } = this.parts;
    const from = offer ?? this.offered(await withRecord(ports.store, task)) ?? (await load(address));
    if (!this.isFor(from)) {
      task.giveBack('refused');
      return undefined;
    }
    const { confirm } = task;
    if (confirm !== undefined && !(await confirm())) {
      task.giveBack('free');
      return undefined;
    }
    const claimed = await claims.claim(address, from, revision, confirm !== undefined);
    if (claimed.kind === 'not_mine') task.giveBack('stale');
    if (claimed.kind === 'unreadable') task.giveBack('refused');
    if (claimed.kind === 'unknown') void this.settle(address);
    if (claimed.kind !== 'mine') return undefined;
    const isRightful = confirm === undefined || (await confirm());
    if (isRightful && isThere()) return taken(address, claimed.held);
    tooLate(address, claimed.held);
    return undefined;
  }

  /** One of a type it does not serve, or that no message can carry, is for other workers. */
  private isFor(held: Held | 'unreadable' | undefined): held is Held | undefined {
    if (held === undefined) return true;
    if (held === 'unreadable' || !this.types.has(held.record.type)) return false;
    if (argumentBytes(held) <= WORK_DATA_LIMIT) return true;
    const { log, worker, once } = this.parts;
    const { type } = held.record;
    once.say(`too large for ${worker} ${type}`, () =>
      log.warn({ type, worker }, 'a task with arguments too large for this worker is left to others'),
    );
    return false;
  }

  /** Whether it was claimed is found out later; by then the claim it was for has been answered. */
  private async settle(address: Address): Promise<void> {
    const { claims, tooLate } = this.parts;
    const claimed = await claims.settle(address);
    if (claimed.kind === 'mine') tooLate(address, claimed.held);
  }

  /** The record of an offer, where it came along. */
  private offered({ address, revision, bytes }: OfferedRecord): Held | 'unreadable' | undefined {
    if (bytes === undefined) return undefined;
    try {
      return { record: recordOf({ address, bytes }), revision };
    } catch (error) {
      if (!(error instanceof UnreadableRecordError)) throw error;
      this.parts.log.error({ err: error, address }, 'an offered task cannot be read and is left to other workers');
      return 'unreadable';
    }
  }
}

/** Of what stands in the record; what other tasks have left it is known once it is claimed. */
const dataBytes = ({ record }: Held): number => {
  const { args, payload, signals = [] } = record;
  return signals.reduce(
    (sum, entry) => sum + bytesOf('data' in entry ? entry.data : undefined),
    bytesOf(args) + bytesOf(payload),
  );
};

const argumentBytes = ({ record }: Held): number => bytesOf(record.args);

const bytesOf = (data: Data | undefined): number => {
  if (data === undefined) return 0;
  return data instanceof Uint8Array ? data.length : data.size;
};

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);
