import { CHILDREN_LIMIT } from '@baton/core';
import type { ChildOutcome, ChildTask, WaitForOptions } from '../children/child-task.ts';
import { checkField, optionNames, rules } from '../client/rules.ts';
import { outcomeOf } from '../dependencies/handed-over.ts';
import { ChildFailedError, ChildrenTimeoutError, InvalidArgumentError, WaitRefusedError } from '../errors.ts';
import type { BodyOwner } from './body.ts';
import { timeoutIn } from './signal-waits.ts';
import type { WaitGate } from './wait-gate.ts';

const WAIT_FOR_NAMES = optionNames<WaitForOptions>({ timeout: true, onFailure: true });

/** The waits of one body for children. */
export class ChildrenWaits {
  private readonly gate: WaitGate;
  private count = 0;

  constructor(gate: WaitGate) {
    this.gate = gate;
  }

  /**
   * Rejects with InvalidArgumentError, ChildFailedError, ChildrenTimeoutError, WaitRefusedError, or where what they left cannot
   * be had; and why the body is to stop, where it is.
   */
  async wait(
    children: ChildTask | readonly ChildTask[],
    options: WaitForOptions,
    { waitForChildren }: BodyOwner,
  ): Promise<readonly ChildOutcome[]> {
    const ids = idsOf(children);
    const timeoutMs = timeoutIn(options, WAIT_FOR_NAMES);
    checkField('onFailure', options.onFailure, rules.onChildFailure);
    if (waitForChildren === undefined) {
      const text = "a body in a thread of its own cannot wait for children: leave out isolation: 'thread'";
      throw new WaitRefusedError('WAIT_UNSUPPORTED', text);
    }
    const number = this.count + 1;
    const { onFailure } = options;
    const wait = { children: [...new Set(ids)], number, timeoutMs, ...(onFailure === 'continue' ? { onFailure } : {}) };
    const answer = await this.gate.through(() => waitForChildren(wait));
    this.count = number;
    switch (answer.kind) {
      case 'timed-out':
        throw new ChildrenTimeoutError();
      case 'failed': {
        const { id, name, end } = answer.child;
        throw new ChildFailedError({ id, name, status: end?.status ?? 'gone' });
      }
      case 'ended': {
        const outcomes = new Map(answer.left.map((left) => [left.taskId, outcomeOf(left)]));
        return ids.flatMap((id) => outcomes.get(id) ?? []);
      }
    }
  }
}

/** What TypeScript would not let through may come all the same. */
const idsOf = (given: unknown): readonly string[] => {
  const list = Array.isArray(given) ? (given as readonly unknown[]) : [given];
  const ids = list.map((child) =>
    typeof child === 'object' && child !== null && 'uuid' in child && typeof child.uuid === 'string'
      ? child.uuid
      : undefined,
  );
  if (list.length > CHILDREN_LIMIT || ids.includes(undefined))
    throw new InvalidArgumentError('waitFor: takes what ctx.spawn resolved with, or a list of such');
  return ids as readonly string[];
};
