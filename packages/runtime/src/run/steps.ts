import { decodeData, decodeLargeData, encodeSized, RECORD_LIMIT, type Sized } from '@baton/protocols';
import { requireField, rules } from '../client/rules.ts';
import { CancelHandleRefusedError, InvalidArgumentError, PayloadTooLargeError, StepRefusedError } from '../errors.ts';
import type { ArgumentBytes, BodyAnswer, BodyQuestion } from './body.ts';
import { StopReason, type StopCause } from './context.ts';

type StepsParts = {
  readonly ask: (question: BodyQuestion) => Promise<BodyAnswer>;
  /** Why the body is to stop, where it is. */
  readonly stopped: () => StopCause | undefined;
  /** Largest encoded result, bytes. */
  readonly limit: number;
};

export const STEP_TOO_LATE_TEXT = 'only the handler of a task has steps: what runs after it, or beside it, has none';

/** The steps of one run of a body (behaviour G6). */
export class Steps {
  private readonly parts: StepsParts;
  private readonly names = new Set<string>();
  private kept = 0;

  constructor(parts: StepsParts) {
    this.parts = parts;
  }

  /**
   * What the step came to: found where an earlier run has done it, else done now and kept before this resolves. In every
   * run as it was encoded, so that the first run sees nothing that a later one would not.
   */
  async run(name: string, body: () => unknown): Promise<unknown> {
    requireField('the name of a step', name, rules.step);
    if (typeof body !== 'function') throw new InvalidArgumentError('a step: is a name and a function');
    if (this.names.has(name)) {
      const text = `a step '${name}' has run already in this run of the task: give each a name of its own`;
      throw new StepRefusedError('STEP_REPEATED', text);
    }
    this.names.add(name);
    const found = answered(await this.parts.ask({ kind: 'find-step', name }));
    if (found.kind === 'done') return valueOf(found.result);
    const cause = this.parts.stopped();
    if (cause !== undefined) throw new StopReason(cause);
    const result = encoded(name, await body(), this.parts.limit);
    const number = ++this.kept;
    answered(await this.parts.ask({ kind: 'keep-step', name, number, ...(result === undefined ? {} : { result }) }));
    return result === undefined ? undefined : valueOf({ bytes: result.bytes, large: result.kind === 'large' });
  }
}

/** Throws what an answer is that lets the body not go on. */
export const answered = (answer: BodyAnswer): Exclude<BodyAnswer, { kind: 'refused' | 'handle-refused' | 'lost' }> => {
  if (answer.kind === 'refused') throw new StepRefusedError(answer.code, answer.message);
  if (answer.kind === 'handle-refused') throw new CancelHandleRefusedError(answer.code, answer.message);
  if (answer.kind === 'lost') throw new StopReason('lease_lost');
  return answer;
};

const encoded = (name: string, result: unknown, limit: number): Sized | undefined => {
  if (result === undefined) return undefined;
  const sized = encodeSized(result);
  if (sized.bytes.length <= limit) return sized;
  const text = `the result of step '${name}' is ${sized.bytes.length} bytes, at most ${limit} are allowed`;
  throw new PayloadTooLargeError(`${text}: store it elsewhere and return where`);
};

const valueOf = (result: ArgumentBytes | undefined): unknown => {
  if (result === undefined) return undefined;
  return result.large ? decodeLargeData(result.bytes) : decodeData(result.bytes, RECORD_LIMIT);
};
