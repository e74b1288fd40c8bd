import { TaskEndedError } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson } from '../output.ts';
import type { Session } from '../session.ts';
import { valueOf } from '../value-text.ts';

export type SignalCommandOptions = { readonly operationId?: string };

/** `text`: JSON, or what it says where it is no JSON, as an argument of `submit`. */
export const signal = async (
  session: Session,
  id: string,
  name: string,
  text: string | undefined,
  options: SignalCommandOptions,
): Promise<number> => {
  const { document, handle } = await session.task(id);
  // Its record has been forgotten, so it has ended.
  if (handle === undefined)
    throw new TaskEndedError(`too late: the task is ${document.status} and takes no signal any more`, document.status);
  const { outcome } = await handle.signal(name, text === undefined ? undefined : valueOf(text), {
    ...(options.operationId === undefined ? {} : { operationId: options.operationId }),
  });
  if (session.json) sayJson({ id, signal: name, outcome });
  else say(outcome === 'delivered' ? `${id}  goes on` : `${id}  keeps it until it waits for ${name}`);
  return exitCodes.ok;
};
