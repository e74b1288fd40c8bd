import { faultWords, type BatonError } from '@baton/runtime';
import type { z } from 'zod';

/**
 * What is wrong with a part of a request. `field` is a path in the body, such as `args.0.to`, or a parameter's name; empty
 * where it is no single field.
 */
export type FieldFault = { readonly field: string; readonly message: string };

export type ProblemBody = {
  readonly code: string;
  readonly message: string;
  /** What to do about it. */
  readonly hint: string;
  readonly faults?: readonly FieldFault[];
  /** State of the task, where that is why. */
  readonly status?: string;
};

/** An answer of 400 and above, thrown by whoever finds out. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly statusCode: number;
  readonly body: ProblemBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(statusCode: number, body: ProblemBody, headers: Readonly<Record<string, string>> = {}) {
    super(body.message);
    this.statusCode = statusCode;
    this.body = body;
    this.headers = headers;
  }
}

type Rule = { readonly status: number; readonly hint: string };

const AGAIN = 'Nothing happened. Try again in a moment.';

/** Every code the gateway answers with: the status, and what to do. */
const RULES = {
  INVALID_ARGUMENT: { status: 400, hint: 'Correct what is named; /api/v1/openapi.json has every field.' },
  INVALID_CURSOR: { status: 400, hint: 'Begin without a cursor.' },
  BAD_REQUEST: { status: 400, hint: 'Send well-formed HTTP and JSON.' },
  UNAUTHENTICATED: { status: 401, hint: 'Send a valid token: Authorization: Bearer <token>.' },
  PERMISSION_DENIED: { status: 403, hint: 'Ask an admin.' },
  FORCE_REQUIRED: { status: 403, hint: 'Send { "force": true } to stop it for everyone.' },
  CSRF: { status: 403, hint: 'Send the header X-Baton-CSRF: 1 from a page of this site, or use a Bearer token.' },
  TASK_NOT_FOUND: {
    status: 404,
    hint: 'Check the id. A task you may not see is answered like one that does not exist.',
  },
  SCHEDULE_NOT_FOUND: {
    status: 404,
    hint: 'Check the name. One you may not see is answered like one that does not exist.',
  },
  DEPENDENCY_NOT_FOUND: {
    status: 404,
    hint: 'Check the ids in depends_on. A task you may not see is answered like one that does not exist.',
  },
  NOT_FOUND: { status: 404, hint: '/api/v1/openapi.json lists what there is.' },
  DISABLED: { status: 404, hint: 'An operator switches it on again with BATON_ENABLED=true.' },
  METHOD_NOT_ALLOWED: { status: 405, hint: '/api/v1/openapi.json lists what there is.' },
  TIMEOUT: { status: 408, hint: 'Send the whole request at once.' },
  TASK_ABORTING: { status: 409, hint: 'Submit again when it has ended, or with when_aborting: "queue".' },
  WAITS_FOR_ITSELF: { status: 409, hint: 'Submit it under another task_key, or wait for the end of that task.' },
  TASK_ACTIVE: { status: 409, hint: 'Submit again when it has ended, or leave out mode: "reject".' },
  LEASE_LOST: { status: 409, hint: 'Forget the task: another worker has it, or it has ended.' },
  TASK_NOT_PENDING: { status: 422, hint: 'Only a task that waits has a place in line.' },
  TASK_BEHIND: { status: 409, hint: 'Send it again when the task before it has ended.' },
  DATA_MISSING: { status: 410, hint: 'It was pruned with its task and cannot be had any more.' },
  DATA_DAMAGED: { status: 410, hint: 'It cannot be had any more; an operator finds the reason in the log.' },
  PAYLOAD_TOO_LARGE: { status: 413, hint: 'Put large data elsewhere and send where it is.' },
  SETTINGS_FULL: { status: 413, hint: 'Take something back that is set for the queue first.' },
  SIGNALS_FULL: { status: 413, hint: 'Send no more signals to this task than it waits for.' },
  RECORD_FULL: { status: 413, hint: 'Submit again when the task has ended, or under another task_key.' },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, hint: 'Send Content-Type: application/json.' },
  EXPECTATION_FAILED: { status: 417, hint: 'Leave out the header Expect.' },
  UNKNOWN_HOST: {
    status: 421,
    hint: 'Use the address the gateway was set up for, or add it to BATON_HTTP_ALLOWED_HOSTS.',
  },
  TASK_NOT_ABORTABLE: {
    status: 422,
    hint: 'Wait for its end. Its author can make it abortable with onAbort or ctx.signal.',
  },
  TASK_ENDED: { status: 422, hint: 'It needs no signal any more.' },
  TASK_ABORT_FAILED: { status: 422, hint: 'It needs no cancel any more.' },
  DEPENDENCY_FAILED: { status: 422, hint: 'Retry that task, then submit this one with depends_on the new one.' },
  TASK_NOT_TERMINAL: { status: 422, hint: 'Wait for its end, or cancel it first.' },
  UNKNOWN_TYPE: { status: 422, hint: 'Check the type; GET /api/v1/definitions lists those there are.' },
  SCHEDULE_FULL: { status: 429, hint: 'Try again when some of its tasks have ended.' },
  TASK_THROTTLED: { status: 429, hint: 'Submit again when the window is over.' },
  TOO_MANY_REQUESTS: { status: 429, hint: 'Wait as long as Retry-After says.' },
  HEADERS_TOO_LARGE: { status: 431, hint: 'Keep address, cookies and headers below 16 KiB together.' },
  INTERNAL: { status: 500, hint: 'The log of the gateway has the reason.' },
  KEYS_UNAVAILABLE: {
    status: 503,
    hint: 'Nothing happened. Try again in a moment; an operator finds the reason in the log, and checks BATON_JWKS_URL.',
  },
  NOT_CONNECTED: { status: 503, hint: AGAIN },
  STORE_FULL: {
    status: 503,
    hint: 'Try again later: what is there still runs and can be cancelled. Or an operator gives the store more room.',
  },
  STORE_MISSING: { status: 503, hint: AGAIN },
  STORE_REFUSED: { status: 503, hint: AGAIN },
  STORE_CONTENDED: { status: 503, hint: AGAIN },
  STORE_TIMEOUT: { status: 503, hint: AGAIN },
  MONGO_UNAVAILABLE: { status: 503, hint: AGAIN },
  MONGO_UNAUTHORIZED: { status: 503, hint: 'An operator has to check MONGODB_URL.' },
  DEFINITION_UNREADABLE: { status: 503, hint: 'A newer version of Baton wrote the definition of this type: upgrade.' },
  RECORD_NEWER: { status: 503, hint: 'A newer version of Baton wrote it: upgrade the gateway.' },
  RECORD_CORRUPT: { status: 503, hint: 'An operator has to look at it: baton doctor.' },
  OUTCOME_UNKNOWN: {
    status: 504,
    hint: 'It may have happened. Look first, then repeat; with an operation_id repeating is safe.',
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type ProblemCode = keyof typeof RULES;

export const isProblemCode = (code: string): code is ProblemCode => Object.hasOwn(RULES, code);

type Details = Partial<Pick<ProblemBody, 'hint' | 'faults' | 'status'>> & {
  readonly headers?: Readonly<Record<string, string>>;
};

export const problem = (code: ProblemCode, message: string, details: Details = {}): Problem => {
  const { headers, ...rest } = details;
  const { status, hint } = RULES[code];
  const found = code === 'INVALID_ARGUMENT' ? { faults: faultsIn(message) } : {};
  return new Problem(status, { code, message, hint, ...found, ...rest }, headers);
};

/** Invisible and absent are one answer. */
export const taskNotFound = (): Problem => problem('TASK_NOT_FOUND', 'no such task');

/**
 * Whoever refuses a request names the fields at the beginning of what he says: `priority: is missing`, `from, to: ...`,
 * `args[0].to: must be string`.
 */
const NAMED = /^([a-z][\w.[\]]*(?:, [a-z][\w.[\]]*)*): (.+)$/s;

/** Arguments may have names that are no names here: the list of them is at fault at least. */
const IN_ARGS = /^args[[.]/;

const faultsIn = (message: string): readonly FieldFault[] => {
  const [, names, text] = NAMED.exec(message) ?? [];
  if (names === undefined || text === undefined) return [{ field: IN_ARGS.test(message) ? 'args' : '', message }];
  return names.split(', ').map((name) => ({ field: fieldOf(name), message: text }));
};

/** As the schemas name it: by path, and in snake_case unless it is of the caller's own data. */
const fieldOf = (name: string): string =>
  IN_ARGS.test(name)
    ? name.replaceAll('[', '.').replaceAll(']', '')
    : name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Errors of the runtime, the SDK and MongoDB whose text is for users; what an outage says is for the log. */
export const problemOf = (error: BatonError): Problem | undefined => {
  if (!isProblemCode(error.code)) return undefined;
  const { status: statusCode } = RULES[error.code];
  if (statusCode >= 500) return problem(error.code, OUTAGES[error.code] ?? 'this does not work now');
  const state = 'status' in error && typeof error.status === 'string' ? { status: error.status } : {};
  return problem(error.code, error.message, state);
};

/** Nothing of addresses, subjects or drivers is told to the outside. */
const OUTAGES: Readonly<Partial<Record<ProblemCode, string>>> = {
  KEYS_UNAVAILABLE: 'the keys that tokens are signed with cannot be had now, so nobody can tell whether yours is good',
  NOT_CONNECTED: 'the state store cannot be reached now',
  STORE_FULL: 'the state store has no room for this: nothing was written',
  STORE_TIMEOUT: 'the state store did not answer in time',
  MONGO_UNAVAILABLE: 'the database of tasks cannot be reached now',
  OUTCOME_UNKNOWN: 'it is not known whether this took effect',
};

const MOST_FAULTS = 20;
const LENGTH = 200;

/** Faults a schema has found, below a place in the request. */
export const faultsOf = (issues: readonly z.core.$ZodIssue[], at: string): readonly FieldFault[] =>
  issues.slice(0, MOST_FAULTS).map((issue) => {
    const unknown = issue.code === 'unrecognized_keys' && issue.keys.length === 1 ? issue.keys : [];
    const field = [at, ...issue.path.map(String), ...unknown].filter((part) => part !== '').join('.');
    return { field: field.slice(0, LENGTH), message: faultWords(issue).slice(0, LENGTH) };
  });
