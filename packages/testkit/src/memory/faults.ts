import type { Random } from '../random.ts';

/** What can go wrong on the way to the server and back. */
export type Fault =
  /** The request never arrives; the caller learns after the timeout that he does not know. */
  | 'lost-request'
  /** It is carried out and the answer is lost: unknown, after the timeout. */
  | 'lost-reply'
  /** It is carried out `delayMs` after the caller was told that the result is unknown. */
  | 'late-apply'
  /** The server says no. */
  | 'refused'
  /** It arrives `delayMs` later. */
  | 'delay'
  /** One message is lost. */
  | 'drop'
  /** One message comes twice. */
  | 'duplicate'
  /** From this message on nothing comes any more, and nobody says so. */
  | 'silent';

const WRITE: readonly Fault[] = ['lost-request', 'lost-reply', 'late-apply', 'refused', 'delay'];
const READ: readonly Fault[] = ['lost-request', 'lost-reply', 'refused', 'delay'];
const ONE_WAY: readonly Fault[] = ['drop', 'delay'];
const SIGNAL: readonly Fault[] = ['drop', 'delay', 'silent'];

/** Every point where a fault can be put, and which ones can happen there. */
export const FAULTS = {
  'store.load': READ,
  'store.copy': READ,
  'store.write': WRITE,
  'data.put': WRITE,
  'data.get': READ,
  'data.remove': WRITE,
  'feed.follow': READ,
  'feed.sync': READ,
  /** An ordered reader finds gaps by itself, so single changes are not lost on the way. */
  'feed.entry': ['duplicate', 'delay', 'silent'],
  'log.append': WRITE,
  'reader.open': READ,
  'reader.next': READ,
  'reader.ack': WRITE,
  'projection.progress': READ,
  'command.send': WRITE,
  'command.open': READ,
  'command.deliver': ['drop', 'duplicate', 'delay'],
  'command.answer': ONE_WAY,
  'command.reply': ONE_WAY,
  'command.bury': WRITE,
  'operation.load': READ,
  'operation.write': WRITE,
  'definition.announce': ONE_WAY,
  'definition.ask': ONE_WAY,
  'definition.load': READ,
  'definition.write': WRITE,
  'definition.follow': READ,
  'definition.kept': ['delay', 'silent'],
  'schedule.load': READ,
  'schedule.write': WRITE,
  'schedule.follow': READ,
  'schedule.kept': ['delay'],
  /** Credits, offers, answers, what supervisors tell each other. */
  'dispatch.deliver': ['drop', 'duplicate', 'delay'],
  'presence.hold': WRITE,
  'presence.renew': ONE_WAY,
  'presence.follow': READ,
  'presence.seen': ['delay', 'silent'],
  'signal.listen': READ,
  'signal.poke': SIGNAL,
  'signal.record': SIGNAL,
  'signal.progress': SIGNAL,
  /** Between workers without rights of their own and supervisors. */
  'work.request': ['drop', 'duplicate', 'delay'],
  'work.answer': ONE_WAY,
} as const satisfies Readonly<Record<string, readonly Fault[]>>;

export type Op = keyof typeof FAULTS;

export type FaultRule = {
  readonly op: Op;
  readonly fault: Fault;
  /** Only for this process. */
  readonly node?: string;
  /** Only for this address, worker or task id. */
  readonly subject?: string;
  /** 0 to 1, default 1. */
  readonly probability?: number;
  /** At most so often, default without end. */
  readonly times?: number;
  /** For `delay` and `late-apply`, milliseconds, default 1,000. */
  readonly delayMs?: number;
  /** For `refused`. */
  readonly code?: 'STORE_FULL' | 'STORE_MISSING' | 'STORE_REFUSED';
};

export type Injected = {
  /** How often it has happened: a fault that never did has tested nothing. */
  readonly hits: () => number;
  readonly remove: () => void;
};

export type Struck = { readonly kind: Fault; readonly delayMs: number; readonly code: NonNullable<FaultRule['code']> };

type Held = { readonly rule: FaultRule; hits: number };

export class Faults {
  private readonly random: Random;
  private readonly rules = new Set<Held>();

  constructor(random: Random) {
    this.random = random;
  }

  inject(rule: FaultRule): Injected {
    const possible: readonly Fault[] = FAULTS[rule.op];
    if (!possible.includes(rule.fault)) {
      throw new RangeError(`'${rule.fault}' cannot happen at ${rule.op}, only ${possible.join(', ')}`);
    }
    const held: Held = { rule, hits: 0 };
    this.rules.add(held);
    return { hits: () => held.hits, remove: () => this.rules.delete(held) };
  }

  clear(): void {
    this.rules.clear();
  }

  /** The fault that strikes now, if one does: the first rule that fits and whose chance comes up. */
  draw(op: Op, node: string, subject: string): Struck | undefined {
    for (const held of this.rules) {
      const { rule } = held;
      if (rule.op !== op || (rule.node !== undefined && rule.node !== node)) continue;
      if (rule.subject !== undefined && rule.subject !== subject) continue;
      if (held.hits >= (rule.times ?? Infinity) || !this.random.hits(rule.probability ?? 1)) continue;
      held.hits++;
      return { kind: rule.fault, delayMs: rule.delayMs ?? 1_000, code: rule.code ?? 'STORE_REFUSED' };
    }
    return undefined;
  }
}
