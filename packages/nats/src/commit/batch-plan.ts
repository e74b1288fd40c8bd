import type { Ack } from './ack.ts';
import { apiCodes } from '../codes.ts';
import { isThrottled, mayBeStored } from './outcome.ts';

export type GroupLimits = {
  /** Fewer than this go one by one: a batch has a fixed price. */
  readonly minBatch: number;
  /** The server allows 1,000; beyond some hundreds a batch only gets later, not cheaper. */
  readonly maxBatch: number;
  readonly maxBatchBytes: number;
};

type Member = { readonly subject: string; readonly bytes: Uint8Array };

/**
 * Takes the next group out of the queue, oldest first. No subject is in it twice: a second write to one subject depends
 * on what became of the first, and the server refuses a batch with both. What is left behind keeps its order.
 */
export const takeGroup = <T extends Member>(queue: T[], limits: GroupLimits): T[] => {
  const group: T[] = [];
  const subjects = new Set<string>();
  let bytes = 0;
  let skipped: T[] | undefined;
  let at = 0;
  for (; at < queue.length && group.length < limits.maxBatch; at++) {
    const member = queue[at] as T;
    if (group.length > 0 && bytes + member.bytes.length > limits.maxBatchBytes) break;
    if (subjects.has(member.subject)) {
      (skipped ??= []).push(member);
      continue;
    }
    subjects.add(member.subject);
    bytes += member.bytes.length;
    group.push(member);
  }
  queue.splice(0, at, ...(skipped ?? []));
  return group;
};

export type BatchVerdict =
  /** Stored: member i has revision `first + i`. */
  | { readonly kind: 'stored'; readonly first: number }
  /** Nothing stored; the server had no room for one more batch. */
  | { readonly kind: 'again' }
  /** Nothing stored because of one member, and the server does not say which: each must be asked. */
  | { readonly kind: 'split' }
  | { readonly kind: 'unknown'; readonly text: string };

/** What the answer to a commit says about a batch of that size. */
export const verdictOf = (ack: Ack, size: number): BatchVerdict => {
  switch (ack.kind) {
    case 'unreadable':
      return { kind: 'unknown', text: `the answer to a batch cannot be read: ${ack.text}` };
    case 'stored':
      if (ack.count !== size)
        return { kind: 'unknown', text: `a batch of ${size} was answered as one of ${ack.count}` };
      return { kind: 'stored', first: ack.sequence - size + 1 };
    case 'error':
      if (mayBeStored(ack)) return { kind: 'unknown', text: `the server failed to store a batch: ${ack.text}` };
      // A first message that was refused for lack of room shows at the commit as an incomplete batch.
      return isThrottled(ack) || ack.apiCode === apiCodes.batchIncomplete ? { kind: 'again' } : { kind: 'split' };
  }
};
