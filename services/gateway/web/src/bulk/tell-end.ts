import type { App } from '../shell/app-context.ts';
import type { Operation } from './order.ts';
import { hasEnded, type RunState } from './run.ts';
import { runFault, runText } from './run-words.ts';
import { nameOf } from './words.ts';

/** What has become of an operation whose dialog was closed. */
export const tellEnd = ({ toasts, list }: App, operation: Operation, state: RunState): void => {
  const fault = runFault(state, false);
  const words = `${nameOf(operation)} all that match: ${runText(state, operation, false)}`;
  if (fault === undefined) toasts.good(words);
  else toasts.bad(`${words} ${fault}`);
  // Documents go without an event.
  if (operation === 'delete' && hasEnded(state)) list.refresh();
};
