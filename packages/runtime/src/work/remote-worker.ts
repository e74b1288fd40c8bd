import { answerToWait, hasEndedBy, isTerminal, type TaskRecord, type TypeDefinition } from '@baton/core';
import { digestOf, LEASE_MS, parseAddress, WORK_DATA_LIMIT, type Address } from '@baton/protocols';
import { schemaFault } from '../client/args-schema.ts';
import { SIGNALS_FULL_TEXT } from '../client/refusal-text.ts';
import type { Format } from '../commands/read-command.ts';
import type { Held, Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { NodeInfo } from '../ports/presence.ts';
import type { Ports } from '../ports.ts';
import type { Subscription } from '../ports/environment.ts';
import { Claims } from '../run/claims.ts';
import { sayBegun, sayEnded } from '../run/run-log.ts';
import { promote } from '../successors.ts';
import { within } from '../within.ts';
import { RemoteLease } from './remote-lease.ts';
import {
  failureOf,
  fittingTasks,
  refusal,
  signalView,
  taskViewOf,
  termsOf,
  type WorkAnswer,
  type WorkTask,
} from './answers.ts';
import { definitionsOf, scopeFault } from './definitions.ts';
import { bodyEndOf, RemoteRun } from './remote-run.ts';
import { argumentsOf } from './remote-args.ts';
import { RemoteRuns } from './remote-runs.ts';
import { Replies } from './replies.ts';
import type { BeatRequest, ClaimRequest, FinishRequest } from './shapes.ts';
import { RemoteClaims, type SaysOnce } from './remote-claims.ts';

export type RemoteWorkerParts = {
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

/**
 * What one supervisor is for one worker that has no rights of its own: its lease, its place before the queues, and the
 * owner of its runs. Everything that has to outlast this process stands in the records and in presence, so another
 * supervisor goes on from there (see `protocols/worker.md`).
 */
export class RemoteWorker {
  private readonly parts: RemoteWorkerParts;
  private readonly lease: RemoteLease;
  private readonly claims: Claims;
  private readonly runs: RemoteRuns;
  private readonly claimed: Replies;
  private readonly finished: Replies;
  private readonly ties: readonly Subscription[];
  private remoteClaims: RemoteClaims | undefined;
  private isDraining = false;
  private isGone = false;
  private closed = false;
  private hasLeft = false;

  constructor(parts: RemoteWorkerParts) {
    const { ports, kernel, log, once, name, former } = parts;
    this.parts = parts;
    this.lease = new RemoteLease(ports, name, former);
    this.claims = new Claims({ ports, kernel, log, worker: name });
    this.runs = new RemoteRuns({ ports, kernel, log, once, worker: name, claims: this.claims });
    this.claimed = new Replies(ports.clock, CLAIMS_KEPT);
    this.finished = new Replies(ports.clock, FINISHES_KEPT);
    this.ties = [
      ports.signals.onPoke(name, (address) => this.runs.look(address)),
      ports.link.onReconnect(() => this.runs.lookAtAll()),
    ];
  }

  get silentMs(): number {
    return this.lease.silentMs;
  }

  claim(request: ClaimRequest & { readonly types: readonly string[] }): Promise<WorkAnswer> {
    const { request: name, queue, queues = [queue], types, max = 1 } = request;
    return this.claimed.of(
      { name, contents: JSON.stringify([queues, types, max]) },
      () => this.takeClaim(request).catch(failureOf),
      (answer) => this.toldAgain(answer).catch(failureOf),
    );
  }

  /**
   * The answer with as many tasks as fit into so many bytes. The others are given back at once, for the next claim; but for
   * those that never fit: a worker does not list them, so they are taken back, and meanwhile others come before them.
   * Undefined: nothing is left.
   */
  async fitting(answer: WorkAnswer, format: Format, limit: number): Promise<WorkAnswer | undefined> {
    if (!('tasks' in answer)) return undefined;
    const { kept, left } = fittingTasks(answer.tasks as readonly WorkTask[], format, limit);
    await Promise.all(left.map((task) => this.runs.giveBack(task, 'the answer to the claim had no room for it')));
    return kept.length === 0 ? undefined : { ...answer, tasks: kept };
  }

  async beat(request: BeatRequest): Promise<WorkAnswer> {
    const { state = 'ready', concurrency, host, pid, running = [] } = request;
    if (state === 'gone') return this.bye();
    if (this.lease.beaten()) this.runs.lookAtAll();
    this.isDraining = state === 'draining';
    if (this.isDraining) this.closeClaims();
    try {
      const about = { ...(host === undefined ? {} : { host }), ...(pid === undefined ? {} : { pid }) };
      const serves = {
        ...about,
        ...(concurrency === undefined ? {} : { concurrency }),
        state,
        running: running.length,
      };
      const [verdicts] = await Promise.all([this.runs.report(running), this.lease.renew(serves)]);
      this.runs.forgetUnlisted(running);
      return { ok: true, ...this.terms(), ...verdicts };
    } catch (error) {
      return failureOf(error);
    }
  }

  finish(request: FinishRequest): Promise<WorkAnswer> {
    const { request: name, address, fence, outcome } = request;
    const waits = request.wait === undefined ? '' : ` ${request.wait.signal} ${request.wait.number}`;
    const contents = `${address} ${fence.epoch} ${fence.revision} ${outcome}${waits}`;
    return this.withinTime(this.finished.of({ name, contents }, () => this.takeFinish(request).catch(failureOf)));
  }

  /**
   * The supervisor stops, or another one speaks for the worker: claims that wait are asked again there. Resolves when what its runs have
   * told last is stored.
   */
  leave(): Promise<void> {
    this.hasLeft = true;
    this.remoteClaims?.abandon();
    return this.close();
  }

  /** The worker is gone. */
  end(): Promise<void> {
    this.closeClaims();
    return this.close();
  }

  private close(): Promise<void> {
    this.closed = true;
    for (const tie of this.ties) tie.close();
    this.claims.close();
    this.lease.close();
    return this.runs.leave();
  }

  private terms() {
    return termsOf(this.parts.supervisor, this.parts.name);
  }

  private async takeClaim(request: ClaimRequest & { readonly types: readonly string[] }): Promise<WorkAnswer> {
    const { queue = 'default', queues = [queue], types, max = 1, wait = 0, concurrency, host, pid } = request;
    this.lease.heard();
    const definitions = definitionsOf(request.definitions);
    if (typeof definitions === 'string') return refusal('INVALID_ARGUMENT', definitions);
    const fault = await this.schemaFaultIn(definitions);
    if (fault !== undefined) return refusal('INVALID_ARGUMENT', fault);
    const kept = definitions === undefined ? undefined : this.lease.announce(definitions);
    const about = { ...(host === undefined ? {} : { host }), ...(pid === undefined ? {} : { pid }) };
    // The lease comes before the first task: what is owned by nobody who is known to live would be taken from him.
    const state = this.isDraining ? 'draining' : 'ready';
    // And the answer comes after its definitions are kept: whoever was told that it serves a type submits by them.
    await Promise.all([this.lease.renew({ ...about, queues, types, concurrency: concurrency ?? max, state }), kept]);
    // It may have said meanwhile that it leaves, or have another supervisor.
    if (this.closed) return ELSEWHERE;
    const ask = this.lease.served === undefined ? { ask: ['definitions'] } : {};
    const tasks = this.isDraining ? [] : await this.claimsFor(queues, types).claim(max, wait * 1_000);
    // Not as one that got nothing: another supervisor may hold the same claim open, and has the answer to its repeat.
    if (this.hasLeft && tasks.length === 0) return ELSEWHERE;
    return { ok: true, ...this.terms(), ...ask, tasks };
  }

  /** Of what it has not told before: to compile a schema is not for every claim. */
  private async schemaFaultIn(definitions: readonly TypeDefinition[] = []): Promise<string | undefined> {
    const known = new Set(this.lease.served?.map(digestOf));
    for (const definition of definitions) {
      const { type, argsSchema } = definition;
      if (argsSchema === undefined || known.has(digestOf(definition))) continue;
      const fault = await schemaFault(argsSchema);
      if (fault !== undefined) return `definitions: that of '${type}': args_schema: ${fault}`;
    }
    return undefined;
  }

  /** To a repeat of the claim: what has ended meanwhile, or was taken back, is not begun for it. */
  private async toldAgain(answer: WorkAnswer): Promise<WorkAnswer> {
    if (!('tasks' in answer)) return answer;
    return { ...answer, tasks: await this.runs.stillHis(answer.tasks as readonly WorkTask[]) };
  }

  /** A worker serves one set of queues and types at a time: another one takes the place of what was before. */
  private claimsFor(queues: readonly string[], types: readonly string[]): RemoteClaims {
    if (this.remoteClaims?.serves(queues, types) === true) return this.remoteClaims;
    this.remoteClaims?.abandon();
    const { ports, log, once, name: worker, kernel } = this.parts;
    this.remoteClaims = new RemoteClaims({
      ports,
      log,
      once,
      worker,
      queues,
      types,
      claims: this.claims,
      load: kernel.load,
      taken: (address, held) => this.taken(address, held),
      isThere: () => this.lease.renewedMsAgo < LEASE_MS && !this.isDraining && !this.isGone,
      tooLate: (address, held) => void this.tooLate(address, held),
    });
    return this.remoteClaims;
  }

  /** What the worker is told of a task that was claimed for it. */
  private async taken(address: Address, held: Held): Promise<WorkTask | undefined> {
    const run = this.runs.open(address, held, true);
    if (run === undefined) return undefined;
    sayBegun(this.parts.log, held.record);
    const fault = scopeFault(this.lease.served, held.record);
    if (fault === undefined) {
      const args = await argumentsOf(this.parts.ports.data, held.record);
      if (args.kind === 'here') return taskViewOf(address, held.record, run.fence, args);
      if (args.kind === 'later') await run.giveBack('its arguments cannot be read now');
      else await run.fail(args.error);
    } else await run.fail(fault);
    this.runs.close(address, run);
    return undefined;
  }

  private async tooLate(address: Address, held: Held): Promise<void> {
    const run = this.runs.open(address, held, true);
    await run?.giveBack('nobody waited for it any more');
    if (run !== undefined) this.runs.close(address, run);
  }

  private async takeFinish(request: FinishRequest): Promise<WorkAnswer> {
    this.lease.heard();
    const { outcome, fence } = request;
    const address = parseAddress(request.address);
    if (address === undefined) return refusal('INVALID_ARGUMENT', 'address: is that of a task that was claimed');
    const end = outcome === 'give_back' ? undefined : bodyEndOf(request);
    if (outcome === 'success' && end?.kind === 'threw' && end.error.type === 'result_too_large')
      return refusal('RESULT_TOO_LARGE', `the result is more than ${WORK_DATA_LIMIT} bytes: keep it elsewhere`);
    const run = await this.runs.under(address, fence);
    if (!(run instanceof RemoteRun)) return hasEndedBy(run.record, this.parts.name, fence) ? endedAs(run.record) : LOST;
    if (outcome === 'stopped' && run.verdict === 'running') {
      await run.look();
      if (run.verdict === 'running') return refusal('NOT_ABORTING', 'nobody has asked for this task to be stopped');
    }
    if (outcome === 'wait') return this.takeWait(address, run, request);
    if (request.result_object !== undefined && !(await run.hasLeft()))
      return refusal('RESULT_MISSING', 'no result of this run was left at the gateway: leave it there first');
    const told = await run.end(request);
    if (told.kind === 'refused') return refused(told.reason);
    this.runs.close(address, run);
    // Another supervisor goes on with it, and this one does not know what became of the write.
    if (told.kind === 'lost' && this.closed) return UNKNOWN;
    if (told.kind === 'lost') return hasEndedBy(run.record, this.parts.name, fence) ? endedAs(run.record) : LOST;
    this.ended(address, told.held);
    return endedAs(told.held.record);
  }

  private async takeWait(address: Address, run: RemoteRun, request: FinishRequest): Promise<WorkAnswer> {
    const { wait } = request;
    if (wait === undefined || wait.timeout === 0) return NO_WAIT;
    const told = await run.wait({ ...request, wait });
    if (told.kind === 'refused') return refused(told.reason);
    if (told.kind === 'lost') return this.closed ? UNKNOWN : LOST;
    const { record } = told.held;
    if (!run.task.suspended) {
      const entry = answerToWait(record, { name: wait.signal, number: wait.number });
      return entry === undefined ? UNKNOWN : { ...endedAs(record), signal: signalView(entry) };
    }
    this.runs.close(address, run);
    this.ended(address, told.held);
    return endedAs(record);
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
    this.isGone = true;
    this.closeClaims();
    try {
      await this.lease.release();
      return { ok: true, ...this.terms(), abort: [], lost: [] };
    } catch (error) {
      return failureOf(error);
    }
  }

  private closeClaims(): void {
    const { remoteClaims } = this;
    this.remoteClaims = undefined;
    void remoteClaims?.close();
  }

  private async withinTime(answer: Promise<WorkAnswer>): Promise<WorkAnswer> {
    return (await within(this.parts.ports.clock, FINISH_MS, answer)) ?? UNKNOWN;
  }
}

const ELSEWHERE = refusal('NOT_CONNECTED', 'this supervisor speaks for the worker no more: ask again');

const UNKNOWN = refusal('OUTCOME_UNKNOWN', 'it is not known yet whether the end stands: ask the same again');

const NO_WAIT = refusal('INVALID_ARGUMENT', 'wait: says what a run waits for, and a timeout is more than 0');

const LOST = refusal('LEASE_LOST', "the task is not this worker's under that fence: it was taken over, or has ended");

const endedAs = (record: TaskRecord | undefined) => ({ ok: true as const, status: record?.status ?? 'success' });

const refused = (reason: string): WorkAnswer => {
  switch (reason) {
    case 'aborting':
      return refusal('ABORTING', 'the task is to be stopped: call its abort handlers, and finish it as stopped');
    case 'too_late':
      return refusal('FINISHING', 'its body has ended: it cannot be given back, and waits for nothing');
    case 'signals_full':
      return refusal('SIGNALS_FULL', SIGNALS_FULL_TEXT);
    default:
      return refusal(reason.toUpperCase(), 'the end cannot be recorded like this');
  }
};
