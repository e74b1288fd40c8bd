/** One queue, as the worker that shares its slots between several sees it. */
export type Share = {
  /** Slots promised to offers that may be on their way. */
  readonly promised: number;
  /** Tasks known to wait there, beyond those offered. */
  readonly waiting: number;
  /** No promise can be made or taken back now: its host is not known, or has not answered yet. */
  readonly fixed: boolean;
};

/**
 * How many slots each queue is to be promised, so that all together are never more than are free (behaviour Q2), queues
 * where tasks wait share them evenly (X8), and what they do not need stands ready for the others. `first`: whose turn it is
 * where they cannot be shared evenly.
 *
 * Never promises what has not been given back: a share that is to shrink first, shrinks first. So the answer holds at once
 * for the shares that grow, and once their hosts have agreed for those that shrink.
 */
export const shareSlots = (free: number, shares: readonly Share[], first: number): readonly number[] => {
  const wanted = shares.map(({ promised, fixed }) => (fixed ? promised : 0));
  const open = shares.flatMap(({ fixed }, i) => (fixed ? [] : [i]));
  const inTurn = [...open.filter((i) => i >= first), ...open.filter((i) => i < first)];
  let left = free - sum(wanted);
  left = deal(wanted, inTurn, left, (i) => shares[i]?.waiting ?? 0);
  // What nobody needs stays where it is: to move it costs a question.
  left = deal(wanted, inTurn, left, (i) => (shares[i]?.promised ?? 0) - (wanted[i] ?? 0));
  deal(wanted, inTurn, left, () => Number.POSITIVE_INFINITY);
  // What others still hold is not there to be given.
  let spare = free - sum(shares.map(({ promised }) => promised));
  return shares.map(({ promised }, i) => {
    const want = wanted[i] ?? 0;
    if (want <= promised) return want;
    const more = Math.min(want - promised, Math.max(0, spare));
    spare -= more;
    return promised + more;
  });
};

/** One after the other, one each, up to what each may have. What is left. */
const deal = (wanted: number[], turns: readonly number[], slots: number, most: (i: number) => number): number => {
  let left = slots;
  const room = new Map(turns.map((i) => [i, most(i)]));
  for (let hungry = turns; hungry.length > 0 && left > 0;) {
    // Evenly at once as far as it goes, then one by one.
    const each = Math.max(1, Math.floor(left / hungry.length));
    hungry = hungry.filter((i) => {
      const share = Math.min(each, left, room.get(i) ?? 0);
      if (share <= 0) return false;
      room.set(i, (room.get(i) ?? 0) - share);
      wanted[i] = (wanted[i] ?? 0) + share;
      left -= share;
      return true;
    });
  }
  return left;
};

const sum = (numbers: readonly number[]): number => numbers.reduce((total, n) => total + n, 0);
