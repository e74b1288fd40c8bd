import type { Address } from '@baton/protocols';
import { PayloadTooLargeError, StoreRefusedError, type BatonError } from '../errors.ts';
import type { WriteResult } from '../ports/store.ts';
import type { ActorTypes, HeldBy } from './actor-kind.ts';
import type { Ask, AskedOf } from './ask.ts';
import type { MailboxParts, Waiting, Write } from './mailbox-types.ts';

/** Commands that are decided together at most, so that the process sees to other things in between. */
const GROUP_LIMIT = 256;

/** Longest pause of one that was beaten to the write, and of one that others can wait for. */
const MAX_PAUSE_MS = 50;
const URGENT_PAUSE_MS = 4;

/** One that is beaten to every write for this long is told so: nobody writes so much to one actor but a fault. */
const CONTENDED_MS = 30_000;

/** Refusals of a write that another command of the group may be the cause of. */
const BY_SIZE: ReadonlySet<string> = new Set(['PAYLOAD_TOO_LARGE', 'STORE_FULL']);

/**
 * The commands of one process for one actor, as long as there are any.
 *
 * A turn is load -> decide -> compare-and-set. What comes while a turn is under way waits, and is then decided one after
 * the other, each on what those before it have made, and stored in one write (behaviour D9): a thousand callers of a key
 * cost as many writes as there are turns. Each has an answer of its own. A refusal is one command's; where the group is
 * too much for one write, each gets its own. Under contention the groups grow and the writes do not.
 *
 * A write whose answer was lost, or that was refused because our own first try had arrived, is settled by reading back:
 * the record carries the nonce of whoever wrote it last. While such a write may still arrive, it is repeated as it was,
 * under the same nonce and with the same commands. Where a later writer has already covered it, each command is decided
 * again on what is there; the decider knows a repeat of every command that must not happen twice.
 */
export class Mailbox<A extends ActorTypes> {
  private readonly parts: MailboxParts<A>;
  private readonly address: Address;
  /** Those that are being decided. */
  private open: Ask<A>[];
  /** Those that came meanwhile. Made when there are any: mostly there are none. */
  private waiting: Waiting<A> | undefined;
  private current: HeldBy<A> | undefined;
  /** What is known was read before somebody asked who is told of it: it may have been refused on what is no more. */
  private believed = true;
  /** What the commands of this turn have made of it; undefined: nothing yet. */
  private draft: A['state'] | undefined;
  /** Of the last write. */
  private nonce: string | undefined;
  /** The last write until it is known to be stored, and what it was written over. */
  private sent: A['state'] | undefined;
  private sentOver: A['state'] | undefined;
  /** Revision on which a write without an answer was decided: it may still arrive as long as that is the last. */
  private unansweredOn: number | undefined;
  /** Writes in a row that came to nothing. */
  private tries = 0;
  /** The group is too much for one write. */
  private oneByOne = false;

  constructor(parts: MailboxParts<A>, address: Address, first: Ask<A>) {
    this.parts = parts;
    this.address = address;
    this.open = [first];
  }

  /**
   * For the one the mailbox was made for. What comes behind him does not hold up his answer.
   *
   * Who brings what he decides on mostly needs one write and nothing more: then no function waits inside of another here,
   * since each of them costs as much as the decision. This is the path every transition of every task takes.
   */
  first(ask: Ask<A>): Promise<AskedOf<A>> {
    const { from } = ask.options;
    if (from === undefined) return this.inTurns(ask, () => this.reload());
    this.current = from === 'absent' ? undefined : from;
    try {
      const next = this.decideOpen();
      if (next === undefined || next === 'read-first') return this.inTurns(ask);
      const keeping = this.keeping(next);
      if (keeping !== undefined) return this.inTurns(ask, () => this.writeAfter(keeping, next));
      return this.put(next).then(
        (result) => this.came(ask, result, next),
        (error: unknown) => this.fell(ask, error),
      );
    } catch (error) {
      this.failOpen(error);
      return this.inTurns(ask);
    }
  }

  private came(ask: Ask<A>, result: WriteResult, draft: Write<A>): AskedOf<A> | Promise<AskedOf<A>> {
    let isKnown = true;
    try {
      isKnown = this.written(result, draft);
    } catch (error) {
      this.failOpen(error);
    }
    if (isKnown && ask.isSettled) return this.leave(ask);
    return this.inTurns(ask, isKnown ? undefined : () => this.lookWhatCame());
  }

  private fell(ask: Ask<A>, error: unknown): AskedOf<A> {
    this.failOpen(error);
    return this.leave(ask);
  }

  private async inTurns(ask: Ask<A>, begin?: () => Promise<unknown>): Promise<AskedOf<A>> {
    try {
      if (begin !== undefined) await begin();
      await this.turnsUntil(ask);
    } catch (error) {
      this.failOpen(error);
    }
    return this.leave(ask);
  }

  private leave(ask: Ask<A>): AskedOf<A> {
    if (this.isEmpty) this.parts.mailboxes.delete(this.address);
    else void this.goOn();
    return ask.result;
  }

  /** For one that comes while others are under way. */
  enqueue(ask: Ask<A>): Promise<AskedOf<A>> {
    this.waiting ??= { urgent: [], others: [] };
    (ask.options.urgent ? this.waiting.urgent : this.waiting.others).push(ask);
    return ask.promise();
  }

  /**
   * The rest. Whoever comes in the step of the event loop between the last turn and this function comes to a mailbox that
   * still stands there: it is looked at once more, and taken away in the same step.
   */
  private async goOn(): Promise<void> {
    while (!this.isEmpty) {
      try {
        await this.turnsUntil(undefined);
      } catch (error) {
        this.failOpen(error);
      }
    }
    this.parts.mailboxes.delete(this.address);
  }

  private get isEmpty(): boolean {
    return this.open.length === 0 && this.waiting === undefined;
  }

  private async turnsUntil(last: Ask<A> | undefined): Promise<void> {
    while (last === undefined ? this.hasMore() : !last.isSettled) {
      const next = this.decideOpen();
      if (next === 'read-first') await this.reload();
      else if (next !== undefined) await this.writeAfter(this.keeping(next), next);
    }
  }

  /** After a write that may not be what is stored. */
  private async lookWhatCame(): Promise<void> {
    if (this.giveUp()) return;
    if (this.tries > 1) await this.pause();
    // Before the read, so that nobody is told of what was read before he asked.
    this.takeIn();
    const bytes = await this.reload();
    const { current, nonce } = this;
    if (current !== undefined && nonce !== undefined && current.record.nonce === nonce) this.settle(current, bytes);
  }

  /** Resolves with the bytes that are there. */
  private async reload(): Promise<Uint8Array | undefined> {
    const { kind, ports } = this.parts;
    const entry = await ports.store.load(this.address);
    this.current = entry === undefined ? undefined : { record: kind.decode(entry), revision: entry.revision };
    this.believed = false;
    return entry?.bytes;
  }

  private hasMore(): boolean {
    if (this.believed || this.open.length === 0) this.takeIn();
    return this.open.length > 0;
  }

  private takeIn(): void {
    const { waiting } = this;
    if (waiting === undefined) return;
    const { urgent, others } = waiting;
    const some = others.splice(0, Math.max(0, GROUP_LIMIT - this.open.length));
    for (const ask of urgent) this.believe(ask.options.from);
    for (const ask of some) this.believe(ask.options.from);
    this.open = [...urgent, ...this.open, ...some];
    this.waiting = others.length === 0 ? undefined : { urgent: [], others };
    this.believed = true;
  }

  private believe(from: HeldBy<A> | 'absent' | undefined): void {
    if (from === undefined || from === 'absent' || from.revision <= (this.current?.revision ?? 0)) return;
    this.current = from;
  }

  /** Decides what can be decided together. Undefined: there is nothing to write, or nothing any more. */
  private decideOpen(): Write<A> | 'read-first' | undefined {
    const { current, open } = this;
    const isRepeat = this.unansweredOn === (current?.revision ?? 0) && open.some((ask) => ask.decision !== undefined);
    if (!isRepeat) this.unansweredOn = undefined;
    this.draft = undefined;
    let isFull = false;
    let options: Write<A>['options'] = NO_OPTIONS;
    for (const ask of open) {
      // As long as a write without an answer may arrive, there is no other one.
      const isPart = !isFull && (!isRepeat || ask.decision !== undefined);
      ask.decision = undefined;
      if (!isPart || ask.isSettled) continue;
      const came = this.decideOne(ask);
      if (came === 'read-first') return came;
      isFull = came === 'later' || came === 'alone' || (came === 'changed' && this.oneByOne);
      if (came === 'alone') ({ options } = ask);
    }
    this.dropSettled();
    if (this.draft === undefined) return undefined;
    if (!isRepeat) this.nonce = this.parts.ports.chance.nonce();
    return this.encoded(this.draft, options, isRepeat);
  }

  /**
   * Decides one command on what those before it in this turn have made. As long as there is none, what is settled is
   * settled at once; behind one, everything waits for the write.
   */
  private decideOne(ask: Ask<A>): 'settled' | 'changed' | 'alone' | 'later' | 'read-first' {
    const { current, draft, believed } = this;
    const { kind, ports } = this.parts;
    try {
      const held = draft === undefined ? current : { record: draft, revision: current?.revision ?? 0 };
      const isAlone = ask.options.ttlMs !== undefined;
      if (isAlone && draft !== undefined) return 'later';
      const decision = kind.decide(held?.record, ask.make(held));
      if (!decision.ok || (decision.events.length === 0 && held !== undefined)) {
        ask.decision = decision;
        if (draft !== undefined) return 'settled';
        // Refused on a belief is not refused: what is stored decides.
        if (believed) return 'read-first';
        // It had been carried out by a write without an answer, which somebody has written over since.
        if (decision.ok && ask.doubt !== undefined) this.count();
        ask.settleAs(decision, current);
        return 'settled';
      }
      const obstacle = kind.obstacle(decision.answer, ports.store);
      if (obstacle !== undefined) {
        // What is there already may be joined, and nothing more.
        if (believed) return draft === undefined ? 'read-first' : 'later';
        ask.nothingHappened(obstacle);
        return 'settled';
      }
      let next = held?.record;
      for (const event of decision.events) next = kind.evolve(next, event);
      if (next === undefined) throw new Error('a decision without a record and without events');
      if (draft !== undefined && kind.isStep(draft, next)) return 'later';
      ask.decision = decision;
      this.draft = next;
      return isAlone ? 'alone' : 'changed';
    } catch (error) {
      ask.thrown(error);
      return 'settled';
    }
  }

  /** What is too much for one write, or nothing that can be written, may be one command's fault: then each gets its own. */
  private encoded(
    draft: A['state'],
    options: Write<A>['options'],
    isRepeat: boolean,
  ): ReturnType<typeof this.decideOpen> {
    const { kind } = this.parts;
    const record: A['state'] = Object.assign(draft, { nonce: this.nonce });
    let fault: unknown;
    try {
      const bytes = kind.encode(record);
      const isRoomy = bytes.length <= kind.roomLimit || isRepeat || !kind.takesRoom(this.current?.record, record);
      if (!isRoomy) return this.withoutRoom();
      if (bytes.length <= kind.sizeLimit) return { record, bytes, options };
      fault = tooLarge(bytes.length, kind.sizeLimit);
    } catch (error) {
      fault = error;
    }
    if (this.splits(isRepeat)) return this.decideOpen();
    for (const ask of this.open) if (ask.decision !== undefined) ask.thrown(fault);
    this.oneByOne = false;
    this.dropSettled();
    return undefined;
  }

  /** Of several, those who take none may still go on. */
  private withoutRoom(): ReturnType<typeof this.decideOpen> {
    if (this.splits(false)) return this.decideOpen();
    if (this.believed) return 'read-first';
    const refusal = { reason: this.parts.kind.noRoom };
    for (const ask of this.open) if (ask.decision?.ok) ask.settleAs({ ok: false, refusal }, this.current);
    this.dropSettled();
    return undefined;
  }

  private splits(isRepeat: boolean): boolean {
    if (isRepeat || this.oneByOne || this.open.length === 1) return false;
    this.oneByOne = true;
    return true;
  }

  private async writeAfter(keeping: Promise<BatonError | undefined> | undefined, draft: Write<A>): Promise<void> {
    const cause = keeping === undefined ? undefined : await keeping;
    if (cause !== undefined) this.refuse(cause);
    else if (!this.written(await this.put(draft), draft)) await this.lookWhatCame();
  }

  /** What has to be stored elsewhere before; undefined: nothing, as mostly. */
  private keeping({ record }: Write<A>): Promise<BatonError | undefined> | undefined {
    const { address, current } = this;
    return current === undefined ? undefined : this.parts.kind.keep(address, current, record);
  }

  private put({ record, bytes, options }: Write<A>): Promise<WriteResult> {
    const { address, current } = this;
    this.sent = record;
    this.sentOver = current?.record;
    return this.parts.ports.store.write(address, bytes, current?.revision ?? 0, options);
  }

  /** False: it has to be read what has become of it. */
  private written(result: WriteResult, { record, bytes }: Write<A>): boolean {
    switch (result.kind) {
      case 'written': {
        const { revision } = result;
        this.parts.kind.stored({ address: this.address, revision, bytes }, this.sentOver, record);
        this.current = { record, revision };
        this.believed = true;
        this.settle(this.current, bytes);
        return true;
      }
      case 'failed':
        if (BY_SIZE.has(result.cause.code) && this.splits(this.unansweredOn !== undefined)) return true;
        return this.refuse(result.cause);
      case 'conflict':
        this.tries++;
        return false;
      case 'unknown':
        this.tries++;
        this.unansweredOn = this.current?.revision ?? 0;
        for (const ask of this.open) if (ask.decision !== undefined) ask.doubt = result.cause;
        return false;
    }
  }

  private refuse(cause: BatonError): true {
    this.oneByOne = false;
    for (const ask of this.open) if (ask.decision !== undefined) ask.nothingHappened(cause);
    this.dropSettled();
    return true;
  }

  /** The last write is stored. */
  private settle(held: HeldBy<A>, bytes?: Uint8Array): void {
    this.tries = 0;
    this.unansweredOn = undefined;
    this.count();
    for (const ask of this.open) if (ask.decision !== undefined) ask.settleAs(ask.decision, held, bytes);
    this.dropSettled();
  }

  private count(): void {
    const { sent, sentOver } = this;
    this.sent = undefined;
    if (sent !== undefined) this.parts.kind.counted?.(sentOver, sent);
  }

  private dropSettled(): void {
    const { open } = this;
    if (open.length === 1) {
      if (open[0]?.isSettled) this.open = [];
    } else this.open = open.filter((ask) => !ask.isSettled);
    if (this.open.length === 0) this.oneByOne = false;
  }

  private failOpen(error: unknown): void {
    for (const ask of this.open) if (!ask.isSettled) ask.thrown(error);
    this.open = [];
    this.unansweredOn = undefined;
    this.believed = true;
    this.tries = 0;
  }

  /** Tells those who were beaten for too long. True when nobody is left. */
  private giveUp(): boolean {
    const now = this.parts.ports.clock.monotonic();
    for (const ask of this.open) {
      if (ask.decision === undefined) continue;
      ask.beatenAt ??= now;
      if (now - ask.beatenAt < CONTENDED_MS) continue;
      const text = `${this.address} was written to by others for ${CONTENDED_MS} ms while one command was decided`;
      ask.nothingHappened(new StoreRefusedError('STORE_CONTENDED', text));
    }
    this.dropSettled();
    return this.open.length === 0;
  }

  private pause(): Promise<void> {
    const { chance, clock } = this.parts.ports;
    const most = this.open.some(({ options }) => options.urgent) ? URGENT_PAUSE_MS : MAX_PAUSE_MS;
    const ms = Math.min(most, 2 ** this.tries) * chance.random();
    return new Promise((resolve) => {
      clock.after(ms, resolve);
    });
  }
}

const NO_OPTIONS = {};

const tooLarge = (size: number, limit: number): BatonError => {
  const text = `the record would be ${size} bytes, at most ${limit} are allowed: keep arguments, payload and results small`;
  return new PayloadTooLargeError(text);
};
