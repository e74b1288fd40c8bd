import type { TaskRecord } from '@baton/core';
import { readTraceContext } from '@baton/protocols';

/**
 * The span of a run, which its worker tells with every beat and with the end: it begins the span when it has claimed the
 * task, and so cannot say it with the claim. The record keeps it for the run after this one, also of a worker that dies.
 */
export class ToldSpan {
  private said: string | undefined;
  private asked: string | undefined;

  hear(said: unknown): void {
    this.said = recorded(said) ?? this.said;
  }

  /** What the record has not got yet, as a command says it. */
  in({ runTrace }: Pick<TaskRecord, 'runTrace'>): { readonly trace?: string } {
    return this.said === undefined || this.said === runTrace ? NOTHING : { trace: this.said };
  }

  /** The same, once: whoever repeats it with every beat does not have it written again and again. */
  news(record: Pick<TaskRecord, 'runTrace'>): string | undefined {
    const { trace } = this.in(record);
    if (trace === this.asked) return undefined;
    this.asked = trace;
    return trace;
  }
}

const NOTHING = {};

/** Undefined for what is no trace context, and for a span that nobody records. */
const recorded = (said: unknown): string | undefined => {
  const { traceparent } = readTraceContext(said) ?? {};
  return traceparent !== undefined && SAMPLED.test(traceparent) ? traceparent : undefined;
};

/** The last bit of the flags. */
const SAMPLED = /[13579bdf]$/;
