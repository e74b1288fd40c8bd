import type { Dispatch, RunReader } from '@baton/runtime';
import type { Msg } from '@nats-io/nats-core';
import { reopenConsumer, type ConsumerSettings } from './run-queue-consumer.ts';
import type { PullKind } from './run-queue-ledger.ts';
import { demandsOf, lineOf, promisedTo, type KnownLane, type Line } from './run-queue-lines.ts';
import { behindOf, drop, handBack, readDispatch, readNotice, splitRunSubject } from './run-queue-message.ts';
import { PullBox } from './run-queue-pulls.ts';
import { Rota, type Demand } from './run-queue-rota.ts';
import type { Wire } from './wire.ts';

/** How long the server holds a pull on an idle lane. It is also how soon one is missed that vanished without a word. */
const STAND_MS = 8_000;

/** A bulk pull is served or ended at once; one that stays silent for this long has vanished. */
const SILENCE_MS = 2_000;

/** How many looks at higher lanes a lane may be left unseen for: a busy worker looks at one for every slot. */
const SKIPS = 10;

/** How often vanished pulls are looked for. */
const LOOK_MS = 500;

export type ReaderSettings = ConsumerSettings & { readonly standMs?: number };

/**
 * Pulls tasks from several lanes and gives them out as slots are free.
 *
 * The client's own `consume` cannot do this: it keeps a batch asked for on every lane, so that either free slots are
 * exceeded or an idle lane holds slots a busy one needs.
 */
export class LaneReader implements RunReader {
  private readonly wire: Wire;
  private readonly settings: ReaderSettings;
  private readonly take: (dispatch: Dispatch) => void;
  private readonly lines: readonly Line[];
  private readonly byPrefix: ReadonlyMap<string, Line>;
  private readonly rota: Rota;
  private readonly pulls: PullBox;
  private readonly undo: (() => void)[] = [];
  private free = 0;
  private wasFree = false;
  private refillIsDue = false;
  private closed = false;

  private constructor(
    wire: Wire,
    lanes: readonly KnownLane[],
    take: (dispatch: Dispatch) => void,
    settings: ReaderSettings,
  ) {
    this.wire = wire;
    this.settings = settings;
    this.take = take;
    this.lines = lanes.map((known, index) => lineOf(wire.names, known, index));
    this.byPrefix = new Map(
      this.lines.map((line) => [splitRunSubject(wire.names.laneSubject(line.lane)).prefix, line]),
    );
    this.rota = new Rota(lanes.map(({ lane }) => lane));
    this.pulls = new PullBox(wire.nc, wire.inboxPrefix, (error, msg) => this.heard(error, msg));
  }

  static start(
    wire: Wire,
    lanes: readonly KnownLane[],
    take: (dispatch: Dispatch) => void,
    settings: ReaderSettings,
  ): LaneReader {
    const reader = new LaneReader(wire, lanes, take, settings);
    const timer = setInterval(() => reader.missVanished(), LOOK_MS).unref();
    const back = wire.link.onReconnect(() => reader.startOver());
    const over = wire.link.onClosed(() => reader.stop());
    reader.undo.push(
      () => clearInterval(timer),
      () => back.close(),
      () => over.close(),
    );
    return reader;
  }

  setFree(slots: number): void {
    this.free = slots;
    this.wasFree ||= slots > 0;
    this.refillSoon();
  }

  async close(): Promise<void> {
    this.stop();
    await this.pulls.leave();
  }

  private stop(): void {
    this.closed = true;
    for (const each of this.undo.splice(0)) each();
  }

  private heard(error: Error | null, msg: Msg): void {
    try {
      if (error !== null) return this.wire.onFault('run queue subscription', error);
      const pull = this.pulls.noticed(msg.subject);
      if (pull === undefined) this.delivered(msg);
      else if (pull !== 'stale') this.ended(pull.lane, pull.id, msg);
    } catch (fault) {
      this.wire.onFault('run queue message', fault);
    }
  }

  private delivered(msg: Msg): void {
    const { prefix, hash } = splitRunSubject(msg.subject);
    const line = this.byPrefix.get(prefix);
    if (line === undefined || this.closed) return handBack(this.wire.nc, msg);
    const came = line.ledger.arrived(behindOf(msg.reply ?? ''), performance.now() + SILENCE_MS);
    this.refillSoon();
    const dispatch = readDispatch(this.wire.nc, msg, line.lane, hash);
    if (dispatch === undefined) {
      drop(this.wire.nc, msg);
      return this.wire.onFault(
        'run queue',
        new Error(`the message under ${msg.subject} is no dispatch; it was removed`),
      );
    }
    if (!this.hasSlot(line, came)) {
      line.ledger.handedBack();
      return dispatch.handBack();
    }
    this.free--;
    if (came !== 'bulk') this.rota.took(line.index, demandsOf(this.lines));
    this.take(dispatch);
  }

  /**
   * A slot was set aside for what was asked for in bulk. What comes by itself may have one that is promised to nobody, and
   * not before what waits in a higher lane.
   */
  private hasSlot(line: Line, came: PullKind | 'stray'): boolean {
    if (came === 'bulk') return this.free > 0;
    let left = this.free - promisedTo(this.lines);
    for (const other of this.lines) if (this.rota.isAbove(other.index, line.index)) left -= other.ledger.waiting;
    return left > 0;
  }

  private ended(index: number, id: number, msg: Msg): void {
    const line = this.lines[index];
    if (line === undefined || !line.open) return;
    const notice = readNotice(msg);
    switch (notice.kind) {
      case 'alive':
        return;
      case 'expired':
        line.ledger.expired(id, notice.unfilled);
        break;
      case 'not-taken':
        line.ledger.notTaken(id);
        break;
      case 'dry':
        line.ledger.ranDry(id);
        break;
      case 'broken':
        void this.mend(line, notice.reason);
        return;
    }
    this.refillSoon();
  }

  /** Once for all that happens in this turn of the event loop, so that slots are asked for in bulk. */
  private refillSoon(): void {
    if (this.refillIsDue) return;
    this.refillIsDue = true;
    setImmediate(() => {
      this.refillIsDue = false;
      try {
        this.refill();
      } catch (fault) {
        this.wire.onFault('run queue refill', fault);
      }
    });
  }

  private refill(): void {
    if (this.closed || !this.wasFree || !this.wire.link.connected) return;
    for (const line of this.lines) if (line.open && line.ledger.isIdle) this.watch(line);
    const promised = promisedTo(this.lines);
    const slots = this.free - promised;
    // Asked for again when half has come: fewer, larger pulls, and enough on its way to keep the slots busy.
    if (slots <= 0 || slots < promised) return;
    for (const { lane, count } of this.rota.deal(this.demands(), slots)) {
      const line = this.lines[lane];
      if (line !== undefined) this.ask(line, 'bulk', count);
    }
  }

  /**
   * Without a free slot an idle lane is not watched: what came would only be handed back. So when there is one again,
   * something may wait in a high lane, which has to be known before the slot goes to a lower one. The pulls of two lanes
   * are answered in any order, so a lower lane that nobody has looked at either is not asked before the answer is there.
   */
  private watch(line: Line): void {
    const { ledger } = line;
    if (this.free <= 0) return ledger.leaveUnseen();
    if (!ledger.isUnseen) return this.ask(line, 'standing', 1);
    if (this.lines.some((other) => this.isBelow(line, other) && isUnsettled(other)) && line.skips <= SKIPS) return;
    line.skips = 0;
    const below = this.lines.filter((other) => this.isBelow(other, line));
    for (const other of below) if (other.ledger.isUnseen) other.skips++;
    const isNeeded = below.some(({ ledger: other }) => other.waiting > 0 || other.isUnseen);
    this.ask(line, isNeeded ? 'probe' : 'standing', 1);
  }

  /** Lanes below one that is being looked at are held. */
  private demands(): readonly Demand[] {
    const probed = this.lines.filter(({ ledger }) => ledger.isProbed);
    const demands = demandsOf(this.lines);
    if (probed.length === 0) return demands;
    return demands.map((demand) =>
      probed.some(({ index }) => this.rota.isAbove(index, demand.lane)) ? { ...demand, held: true } : demand,
    );
  }

  private isBelow(line: Line, other: Line): boolean {
    return this.rota.isAbove(other.index, line.index);
  }

  private ask(line: Line, kind: PullKind, count: number): void {
    const standMs = Math.round((this.settings.standMs ?? STAND_MS) * (0.8 + 0.2 * Math.random()));
    const id = this.pulls.send(line.nextSubject, line.index, kind, count, standMs);
    line.ledger.ask(kind, id, count, performance.now() + SILENCE_MS + (kind === 'standing' ? standMs : 0));
  }

  private missVanished(): void {
    const now = performance.now();
    for (const { ledger } of this.lines) if (ledger.hasVanished(now)) ledger.reset();
    this.refillSoon();
  }

  private startOver(): void {
    for (const { ledger } of this.lines) ledger.reset();
    this.pulls.renew().catch((fault: unknown) => this.wire.onFault('run queue inbox', fault));
    this.refillSoon();
  }

  private async mend(line: Line, reason: string): Promise<void> {
    line.open = false;
    line.ledger.reset();
    const { settings } = this;
    const waiting = await reopenConsumer(this.wire, {
      lane: line.lane,
      reason,
      settings,
      isWanted: () => !this.closed,
    });
    line.ledger.reset(waiting);
    line.open = true;
    this.refillSoon();
  }
}

/** It is not known yet whether something waits there. A lane that is being mended is not waited for. */
const isUnsettled = ({ open, ledger }: Line): boolean => open && (ledger.isUnseen || ledger.isProbed);
