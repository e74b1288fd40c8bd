import { isTags, tagTerm, type Actor, type Progress, type Scope, type Status, type Tags } from '@baton/core';
import {
  BatonError,
  checkField,
  checkNames,
  InvalidArgumentError,
  NotConnectedError,
  optionNames,
  PermissionDeniedError,
  rules,
} from '@baton/runtime';

/** The gateway that lists are asked for: it has the documents, and the rules of who sees what. */
export type GatewayOptions = {
  /** `https://baton.example.org`. */
  readonly url: string;
  /**
   * What it knows a user by: the token that goes with the request as `Authorization: Bearer`. Asked before each, with the user
   * of the client. Without it the user is named by a header, which only a gateway in development mode takes.
   */
  readonly token?: (user: { readonly id: string } | undefined) => string | Promise<string>;
};

export type TaskListOptions = {
  /** Each of these tags; with several values of one name one of them. `17` and 17 are the same. */
  readonly tags?: Readonly<Record<string, Tags[string] | readonly Tags[string][]>>;
  readonly status?: Status | readonly Status[];
  readonly type?: string | readonly string[];
  readonly scope?: Scope | readonly Scope[];
  readonly createdBy?: string | readonly string[];
  /** Part of the name, the type or the key. */
  readonly text?: string;
  /** Tasks of one page, 1 to 100; 25 when not set. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
};

/** A task as a list shows it. */
export type ListedTask = {
  readonly uuid: string;
  readonly revision: number;
  readonly type: string;
  readonly key: string;
  readonly name: string;
  readonly scope: Scope;
  readonly status: Status;
  readonly createdBy: string | undefined;
  readonly queue: string;
  readonly tags: Tags;
  readonly attempt: number;
  readonly progress: Progress | undefined;
  readonly errorMessage: string | undefined;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly endedAt: Date | undefined;
};

export type TaskPage = {
  readonly tasks: readonly ListedTask[];
  /** Give it back as `after`; undefined on the last page. */
  readonly next: string | undefined;
};

/** Longest time an answer may take. */
const LIMIT_MS = 15_000;

/** The tasks one user may see, newest first (behaviour B2). */
export class Tasks {
  private readonly gateway: GatewayOptions | undefined;
  private readonly actor: Actor;

  constructor(gateway: GatewayOptions | undefined, actor: Actor) {
    this.gateway = gateway;
    this.actor = actor;
  }

  /**
   * One page. Throws InvalidArgumentError for what is no filter and where `connect` was told of no gateway,
   * PermissionDeniedError where the gateway does not know the user, NotConnectedError where it cannot be reached in 15 s.
   */
  async list(options: TaskListOptions = {}): Promise<TaskPage> {
    const { gateway } = this;
    if (gateway === undefined)
      throw new InvalidArgumentError('gateway: lists are asked for at a gateway: connect({ gateway: { url, token } })');
    const response = await this.ask(gateway, `${baseOf(gateway)}/api/v1/task/?${parametersOf(options).toString()}`);
    const body = await bodyOf(response);
    if (!response.ok) throw errorOf(response.status, body);
    if (!Array.isArray(body['result'])) throw unreadable();
    const next = body['next_cursor'];
    return { tasks: body['result'].map(taskIn), next: typeof next === 'string' ? next : undefined };
  }

  private async ask({ token }: GatewayOptions, url: string): Promise<Response> {
    const { user } = this.actor;
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (token !== undefined)
      headers['Authorization'] = `Bearer ${await token(user === undefined ? undefined : { id: user })}`;
    else if (user !== undefined) headers['X-Baton-User'] = user;
    try {
      return await fetch(url, { headers, redirect: 'error', signal: AbortSignal.timeout(LIMIT_MS) });
    } catch (error) {
      throw new NotConnectedError(`the gateway could not be asked: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** `fetch` says why in the cause. */
const reasonOf = (error: unknown): string => {
  const { message, cause } = error as { readonly message?: string; readonly cause?: { readonly message?: string } };
  return cause?.message ?? message ?? String(error);
};

/** Throws InvalidArgumentError for what is no address of one. */
export const checkGateway = ({ url, token }: GatewayOptions): void => {
  const isHttp = typeof url === 'string' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol);
  if (!isHttp) throw new InvalidArgumentError('gateway.url: is http://... or https://...');
  if (token !== undefined && typeof token !== 'function')
    throw new InvalidArgumentError('gateway.token: is a function that gives the token of a user');
};

const baseOf = ({ url }: GatewayOptions): string => url.replace(/\/+$/, '');

const LIST_NAMES = optionNames<TaskListOptions>({
  tags: true,
  status: true,
  type: true,
  scope: true,
  createdBy: true,
  text: true,
  limit: true,
  after: true,
});

const parametersOf = (options: TaskListOptions): URLSearchParams => {
  checkNames(options, LIST_NAMES);
  const { tags = {}, status, type, scope, createdBy, text, limit, after } = options;
  const parameters = new URLSearchParams();
  const lists = { status, type, scope, created_by: createdBy };
  for (const [name, value] of Object.entries(lists)) {
    const values = value === undefined ? [] : [value].flat();
    const parted = values.find((one) => one.includes(','));
    if (parted !== undefined) throw new InvalidArgumentError(`${name}: ${parted} has a comma, which parts values`);
    if (values.length > 0) parameters.set(name, values.join(','));
  }
  for (const [name, value] of Object.entries(tags)) {
    for (const one of [value].flat() as readonly Tags[string][]) {
      checkField('tags', { [name]: one }, rules.tags);
      parameters.append('tag', tagTerm(name, one));
    }
  }
  if (text !== undefined) parameters.set('text', text);
  if (limit !== undefined) parameters.set('page_size', String(limit));
  if (after !== undefined) parameters.set('cursor', after);
  return parameters;
};

type Map = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Map => typeof value === 'object' && value !== null && !Array.isArray(value);

const bodyOf = async (response: Response): Promise<Map> => {
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    throw unreadable(error);
  }
  if (!isMap(body)) throw unreadable();
  return body;
};

const unreadable = (cause?: unknown): BatonError =>
  new BatonError('ANSWER_UNREADABLE', 'the answer of the gateway cannot be read', { cause });

const errorOf = (status: number, body: Map): BatonError => {
  const code = typeof body['code'] === 'string' ? body['code'] : `HTTP_${status}`;
  const faults = Array.isArray(body['faults']) ? body['faults'].filter(isMap) : [];
  // Without a field it is the request as a whole.
  const wordsOf = ({ field, message }: Map): string => `${field === '' ? '' : `${String(field)}: `}${String(message)}`;
  const said = faults.map(wordsOf).join('; ');
  const reason = typeof body['message'] === 'string' ? body['message'] : `the gateway answered ${status}`;
  const message = said === '' ? reason : said;
  if (status === 400) return new InvalidArgumentError(message);
  if (status === 401 || status === 403) return new PermissionDeniedError('PERMISSION_DENIED', message);
  return new BatonError(code, message);
};

const taskIn = (row: unknown): ListedTask => {
  if (!isMap(row) || typeof row['uuid'] !== 'string') throw unreadable();
  const text = (name: string): string => (typeof row[name] === 'string' ? row[name] : '');
  const maybe = (name: string): string | undefined => (typeof row[name] === 'string' ? row[name] : undefined);
  const date = (name: string): Date | undefined => (typeof row[name] === 'string' ? new Date(row[name]) : undefined);
  const { tags, progress, revision, attempt } = row;
  return {
    uuid: row['uuid'],
    revision: Number(revision),
    type: text('task_type'),
    key: text('task_key'),
    name: text('task_name'),
    scope: text('scope') as Scope,
    status: text('status') as Status,
    createdBy: maybe('created_by'),
    queue: text('queue'),
    tags: isTags(tags) ? tags : {},
    attempt: Number(attempt),
    progress: isMap(progress) ? (progress as Progress) : undefined,
    errorMessage: maybe('error_message'),
    createdAt: date('created_at') ?? new Date(0),
    startedAt: date('started_at'),
    endedAt: date('ended_at'),
  };
};
