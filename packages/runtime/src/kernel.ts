import { decide, fold, type Answer, type Command, type RefusalReason, type TaskRecord } from '@baton/core';
import { encodeRecord, readRecord, RECORD_LIMIT, type Address } from '@baton/protocols';
import {
  BatonError,
  OutcomeUnknownError,
  PayloadTooLargeError,
  StoreRefusedError,
  UnreadableRecordError,
} from './errors.ts';
import type { Chance, Clock, Entry, EventLog, RecordStore } from './ports.ts';

/**
 * The actor kernel: `ask(address, command)`.
 *
 * A turn is load -> decide -> compare-and-set. One write is one transition, and the store refuses all but one of those
 * who decided on the same revision, so nobody has to be elected to own an actor. Who loses reads again from the leader
 * and decides again.
 *
 * The answer is `done`, `refused`, `failed` (nothing happened) or `unknown`. A write whose answer was lost, or that was
 * refused because our own first try had arrived, is settled by reading back: the record carries the nonce of whoever
 * wrote it last, and one nonce serves all tries of one `ask`. Where a later writer has already covered it, the command
 * is decided again on what is there; the decider knows a repeat of every command that must not happen twice.
 */
export type Held = { readonly record: TaskRecord; readonly revision: number };

export type Asked =
  | {
      readonly kind: 'done';
      readonly record: TaskRecord;
      readonly revision: number;
      readonly answer: Answer;
      /** The record as it was stored, when this `ask` stored one: saves encoding it again for a dispatch. */
      readonly bytes?: Uint8Array;
    }
  | {
      readonly kind: 'refused';
      readonly reason: RefusalReason;
      readonly held: Held | undefined;
      /** An earlier try of this `ask` had no answer and may have been carried out, and covered by a later writer. */
      readonly doubt?: BatonError;
    }
  | { readonly kind: 'unknown'; readonly cause: BatonError }
  | { readonly kind: 'failed'; readonly cause: BatonError };

export type AskOptions = {
  /** What is believed to be stored; saves the first read. Wrong belief costs one refused write. */
  readonly from?: Held | 'absent';
  /** The record is forgotten by the server after this long. */
  readonly ttlMs?: number;
};

export type Kernel = {
  /** `make` is called with what the command is decided on, once a turn. */
  readonly ask: (address: Address, make: (held: Held | undefined) => Command, options?: AskOptions) => Promise<Asked>;
  readonly load: (address: Address) => Promise<Held | undefined>;
};

type KernelPorts = {
  readonly store: RecordStore;
  readonly log: EventLog;
  readonly clock: Clock;
  readonly chance: Chance;
};

/** Turns one `ask` may take. An actor that is written to faster than this is not contended but broken. */
const MAX_TURNS = 32;

/** Longest pause between two turns of a contended actor. */
const MAX_PAUSE_MS = 50;

export const createKernel = (ports: KernelPorts): Kernel => ({
  ask: (address, make, options = {}) => new Turns(ports, address, make, options).run(),
  load: async (address) => held(await ports.store.load(address)),
});

const held = (entry: Entry | undefined): Held | undefined => {
  if (entry === undefined) return undefined;
  return { record: recordOf(entry), revision: entry.revision };
};

/** Throws UnreadableRecordError for a record of a newer version and for a damaged one. */
export const recordOf = (entry: Pick<Entry, 'address' | 'bytes'>): TaskRecord => {
  const reading = readRecord(entry.bytes);
  switch (reading.kind) {
    case 'record':
      return reading.record;
    case 'newer': {
      const text = `record version ${reading.version} at ${entry.address} is newer than this program; upgrade it`;
      throw new UnreadableRecordError('RECORD_NEWER', text);
    }
    case 'corrupt':
      throw new UnreadableRecordError('RECORD_CORRUPT', `record at ${entry.address} cannot be read: ${reading.reason}`);
  }
};

class Turns {
  private readonly ports: KernelPorts;
  private readonly address: Address;
  private readonly make: (held: Held | undefined) => Command;
  private readonly options: AskOptions;
  private readonly nonce: string;
  private current: Held | undefined;
  private believed = true;
  private answered: Answer | undefined;
  private doubt: BatonError | undefined;

  constructor(ports: KernelPorts, address: Address, make: (held: Held | undefined) => Command, options: AskOptions) {
    this.ports = ports;
    this.address = address;
    this.make = make;
    this.options = options;
    this.nonce = ports.chance.nonce();
  }

  async run(): Promise<Asked> {
    try {
      return await this.turns();
    } catch (error) {
      if (!(error instanceof BatonError)) throw error;
      // A read that failed after a write whose answer was lost leaves the write unknown.
      return this.doubt === undefined && !(error instanceof OutcomeUnknownError)
        ? { kind: 'failed', cause: error }
        : { kind: 'unknown', cause: error };
    }
  }

  /** One function and few awaits: this is the path every transition of every task takes. */
  private async turns(): Promise<Asked> {
    const { from } = this.options;
    if (from === undefined) await this.reload();
    else this.current = from === 'absent' ? undefined : from;
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const next = this.decide();
      if (next.kind === 'settled') return next.asked;
      if (next.kind === 'write') {
        const asked = await this.write(next);
        if (asked !== undefined) return asked;
      }
      if (turn > 0) await this.pause(turn);
      await this.reload();
      if (this.current?.record.nonce === this.nonce && this.answered !== undefined) {
        return { kind: 'done', ...this.current, answer: this.answered };
      }
    }
    if (this.doubt !== undefined) return { kind: 'unknown', cause: this.doubt };
    const text = `${this.address} changed ${MAX_TURNS} times while one command was decided`;
    return { kind: 'failed', cause: new StoreRefusedError('STORE_CONTENDED', text) };
  }

  private async reload(): Promise<void> {
    this.current = held(await this.ports.store.load(this.address));
    this.believed = false;
  }

  private decide(): Step {
    const { current } = this;
    const decision = decide(current?.record, this.make(current));
    if (!decision.ok) {
      // Refused on a belief is not refused: what is stored decides.
      if (this.believed) return READ_FIRST;
      const doubt = this.doubt === undefined ? {} : { doubt: this.doubt };
      return settled({ kind: 'refused', reason: decision.refusal.reason, held: current, ...doubt });
    }
    if (decision.events.length === 0 && current !== undefined) {
      if (this.believed) return READ_FIRST;
      return settled({ kind: 'done', ...current, answer: decision.answer });
    }
    // Also one that would wait behind another: what is there already may be joined, and nothing more.
    const full = decision.answer.kind === 'created' ? storeFull(this.ports.store) : undefined;
    if (full !== undefined) return this.believed ? READ_FIRST : settled(this.nothingHappened(full));
    const folded = fold(current?.record, decision);
    if (folded === undefined) throw new Error('a decision without a record and without events');
    // The fold of at least one event is a record nobody else has seen yet.
    const record = Object.assign(folded, { nonce: this.nonce });
    const bytes = encodeRecord(record);
    return bytes.length > RECORD_LIMIT
      ? settled(this.nothingHappened(tooLarge(bytes.length)))
      : { kind: 'write', record, bytes, answer: decision.answer };
  }

  /** Undefined: not settled, read and decide again. */
  private async write({ record, bytes, answer }: WriteStep): Promise<Asked | undefined> {
    const former = this.current;
    if (former !== undefined && former.record.id !== record.id && !former.record.archived) {
      const kept = await this.keepOutcome(former);
      if (kept !== undefined) return kept;
    }
    this.answered = answer;
    const result = await this.ports.store.write(this.address, bytes, former?.revision ?? 0, this.options);
    switch (result.kind) {
      case 'written':
        return { kind: 'done', record, revision: result.revision, answer, bytes };
      case 'failed':
        return this.nothingHappened(result.cause);
      case 'conflict':
        return undefined;
      case 'unknown':
        this.doubt = result.cause;
        return undefined;
    }
  }

  /** Before a key is reused whose outcome is not projected yet, the outcome goes to the log: the write would bury it. */
  private async keepOutcome(former: Held): Promise<Asked | undefined> {
    const bytes = encodeRecord(former.record);
    const result = await this.ports.log.publish({ address: this.address, revision: former.revision, bytes });
    if (result.kind === 'written') return undefined;
    const cause =
      result.kind === 'conflict'
        ? new StoreRefusedError('STORE_REFUSED', 'the event log refused an outcome')
        : result.cause;
    // The task itself was not touched, whatever became of the copy.
    return this.nothingHappened(cause);
  }

  /** Nothing by this try. An earlier one without an answer may still have been carried out. */
  private nothingHappened(cause: BatonError): Asked {
    return this.doubt === undefined ? { kind: 'failed', cause } : { kind: 'unknown', cause: this.doubt };
  }

  private pause(turn: number): Promise<void> {
    const ms = Math.min(MAX_PAUSE_MS, 2 ** turn) * this.ports.chance.random();
    return new Promise((resolve) => {
      this.ports.clock.after(ms, resolve);
    });
  }
}

type WriteStep = {
  readonly kind: 'write';
  readonly record: TaskRecord;
  readonly bytes: Uint8Array;
  readonly answer: Answer;
};

type Step = WriteStep | { readonly kind: 'settled'; readonly asked: Asked } | { readonly kind: 'read-first' };

const READ_FIRST: Step = { kind: 'read-first' };

const settled = (asked: Asked): Step => ({ kind: 'settled', asked });

/** New tasks are refused before the store is full; STORE_FULL. Undefined: there is room. */
export const storeFull = ({ shortage }: Pick<RecordStore, 'shortage'>): BatonError | undefined => {
  if (shortage === undefined) return undefined;
  const text = `no new tasks are taken now: ${shortage}, and what is left is kept for the tasks that are there`;
  return new StoreRefusedError('STORE_FULL', text);
};

const tooLarge = (size: number): BatonError => {
  const text = `the record would be ${size} bytes, at most ${RECORD_LIMIT} are allowed: keep arguments, payload and results small`;
  return new PayloadTooLargeError(text);
};
