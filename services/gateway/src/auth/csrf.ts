import { problem } from '../http/problem.ts';

export const CSRF_HEADER = 'X-Baton-CSRF';

const SAFE_METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const SAME_SITE: ReadonlySet<string> = new Set(['same-origin', 'none']);

type Asked = {
  readonly method: string;
  readonly host: string;
  readonly header: (name: string) => string | undefined;
};

/**
 * A request whose credentials the browser adds by itself must come from a page of this very origin: the browser says so,
 * and a page of another origin cannot set a header of ours without being asked first, which is never allowed. Throws a
 * Problem `CSRF`.
 */
export const requireOwnOrigin = ({ method, host, header }: Asked): void => {
  if (SAFE_METHODS.has(method)) return;
  const site = header('sec-fetch-site');
  const origin = header('origin');
  // Not a browser: those name an origin for whatever may change something. In development mode that may be curl.
  if (site === undefined && origin === undefined && header('cookie') === undefined) return;
  if (site !== undefined && !SAME_SITE.has(site)) throw foreign('another site');
  if (origin !== undefined && hostOf(origin) !== host) throw foreign('another origin');
  if (header(CSRF_HEADER.toLowerCase()) === undefined) throw foreign(`somebody who did not send ${CSRF_HEADER}`);
};

const hostOf = (origin: string): string | undefined => (URL.canParse(origin) ? new URL(origin).host : undefined);

const foreign = (who: string) =>
  problem('CSRF', `this was sent by ${who}, and its sender was known by nothing else than a cookie`);
