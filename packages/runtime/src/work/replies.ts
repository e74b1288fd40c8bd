import type { Clock } from '../ports.ts';
import type { WorkAnswer } from './answers.ts';

/** An answer is kept this long for whoever did not get it and asks again. */
const KEPT_MS = 120_000;
/**
 * Requests that are under way or were answered, by the name their sender gave them: a repeat gets the answer of the first,
 * and nothing is done twice (behaviour O1). What only this process remembers: where another one is asked, the record says
 * what was done.
 */
export class Replies {
  private readonly clock: Clock;
  private readonly most: number;
  private readonly answers = new Map<string, { readonly at: number; readonly answer: Promise<WorkAnswer> }>();

  /** `most`: requests that are remembered. */
  constructor(clock: Clock, most: number) {
    this.clock = clock;
    this.most = most;
  }

  /** What was refused is not kept: it may be tried anew. */
  of(request: string, make: () => Promise<WorkAnswer>): Promise<WorkAnswer> {
    const known = this.answers.get(request);
    if (known !== undefined) return known.answer;
    this.forget();
    const kept = { at: this.clock.monotonic(), answer: make() };
    this.answers.set(request, kept);
    const drop = (): void => {
      if (this.answers.get(request) === kept) this.answers.delete(request);
    };
    kept.answer.then((answer) => {
      if (!answer.ok) drop();
    }, drop);
    return kept.answer;
  }

  private forget(): void {
    const before = this.clock.monotonic() - KEPT_MS;
    for (const [request, { at }] of this.answers) {
      if (at >= before && this.answers.size < this.most) return;
      this.answers.delete(request);
    }
  }
}
