import { encode, PROGRESS_LIVE_MS } from '@baton/protocols';
import type { Clock } from '../ports/environment.ts';
import type { Signals } from '../ports/signals.ts';
import type { Pending } from './task-update.ts';

type Settings = {
  readonly clock: Clock;
  readonly signals: Signals;
  readonly taskId: string;
  readonly throttleMs: number;
  /** What the body did before and is not stored yet; undefined: nothing. Who sees progress may count on it. Never rejects. */
  readonly before: () => Promise<unknown> | undefined;
  /** Stores what is pending; called again only after it has settled. */
  readonly write: (pending: Pending) => Promise<void>;
};

/**
 * Progress and payload of one run (behaviour C1 to C4). The first update is stored at once, later ones at most once per
 * throttle, always the latest; who looks now gets more of them, at most once.
 */
export class ProgressWriter {
  private readonly settings: Settings;
  private pending: Pending | undefined;
  /** What is pending may not wait for its time, only for the write that is under way. */
  private urgent = false;
  private nextWriteAt = 0;
  private nextLiveAt = 0;
  /** Shown as soon as what the body did before is stored. */
  private unseen: Pending | undefined;
  private timer: { readonly cancel: () => void } | undefined;
  private writing: Promise<void> | undefined;

  constructor(settings: Settings) {
    this.settings = settings;
  }

  /** `immediate`: now, whatever the throttle says. */
  update(update: Pending, immediate = false): void {
    this.pending = { ...this.pending, ...update };
    this.live();
    this.urgent ||= immediate || this.settings.throttleMs === 0;
    this.writeWhenDue();
  }

  /** Stores what was told until now, whatever is told meanwhile: a body that runs on may tell more than can be written. */
  async flush(): Promise<void> {
    await this.writing;
    // By now it may be on its way, and only what was told since is pending.
    if (this.writing === undefined) this.write();
    await this.writing;
    if (this.pending !== undefined) return;
    this.timer?.cancel();
    this.timer = undefined;
  }

  /** Resolves when no write is under way. */
  async settled(): Promise<void> {
    await this.writing;
  }

  /** Nothing more is written. */
  close(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.pending = undefined;
    this.unseen = undefined;
  }

  private live(): void {
    const { pending } = this;
    if (this.unseen !== undefined || pending === undefined) {
      this.unseen &&= { ...this.unseen, ...pending };
      return;
    }
    const now = this.settings.clock.monotonic();
    if (now < this.nextLiveAt) return;
    this.nextLiveAt = now + PROGRESS_LIVE_MS;
    const before = this.settings.before();
    if (before === undefined) {
      this.show(pending);
      return;
    }
    this.unseen = pending;
    void before.then(() => {
      const { unseen } = this;
      this.unseen = undefined;
      if (unseen !== undefined) this.show(unseen);
    });
  }

  private show({ progress, payload }: Pending): void {
    const { clock, signals, taskId } = this.settings;
    const seen = { ...(progress === undefined ? {} : { progress }), ...(payload === undefined ? {} : { payload }) };
    signals.progress(taskId, encode({ at: clock.now(), ...seen }));
  }

  private writeWhenDue(): void {
    const { clock } = this.settings;
    const wait = this.urgent ? 0 : this.nextWriteAt - clock.monotonic();
    if (wait <= 0) {
      this.write();
      return;
    }
    this.timer ??= clock.after(wait, () => {
      this.timer = undefined;
      this.write();
    });
  }

  private write(): void {
    if (this.writing !== undefined || this.pending === undefined) return;
    const pending = this.pending;
    this.pending = undefined;
    this.urgent = false;
    this.nextWriteAt = this.settings.clock.monotonic() + this.settings.throttleMs;
    this.writing = this.settings.write(pending).finally(() => {
      this.writing = undefined;
      if (this.pending !== undefined) this.writeWhenDue();
    });
  }
}
