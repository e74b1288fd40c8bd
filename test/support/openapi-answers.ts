import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { GatewayServer } from '../../services/gateway/src/server.ts';

type Content = { readonly content?: Readonly<Record<string, { readonly schema: object }>> };
type Operation = { readonly responses: Readonly<Record<string, Content>> };
type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> };

export type Answered = {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly type: string;
  readonly body: unknown;
};

/** Throws when an answer is not what the served OpenAPI document says; also when it says nothing of it. */
export type AnswerCheck = (answered: Answered) => void;

/** Reads the document of a server once; it has one shape for every test. */
export const answerCheck = (server: GatewayServer): AnswerCheck => {
  const { paths } = server.swagger() as unknown as Document;
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  (addFormats as unknown as (ajv: Ajv2020) => void)(ajv);
  const known = new Map<object, ValidateFunction>();
  const validatorOf = (schema: object): ValidateFunction => {
    const made = known.get(schema) ?? ajv.compile(schema);
    known.set(schema, made);
    return made;
  };
  // Fixed paths before those with a parameter in the same place.
  const routes = Object.entries(paths)
    .map(([path, operations]) => ({ pattern: patternOf(path), operations }))
    .toSorted((a, b) => Number(a.pattern.source.includes('[^/]')) - Number(b.pattern.source.includes('[^/]')));

  const anyResponses = Object.values(routes[0]?.operations ?? {})[0]?.responses ?? {};

  return ({ method, url, status, type, body }) => {
    if (!type.startsWith('application/json')) return;
    const path = url.replace(/[?#].*$/, '').replace(/(.)\/$/, '$1');
    const operation = routes.find(({ pattern }) => pattern.test(path))?.operations[method.toLowerCase()];
    // What has no route there is hidden, or not there; its problem is one like all.
    if (operation === undefined && status < 400) return;
    const responses = operation?.responses ?? anyResponses;
    const content = (responses[status] ?? (status < 400 ? undefined : responses['default']))?.content;
    const schema = content?.['application/json']?.schema;
    if (schema === undefined) throw new Error(`${method} ${path}: the document says nothing of ${status}`);
    const isValid = validatorOf(schema);
    if (isValid(body)) return;
    const faults = (isValid.errors ?? []).slice(0, 10).map(({ instancePath, message, params }) => {
      return `${instancePath || 'the answer'} ${message} ${JSON.stringify(params)}`;
    });
    throw new Error(`${method} ${path} ${status} is not as documented:\n${faults.join('\n')}`);
  };
};

const patternOf = (path: string): RegExp => new RegExp(`^${path.replace(/\{[^}]+\}/g, '[^/]+')}$`);
