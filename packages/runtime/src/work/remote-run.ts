import {
  commandsOf,
  verdictOn,
  type BodyOutcome,
  type Fence,
  type RunReport,
  type RunVerdict,
  type TaskError,
  type TaskRecord,
  type Tags,
} from '@baton/core';
import { DURATION_LIMIT_MS, objectName, WORK_DATA_LIMIT, type Address } from '@baton/protocols';
import type { Held, Kernel } from '../kernel.ts';
import { taskFields, type Log } from '../log.ts';
import type { Ports } from '../ports.ts';
import { returnedEnd, type BodyEnd } from '../run/body-end.ts';
import { lacksRoom, OwnedTask, type OwnerListener, type Told } from '../run/owned-task.ts';
import { ProgressWriter } from '../run/progress-writer.ts';
import { RunData, small } from '../run/run-data.ts';
import { tellEnd, tellGiveBack } from '../run/run-finish.ts';
import { NO_TAGS, readUpdate, storeUpdate, type Pending, type Warns } from '../run/task-update.ts';
import { within } from '../within.ts';
import type { SaysOnce } from './remote-claims.ts';
import type { ErrorFields, FinishRequest, RunFields } from './shapes.ts';
import { ToldSpan } from './told-span.ts';

export type RemoteRunParts = {
  readonly ports: Pick<Ports, 'clock' | 'chance' | 'signals' | 'data'>;
  readonly kernel: Kernel;
  readonly log: Log;
  readonly once: SaysOnce;
  readonly worker: string;
  /** By this supervisor, and not by another one before. */
  readonly isClaimed: boolean;
  readonly throttleMs: number;
};

/** How the end of a run was told. */
type Ending = Pick<FinishRequest, 'outcome' | 'handler_errors'> & {
  readonly end: BodyEnd;
  /** The result was left at the gateway. */
  readonly left?: BodyOutcome;
};

/** The record is read again this often, should nobody have told of an abort. */
const LOOK_MS = 10_000;

/** What was told of it last is stored within this time, or is lost. */
const LEAVE_MS = 400;

/**
 * One run whose body is somewhere else, in a worker that tells of it by beats. What a run in this process tells the record
 * itself is told here for the worker, through the same owner of the record: one command after the other, each until the
 * answer is definite.
 */
export class RemoteRun implements OwnerListener {
  readonly address: Address;
  readonly fence: Fence;
  readonly task: OwnedTask;
  private readonly parts: RemoteRunParts;
  private readonly data: RunData;
  private readonly span = new ToldSpan();
  private readonly childLog: Log;
  /** A worker says the same again with every beat, also what is wrong: it is no news to whoever keeps this log. */
  private readonly warnsOnce: Warns;
  private progress: ProgressWriter | undefined;
  /** That it is abortable is being stored. */
  private registering: Promise<void> | undefined;
  private said: Pending = {};
  /** Its tags with what the worker has said of them; absent: it has said nothing. */
  private tags: Tags | undefined;
  private looking: Promise<void> | undefined;
  /** Another look, behind that one. */
  private next: Promise<void> | undefined;
  private lookedAt: number;
  private deliveredAt: number | undefined;
  private over = false;
  private readonly openedAt: number;

  constructor(parts: RemoteRunParts, address: Address, claimed: Held, fence: Fence) {
    const { ports, kernel, log, once, worker } = parts;
    const { clock, data } = ports;
    const { id, key, attempt } = claimed.record;
    this.parts = parts;
    this.address = address;
    this.fence = fence;
    this.childLog = log.child({ ...taskFields(claimed.record), key, worker });
    this.warnsOnce = {
      warn: (fields, text) => once.say(`${id} ${attempt} ${text}`, () => this.childLog.warn(fields, text)),
    };
    this.task = new OwnedTask({ kernel, clock, address, claimed, fence, listener: this });
    const wanted = (): boolean => !this.task.lost && !this.over;
    this.data = new RunData({ data, clock, address, log: () => this.childLog, wanted });
    this.lookedAt = clock.monotonic();
    this.openedAt = this.lookedAt;
  }

  get record(): TaskRecord {
    return this.task.record;
  }

  get verdict(): RunVerdict {
    return this.task.lost ? 'lost' : verdictOn(this.record, this.parts.worker, this.fence);
  }

  get isClaimed(): boolean {
    return this.parts.isClaimed;
  }

  /** For how long it is known here, milliseconds. */
  get ageMs(): number {
    return this.parts.ports.clock.monotonic() - this.openedAt;
  }

  /** Something may have come into the record that its worker has to know. A look under way may have read before it came. */
  look(): Promise<void> {
    if (this.looking !== undefined) {
      this.next ??= this.looking.then(() => {
        this.next = undefined;
        return this.look();
      });
      return this.next;
    }
    this.lookedAt = this.parts.ports.clock.monotonic();
    this.looking = this.task.look().finally(() => {
      this.looking = undefined;
    });
    return this.looking;
  }

  /**
   * What a beat brings of it. At once, as it comes: the end of the run may have come with the same piece of the connection,
   * and takes along what was heard before it.
   */
  hear(fields: RunFields): void {
    if (this.task.lost || this.over) return;
    this.span.hear(fields.traceparent);
    // First, as its handler did: who sees its progress can cancel it.
    if (fields.abortable === true) this.register();
    this.update(fields);
  }

  /** What the worker asks with it, which has been heard. Resolves when a look that was under way has ended. */
  async report(fields: RunFields): Promise<void> {
    const { clock } = this.parts.ports;
    if (clock.monotonic() - this.lookedAt >= LOOK_MS) void this.look();
    await (this.next ?? this.looking);
    if (this.task.lost || this.over) return;
    this.tellSpan();
    this.tell({ ...reportOf(fields), abortable: false });
    if (this.verdict === 'abort') this.deliveredAt ??= clock.now();
  }

  /** The last word on it. What is told after this finds that it is over. */
  async end(request: FinishRequest): Promise<Told> {
    this.span.hear(request.traceparent);
    this.update(request);
    await this.progress?.flush();
    // Whoever says that it was stopped has called the abort handlers, whether or not a beat has said so before.
    if (request.outcome === 'stopped') this.tell({ abortable: false, observed: true });
    const told =
      request.outcome === 'give_back'
        ? await this.giveBack(request.why ?? 'given back by its worker', request.abnormal ?? false)
        : await this.finish({ ...request, end: bodyEndOf(request), ...this.leftIn(request) });
    if (told.kind === 'done') this.close();
    return told;
  }

  /**
   * The body waits. Where the answer is there it goes on; else the run ends here and another one goes on from the start of the
   * body, as with every worker (behaviour G4).
   */
  async wait(request: FinishRequest & { readonly wait: NonNullable<FinishRequest['wait']> }): Promise<Told> {
    const { signal: name, number, timeout: timeoutMs = DURATION_LIMIT_MS, over: isOver = false } = request.wait;
    this.span.hear(request.traceparent);
    this.update(request);
    await this.progress?.flush();
    const said = { at: this.parts.ports.clock.now(), fence: this.fence, ...this.span.in(this.record) };
    const told = await this.task.tell({ kind: 'suspend', ...said, name, number, timeoutMs, isOver });
    if (told.kind === 'done' && this.task.suspended) this.close();
    return told;
  }

  /** Whether the result of this run lies in the object store. Rejects with a BatonError while that cannot be asked. */
  async hasLeft(): Promise<boolean> {
    return (await this.parts.ports.data.storedAt(this.resultName())) !== undefined;
  }

  /** The worker has left the result at the gateway, under the name that only this run has. */
  private leftIn({ result_object: left }: FinishRequest): { readonly left?: BodyOutcome } {
    return left === undefined
      ? {}
      : { left: { kind: 'returned', result: { object: this.resultName(), size: left.size, digest: left.digest } } };
  }

  private resultName(): string {
    return objectName(this.address, this.record.id, { resultOf: this.fence });
  }

  giveBack(why: string, abnormal = false): Promise<Told> {
    const { clock } = this.parts.ports;
    const by = abnormal ? ({ why, abnormal } as const) : { why };
    return tellGiveBack({ task: this.task, clock, fence: this.fence }, { ...by, ...this.span.in(this.record) });
  }

  /** Fails it without a body: it cannot be run at all. */
  fail(error: TaskError): Promise<Told> {
    return this.finish({ outcome: 'failure', end: { kind: 'threw', error, terminal: true } });
  }

  /** Its worker is spoken for by somebody else from now on, who knows nothing of what was not stored yet. Never rejects. */
  async leave(): Promise<void> {
    this.over = true;
    const { progress } = this;
    if (progress !== undefined) await within(this.parts.ports.clock, LEAVE_MS, this.tellLast(progress));
    this.close();
  }

  /** Unless whoever speaks for the worker now has told something newer: that came later, whatever it was. */
  private async tellLast(progress: ProgressWriter): Promise<void> {
    await progress.settled();
    const before = this.record;
    await this.task.look();
    if (isSameNews(before, this.record)) await progress.flush();
  }

  close(): void {
    this.over = true;
    this.progress?.close();
    this.task.close();
  }

  // What the record tells: see OwnerListener. A verdict is asked for when the worker reports.

  changed(): void {}

  lostIt(): void {
    this.progress?.close();
    this.childLog.debug({}, 'the run of a worker was taken over or ended elsewhere');
  }

  private register(): void {
    const [told] = this.telling({ abortable: true, observed: false });
    if (told === undefined) return;
    const registering = told.then(() => {
      if (this.registering === registering) this.registering = undefined;
    });
    this.registering = registering;
  }

  /** For a worker that dies before the end; what was just reported of the run takes it along. */
  private tellSpan(): void {
    const trace = this.span.news(this.record);
    if (trace === undefined) return;
    const at = this.parts.ports.clock.now();
    const wanted = (): boolean => !this.over && this.span.in(this.record).trace !== undefined;
    void this.task.tell({ kind: 'progress', at, fence: this.fence, trace }, wanted);
  }

  private tell(report: RunReport): void {
    void Promise.all(this.telling(report));
  }

  private telling(report: RunReport): readonly Promise<Told>[] {
    const { fence, deliveredAt } = this;
    const at = this.parts.ports.clock.now();
    const wanted = (): boolean => !this.over;
    return commandsOf(this.record, report, { at, fence, deliveredAt }).map(async (command) => {
      const told = await this.task.tell(command, wanted);
      if (command.kind !== 'mark-finishing' || !lacksRoom(told)) return told;
      // That the body has ended is told all the same: it is too late for a cancel.
      const { body: _body, ...marked } = command;
      return this.task.tell(marked, wanted);
    });
  }

  private async finish({ outcome, handler_errors: errors = [], end, left }: Ending): Promise<Told> {
    const { clock, chance } = this.parts.ports;
    const { task, data, fence } = this;
    const handlerErrors = errors.map(errorOf);
    // Only who says that it was stopped has run the abort handlers.
    const aborting = outcome === 'stopped' ? Promise.resolve([]) : undefined;
    const isSuccess = handlerErrors.length === 0 && aborting === undefined;
    const body = isSuccess ? (left ?? (await data.keep(end, this))) : small(end);
    if (body === undefined) return { kind: 'lost' };
    const run = { task, data, clock, chance, fence, aborting, body: { hasAborts: true }, forced: false };
    const told = await tellEnd({ ...run, ...this.span.in(this.record) }, body, handlerErrors);
    if (told.kind === 'refused') data.drop(body);
    return told;
  }

  private update({ progress, payload, tags }: Pick<RunFields, 'progress' | 'payload' | 'tags'>): void {
    if (progress === undefined && payload === undefined && tags === undefined) return;
    const said = { progress, payload, tags } as Parameters<typeof readUpdate>[0];
    this.tags ??= this.record.tags ?? NO_TAGS;
    const pending = readUpdate(said, () => this.warnsOnce, this.tags);
    if (pending?.tags !== undefined) this.tags = pending.tags;
    if (pending === undefined || this.isTold(pending)) return;
    const { clock, signals } = this.parts.ports;
    const { throttleMs } = this.parts;
    const { task, fence } = this;
    this.progress ??= new ProgressWriter({
      clock,
      signals,
      throttleMs,
      taskId: this.record.id,
      before: () => this.registering,
      write: (update) =>
        storeUpdate({ task, clock, fence, log: () => this.childLog }, { ...update, ...this.span.in(this.record) }),
    });
    this.progress.update(pending);
  }

  /** A worker may say with every beat how far it is: only what is new is written. */
  private isTold({ progress, payload, tags }: Pending): boolean {
    const { progress: before, payload: payloadBefore } = this.said;
    const isSame =
      tags === undefined &&
      (progress === undefined || JSON.stringify(progress) === JSON.stringify(before)) &&
      (payload === undefined || (payloadBefore !== undefined && Buffer.compare(payload, payloadBefore) === 0));
    this.said = {
      ...this.said,
      ...(progress === undefined ? {} : { progress }),
      ...(payload === undefined ? {} : { payload }),
    };
    return isSame;
  }
}

const isSameNews = (a: TaskRecord, b: TaskRecord): boolean => newsIn(a) === newsIn(b);

const newsIn = ({ progress, tags, payload }: TaskRecord): string =>
  JSON.stringify([progress, tags, payload instanceof Uint8Array ? Buffer.from(payload).toString('base64') : payload]);

const reportOf = ({ observed, finishing }: RunFields): Omit<RunReport, 'abortable'> => ({
  observed: observed === true,
  ...(finishing === undefined || finishing === false
    ? {}
    : { finishing: finishing === true ? {} : keptBody(bodyEndOf(finishing)) }),
});

/** A large result is put away by the end; until then only that the body has ended is kept. */
const keptBody = (end: BodyEnd): { readonly body?: BodyOutcome } => {
  if (end.kind === 'returned' && end.result?.kind === 'large') return {};
  return { body: small(end) };
};

type BodyFields = Pick<FinishRequest, 'result' | 'error' | 'terminal' | 'retry_after'> & { readonly outcome: string };

/** What the body came to, as the worker tells it. */
export const bodyEndOf = (fields: BodyFields): BodyEnd => {
  const { outcome, result, error, terminal, retry_after: retryAfterMs } = fields;
  if (outcome !== 'failure' && error === undefined) return returnedEnd(result, WORK_DATA_LIMIT);
  return {
    kind: 'threw',
    error: errorOf(error ?? { message: 'its worker did not say why' }),
    ...(terminal === true ? { terminal } : {}),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  };
};

const errorOf = ({ message, type = 'Error', stack }: ErrorFields): TaskError => ({
  message,
  type,
  ...(stack === undefined ? {} : { stack }),
});
