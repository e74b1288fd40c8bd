import { say } from '../../dev/terminal.ts';
import { exitCodes } from '../exit-codes.ts';
import { sayJson } from '../output.ts';
import type { Session } from '../session.ts';
import { followToEnd } from './watch.ts';

export const retry = async (
  session: Session,
  id: string,
  options: { readonly wait?: boolean; readonly waitTimeout?: number },
): Promise<number> => {
  const { document, handle: former } = await session.task(id);
  const handle = await (await session.baton()).retry(former ?? document);
  if (options.wait) return followToEnd(session, handle, options.waitTimeout);
  const { uuid, outcome, differs, status } = handle;
  if (session.json) sayJson({ id: uuid, outcome, differs, status, retried_from: id });
  else say(`${uuid}  ${outcome === 'joined' ? 'its key is active already: joined' : `retry of ${id}`}, ${status}`);
  return exitCodes.ok;
};
