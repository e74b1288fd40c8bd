import {
  Entry,
  type HeldTask,
  type ReadyTask,
  type Return,
  type Running,
  type Server,
  type TaskOffer,
  type Term,
} from './entry.ts';
import type { Displacement } from './crowds.ts';
import { isLimited } from './defined.ts';
import type { Gate } from './gate.ts';
import { KeptRecords, type RecordBudget } from './kept-records.ts';
import { Lines, type Verdict } from './lines.ts';
import type { Wants } from './places.ts';
import type { QueueSettings } from './settings.ts';
import { refusedIn, Refusals } from './refusals.ts';
import { isClaimable, Slots } from './slots.ts';
import { standingOf, type Standing } from './standing.ts';
import { isAlone, isTold, leaves, otherThan, tells } from './told.ts';
import { Turns } from './turn.ts';

export { LOWER_SHARE } from './lines.ts';

export type TaskQueueOptions = {
  /** An offer that was not claimed after this long goes to another worker; twice as long every further time. */
  readonly offerMs: number;
  /** For the records that are kept for offers; what has no room in it workers read. */
  readonly records: RecordBudget;
  /** So long after terms were confirmed to a worker last, nothing is claimed under them any more. */
  readonly voidMs?: number;
  /** Names this queue's terms, apart from those of every other one; asked where slots are counted. */
  readonly name?: string;
};

/** Offers of one task double their time so often. */
const DOUBLINGS = 3;

/**
 * What starts next in one queue, and where (behaviour Q1 to Q8).
 *
 * A task is ready (in line), on offer (a worker was told of it and has not claimed it yet), or gone. `ready` and `gone`
 * come from whoever watches the records and from nobody else, `serve` and `credit` from workers, and `deal` matches the
 * two (see `Lines`), as far as pauses and limits let it (`Gate`). Where the queue is limited, who watches the records tells
 * what runs, too (`held`). Nothing here is the truth. An offer that was lost is made again after its time, one that was
 * made twice is claimed once, and one that is out of date is refused by the record.
 *
 * It keeps no clock and sends nothing: time comes in, offers go out.
 */
export class TaskQueue<A extends string = string> {
  private readonly options: TaskQueueOptions;
  private readonly entries = new Map<A, Entry<A>>();
  private readonly lines = new Lines<A>({
    judge: (entry) => this.judge(entry),
    skipped: (entry) => this.skipped(entry),
    isHopeless: (worker, type) => this.refusals.isHopeless(worker, type),
  });
  private readonly groups = new Turns(this.lines.pools);
  private readonly slots = new Slots<A>();
  private readonly gate: Gate = this.slots.gate;
  private readonly workers = new Map<string, Server<A>>();
  private readonly refusals = new Refusals<A>(this.workers);
  /** Workers with credit, in the order of their turns. */
  private readonly turns = new Set<Server<A>>();
  /** Returned as stale: until whoever watches the record says what became of it, or the time of the offer is over. */
  private readonly doubtful = new Set<Entry<A>>();
  private readonly records: KeptRecords;
  /** Refused by the worker whose turn it is, which has looked further for them. */
  private readonly passed = new Set<Entry<A>>();
  private offeredCount = 0;
  private terms = 0;
  private round = 0;
  private now = 0;
  private startCount = 0;
  /** Changes with every task that comes into line and is not blocked, and every one that is taken out of it unclaimed. */
  private lineVersion = 0;

  constructor(options: TaskQueueOptions) {
    this.options = options;
    this.records = new KeptRecords(options.records);
  }

  /** Tasks that wait, and those on offer or returned as stale. */
  get size(): { readonly waiting: number; readonly offered: number } {
    const offered = this.offeredCount + this.doubtful.size;
    return { waiting: this.entries.size - offered, offered };
  }

  /** Offers that have led to a start, as far as can be told from here. */
  get starts(): number {
    return this.startCount;
  }

  /** Tasks wait that a worker takes, and all there is of workers, or of what the queue may run, is in use. */
  get isBusy(): boolean {
    const isFull = this.gate.isLimited && this.gate.room() === 0;
    const taken = new Set<string>();
    const free = new Set<string>();
    for (const { types, credit } of this.workers.values())
      for (const type of types) (credit > 0 && !isFull ? free : taken).add(type);
    for (const { type, tasks } of this.lines) if (taken.has(type) && !free.has(type) && tasks.openSize > 0) return true;
    return false;
  }

  /** The longest window of a rate: what starts is to be watched for longer. 0: there is none. */
  get longestWindowMs(): number {
    return this.gate.longestWindowMs;
  }

  /** Whether it has neither tasks nor workers, nor counts anything. */
  get isEmpty(): boolean {
    return this.entries.size === 0 && this.workers.size === 0 && !this.gate.isLimited;
  }

  get isLimited(): boolean {
    return this.gate.isLimited;
  }

  /** When it is to be looked at again, since room comes free then; undefined: not by the passing of time. */
  get opensAt(): number | undefined {
    return this.gate.opensAt();
  }

  /** Tasks are on offer to nobody that may still be claimed by somebody: `expire` finds when they may not. */
  get hasBound(): boolean {
    return this.slots.bound.size > 0;
  }

  /** The time has come to `now`: what is told next counts from here. */
  at(now: number): void {
    this.now = Math.max(this.now, now);
  }

  /** What was counted before now, somebody else has counted; not of rates that are set at `since` or later. */
  begin(now: number, since?: number): void {
    this.gate.begin(now, since);
  }

  /** What is set for it; undefined: nothing. */
  set(settings: QueueSettings | undefined, now: number): void {
    const wasLimited = this.gate.isLimited;
    const willBe = isLimited(settings);
    if (willBe && !wasLimited)
      for (const entry of this.entries.values()) entry.holds = entry.worker !== undefined || this.doubtful.has(entry);
    const entries = [...this.entries.values()].filter(({ holds }) => holds);
    this.gate.set(settings, [...entries, ...this.slots.running.values()], now);
    this.groups.weigh(new Map(settings?.weights.map(({ group, weight }) => [group, weight])));
    if (!willBe && wasLimited) this.countNothing();
    this.slots.crowds.anew(this.entries.values(), this.slots.running.values());
    this.openAll();
  }

  /** `source` names who tells it: what is told by one is taken back by the same (`gone`, `forget`), and by no worker. */
  ready(task: ReadyTask<A>, source: string): void {
    const ran = this.slots.running.get(task.address);
    if (ran !== undefined) {
      tells(ran, source);
      ran.round = this.round;
      if (task.revision < ran.revision) return;
      if (task.revision > ran.revision) this.over(ran);
      else this.slots.end(ran);
      return this.add(task, source, ran, task.revision === ran.revision ? ran : undefined);
    }
    const known = this.entries.get(task.address);
    if (known === undefined) return this.add(task, source);
    tells(known, source);
    known.round = this.round;
    if (task.revision <= known.revision) return;
    const { line, order } = known;
    const isSame = line.priority === task.priority && order === task.order;
    if (!isSame || !isCountedAs(known, task)) {
      this.remove(known);
      return this.add(task, source, known);
    }
    // Somebody joined it. What is on offer stays so: the claim reads what is there, and where slots are counted it is returned.
    known.revision = task.revision;
    if (known.terms !== undefined) known.terms = [];
    this.records.keep(known, task.bytes);
    this.stay(known);
    if (this.doubtful.has(known) || this.slots.bound.has(known)) this.readyAgain(known);
  }

  /** It is not ready any more, or runs no more, as of `revision`. */
  gone(address: A, revision: number, source: string): void {
    const ran = this.slots.running.get(address);
    if (ran !== undefined && ran.revision <= revision) this.over(ran);
    const known = this.entries.get(address);
    // It may only be that he watches it no more: who else has told it says so too where it is over.
    if (known !== undefined && leaves(known, source) && known.revision <= revision) this.remove(known);
  }

  /** It runs: where slots are counted it has one until it is gone, or ready again. */
  held(task: HeldTask<A>, source: string): void {
    const entry = this.entries.get(task.address);
    const told = entry ?? this.slots.running.get(task.address);
    if (told !== undefined && told.revision > task.revision) {
      // He watches it, and is behind: what becomes of it he tells as well.
      tells(told, source);
      told.round = this.round;
      return;
    }
    const former = entry !== undefined && isCountedAs(entry, task) ? entry : undefined;
    if (former !== undefined) this.drop(former);
    else if (entry !== undefined) this.remove(entry);
    if (!this.gate.isLimited) return;
    const ran = this.slots.running.get(task.address);
    if (ran !== undefined && !isRunOf(ran, task)) this.over(ran);
    const { now, round } = this;
    this.slots.run(task, { source, also: otherThan(told, source) }, former, { now, round });
  }

  /** Nothing that `source` told counts any more, but for slots: they are held until somebody tells what became of them. */
  forget(source: string): void {
    for (const entry of this.entries.values()) {
      if (leaves(entry, source)) this.letGo(entry);
    }
    for (const running of this.slots.running.values()) if (leaves(running, source)) running.source = '';
  }

  /** Whoever is asked now what there is (`settle`) may not know what is told from here on. */
  mark(): void {
    this.round++;
  }

  /**
   * `source` has told all there was of the tasks that are `its` at the last `mark`: what others had told of them by then is
   * over. What it has told of others does not count any more. False: some of it was told since by somebody else, and he is to
   * be asked again.
   */
  settle(source: string, its: (address: A) => boolean): boolean {
    let isAll = true;
    for (const entry of this.entries.values()) {
      if (entry.round === this.round) {
        isAll &&= isTold(entry, source, its(entry.address));
        continue;
      }
      if (its(entry.address) && !isAlone(entry, source)) this.remove(entry);
      else if (!its(entry.address) && leaves(entry, source)) this.letGo(entry);
    }
    for (const running of this.slots.running.values()) {
      if (running.round === this.round) {
        isAll &&= isTold(running, source, its(running.address));
        continue;
      }
      if (!its(running.address) && leaves(running, source)) running.source = '';
      if (its(running.address) && !isAlone(running, source)) this.over(running);
    }
    return isAll;
  }

  /**
   * Tasks that are to make room for others of their group or key (behaviour Q7), told once; `stays` of what nothing came of.
   * Before `deal`, so that nothing starts that is to go.
   */
  displaced(): readonly Displacement<A>[] {
    if (!this.gate.hasCrowds) return [];
    const served = new Set<string>();
    for (const { types } of this.workers.values()) for (const type of types) served.add(type);
    const found = this.slots.crowds.displaced((type) => served.has(type));
    for (const { address, since } of found) {
      const entry = since === undefined ? this.entries.get(address) : undefined;
      if (entry !== undefined) this.outOfLine(entry);
    }
    return found;
  }

  /** It was not displaced, and may be: it is where it was, and chosen anew. */
  stays({ address, revision, since }: Displacement<A>): void {
    const running = this.slots.running.get(address);
    if (since !== undefined && running?.since === since) {
      running.leaving = false;
      this.slots.crowds.run(running);
    }
    const entry = this.entries.get(address);
    if (since === undefined && entry?.revision === revision) this.stay(entry);
  }

  /** The worker takes tasks of these types. */
  serve(worker: string, types: ReadonlySet<string>): void {
    const known = this.workers.get(worker);
    if (known === undefined) {
      const term = this.newTerm();
      const made = { id: worker, types, credit: 0, term, confirmedAt: this.now, idleAt: -1 };
      this.workers.set(worker, { ...made, offered: new Set(), refused: new Set(), refusals: new Map() });
    } else {
      if (isSameSet(known.types, types)) return;
      known.types = types;
      known.idleAt = -1;
      // What others have refused so much of may be for them now.
      this.lineVersion++;
    }
    this.slots.crowds.anew(this.entries.values(), this.slots.running.values());
    if (!this.lines.pools.join(types)) return;
    for (const entry of this.slots.aside.takeAll()) this.push(entry);
  }

  /** So many more tasks may be offered to the worker. */
  credit(worker: string, count: number): void {
    const known = this.workers.get(worker);
    if (known === undefined) return;
    known.credit = count;
    if (count > 0) this.turns.add(known);
    else this.turns.delete(known);
  }

  /** The terms the worker is told to go by from now on; undefined: slots are not counted. */
  confirm(worker: string, now: number): string | undefined {
    const known = this.workers.get(worker);
    if (known === undefined || !this.gate.isLimited) return undefined;
    known.confirmedAt = now;
    return known.term.id;
  }

  /** The worker is gone, or begins anew: what it has on offer is ready again. */
  leave(worker: string): void {
    const known = this.workers.get(worker);
    if (known === undefined) return;
    this.endTerm(known);
    this.workers.delete(worker);
    this.turns.delete(known);
    // Others may be the only ones now to take what they have refused so much of.
    this.lineVersion++;
    for (const entry of [...known.offered]) this.readyAgain(entry);
  }

  /** The worker has not claimed what was offered to it; `term`: under which, where slots are counted. */
  returned(worker: string, address: A, revision: number, how: Return, term?: string): void {
    const entry = this.entries.get(address);
    if (entry === undefined) return;
    // It may have the newer version on offer, too.
    const isOlder = revision < entry.revision;
    // Of two offers of one version it has returned the one, and may claim the other.
    if (how !== 'stale' && !isOlder && entry.terms !== undefined) entry.terms = withoutOne(entry.terms, term);
    if (this.slots.bound.has(entry)) return this.readyAgain(entry);
    if (entry.worker?.id !== worker) return;
    // Under terms that are over; it has it on offer under those of now as well.
    if (entry.terms !== undefined && entry.terms.length > 0 && term !== entry.worker.term.id) return;
    if (isOlder) return this.readyAgain(entry);
    if (how === 'refused') this.refuse(entry, entry.worker);
    if (how !== 'stale') return this.readyAgain(entry);
    this.withdraw(entry);
    this.doubtful.add(entry);
  }

  /** Offers whose time is over are ready again. The workers that had them. */
  expire(now: number): ReadonlySet<string> {
    this.now = now;
    const late = new Set<string>();
    for (const entry of this.doubtful) if (this.isLate(entry, now)) this.readyAgain(entry);
    // What may still be claimed under terms that go on would have its slot as long as they do.
    for (const { terms, offeredAt } of this.slots.bound) {
      if (now - offeredAt < this.options.offerMs) continue;
      for (const worker of this.workers.values()) if (terms?.includes(worker.term)) this.endTerm(worker);
    }
    for (const worker of this.workers.values()) {
      for (const entry of worker.offered) {
        if (!this.isLate(entry, now)) continue;
        // It has not said anything for so long: what it may still be told is for others until it does.
        this.credit(worker.id, 0);
        this.endTerm(worker);
        this.readyAgain(entry);
        late.add(worker.id);
      }
    }
    return late;
  }

  /**
   * What nobody can claim any more, and what may have been claimed before: whoever asks looks at the record, and says so
   * where it is as it was (`unclaimed`). Until then it keeps its slot, and goes to whoever serves it.
   */
  doubts(now: number): readonly { readonly address: A; readonly revision: number }[] {
    const found = [...this.slots.bound].filter(({ terms }) => !isClaimable(terms, now));
    return found.map(({ address, revision }) => ({ address, revision }));
  }

  /** It was still in that revision after the last of its terms was void. */
  unclaimed(address: A, revision: number, now: number): void {
    const entry = this.entries.get(address);
    if (entry === undefined || entry.revision !== revision || !this.slots.bound.has(entry)) return;
    if (isClaimable(entry.terms, now)) return;
    entry.terms = undefined;
    this.readyAgain(entry);
  }

  /** What is to be offered now, by worker. */
  deal(now: number): ReadonlyMap<string, readonly TaskOffer<A>[]> {
    this.pass(now);
    const dealt = new Map<string, TaskOffer<A>[]>();
    // One for each worker a round; who gets nothing keeps its place, who gets something goes to the end.
    let open = [...this.turns].filter(({ idleAt }) => idleAt !== this.version);
    for (; open.length > 0; open = open.filter(({ credit }) => credit > 0)) {
      open = open.filter((worker) => {
        const entry = this.next(worker);
        if (entry === undefined) {
          worker.idleAt = this.version;
          return false;
        }
        this.offer(entry, worker, now);
        const offer = this.gate.isLimited ? { ...this.offerOf(entry), term: worker.term.id } : this.offerOf(entry);
        const offers = dealt.get(worker.id);
        if (offers === undefined) dealt.set(worker.id, [offer]);
        else offers.push(offer);
        return true;
      });
    }
    return dealt;
  }

  /**
   * After a `deal`: tasks that wait, and that the worker serves, has not refused, and could have now, were it to have more
   * credit. What would not start is no reason to keep a slot for it, as where the next one takes more units than are left.
   */
  waitingFor(worker: string): number {
    const known = this.workers.get(worker);
    if (known === undefined || known.idleAt === this.version) return 0;
    const { types } = known;
    const without = refusedIn(known);
    let waiting = this.slots.bound.size;
    for (const line of this.lines) {
      if (!types.has(line.type) || this.refusals.isHopeless(known, line.type)) continue;
      if (this.gate.isActive && this.gate.blockOfLine(line.type) !== undefined) continue;
      waiting += Math.min(line.tasks.openSize - (without.get(line) ?? 0), this.gate.room(line.type));
    }
    return this.gate.isActive ? Math.max(0, Math.min(waiting, this.gate.room())) : waiting;
  }

  /** Where the task stands, for people: nothing goes by it. `type` where it is not known here. */
  standing(address: A, type: string, now: number): Standing<A> {
    this.pass(now);
    const { lines, gate, slots, workers } = this;
    const parts = { lines, gate, slots, workers, waiting: this.size.waiting };
    return standingOf(parts, this.entries.get(address), { address, type });
  }

  /** It is asked no more: the room its records take is for others. */
  close(): void {
    this.records.close();
  }

  /** As long as it is the same, a worker for which nothing could start has nothing to wait for. */
  private get version(): number {
    return this.lineVersion + this.gate.version;
  }

  private next(worker: Server<A>): Entry<A> | undefined {
    this.passed.clear();
    for (const entry of this.slots.bound) {
      if (!worker.types.has(entry.type) || worker.refused.has(entry)) continue;
      if (this.gate.blockOf(entry)?.kind === 'paused') continue;
      this.slots.bound.delete(entry);
      return entry;
    }
    return this.lines.next(worker);
  }

  private judge(entry: Entry<A>): Verdict {
    if (!this.gate.isActive) return 'start';
    const verdict = this.slots.judge(entry);
    // It came back for its key, and leaves that room to others.
    if (verdict === 'not_its_group') this.another(entry);
    return verdict;
  }

  private skipped(entry: Entry<A>): void {
    if (this.slots.aside.size === 0 || this.passed.has(entry)) return;
    this.passed.add(entry);
    if (this.gate.roomOfKey(entry.limitKey, entry.type) > 0) this.another(entry);
  }

  private another(entry: Entry<A>): void {
    const next = entry.limitKey === '' ? undefined : this.slots.aside.takeFor(entry);
    if (next !== undefined) this.push(next);
  }

  private add(
    task: ReadyTask<A>,
    source: string,
    before?: Pick<Entry<A>, 'also' | 'age'>,
    former?: Pick<Entry<A>, 'holds' | 'hasStarted' | 'terms'>,
  ): void {
    const place = { line: this.lines.of(task.priority, task.type), turn: this.groups.enter(task.group ?? '') };
    const entry = new Entry(task, place, { source, also: before?.also, round: this.round }, before?.age);
    if (former !== undefined) {
      entry.holds = former.holds;
      entry.hasStarted = former.hasStarted;
      entry.terms = former.terms;
    }
    this.records.keep(entry, task.bytes);
    this.entries.set(entry.address, entry);
    this.slots.crowds.enter(entry);
    this.intoLine(entry);
  }

  /** Nobody tells of it now. One that has a slot keeps it until somebody does. */
  private letGo(entry: Entry<A>): void {
    if (!entry.holds) return this.remove(entry);
    this.drop(entry);
    this.slots.orphan(entry);
  }

  /** It is gone. What was on offer may have run, and have ended. */
  private remove(entry: Entry<A>): void {
    const wasOffered = entry.worker !== undefined || entry.terms !== undefined;
    this.drop(entry);
    if (!entry.holds) return;
    if (wasOffered) this.gate.started(entry, this.now);
    this.free(entry);
  }

  /** It runs no more. Of one that was on offer when its watcher was lost nobody has told that it began: it may have. */
  private over(running: Running<A>): void {
    this.slots.end(running);
    this.gate.started(running, this.now);
    this.free(running);
  }

  /** Takes it out of everything. A slot it has is left to whoever asks for this. */
  private drop(entry: Entry<A>): void {
    this.entries.delete(entry.address);
    this.slots.crowds.leave(entry);
    this.groups.leave(entry.turn);
    this.records.keep(entry, undefined);
    if (this.refusals.forget(entry)) this.lineVersion++;
    if (entry.worker !== undefined) {
      this.startCount++;
      entry.turn.forgiven = false;
      this.withdraw(entry);
    } else if (!this.doubtful.delete(entry) && !this.slots.bound.delete(entry)) this.takeOut(entry);
    this.lines.dropEmpty(entry.line);
    // It may have been the one that came back for all others of its key.
    this.openKey(entry.limitKey);
  }

  private outOfLine(entry: Entry<A>): void {
    this.takeOut(entry);
    this.lines.dropEmpty(entry.line);
  }

  private push(entry: Entry<A>): void {
    this.lines.push(entry);
    if (!this.gate.isActive || this.gate.blockOf(entry) === undefined) this.lineVersion++;
  }

  /** What stood behind it may be next. */
  private takeOut(entry: Entry<A>): void {
    if (!this.slots.aside.remove(entry)) {
      entry.line.tasks.remove(entry);
      this.lineVersion++;
    }
    // It may have been the one that its group was too full for.
    this.open(entry.group);
  }

  private stay(entry: Entry<A>): void {
    if (!entry.leaving) return;
    entry.leaving = false;
    this.push(entry);
    this.slots.crowds.enter(entry);
  }

  private refuse(entry: Entry<A>, worker: Server<A>): void {
    this.refusals.add(entry, worker);
    // Others may be the only ones now for what they have refused.
    this.lineVersion++;
    this.openKey(entry.limitKey);
    // A group that nobody can run would always be next.
    if (entry.turn.forgiven) entry.keepTurn();
    entry.turn.forgiven = true;
  }

  private isLate({ offers, offeredAt }: Entry<A>, now: number): boolean {
    return now - offeredAt >= this.options.offerMs * 2 ** Math.min(DOUBLINGS, offers - 1);
  }

  private readyAgain(entry: Entry<A>): void {
    this.doubtful.delete(entry);
    this.slots.bound.delete(entry);
    this.withdraw(entry);
    this.intoLine(entry);
  }

  /** Its slot is free once nobody has it on offer, or may have. */
  private intoLine(entry: Entry<A>): void {
    if (entry.holds && entry.terms !== undefined && entry.terms.length > 0) {
      this.slots.bound.add(entry);
      this.lineVersion++;
      return;
    }
    entry.terms = undefined;
    this.giveTurnBack(entry);
    this.push(entry);
    if (entry.holds) this.free(entry);
  }

  private giveTurnBack(entry: Entry<A>): void {
    const { turn, turnBack } = entry;
    if (turnBack === undefined) return;
    entry.keepTurn();
    // Its line may be gone, and its type have been joined to others since.
    this.lines.pools.of(entry.type).unserved(turn, turnBack);
  }

  private withdraw(entry: Entry<A>): void {
    if (entry.worker === undefined) return;
    entry.worker.offered.delete(entry);
    entry.withdraw();
    this.offeredCount--;
  }

  private offer(entry: Entry<A>, worker: Server<A>, now: number): void {
    worker.credit--;
    this.turns.delete(worker);
    if (worker.credit > 0) this.turns.add(worker);
    worker.offered.add(entry);
    entry.offerTo(worker, now);
    this.offeredCount++;
    if (!entry.holds) entry.line.tasks.pool.served(entry.turn);
    if (!this.gate.isLimited) return;
    this.gate.take(entry);
    (entry.terms ??= []).push(worker.term);
  }

  /** Whoever waits for room that may have come free is looked at again. */
  private free(holder: { holds: boolean } & Parameters<Gate['release']>[0]): void {
    this.gate.release(holder);
    this.open(holder.group);
    this.openKey(holder.limitKey);
  }

  private open(group: string): void {
    const turn = this.groups.get(group);
    if (turn === undefined || (!turn.blocked && turn.blockedTypes === undefined)) return;
    turn.blocked = false;
    turn.blockedTypes = undefined;
    this.lineVersion++;
    const { parkedIn } = turn;
    turn.parkedIn = undefined;
    for (const line of parkedIn ?? []) {
      line.reopen(turn);
      this.openKey(line.limitKey);
    }
  }

  private openKey(limitKey: string): void {
    const { aside } = this.slots;
    if (limitKey === '' || aside.size === 0) return;
    for (const entry of aside.take(limitKey, (type) => this.gate.roomOfKey(limitKey, type))) this.push(entry);
  }

  private openAll(): void {
    for (const { group } of this.groups) this.open(group);
    for (const entry of this.slots.aside.takeAll()) this.push(entry);
  }

  private pass(now: number): void {
    this.now = now;
    if (!this.gate.isLimited) return;
    const { all, opened } = this.gate.pass(now);
    if (all) return this.openAll();
    for (const { of, name } of opened) {
      if (of === 'group') this.open(name);
      else if (of === 'key') this.openKey(name);
    }
  }

  /** Nothing is limited any more. */
  private countNothing(): void {
    this.slots.running.clear();
    for (const entry of this.entries.values()) {
      entry.holds = false;
      entry.hasStarted = false;
      entry.terms = undefined;
    }
    for (const entry of [...this.slots.bound]) this.readyAgain(entry);
    for (const entry of this.entries.values()) this.stay(entry);
  }

  private offerOf(entry: Entry<A>): TaskOffer<A> {
    const { address, revision } = entry;
    const bytes = this.records.read(entry);
    return bytes === undefined ? { address, revision } : { address, revision, bytes };
  }

  private newTerm() {
    return { id: `${this.options.name ?? ''}.${++this.terms}`, voidAt: Number.POSITIVE_INFINITY };
  }

  private endTerm(worker: Server<A>): void {
    if (!this.gate.isLimited) return;
    worker.term.voidAt = worker.confirmedAt + (this.options.voidMs ?? 0);
    worker.term = this.newTerm();
  }
}

/** It may have been offered twice under the same terms. */
const withoutOne = (terms: readonly Term[], id: string | undefined): Term[] => {
  const place = terms.findIndex((term) => term.id === id);
  return terms.filter((_, i) => i !== place);
};

/** Of no other type, group or key, and of as many units. */
const isCountedAs = (
  { type, group, limitKey, units }: Wants,
  task: Pick<HeldTask, 'type' | 'group' | 'limitKey' | 'units'>,
): boolean =>
  type === task.type && group === (task.group ?? '') && limitKey === (task.limitKey ?? '') && units === task.units;

/** The same start, and not a later one of the same address. */
const isRunOf = (ran: Running<string>, task: HeldTask): boolean =>
  isCountedAs(ran, task) && (task.since === undefined || task.since === ran.since);

const isSameSet = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean =>
  a.size === b.size && [...a].every((each) => b.has(each));
