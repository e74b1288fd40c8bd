import { LEASE_MS, LEASE_RENEW_MS, MAX_BLOCK_MS } from '@baton/protocols';
import {
  NotConnectedError,
  type Lease,
  type LeaseCounts,
  type LeaseListener,
  type NodeChange,
  type NodeInfo,
  type NodesListener,
  type Presence,
} from '@baton/runtime';
import { Pipe } from './pipe.ts';
import type { NodeNews, PresenceState } from './presence-state.ts';
import type { Process } from './process.ts';
import type { Surroundings } from './surroundings.ts';
import { answerOf, call, send } from './wire.ts';

export const memoryPresence = (around: Surroundings, process: Process, state: PresenceState): Presence => ({
  hold: async (info, listener) => {
    const subject = `${info.role}.${info.id}`;
    answerOf(await call(around, process, 'presence.hold', subject, () => state.renew(info)));
    return new Holder(around, process, state, info, listener);
  },
  renewFor: async (info) => {
    const subject = `${info.role}.${info.id}`;
    answerOf(await call(around, process, 'presence.hold', subject, () => state.renew(info)));
  },
  releaseFor: async (role, id) => {
    answerOf(await call(around, process, 'presence.hold', `${role}.${id}`, () => state.remove(role, id)));
  },
  follow: async (listener) => {
    const watcher = answerOf(
      await call(around, process, 'presence.follow', '*', () => new Watcher(around, process, state, listener)),
    );
    return { close: () => watcher.close() };
  },
});

/** Renews from a thread of its own: a busy event loop is told about, and is no death until it lasts too long. */
class Holder implements Lease {
  private readonly around: Surroundings;
  private readonly process: Process;
  private readonly state: PresenceState;
  private readonly listener: LeaseListener;
  private info: NodeInfo;
  private timer: { readonly cancel: () => void };
  private renewedAt: number;
  private isLost = false;
  private renewals = 0;
  private losses = 0;
  private released = false;

  constructor(around: Surroundings, process: Process, state: PresenceState, info: NodeInfo, listener: LeaseListener) {
    this.around = around;
    this.process = process;
    this.state = state;
    this.info = info;
    this.listener = listener;
    this.renewedAt = around.clock.monotonic();
    this.timer = this.schedule();
    process.onEnd(() => this.stop());
  }

  readonly counts = (): LeaseCounts => ({
    held: !this.isLost && !this.released,
    renewals: this.renewals,
    losses: this.losses,
  });

  readonly update = (change: NodeChange): void => {
    this.info = { ...this.info, ...change };
    this.renew();
  };

  readonly release = async (): Promise<void> => {
    if (this.released) return;
    this.stop();
    const { role, id } = this.info;
    answerOf(
      await call(this.around, this.process, 'presence.hold', `${role}.${id}`, () => this.state.remove(role, id)),
    );
  };

  private stop(): void {
    this.released = true;
    this.timer.cancel();
  }

  /** Twice as often as it renews, so that a lost lease is noticed in time. */
  private schedule(): { readonly cancel: () => void } {
    let ticks = 0;
    const tick = (): void => {
      this.process.runOnThread(() => {
        if (this.released) return;
        if (++ticks % 2 === 0) this.renew();
        this.judge();
        this.timer = this.around.after(LEASE_RENEW_MS / 2, tick);
      });
    };
    return this.around.after(LEASE_RENEW_MS / 2, tick);
  }

  private renew(): void {
    const blockedFor = this.blockedForMs();
    if (this.released || blockedFor > MAX_BLOCK_MS) return;
    const info: NodeInfo = blockedFor > 0 ? { ...this.info, state: 'blocked' } : this.info;
    send(this.around, this.process, 'presence.renew', `${info.role}.${info.id}`, () => {
      if (this.released) return;
      this.state.renew(info);
      this.renewed();
    });
  }

  /** The server has it; the answer is counted as come, since the next renewal follows anyway. */
  private renewed(): void {
    this.renewedAt = this.around.clock.monotonic();
    this.renewals++;
    if (!this.isLost) return;
    this.isLost = false;
    this.process.run(() => this.listener.regained());
  }

  private judge(): void {
    if (this.isLost || this.around.clock.monotonic() - this.renewedAt < LEASE_MS) return;
    this.isLost = true;
    this.losses++;
    this.process.run(() => this.listener.lost());
  }

  private blockedForMs(): number {
    const { state, blockedAt } = this.process;
    return state === 'blocked' && blockedAt !== undefined ? this.around.clock.monotonic() - blockedAt : 0;
  }
}

type Told = NodeNews | { readonly kind: 'caught-up' };

class Watcher {
  private readonly listener: NodesListener;
  private readonly pipe: Pipe<Told>;
  private readonly undo: (() => void)[] = [];

  constructor(around: Surroundings, process: Process, state: PresenceState, listener: NodesListener) {
    this.listener = listener;
    this.pipe = new Pipe(around, process, 'presence.seen', (told) => this.tell(told));
    for (const info of state.all()) this.pipe.push({ kind: 'seen', info }, `${info.role}.${info.id}`);
    this.pipe.push({ kind: 'caught-up' }, 'caught-up');
    const unwatch = state.watch((news) => {
      const { role, id } = news.kind === 'seen' ? news.info : news;
      this.pipe.push(news, `${role}.${id}`);
    });
    const ended = process.onEnd(() => this.close());
    const lost = process.onLoss(() => {
      this.close();
      process.run(() => listener.lost(new NotConnectedError('the connection was lost; follow again')));
    });
    this.undo.push(unwatch, ended.close, lost.close);
  }

  close(): void {
    this.pipe.close();
    for (const undo of this.undo.splice(0)) undo();
  }

  private tell(told: Told): void {
    switch (told.kind) {
      case 'seen':
        this.listener.seen(told.info);
        return;
      case 'left':
        this.listener.left(told.role, told.id);
        return;
      case 'caught-up':
        this.listener.caughtUp();
        return;
    }
  }
}
