/**
 * What one lane owes us: the messages asked for and not come yet, and those known to wait behind them.
 *
 * The server gets three kinds of pull from us. A `standing` one asks for a single message and stays, so that an idle
 * lane starts a task the moment it is put; while it stays, the lane is empty. A `bulk` one asks for messages that are
 * known to wait and is ended by the server as soon as there are none, so its credit is never stuck on a lane that ran
 * dry. A `probe` asks for one message in the same way, to learn whether something waits. A lane has one kind at a time.
 */
export type PullKind = 'standing' | 'probe' | 'bulk';

type Pull = { readonly id: number; readonly count: number };

export class LaneLedger {
  private kind: PullKind = 'standing';
  private pulls: Pull[] = [];
  private asked = 0;
  private behind = 0;
  private deadline = 0;
  private unseen = false;

  /** `behind`: how many messages wait as far as is known. */
  constructor(behind = 0) {
    this.behind = behind;
  }

  /** Nothing is asked for and nothing is known to wait. */
  get isIdle(): boolean {
    return this.asked === 0 && this.behind === 0;
  }

  /** Nobody has looked for a while: there may be something. */
  get isUnseen(): boolean {
    return this.unseen && this.isIdle;
  }

  get isProbed(): boolean {
    return this.kind === 'probe' && this.asked > 0;
  }

  /** Slots that are promised to messages on their way. Single messages have none. */
  get promised(): number {
    return this.kind === 'bulk' ? this.asked : 0;
  }

  /** Known to wait and not asked for. */
  get waiting(): number {
    if (this.asked === 0) return this.behind;
    return this.kind === 'bulk' ? Math.max(0, this.behind - this.asked) : 0;
  }

  /** `deadline`: when a pull that was not answered by then counts as vanished. */
  ask(kind: PullKind, id: number, count: number, deadline: number): void {
    this.kind = kind;
    this.unseen = false;
    this.pulls.push({ id, count });
    this.asked += count;
    this.deadline = deadline;
  }

  /**
   * A message came. `behind`: how many wait behind it, by the server's count. Answers what it came for; `stray` is one
   * that nobody waits for any more.
   */
  arrived(behind: number, deadline: number): PullKind | 'stray' {
    this.behind = behind;
    if (this.asked === 0) return 'stray';
    this.asked--;
    if (this.asked > 0) this.deadline = deadline;
    else {
      // A pull that got all it asked for ends without a word. The server counts what waits a moment after it has stored
      // it, so that none behind the last one is no promise.
      this.pulls = [];
      this.unseen = behind === 0;
    }
    return this.kind;
  }

  /** From now on the lane is not watched. */
  leaveUnseen(): void {
    this.unseen = true;
  }

  /** The last message was handed back: it waits again, before all others. */
  handedBack(): void {
    this.behind++;
  }

  /** The server ended a pull because the lane is empty. Ends of bulk pulls come for all that were there, in any order. */
  ranDry(id: number): void {
    const later = this.after(id);
    if (later === undefined) return;
    this.pulls = later;
    this.asked = Math.min(this.asked, sum(later));
    this.behind = this.asked;
  }

  /** The server did not take a pull up, since others asked for all that waits. */
  notTaken(id: number): void {
    const pull = this.pulls.find((each) => each.id === id);
    if (pull === undefined) return;
    this.pulls = this.pulls.filter((each) => each !== pull);
    this.asked = this.pulls.length === 0 ? 0 : Math.max(0, this.asked - pull.count);
    this.behind = this.asked;
  }

  /** A pull's time is over. `unfilled`: what it still had to get. */
  expired(id: number, unfilled: number): void {
    if (!this.pulls.some((each) => each.id === id)) return;
    this.pulls = this.pulls.filter((each) => each.id !== id);
    this.asked = this.pulls.length === 0 ? 0 : Math.max(0, this.asked - unfilled);
  }

  hasVanished(now: number): boolean {
    return this.asked > 0 && now >= this.deadline;
  }

  /** Forgets all that was asked for: it will not come, or comes as a stray. */
  reset(behind = 0): void {
    this.pulls = [];
    this.asked = 0;
    this.behind = behind;
  }

  private after(id: number): Pull[] | undefined {
    const index = this.pulls.findIndex((each) => each.id === id);
    return index < 0 ? undefined : this.pulls.slice(index + 1);
  }
}

const sum = (pulls: readonly Pull[]): number => pulls.reduce((total, { count }) => total + count, 0);
