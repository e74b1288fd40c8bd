import { STORE_TIMEOUT_MS } from '@baton/protocols';
import { GROUP_BOUNDS, Histogram, zeroOutcomes, type WriteResult } from '@baton/runtime';
import { StoreBusyError } from '../errors.ts';
import type { Publisher, PublishOptions } from '../wire.ts';
import type { AckPipeline, Done } from './ack-pipeline.ts';
import { takeGroup, verdictOf, type BatchVerdict, type GroupLimits } from './batch-plan.ts';
import { batchLines, headerLines } from './header-bytes.ts';
import { unknown } from './outcome.ts';
import { ServiceMeter, type Pace } from './service-meter.ts';

/**
 * `group`: writes that wait at the same moment go into one atomic batch. `single`: each by itself. `auto`: grouped while
 * the server is slow to make a single write durable. Where it is not, a batch is dearer for it than its members: it is
 * written to a store of its own first, which has a fixed price besides.
 */
export type CommitMode = 'auto' | 'group' | 'single';

export type CommitSettings = GroupLimits & {
  readonly mode: CommitMode;
  /** Groups this process may have under way. The server takes 50 batches a stream from all processes together. */
  readonly groupsInFlight: number;
};

export const commitDefaults: CommitSettings = {
  mode: 'auto',
  minBatch: 8,
  maxBatch: 500,
  maxBatchBytes: 4 * 1024 * 1024,
  groupsInFlight: 2,
};

type Write = {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly lines: string;
  readonly deadline: number;
  readonly done: Done;
};

/** So many may be under way by themselves: enough to find out how the server does with them ... */
const PROBES = 64;

/** ... and to keep one busy that does not wait for a disk. A stream takes 10,000 that it has not looked at, of all processes. */
const SINGLES = 512;

/** Tries of one batch the server had no room for. After them its members go alone. */
const BATCH_TRIES = 4;
const BATCH_PAUSE_MS = 10;
/** A batch is given at least this long, also when its oldest member has less time left. */
const MIN_WAIT_MS = 1_000;

/**
 * Group commit for one stream of compare-and-set writes. With a disk write before every answer the server does some
 * thousand single writes a second; one batch makes some hundred durable at the price of a few.
 *
 * Two groups are under way at most, so that whatever comes meanwhile gathers for the next: under load groups grow by
 * themselves, and a write that comes alone goes at once. A batch with one stale member is refused as a whole; it is
 * halved until every member has its own true answer.
 */
export class GroupCommit implements Publisher {
  readonly outcomes = zeroOutcomes();
  /** Sizes of what was sent, tries again included. */
  readonly groups = new Histogram(GROUP_BOUNDS);
  private readonly pipeline: AckPipeline;
  private readonly settings: CommitSettings;
  private readonly batchPrefix: string;
  private readonly meter = new ServiceMeter();
  private readonly queue: Write[] = [];
  private batches = 0;
  private underWay = 0;
  private scheduled = false;

  /** `batchPrefix` differs between processes. */
  constructor(pipeline: AckPipeline, settings: CommitSettings, batchPrefix: string) {
    this.pipeline = pipeline;
    this.settings = settings;
    this.batchPrefix = batchPrefix;
  }

  publish(subject: string, bytes: Uint8Array, options: PublishOptions = {}): Promise<WriteResult> {
    const now = performance.now();
    const deadline = now + (options.timeoutMs ?? STORE_TIMEOUT_MS);
    const lines = headerLines(options);
    const write = (done: Done): void => {
      const one: Write = { subject, bytes, lines, deadline, done };
      // What comes alone goes at once; of what comes while others are under way, all of one moment go in one piece.
      if (this.meter.waiting === 0 && this.queue.length === 0 && this.roomForSingles(this.pace(now)) > 0)
        return this.single(one, done);
      this.queue.push(one);
      this.schedule();
    };
    return this.pipeline.through(bytes.length, deadline, write, this.outcomes);
  }

  /** After a reconnect: the server may have other settings now. */
  remeasure(): void {
    this.meter.reset();
  }

  private pace(now: number): Pace {
    const { mode } = this.settings;
    if (mode === 'auto') return this.meter.pace(now);
    return mode === 'single' ? 'fast' : 'slow';
  }

  /** How many may be sent by themselves now. */
  private roomForSingles(pace: Pace): number {
    if (this.settings.mode === 'single') return Number.POSITIVE_INFINITY;
    if (pace === 'slow') return 0;
    return Math.max(0, (pace === 'fast' ? SINGLES : PROBES) - this.meter.waiting);
  }

  /** Not at once and not in a microtask: all that the answers just read set free shall be in the queue first. */
  private schedule(): void {
    if (this.scheduled || this.queue.length === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    const pace = this.pace(performance.now());
    const singles = this.queue.splice(0, this.roomForSingles(pace));
    for (const write of timely(singles)) this.single(write, write.done);
    // The rest waits: every answer to a single comes by here.
    if (pace !== 'slow') return;
    while (this.queue.length > 0 && this.underWay < this.settings.groupsInFlight) {
      const group = timely(takeGroup(this.queue, this.settings));
      if (group.length === 0) continue;
      this.underWay++;
      void this.commit(group).finally(() => {
        this.underWay--;
        this.schedule();
      });
    }
  }

  /** Resolves when every member has been told. */
  private async commit(group: readonly Write[]): Promise<void> {
    if (group.length < this.settings.minBatch) return this.singles(group);
    const verdict = await this.batch(group);
    switch (verdict.kind) {
      case 'stored':
        group.forEach(({ done }, i) => done({ kind: 'written', revision: verdict.first + i }));
        return;
      case 'told':
        for (const { done } of group) done(verdict.result);
        return;
      case 'split': {
        const middle = group.length >> 1;
        await this.commit(group.slice(0, middle));
        await this.commit(group.slice(middle));
        return;
      }
    }
  }

  private async singles(group: readonly Write[]): Promise<void> {
    await Promise.all(
      group.map(
        (write) =>
          new Promise<void>((resolve) => {
            this.single(write, (result) => {
              write.done(result);
              resolve();
            });
          }),
      ),
    );
  }

  private single({ subject, bytes, lines, deadline }: Write, done: Done): void {
    const { meter } = this;
    meter.sent();
    this.groups.observe(1);
    this.pipeline.send(subject, bytes, lines, deadline, (result) => {
      meter.answered(performance.now());
      done(result);
      this.schedule();
    });
  }

  private async batch(group: readonly Write[]): Promise<Settled> {
    for (let tries = 1; ; tries++) {
      const answer = await this.sendBatch(group);
      if ('result' in answer) return settledAs(answer.result);
      if (answer.kind === 'unknown') return { kind: 'told', result: unknown(answer.text) };
      if (answer.kind !== 'again') return answer;
      if (tries === BATCH_TRIES) return { kind: 'split' };
      await pause(BATCH_PAUSE_MS * tries * (0.5 + Math.random()));
    }
  }

  /** Only the commit is answered. What stands before it without one is forgotten by the server. */
  private sendBatch(group: readonly Write[]): Promise<BatchVerdict | { readonly result: WriteResult }> {
    const id = `${this.batchPrefix}${(this.batches++).toString(36)}`;
    const last = group.length - 1;
    this.groups.observe(group.length);
    for (let i = 0; i < last; i++) {
      const { subject, bytes, lines } = group[i] as Write;
      const refused = this.pipeline.post(subject, bytes, lines + batchLines(id, i + 1, false), '');
      if (refused !== undefined) return Promise.resolve({ result: refused });
    }
    const { subject, bytes, lines } = group[last] as Write;
    const deadline = Math.max((group[0] as Write).deadline, performance.now() + MIN_WAIT_MS);
    return new Promise((resolve) => {
      this.pipeline.exchange(subject, bytes, lines + batchLines(id, group.length, true), deadline, {
        ack: (ack) => resolve(verdictOf(ack, group.length)),
        failed: (result) => resolve({ result }),
      });
    });
  }
}

type Settled =
  | { readonly kind: 'stored'; readonly first: number }
  /** All members have the same result. */
  | { readonly kind: 'told'; readonly result: WriteResult }
  | { readonly kind: 'split' };

/** What holds for the store holds for all members; what holds for a message, like its size, is asked of each. */
const ALIKE: readonly string[] = ['NOT_CONNECTED', 'STORE_MISSING'];

const settledAs = (result: WriteResult): Settled => {
  const alike = result.kind === 'unknown' || (result.kind === 'failed' && ALIKE.includes(result.cause.code));
  return alike ? { kind: 'told', result } : { kind: 'split' };
};

/** Tells those whose time is over before they were sent. */
const timely = (group: readonly Write[]): readonly Write[] => {
  const now = performance.now();
  if (group.every(({ deadline }) => deadline > now)) return group;
  const late: WriteResult = {
    kind: 'failed',
    cause: new StoreBusyError('not sent in time: too many writes are waiting'),
  };
  for (const { deadline, done } of group) if (deadline <= now) done(late);
  return group.filter(({ deadline }) => deadline > now);
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
