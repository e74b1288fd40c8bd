import { isOwnedUnder, isTerminal, type Fence, type TaskRecord, type WorkerCommand } from '@baton/core';
import type { Address } from '@baton/protocols';
import type { Asked, Held, Kernel } from '../kernel.ts';
import type { Clock } from '../ports/environment.ts';

/** Commands about a run that is owned: all but the claim. */
export type OwnerCommand = Exclude<WorkerCommand, { kind: 'claim' }>;

/** `traceparent` of the span of the run, where the record has not got it yet. */
export type RunTrace = { readonly trace?: string };

export type Told =
  | { readonly kind: 'done'; readonly held: Held }
  | { readonly kind: 'refused'; readonly reason: string; readonly held: Held | undefined }
  /** The task is not ours any more: taken over, ended by force, or replaced. */
  | { readonly kind: 'lost' };

export const lacksRoom = (told: Told): boolean =>
  told.kind === 'refused' && (told.reason === 'record_full' || told.reason === 'PAYLOAD_TOO_LARGE');

type Settings = {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly address: Address;
  readonly claimed: Held;
  readonly fence: Fence;
  readonly listener: OwnerListener;
};

export type OwnerListener = {
  /** After every look at the record that found something new. */
  readonly changed: (record: TaskRecord) => void;
  readonly lostIt: () => void;
};

/** Commands after which the task may be nobody's, because its body waits. */
const SUSPENDING: ReadonlySet<OwnerCommand['kind']> = new Set(['suspend', 'await-children']);

/** First and longest pause between two tries while the store cannot be reached. */
const RETRY_MS = 250;
const RETRY_MAX_MS = 2_000;

/**
 * The record of a run, as its owner sees it. Commands go one after the other, so that the owner never competes with
 * himself, and each is told until the answer is definite: a worker whose broker is away holds its outcome and tells it
 * when the broker is back. Somebody else may have the task by then; the fence says so.
 */
export class OwnedTask {
  private readonly settings: Settings;
  private current: Held;
  private tail: Promise<void> | undefined;
  private gone = false;
  private told = false;
  private closed = false;
  private left = false;

  constructor(settings: Settings) {
    this.settings = settings;
    this.current = settings.claimed;
  }

  get record(): TaskRecord {
    return this.current.record;
  }

  get lost(): boolean {
    return this.gone;
  }

  /** Its body waits, and it is nobody's: what the run tells from here on is as good as told. */
  get suspended(): boolean {
    return this.left;
  }

  /** Ends the repetition of what has no answer: the process is going. */
  close(): void {
    this.closed = true;
  }

  /** `wanted` is asked just before the command is sent; false: it is not needed any more. */
  tell(command: OwnerCommand, wanted?: () => boolean): Promise<Told> {
    if (wanted === undefined) return this.inTurn(() => this.untilDefinite(command));
    return this.inTurn(async () => (wanted() ? this.untilDefinite(command) : this.now()));
  }

  /** Resolves when everything told so far is settled. */
  quiet(): Promise<void> {
    return this.tail ?? Promise.resolve();
  }

  /** Reads the record again: after a poke, after a reconnect. */
  look(): Promise<void> {
    return this.inTurn(async () => {
      // Its end is recorded: that it is not ours any more is no loss.
      if (this.told) return;
      try {
        this.saw(await this.settings.kernel.load(this.settings.address));
      } catch {
        // Whoever asked will ask again: a poke is repeated, a reconnect is followed by another look.
      }
    });
  }

  private inTurn<T>(run: () => Promise<T>): Promise<T> {
    const next = this.tail === undefined ? run() : this.tail.then(run);
    const leave = (): void => {
      if (this.tail === tail) this.tail = undefined;
    };
    const tail: Promise<void> = next.then(leave, leave);
    this.tail = tail;
    return next;
  }

  private now(): Told {
    return this.gone ? { kind: 'lost' } : { kind: 'done', held: this.current };
  }

  private untilDefinite(command: OwnerCommand, pauseMs = RETRY_MS): Promise<Told> {
    const { kernel, address } = this.settings;
    if (this.gone || this.left) return Promise.resolve(this.now());
    // Mostly the first answer is definite, and no function waits around it.
    return kernel
      .ask(address, () => command, { from: this.current, urgent: true })
      .then((asked) => this.judge(asked, command) ?? this.again(command, pauseMs));
  }

  private async again(command: OwnerCommand, pauseMs: number): Promise<Told> {
    if (this.closed) return { kind: 'lost' };
    await new Promise<void>((resolve) => {
      this.settings.clock.after(pauseMs, resolve);
    });
    return this.untilDefinite(command, Math.min(RETRY_MAX_MS, pauseMs * 2));
  }

  private judge(asked: Asked, command: OwnerCommand): Told | undefined {
    switch (asked.kind) {
      case 'done':
        this.left = SUSPENDING.has(command.kind) && !isOwnedUnder(asked.record, this.settings.fence);
        if (this.left || command.kind === 'finish' || command.kind === 'give-back') {
          this.current = { record: asked.record, revision: asked.revision };
          this.told = true;
          return { kind: 'done', held: this.current };
        }
        this.saw(asked);
        return this.now();
      case 'refused':
        if (asked.reason === 'fenced' || asked.reason === 'not_found') {
          this.loseIt();
          return { kind: 'lost' };
        }
        this.saw(asked.held);
        return { kind: 'refused', reason: asked.reason, held: asked.held };
      case 'failed':
        // Too large a record does not get smaller by waiting.
        return asked.cause.code === 'PAYLOAD_TOO_LARGE'
          ? { kind: 'refused', reason: asked.cause.code, held: this.current }
          : undefined;
      case 'unknown':
        return undefined;
    }
  }

  private saw(held: Held | undefined): void {
    if (held === undefined || !isOwnedUnder(held.record, this.settings.fence) || isTerminal(held.record.status)) {
      this.loseIt();
      return;
    }
    if (held.revision === this.current.revision) return;
    this.current = held;
    this.settings.listener.changed(held.record);
  }

  private loseIt(): void {
    if (this.gone) return;
    this.gone = true;
    this.settings.listener.lostIt();
  }
}
