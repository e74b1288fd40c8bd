import { runOf, type Fence, type TaskRecord } from '@baton/core';
import { LEASE_MS, parseAddress, PROGRESS_THROTTLE_MS, type Address } from '@baton/protocols';
import { BatonError, UnreadableRecordError } from '../errors.ts';
import type { Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import type { Claims } from '../run/claims.ts';
import { within } from '../within.ts';
import type { WorkTask } from './answers.ts';
import type { SaysOnce } from './remote-claims.ts';
import { RemoteRun } from './remote-run.ts';
import type { RunFields } from './shapes.ts';

export type RemoteRunsParts = {
  readonly ports: Pick<Ports, 'clock' | 'chance' | 'signals' | 'data'>;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly once: SaysOnce;
  readonly worker: string;
  readonly claims: Claims;
};

/** Runs of a beat that are not known here are read from their records; no more than this in one beat. */
const ADOPTED_AT_ONCE = 200;

/**
 * Its record is read by a beat, and then looked at, for at most this long each: the next beat tells what comes later. A
 * worker waits a second for the answer, which is its lease.
 */
const REPORT_MS = 400;

/** What one worker runs, as the supervisor knows it that speaks for it. */
export class RemoteRuns {
  private readonly parts: RemoteRunsParts;
  private readonly runs = new Map<Address, RemoteRun>();
  /** What the worker lists and is not its own under that fence, nor will be again. */
  private strangers = new Set<string>();

  constructor(parts: RemoteRunsParts) {
    this.parts = parts;
  }

  /** `isClaimed`: here, and not by another supervisor. */
  open(address: Address, held: Held, isClaimed = false): RemoteRun | undefined {
    const fence = held.record.owner?.fence;
    if (fence === undefined) return undefined;
    const run = new RemoteRun({ ...this.parts, isClaimed, throttleMs: PROGRESS_THROTTLE_MS }, address, held, fence);
    const former = this.runs.get(address);
    if (former !== undefined) this.close(address, former);
    this.runs.set(address, run);
    return run;
  }

  close(address: Address, run: RemoteRun): void {
    run.close();
    if (this.runs.get(address) !== run) return;
    this.runs.delete(address);
    if (run.isClaimed) this.parts.claims.ended(address);
  }

  /** Another supervisor has the worker, or nobody. Resolves when what its runs have told last is stored. Never rejects. */
  async leave(): Promise<void> {
    await Promise.all(Array.from(this.runs.values(), (run) => run.leave()));
  }

  /** Something may have come into the record of that run. */
  look(address: Address): void {
    void this.runs.get(address)?.look();
  }

  lookAtAll(): void {
    for (const run of this.runs.values()) void run.look();
  }

  /**
   * The run, also one that another supervisor has claimed; or what stands at its address where it is not the worker's.
   * Rejects with a BatonError when that cannot be known now.
   */
  async under(address: Address, fence: Fence): Promise<RemoteRun | { readonly record?: TaskRecord }> {
    const known = this.runs.get(address);
    if (known !== undefined && sameFence(known.fence, fence)) return known;
    const held = await this.parts.kernel.load(address);
    if (held === undefined) return {};
    if (runOf(held.record, this.parts.worker, fence) === undefined) return { record: held.record };
    // Somebody else may have opened it while it was read.
    const now = this.runs.get(address);
    if (now !== undefined && sameFence(now.fence, fence)) return now;
    return this.open(address, held) ?? {};
  }

  /**
   * Those of them that are still the worker's: of tasks that were claimed a while ago one may have ended, or been taken back
   * because its answer was lost. Rejects as `under` does.
   */
  async stillHis(tasks: readonly WorkTask[]): Promise<readonly WorkTask[]> {
    const his = await Promise.all(
      tasks.map(async ({ address, fence }) => {
        const run = await this.under(address, fence);
        if (!(run instanceof RemoteRun)) return false;
        await within(this.parts.ports.clock, REPORT_MS, run.look());
        return run.verdict !== 'lost';
      }),
    );
    return tasks.filter((_, i) => his[i]);
  }

  /** Others run it, or the same worker once it has asked again: its answer had no room. Never rejects. */
  async giveBack({ address, fence }: Pick<WorkTask, 'address' | 'fence'>, why: string): Promise<void> {
    const run = this.runs.get(address);
    if (run === undefined || !sameFence(run.fence, fence)) return;
    await run.giveBack(why);
    this.close(address, run);
  }

  /**
   * Each is looked at side by side; what cannot be looked at now is neither to be stopped nor lost. `unheard`: what was told of
   * these is to be told again.
   */
  async report(running: readonly RunFields[]) {
    type Named = Pick<RunFields, 'address' | 'fence'>;
    const abort: (Named & { readonly cause: string })[] = [];
    const lost: Named[] = [];
    const heard = new Set<RunFields>();
    let unknown = 0;
    this.strangers = new Set(running.map(nameOf).filter((name) => this.strangers.has(name)));
    const looked = running.filter((fields) => {
      if (!this.strangers.has(nameOf(fields)))
        return this.runs.has(fields.address as Address) || ++unknown <= ADOPTED_AT_ONCE;
      heard.add(fields);
      lost.push({ address: fields.address, fence: fields.fence });
      return false;
    });
    await Promise.all(
      looked.map(async (fields) => {
        const verdict = await this.reportOne(fields, () => heard.add(fields));
        // By its fence, too: meanwhile the worker may have another run of the same task.
        const { address, fence } = fields;
        if (verdict === 'lost') lost.push({ address, fence });
        if (typeof verdict === 'object') abort.push({ address, fence, cause: verdict.cause });
      }),
    );
    const deaf = running.filter((fields) => !heard.has(fields) && hasNews(fields));
    const unheard = deaf.map(({ address, fence }): Named => ({ address, fence }));
    return { abort, lost, ...(unheard.length === 0 ? {} : { unheard }) };
  }

  /** What the worker does not list any more it does not run; whoever watches the record sees to it. */
  forgetUnlisted(running: readonly RunFields[]): void {
    const listed = new Set(running.map(({ address }) => address));
    for (const [address, run] of this.runs) if (!listed.has(address) && run.ageMs > LEASE_MS) this.close(address, run);
  }

  /** The run, or what stands in its place, as `under`. What was said of the run counts also when that took too long. */
  private heard(address: Address, fields: RunFields): ReturnType<RemoteRuns['under']> {
    const known = this.runs.get(address);
    if (known !== undefined && sameFence(known.fence, fields.fence)) {
      known.hear(fields);
      return Promise.resolve(known);
    }
    return this.under(address, fields.fence).then((run) => {
      if (run instanceof RemoteRun) run.hear(fields);
      return run;
    });
  }

  private async reportOne(
    fields: RunFields,
    heard: () => void,
  ): Promise<'lost' | { readonly cause: string } | undefined> {
    const address = parseAddress(fields.address);
    if (address === undefined) {
      heard();
      return 'lost';
    }
    try {
      const { clock } = this.parts.ports;
      const run = await within(clock, REPORT_MS, this.heard(address, fields));
      if (run === undefined) return undefined;
      heard();
      if (!(run instanceof RemoteRun)) {
        this.strangers.add(nameOf(fields));
        return 'lost';
      }
      await within(clock, REPORT_MS, run.report(fields));
      if (run.verdict === 'lost') this.close(address, run);
      return run.verdict === 'abort' ? { cause: run.record.abort?.cause ?? 'cancel' } : lostOnly(run.verdict);
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      // Told again it would come to the same.
      if (error instanceof UnreadableRecordError) heard();
      return undefined;
    }
  }
}

/** What is lost where nobody has heard it. */
const hasNews = ({ progress, payload, tags }: RunFields): boolean =>
  progress !== undefined || payload !== undefined || tags !== undefined;

const nameOf = ({ address, fence }: Pick<RunFields, 'address' | 'fence'>): string =>
  `${address} ${fence.epoch} ${fence.revision}`;

const lostOnly = (verdict: 'running' | 'lost'): 'lost' | undefined => (verdict === 'lost' ? verdict : undefined);

const sameFence = (a: Fence, b: Fence): boolean => a.epoch === b.epoch && a.revision === b.revision;
