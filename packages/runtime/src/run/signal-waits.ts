import type { SignalEntry } from '@baton/core';
import { decodeData, DURATION_LIMIT_MS, PAYLOAD_LIMIT } from '@baton/protocols';
import { durationMs } from '../client/duration.ts';
import { checkNames, optionNames, requireField, rules } from '../client/rules.ts';
import { InvalidArgumentError, SignalTimeoutError, WaitRefusedError } from '../errors.ts';
import type { BodyOwner } from './body.ts';
import type { WaitOptions } from './context.ts';
import type { WaitGate } from './wait-gate.ts';

/** The waits of one body for signals. */
export class SignalWaits {
  private readonly counts = new Map<string, number>();
  private readonly gate: WaitGate;

  constructor(gate: WaitGate) {
    this.gate = gate;
  }

  /** Rejects with InvalidArgumentError, SignalTimeoutError, WaitRefusedError; and why the body is to stop, where it is. */
  async wait(name: string, options: WaitOptions, { waitForSignal }: BodyOwner): Promise<unknown> {
    requireField('the name of a signal', name, rules.signal);
    const timeoutMs = timeoutIn(options);
    if (waitForSignal === undefined) {
      throw new WaitRefusedError(
        'WAIT_UNSUPPORTED',
        "a body in a thread of its own cannot wait for a signal: leave out isolation: 'thread'",
      );
    }
    const number = (this.counts.get(name) ?? 0) + 1;
    const entry = await this.gate.through(() => waitForSignal({ name, number, timeoutMs }));
    this.counts.set(name, number);
    return valueOf(entry);
  }
}

const WAIT_NAMES = optionNames<WaitOptions>({ timeout: true });

/** Throws InvalidArgumentError. Milliseconds. `names`: of all options there are. */
export const timeoutIn = (options: WaitOptions, names: ReadonlySet<string> = WAIT_NAMES): number => {
  checkNames(options, names);
  const { timeout } = options;
  if (timeout === undefined) return DURATION_LIMIT_MS;
  const ms = durationMs(timeout, 'timeout');
  if (ms === 0) throw new InvalidArgumentError('timeout: is more than 0; without one it waits for as long as it may');
  return ms;
};

const valueOf = (entry: SignalEntry): unknown => {
  if ('timedOut' in entry) throw new SignalTimeoutError(entry.name);
  return entry.data === undefined ? undefined : decodeData(entry.data, PAYLOAD_LIMIT);
};
