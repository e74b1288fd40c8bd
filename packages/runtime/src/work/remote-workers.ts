import { LEASE_MS } from '@baton/protocols';
import { contentTypes } from '../commands/answer.ts';
import { ownerOf } from '../dispatch/rendezvous.ts';
import type { Kernel } from '../kernel.ts';
import type { Log } from '../log.ts';
import type { NodeInfo } from '../ports/presence.ts';
import type { Ports } from '../ports.ts';
import type { Subscription } from '../ports/environment.ts';
import { encodeWorkAnswer, refusal, type WorkAnswer } from './answers.ts';
import { RemoteWorker } from './remote-worker.ts';
import { UnlistedRuns, type UnlistedRunsParts } from './unlisted-runs.ts';
import type { WorkRequest } from '../ports/work.ts';
import { readWork, type WorkReading } from './read-request.ts';
import type { SaysOnce } from './remote-claims.ts';

export type RemoteWorkersParts = {
  readonly ports: Ports;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly once: SaysOnce;
  readonly supervisor: string;
  /** Supervisors that are there, this one among them; undefined while that is not known. */
  readonly members: () => readonly string[] | undefined;
  readonly liveWorkers: () => readonly NodeInfo[];
  readonly held: UnlistedRunsParts['held'];
};

/** Workers one supervisor speaks for; beyond it those that come are refused, and those that are there go on. */
const MOST_WORKERS = 10_000;

/** Bytes of an answer, below the server's `max_payload` with its headers. */
const ANSWER_LIMIT = 1024 * 1024 - 4_096;

/** A worker that was silent for this long is dead for everybody. */
const SILENT_MS = 2 * LEASE_MS;

/** Requests that wait until the supervisors are known, at most, and for how long: nobody waits longer for an answer. */
const EARLY_REQUESTS = 1_000;
const EARLY_BYTES = 16 * 1024 * 1024;
const EARLY_MS = 8_000;

/**
 * Where workers in any language ask for work. Every request comes to every supervisor; the one that rendezvous hashing
 * gives the worker to answers. So a worker has one supervisor that speaks for it, chosen by nobody, and another one when
 * that one goes.
 */
export class RemoteWorkers {
  private readonly parts: RemoteWorkersParts;
  private readonly workers = new Map<string, RemoteWorker>();
  private readonly forgotten: UnlistedRuns;
  private early: { readonly request: WorkRequest; readonly at: number }[] = [];
  private earlyBytes = 0;
  private tie: Subscription | undefined;
  private stopping = false;

  constructor(parts: RemoteWorkersParts) {
    const { ports, kernel, log, held } = parts;
    this.parts = parts;
    this.forgotten = new UnlistedRuns({ kernel, clock: ports.clock, log, held });
  }

  /** Workers this supervisor speaks for. */
  get size(): number {
    return this.workers.size;
  }

  /** Before other supervisors know of this one: from then on they leave its workers to it. */
  start(): void {
    this.tie ??= this.parts.ports.work.onRequest((request) => this.take(request));
  }

  /**
   * Claims that wait are answered, and what comes now is told to ask again: until this supervisor has given its lease
   * back nobody else answers.
   */
  async stop(): Promise<void> {
    this.stopping = true;
    const left = Array.from(this.workers.values(), (worker) => worker.leave());
    this.workers.clear();
    await Promise.all(left);
  }

  /** Others have its workers now. */
  close(): void {
    this.tie?.close();
    this.early = [];
  }

  /** Another set of supervisors that are there. */
  share(): void {
    for (const [name, worker] of this.workers) {
      if (this.isMine(name) === true) continue;
      this.workers.delete(name);
      void worker.leave();
    }
    this.takeEarly();
  }

  /** Called often. */
  look(): void {
    this.takeEarly();
    for (const [name, worker] of this.workers) {
      if (worker.silentMs < SILENT_MS) continue;
      this.workers.delete(name);
      void worker.end();
    }
    if (this.forgotten.size > 0) this.forgotten.retain(new Set(this.parts.liveWorkers().map(({ id }) => id)));
  }

  /** Undefined: not known yet. */
  private isMine(name: string): boolean | undefined {
    const members = this.parts.members();
    return members === undefined ? undefined : ownerOf(`work/${name}`, members) === this.parts.supervisor;
  }

  /** Those that know this supervisor leave its workers to it, though it may not know them yet. */
  private takeEarly(): void {
    if (this.early.length === 0 || this.parts.members() === undefined) return;
    const { early } = this;
    this.early = [];
    this.earlyBytes = 0;
    const since = this.parts.ports.clock.monotonic() - EARLY_MS;
    for (const { request, at } of early) if (at >= since) this.take(request, true);
  }

  private keepEarly(request: WorkRequest): void {
    if (this.early.length >= EARLY_REQUESTS || this.earlyBytes + request.bytes.length > EARLY_BYTES) return;
    this.earlyBytes += request.bytes.length;
    this.early.push({ request, at: this.parts.ports.clock.monotonic() });
  }

  /** `isEarly`: it came before the supervisors knew each other. */
  private take(request: WorkRequest, isEarly = false): void {
    const reading = readWork(request);
    const mine = this.isMine(reading.name);
    if (mine === undefined) {
      this.keepEarly(request);
      return;
    }
    if (reading.kind === 'beat') this.forgotten.heard(reading.name, reading.body.running ?? []);
    if (!mine) return;
    // Another one may have answered an early claim: nothing is to be claimed for one that nobody waits for.
    const answering = isEarly && reading.kind === 'claim' ? Promise.resolve(EARLY) : this.answerTo(reading);
    answering
      .catch((error: unknown) => {
        const { log, once } = this.parts;
        once.say('work broken', () => log.error({ err: error }, 'a request of a worker failed in a way it should not'));
        return refusal('INTERNAL', 'it failed in a way it should not; the log of the supervisor has the reason');
      })
      .then(async (answer) => request.answer(await this.written(reading, answer), contentTypes[reading.format]))
      .catch((error: unknown) => this.parts.log.error({ err: error }, 'a worker could not be answered'));
  }

  private async written({ name, format }: WorkReading, answer: WorkAnswer): Promise<Uint8Array> {
    const bytes = encodeWorkAnswer(answer, format);
    if (bytes.length <= ANSWER_LIMIT) return bytes;
    const smaller = await this.workers.get(name)?.fitting(answer, format, ANSWER_LIMIT);
    return encodeWorkAnswer(smaller ?? TOO_LARGE, format);
  }

  private async answerTo(reading: WorkReading): Promise<WorkAnswer> {
    if (this.stopping) return STOPPING;
    switch (reading.kind) {
      case 'bad':
        return refusal(reading.code, reading.message);
      case 'claim':
        return this.workerOf(reading.name)?.claim(reading.body) ?? TOO_MANY;
      case 'finish':
        return this.workerOf(reading.name)?.finish(reading.body) ?? TOO_MANY;
      case 'beat': {
        const worker = this.workerOf(reading.name);
        if (worker === undefined) return TOO_MANY;
        const answer = await worker.beat(reading.body);
        if (reading.body.state === 'gone' && answer.ok) this.forget(reading.name, worker);
        return answer;
      }
    }
  }

  private forget(name: string, worker: RemoteWorker): void {
    if (this.workers.get(name) === worker) this.workers.delete(name);
    void worker.end();
  }

  private workerOf(name: string): RemoteWorker | undefined {
    const known = this.workers.get(name);
    if (known !== undefined || this.workers.size >= MOST_WORKERS) return known;
    const { ports, kernel, log, once, supervisor, liveWorkers } = this.parts;
    const former = liveWorkers().find(({ id }) => id === name);
    const worker = new RemoteWorker({ ports, kernel, log, once, supervisor, name, former });
    this.workers.set(name, worker);
    return worker;
  }
}

const TOO_MANY = refusal(
  'TOO_MANY_WORKERS',
  'this supervisor speaks for as many workers as it can: start more of them',
);

const STOPPING = refusal('NOT_CONNECTED', 'this supervisor stops: ask again, another one answers then');

const EARLY = refusal('NOT_CONNECTED', 'this supervisor speaks for the worker from now on: ask the same again');

const TOO_LARGE = refusal(
  'ANSWER_TOO_LARGE',
  'in this format the answer does not fit into a message; what was claimed is given back. Ask in MessagePack, or for fewer',
);
