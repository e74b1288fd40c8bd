import { reasonOf } from '../errors.ts';
import type { Attempt } from '../errors.ts';
import type { Reporter, ServerName } from '../report.ts';

/** Where to look, what was asked for, and whom to tell. */
export type FindOptions = {
  /** Defaults to `process.env`. Read: PATH, BATON_CACHE, BATON_LOCAL_NATS, BATON_LOCAL_MONGO, XDG_CACHE_HOME, HOME. */
  readonly env?: NodeJS.ProcessEnv;
  /** The cache folder. Defaults to BATON_CACHE, else `${XDG_CACHE_HOME:-~/.cache}/baton`. */
  readonly cache?: string;
  readonly report?: Reporter;
};

/** One way to get a server. `undefined` means there is nothing there and nothing to say about it; a failure is thrown. */
export type Way<T> = { readonly name: string; readonly take: () => Promise<T | undefined> };

export type Search<T> = { readonly found: T } | { readonly found?: undefined; readonly attempts: readonly Attempt[] };

/** Takes the first way that gives a server and says of every other one why it did not. */
export async function takeFirst<T>(server: ServerName, ways: readonly Way<T>[], report: Reporter): Promise<Search<T>> {
  const attempts: Attempt[] = [];
  for (const { name, take } of ways) {
    try {
      const found = await take();
      if (found !== undefined) return { found };
      attempts.push({ way: name, reason: 'not there' });
    } catch (error) {
      const reason = reasonOf(error);
      attempts.push({ way: name, reason });
      report({ kind: 'note', server, text: `${name}: ${reason}` });
    }
  }
  return { attempts };
}
