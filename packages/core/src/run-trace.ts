import type { Decision } from './decision.ts';
import type { Millis } from './task.ts';

/**
 * What a command that ends a run says of the run's span goes with whatever it comes to, in the same write: the next run is
 * linked to it. A command that changes nothing, or is refused, tells nothing.
 */
export const traced = (decision: Decision, { at, trace }: { readonly at: Millis; readonly trace?: string }): Decision =>
  trace === undefined || !decision.ok || decision.events.length === 0
    ? decision
    : { ...decision, events: [{ kind: 'run-traced', at, trace }, ...decision.events] };
