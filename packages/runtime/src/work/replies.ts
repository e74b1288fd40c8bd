import type { Clock } from '../ports/environment.ts';
import { refusal, type WorkAnswer } from './answers.ts';

/** An answer is kept this long for whoever did not get it and asks again. */
const KEPT_MS = 120_000;

/** `name`: as its sender names it. `contents`: what makes it this request and no other. */
export type NamedRequest = { readonly name: string; readonly contents: string };

type Kept = { readonly at: number; readonly contents: string; readonly answer: Promise<WorkAnswer> };

/**
 * Requests that are under way or were answered, by the name their sender gave them: a repeat gets the answer of the first,
 * and nothing is done twice (behaviour O1). What only this process remembers: where another one is asked, the record says
 * what was done.
 */
export class Replies {
  private readonly clock: Clock;
  private readonly most: number;
  private readonly answers = new Map<string, Kept>();

  /** `most`: requests that are remembered. */
  constructor(clock: Clock, most: number) {
    this.clock = clock;
    this.most = most;
  }

  /**
   * What was refused is not kept: it may be tried anew. `again`: what of the answer is told to a repeat. Another request under
   * the same name is refused: its sender would take the answer to the first for its own.
   */
  of(
    { name, contents }: NamedRequest,
    make: () => Promise<WorkAnswer>,
    again: (answer: WorkAnswer) => WorkAnswer | Promise<WorkAnswer> = asItIs,
  ): Promise<WorkAnswer> {
    const known = this.answers.get(name);
    if (known !== undefined) return known.contents === contents ? known.answer.then(again) : Promise.resolve(ANOTHER);
    this.forget();
    const kept = { at: this.clock.monotonic(), contents, answer: make() };
    this.answers.set(name, kept);
    const drop = (): void => {
      if (this.answers.get(name) === kept) this.answers.delete(name);
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

const asItIs = (answer: WorkAnswer): WorkAnswer => answer;

const ANOTHER = refusal(
  'INVALID_ARGUMENT',
  'request: names another request, which was answered or is being carried out; each has a name of its own',
);
