/** What a server or the way to it said instead of an answer. `code` is stable; `message` is for people. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Where the server is, and how a request says who asks. */
export type Server = {
  /** Without a slash at the end; empty for the page's own server. */
  readonly base: string;
  /** Headers of one request. Without a token the same-site cookie speaks. */
  readonly headers: () => Promise<Readonly<Record<string, string>>>;
};

/** A list is one parameter, its values parted by commas; of `each` every value is a parameter of its own, and may hold any sign. */
export type Query = Readonly<
  Record<string, string | readonly string[] | { readonly each: readonly string[] } | undefined>
>;

type Call = {
  readonly method?: 'GET' | 'POST';
  readonly query?: Query;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** For the whole of the answer. */
  readonly limitMs?: number;
};

const TIMEOUT_MS = 15_000;

export const urlOf = (server: Server, path: string, query: Query = {}): string => {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    if (typeof value === 'object' && 'each' in value) {
      for (const one of value.each) parameters.append(name, one);
      continue;
    }
    const text = typeof value === 'string' ? value : value.join(',');
    if (text !== '') parameters.set(name, text);
  }
  const search = parameters.toString();
  return `${server.base}${path}${search === '' ? '' : `?${search}`}`;
};

/** One request with a time limit. Never repeated here: who asked knows whether asking again is safe. */
export const call = async <T>(server: Server, path: string, options: Call = {}): Promise<T> =>
  (await (await ask(server, path, options)).json()) as T;

/** The same for an answer that may be large: its body is read by who asked, within the limit. */
export const ask = async (server: Server, path: string, options: Call = {}): Promise<Response> => {
  const { method = 'GET', query, body, signal, limitMs = TIMEOUT_MS } = options;
  const limit = AbortSignal.timeout(limitMs);
  const response = await reach(urlOf(server, path, query), {
    method,
    headers: {
      Accept: 'application/json',
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      // A header that a form of another site cannot send.
      ...(method === 'GET' ? {} : { 'X-Baton-CSRF': '1' }),
      ...(await server.headers()),
    },
    credentials: 'same-origin',
    cache: 'no-store',
    signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  noteServerTime(response);
  if (!response.ok) throw await errorOf(response);
  return response;
};

const reach = async (url: string, init: RequestInit): Promise<Response> => {
  try {
    return await fetch(url, init);
  } catch (error) {
    if (init.signal?.aborted && !isTimeout(error)) throw error;
    const late = isTimeout(error);
    throw new ApiError(0, late ? 'timeout' : 'offline', late ? 'The server did not answer in time.' : UNREACHABLE);
  }
};

const UNREACHABLE = 'The server cannot be reached. It is tried again as soon as it is back.';

const isTimeout = (error: unknown): boolean => error instanceof DOMException && error.name === 'TimeoutError';

/** The reason out of an answer, whatever shape it has: a proxy on the way may have given it. */
export const errorOf = async (response: Response): Promise<ApiError> => {
  let body: unknown;
  try {
    body = await response.json();
  } catch {
    body = undefined; // not JSON: the status alone has to do
  }
  const { code, message, faults } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const words = typeof message === 'string' && message !== '' ? message : `The server answered ${response.status}.`;
  return new ApiError(
    response.status,
    typeof code === 'string' ? code : `http_${response.status}`,
    [words, ...faultsIn(faults, words)].join('; '),
  );
};

/** Of a request, each with the field it is in; without those that the words say already. */
const faultsIn = (faults: unknown, words: string): readonly string[] =>
  (Array.isArray(faults) ? faults : []).flatMap((fault: unknown) => {
    const { field, message } = (fault ?? {}) as Record<string, unknown>;
    if (typeof field !== 'string' || typeof message !== 'string' || words.endsWith(message)) return [];
    return [`${field} ${message}`];
  });

let serverAheadMs = 0;

/** A clock that is wrong here would show durations that are wrong; the header's second is exact enough. */
const noteServerTime = (response: Response): void => {
  const at = Date.parse(response.headers.get('Date') ?? '');
  if (Number.isNaN(at)) return;
  const ahead = at + 500 - Date.now();
  serverAheadMs = Math.abs(ahead) < 2_000 ? 0 : ahead;
};

/** Now, by the server's clock. */
export const serverNow = (): number => Date.now() + serverAheadMs;
