import { hasEndedBy, isTerminal, runOf, type Fence, type TaskRecord } from '@baton/core';
import { LEASE_MS, parseAddress, PROGRESS_THROTTLE_MS, WORK_DATA_LIMIT, type Address } from '@baton/protocols';
import { BatonError } from '../errors.ts';
import type { Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { NodeInfo, Ports, Subscription } from '../ports.ts';
import { Claims } from '../run/claims.ts';
import { sayBegun, sayEnded } from '../run/run-log.ts';
import { promote } from '../successors.ts';
import { within } from '../within.ts';
import { Attendance } from './attendance.ts';
import { failureOf, refusal, taskViewOf, termsOf, type WorkAnswer, type WorkTask } from './answers.ts';
import { definitionsOf, scopeFault } from './definitions.ts';
import { bodyEndOf, RemoteRun } from './remote-run.ts';
import { argumentsOf } from './remote-args.ts';
import { Replies } from './replies.ts';
import type { BeatRequest, ClaimRequest, FinishRequest, RunFields } from './shapes.ts';
import { Stand, type SaysOnce } from './stand.ts';

export type BridgeParts = {
  readonly ports: Ports;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly once: SaysOnce;
  readonly supervisor: string;
  /** The worker, as records and presence know it. */
  readonly name: string;
  /** As another supervisor has announced it, which spoke for it before. */
  readonly former: NodeInfo | undefined;
};

/** An end that is not definite after this long is said to be unknown; it is told on, and asked for again. */
const FINISH_MS = 4_000;

/** Answers that are remembered for a repeat; those to claims may be large, and few wait at once. */
const CLAIMS_KEPT = 16;
const FINISHES_KEPT = 2_000;

/** Runs of a beat that are not known here are read from their records; no more than this in one beat. */
const ADOPTED_AT_ONCE = 200;

/** Its record is looked at by a beat for at most this long: the next one tells what comes later. */
const REPORT_MS = 1_000;

/**
 * What one supervisor is for one worker that has no rights of its own: its lease, its place before the queues, and the
 * owner of its runs. Everything that has to outlast this process stands in the records and in presence, so another
 * supervisor goes on from there (see `protocols/worker.md`).
 */
export class Bridge {
  private readonly parts: BridgeParts;
  private readonly attendance: Attendance;
  private readonly claims: Claims;
  private readonly runs = new Map<Address, RemoteRun>();
  private readonly claimed: Replies;
  private readonly finished: Replies;
  private readonly ties: readonly Subscription[];
  private stand: Stand | undefined;
  private closed = false;

  constructor(parts: BridgeParts) {
    const { ports, kernel, log, name, former } = parts;
    this.parts = parts;
    this.attendance = new Attendance(ports, name, former);
    this.claims = new Claims({ ports, kernel, log, worker: name });
    this.claimed = new Replies(ports.clock, CLAIMS_KEPT);
    this.finished = new Replies(ports.clock, FINISHES_KEPT);
    this.ties = [
      ports.signals.onPoke(name, (address) => void this.runs.get(address)?.look()),
      ports.link.onReconnect(() => this.lookAtAll()),
    ];
  }

  get silentMs(): number {
    return this.attendance.silentMs;
  }

  claim(request: ClaimRequest & { readonly types: readonly string[] }): Promise<WorkAnswer> {
    return this.claimed.of(request.request, () => this.takeClaim(request).catch(failureOf));
  }

  async beat(request: BeatRequest): Promise<WorkAnswer> {
    const { state = 'ready', concurrency, host, pid, running } = request;
    if (state === 'gone') return this.bye();
    if (this.attendance.beaten()) this.lookAtAll();
    if (state === 'draining') this.closeStand();
    try {
      const about = { ...(host === undefined ? {} : { host }), ...(pid === undefined ? {} : { pid }) };
      const serves = {
        ...about,
        ...(concurrency === undefined ? {} : { concurrency }),
        state,
        running: running.length,
      };
      const [verdicts] = await Promise.all([this.reportAll(running), this.attendance.renew(serves)]);
      this.forgetUnlisted(running);
      return { ok: true, ...this.terms(), ...verdicts };
    } catch (error) {
      return failureOf(error);
    }
  }

  finish(request: FinishRequest): Promise<WorkAnswer> {
    const answer = this.finished.of(request.request, () => this.takeFinish(request).catch(failureOf));
    return this.withinTime(answer);
  }

  /** The supervisor stops, or another one speaks for the worker: claims that wait are asked again there. */
  leave(): void {
    this.stand?.abandon();
    this.close();
  }

  /** The worker is gone. */
  end(): void {
    this.closeStand();
    this.close();
  }

  private close(): void {
    this.closed = true;
    for (const tie of this.ties) tie.close();
    this.claims.close();
    this.attendance.close();
    for (const run of this.runs.values()) run.close();
  }

  private terms() {
    return termsOf(this.parts.supervisor, this.parts.name);
  }

  private async takeClaim(request: ClaimRequest & { readonly types: readonly string[] }): Promise<WorkAnswer> {
    const { queue = 'default', queues = [queue], types, max = 1, wait = 0, concurrency, host, pid } = request;
    this.attendance.heard();
    const definitions = definitionsOf(request.definitions);
    if (typeof definitions === 'string') return refusal('INVALID_ARGUMENT', definitions);
    if (definitions !== undefined) this.attendance.announce(definitions);
    const about = { ...(host === undefined ? {} : { host }), ...(pid === undefined ? {} : { pid }) };
    // The lease comes before the first task: what is owned by nobody who is known to live would be taken from him.
    await this.attendance.renew({ ...about, queues, types, concurrency: concurrency ?? max, state: 'ready' });
    const ask = this.attendance.served === undefined ? { ask: ['definitions'] } : {};
    const tasks = await this.standFor(queues, types).claim(max, wait * 1_000);
    return { ok: true, ...this.terms(), ...ask, tasks };
  }

  /** A worker serves one set of queues and types at a time: another one takes the place of what was before. */
  private standFor(queues: readonly string[], types: readonly string[]): Stand {
    if (this.stand?.serves(queues, types) === true) return this.stand;
    this.stand?.abandon();
    const { ports, log, once, name: worker, kernel } = this.parts;
    this.stand = new Stand({
      ports,
      log,
      once,
      worker,
      queues,
      types,
      claims: this.claims,
      load: kernel.load,
      taken: (address, held) => this.taken(address, held),
      isAlive: () => this.attendance.silentMs < LEASE_MS,
      tooLate: (address, held) => void this.tooLate(address, held),
    });
    return this.stand;
  }

  /** What the worker is told of a task that was claimed for it. */
  private async taken(address: Address, held: Held): Promise<WorkTask | undefined> {
    const run = this.openRun(address, held, true);
    if (run === undefined) return undefined;
    sayBegun(this.parts.log, held.record);
    const fault = scopeFault(this.attendance.served, held.record);
    if (fault === undefined) {
      const args = await argumentsOf(this.parts.ports.data, held.record);
      if (args.kind === 'here') return taskViewOf(address, held.record, run.fence, args.value);
      if (args.kind === 'later') await run.giveBack('its arguments cannot be read now');
      else await run.fail(args.error);
    } else await run.fail(fault);
    this.closeRun(address, run);
    return undefined;
  }

  private async tooLate(address: Address, held: Held): Promise<void> {
    const run = this.openRun(address, held, true);
    await run?.giveBack('nobody waited for it any more');
    if (run !== undefined) this.closeRun(address, run);
  }

  /** `isClaimed`: here, and not by another supervisor. */
  private openRun(address: Address, held: Held, isClaimed = false): RemoteRun | undefined {
    const fence = held.record.owner?.fence;
    if (fence === undefined) return undefined;
    const { ports, kernel, log, name: worker } = this.parts;
    const parts = { ports, kernel, log, worker, isClaimed, throttleMs: PROGRESS_THROTTLE_MS };
    const run = new RemoteRun(parts, address, held, fence);
    const former = this.runs.get(address);
    if (former !== undefined) this.closeRun(address, former);
    this.runs.set(address, run);
    return run;
  }

  private closeRun(address: Address, run: RemoteRun): void {
    run.close();
    if (this.runs.get(address) !== run) return;
    this.runs.delete(address);
    if (run.isClaimed) this.claims.ended(address);
  }

  /** Each is looked at side by side; what cannot be looked at now is neither to be stopped nor lost. */
  private async reportAll(running: readonly RunFields[]) {
    const abort: { readonly address: string; readonly cause: string }[] = [];
    const lost: string[] = [];
    let unknown = 0;
    const looked = running.filter(({ address }) => this.runs.has(address as Address) || ++unknown <= ADOPTED_AT_ONCE);
    await Promise.all(
      looked.map(async (fields) => {
        const verdict = await this.report(fields);
        if (verdict === 'lost') lost.push(fields.address);
        if (typeof verdict === 'object') abort.push({ address: fields.address, cause: verdict.cause });
      }),
    );
    return { abort, lost };
  }

  private async report(fields: RunFields): Promise<'lost' | { readonly cause: string } | undefined> {
    const address = parseAddress(fields.address);
    if (address === undefined) return 'lost';
    try {
      const run = await this.runUnder(address, fields.fence);
      if (!(run instanceof RemoteRun)) return 'lost';
      await within(this.parts.ports.clock, REPORT_MS, run.report(fields));
      if (run.verdict === 'lost') this.closeRun(address, run);
      return run.verdict === 'abort' ? { cause: run.record.abort?.cause ?? 'cancel' } : lostOnly(run.verdict);
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      return undefined;
    }
  }

  /**
   * The run, also one that another supervisor has claimed; or what stands at its address where it is not the worker's.
   * Rejects with a BatonError when that cannot be known now.
   */
  private async runUnder(address: Address, fence: Fence): Promise<RemoteRun | { readonly record?: TaskRecord }> {
    const known = this.runs.get(address);
    if (known !== undefined && sameFence(known.fence, fence)) return known;
    const held = await this.parts.kernel.load(address);
    const { name } = this.parts;
    if (held === undefined || runOf(held.record, name, fence) === undefined)
      return held === undefined ? {} : { record: held.record };
    // Somebody else may have opened it while it was read.
    const now = this.runs.get(address);
    if (now !== undefined && sameFence(now.fence, fence)) return now;
    return this.openRun(address, held) ?? {};
  }

  private async takeFinish(request: FinishRequest): Promise<WorkAnswer> {
    this.attendance.heard();
    const { outcome, fence } = request;
    const address = parseAddress(request.address);
    if (address === undefined) return refusal('INVALID_ARGUMENT', 'address: is that of a task that was claimed');
    const end = outcome === 'give_back' ? undefined : bodyEndOf(request);
    if (outcome === 'success' && end?.kind === 'threw' && end.error.type === 'result_too_large')
      return refusal('RESULT_TOO_LARGE', `the result is more than ${WORK_DATA_LIMIT} bytes: keep it elsewhere`);
    const run = await this.runUnder(address, fence);
    if (!(run instanceof RemoteRun)) return hasEndedBy(run.record, this.parts.name, fence) ? endedAs(run.record) : LOST;
    if (outcome === 'stopped' && run.verdict === 'running') {
      await run.look();
      if (run.verdict === 'running') return refusal('NOT_ABORTING', 'nobody has asked for this task to be stopped');
    }
    const told = await run.end(request);
    if (told.kind === 'refused') return refused(told.reason);
    this.closeRun(address, run);
    // Another supervisor goes on with it, and this one does not know what became of the write.
    if (told.kind === 'lost' && this.closed) return UNKNOWN;
    if (told.kind === 'lost') return hasEndedBy(run.record, this.parts.name, fence) ? endedAs(run.record) : LOST;
    this.ended(address, told.held);
    return endedAs(told.held.record);
  }

  private ended(address: Address, held: Held): void {
    const { ports, kernel, log, name } = this.parts;
    const { record } = held;
    sayEnded(log.child({ worker: name }), held);
    if (isTerminal(record.status) && record.successor !== undefined)
      void promote({ ports, kernel, log }, address, record.id, `worker:${name}`);
  }

  /** The worker goes: its lease with it, and whatever it still had is taken from it at once. */
  private async bye(): Promise<WorkAnswer> {
    this.closeStand();
    try {
      await this.attendance.release();
      return { ok: true, ...this.terms(), abort: [], lost: [] };
    } catch (error) {
      return failureOf(error);
    }
  }

  private closeStand(): void {
    const { stand } = this;
    this.stand = undefined;
    void stand?.close();
  }

  private lookAtAll(): void {
    for (const run of this.runs.values()) void run.look();
  }

  /** What the worker does not list any more it does not run; whoever watches the record sees to it. */
  private forgetUnlisted(running: readonly RunFields[]): void {
    const listed = new Set(running.map(({ address }) => address));
    for (const [address, run] of this.runs)
      if (!listed.has(address) && run.ageMs > LEASE_MS) this.closeRun(address, run);
  }

  private async withinTime(answer: Promise<WorkAnswer>): Promise<WorkAnswer> {
    return (await within(this.parts.ports.clock, FINISH_MS, answer)) ?? UNKNOWN;
  }
}

const UNKNOWN = refusal('OUTCOME_UNKNOWN', 'it is not known yet whether the end stands: ask the same again');

const LOST = refusal('LEASE_LOST', "the task is not this worker's under that fence: it was taken over, or has ended");

const endedAs = (record: TaskRecord | undefined): WorkAnswer => ({ ok: true, status: record?.status ?? 'success' });

const lostOnly = (verdict: 'running' | 'lost'): 'lost' | undefined => (verdict === 'lost' ? verdict : undefined);

const refused = (reason: string): WorkAnswer => {
  switch (reason) {
    case 'aborting':
      return refusal('ABORTING', 'the task is to be stopped: call its abort handlers, and finish it as stopped');
    case 'too_late':
      return refusal('FINISHING', 'its body has ended: it cannot be given back');
    default:
      return refusal(reason.toUpperCase(), 'the end cannot be recorded like this');
  }
};

const sameFence = (a: Fence, b: Fence): boolean => a.epoch === b.epoch && a.revision === b.revision;
