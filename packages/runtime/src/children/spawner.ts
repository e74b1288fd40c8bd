import { CHILDREN_LIMIT, type Child, type Fence } from '@baton/core';
import type { Address } from '@baton/protocols';
import { encodeArguments } from '../client/arguments.ts';
import { CHILDREN_FULL_TEXT } from '../client/refusal-text.ts';
import type { SubmitParts, SubmitRequest } from '../client/submit.ts';
import { BatonError, SpawnRefusedError } from '../errors.ts';
import { StopReason } from '../run/context.ts';
import { lacksRoom, type OwnedTask, type Told } from '../run/owned-task.ts';
import { isTracing } from '../trace/tracer.ts';
import { traceSubmit } from '../trace/client-spans.ts';
import type { SpawnOrder } from './child-task.ts';
import { childAddress, childKey, spawnTask, type SpawningTask, type SpawnRequest } from './spawn-task.ts';

export type SpawnerParts = {
  readonly submits: SubmitParts;
  readonly address: Address;
  readonly task: Pick<OwnedTask, 'record' | 'tell'>;
  readonly fence: Fence;
  /** Largest encoded arguments, bytes. */
  readonly dataLimit: number;
};

/** Why the body is to stop, where it is. */
type Stopped = () => StopReason | undefined;

/** First and longest pause between two tries while the store cannot be reached. */
const RETRY_MS = 250;
const RETRY_MAX_MS = 2_000;
/** A store that answers and says no for this long says no to this child. */
const REFUSED_MS = 30_000;

/**
 * Spawns the children of one run. Each has a key that says whose child it is and which: the `taskKey` of its options, or how many
 * of its type were spawned before it. So another attempt that spawns it again finds it, in the record of the parent or where it
 * stands. First the child is made and then it is named in that record: one that is not, since its spawner died in between, names
 * its parent itself, and is found and cancelled by that.
 */
export class Spawner {
  private readonly parts: SpawnerParts;
  /** Spawned in this run, by address: twice is once. */
  private readonly spawned = new Map<Address, Promise<Child>>();
  /** Of each type, without a key of their own. */
  private readonly counts = new Map<string, number>();
  /** Made, and not named in the record yet. */
  private nameless: Child[] = [];
  private naming: Promise<void> | undefined;

  constructor(parts: SpawnerParts) {
    this.parts = parts;
  }

  /** Rejects with InvalidArgumentError, SpawnRefusedError and other BatonErrors; and why the body is to stop, where it is. */
  async spawn(order: SpawnOrder, stopped: Stopped): Promise<Child> {
    const base = order.request(this.parts.submits.ports.clock.now());
    const key = base.key ?? this.nextName(base.type);
    const parent = this.asParent();
    const at = childAddress(parent, base.type, childKey(parent, key));
    const known = this.spawned.get(at);
    if (known !== undefined) return known;
    const spawning = this.findOrMake(at, { ...base, key, name: base.name ?? base.key ?? base.type }, order, stopped);
    this.spawned.set(at, spawning);
    // One that came to nothing may be tried again.
    spawning.catch(() => this.spawned.delete(at));
    return spawning;
  }

  private asParent(): SpawningTask {
    const { id, scope, creator, subscribers } = this.parts.task.record;
    return { id, scope, subscribers, address: this.parts.address, ...(creator === undefined ? {} : { creator }) };
  }

  private nextName(type: string): string {
    const number = (this.counts.get(type) ?? 0) + 1;
    this.counts.set(type, number);
    return `${type}.${number}`;
  }

  private async findOrMake(
    at: Address,
    request: SubmitRequest,
    { args, leave }: SpawnOrder,
    stopped: Stopped,
  ): Promise<Child> {
    const { children = [] } = this.parts.task.record;
    const found = children.find(({ address }) => address === at);
    if (found !== undefined) return found;
    const named = new Set(children.map(({ address }) => address));
    const more = [...this.spawned.keys()].filter((address) => !named.has(address)).length;
    if (named.size + more >= CHILDREN_LIMIT) throw new SpawnRefusedError('CHILDREN_FULL', CHILDREN_FULL_TEXT);
    const given = encodeArguments(args, this.parts.dataLimit);
    const child = await this.untilDefinite({ ...request, args: given, leave }, stopped);
    this.nameless.push(child);
    await (this.naming ??= this.nameAll(stopped));
    return child;
  }

  /** What is made meanwhile goes along: a hundred children are a few writes. */
  private async nameAll(stopped: Stopped): Promise<void> {
    const { task, submits, fence } = this.parts;
    try {
      // Those that are made in the same moment.
      await Promise.resolve();
      while (this.nameless.length > 0) {
        const children = this.nameless.splice(0);
        const told = await task.tell({ kind: 'adopt', at: submits.ports.clock.now(), fence, children });
        if (told.kind === 'done') continue;
        throw stopped() ?? refusalOf(told);
      }
    } finally {
      this.naming = undefined;
    }
  }

  /** A broker that is away is no failure of the task; the same again makes no second child. */
  private async untilDefinite(request: SpawnRequest, stopped: Stopped): Promise<Child> {
    const { submits } = this.parts;
    const { clock } = submits.ports;
    let refusedSince: number | undefined;
    for (let pause = RETRY_MS; ; pause = Math.min(RETRY_MAX_MS, pause * 2)) {
      const reason = stopped();
      if (reason !== undefined) throw reason;
      try {
        return await this.traced(request, (wanted) => spawnTask(submits, this.asParent(), wanted));
      } catch (error) {
        if (!(error instanceof BatonError) || !AGAIN_CODES.has(error.code)) throw error;
        refusedSince = REFUSALS.has(error.code) ? (refusedSince ?? clock.monotonic()) : undefined;
        if (refusedSince !== undefined && clock.monotonic() - refusedSince >= REFUSED_MS) throw error;
      }
      await new Promise<void>((resolve) => void clock.after(pause, resolve));
    }
  }

  private async traced(request: SpawnRequest, carryOut: (request: SpawnRequest) => Promise<Child>): Promise<Child> {
    if (!isTracing()) return carryOut(request);
    const { child } = await traceSubmit(request, async (trace) => ({
      kind: 'done',
      child: await carryOut(trace === undefined ? request : { ...request, trace }),
    }));
    return child;
  }
}

/** Why the record does not name a child that was made. */
const refusalOf = (told: Exclude<Told, { readonly kind: 'done' }>): Error => {
  if (told.kind === 'lost') return new StopReason('lease_lost');
  return lacksRoom(told)
    ? new SpawnRefusedError('RECORD_FULL', 'the record of the task has no room for another child')
    : new SpawnRefusedError('CHILDREN_FULL', CHILDREN_FULL_TEXT);
};

/** A server that answers and says no: for a while, while a leader is chosen; for good, where it goes on. */
const REFUSALS: ReadonlySet<string> = new Set(['STORE_REFUSED', 'STORE_MISSING']);

const AGAIN_CODES: ReadonlySet<string> = new Set([
  'NOT_CONNECTED',
  'OUTCOME_UNKNOWN',
  'STORE_TIMEOUT',
  'STORE_BUSY',
  'STORE_CONTENDED',
  ...REFUSALS,
]);
