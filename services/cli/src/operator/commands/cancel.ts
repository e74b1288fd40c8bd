import { TaskAbortFailedError } from '@baton/sdk';
import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson } from '../output.ts';
import type { Session } from '../session.ts';

export const cancel = async (session: Session, id: string, options: { readonly force?: boolean }): Promise<number> => {
  const { document, handle } = await session.task(id);
  // Its record has been forgotten, so it has ended.
  if (handle === undefined) throw new TaskAbortFailedError(document.status);
  const { action } = await handle.cancel({ force: options.force ?? false });
  if (session.json) sayJson({ id, action });
  else say(action === 'unsubscribed' ? `${id}  left; it runs on for others` : `${id}  stopped, or being stopped`);
  return exitCodes.ok;
};
