import { decodeLargeData } from '@baton/protocols';
import type { Ajv, ErrorObject, ValidateFunction } from 'ajv';
import { InvalidArgumentError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { GivenArguments } from './arguments.ts';

/** A schema, ready to be asked; or why it cannot be. */
type Compiled = { readonly check: ValidateFunction } | { readonly unusable: string };

/** Drafts before 2019: a list of schemas stands under `items`, and not under `prefixItems`. */
const OLD_DRAFT = /draft-0?7/;

/** Of a fault that has branches, the branches say less than the whole. */
const WHOLES: readonly string[] = ['anyOf', 'oneOf', 'not'];

const SHOWN_LENGTH = 200;

/** Unusable ones that the log has. */
const said = new WeakSet<object>();

const compiled = new WeakMap<object, Promise<Compiled>>();

/**
 * Holds the arguments of a submit to the schema of their type (behaviour D10). They are looked at as they are shown: a time
 * is its ISO text, bytes are `{ "$base64": text }`. Nothing is filled in or changed. Throws InvalidArgumentError with the
 * place of the first fault.
 *
 * A schema that is kept and cannot be used refuses nobody: a worker refuses to start with one.
 */
export const checkArguments = async (
  { type, schema, log }: { readonly type: string; readonly schema: object; readonly log: Log },
  given: GivenArguments,
): Promise<void> => {
  const known = await compile(schema);
  if ('unusable' in known) {
    if (!said.has(schema))
      log.warn({ type, reason: known.unusable }, 'arguments are not checked: their schema cannot be used');
    said.add(schema);
    return;
  }
  const args = given === undefined ? [] : shown(decodeLargeData(given.bytes));
  if (known.check(args)) return;
  throw new InvalidArgumentError(`${faultIn(known.check.errors ?? [], args)} (the arguments of ${type})`);
};

/** Throws InvalidArgumentError for a schema that cannot be used. */
export const requireSchema = async (type: string, schema: object | undefined): Promise<void> => {
  const fault = await schemaFault(schema);
  if (fault !== undefined) throw new InvalidArgumentError(`argsSchema of ${type}: ${fault}`);
};

/** Why a schema cannot be used; undefined: it can, or there is none. */
export const schemaFault = async (schema: object | undefined): Promise<string | undefined> => {
  if (schema === undefined) return undefined;
  const known = await compile(schema);
  return 'unusable' in known ? `no JSON Schema that can be used: ${known.unusable}` : undefined;
};

const compile = (schema: object): Promise<Compiled> => kept(compiled, schema, () => compileNow(schema));

/** A Map or a WeakMap. */
type Keeping<Key, Value> = {
  readonly get: (key: Key) => Value | undefined;
  readonly set: (key: Key, value: Value) => unknown;
  readonly delete: (key: Key) => unknown;
};

/** What cannot be loaded for a moment is not kept as that: it is loaded anew by whoever asks next. */
const kept = <Key, Loaded>(
  known: Keeping<Key, Promise<Loaded>>,
  key: Key,
  load: () => Promise<Loaded>,
): Promise<Loaded> => {
  const found = known.get(key);
  if (found !== undefined) return found;
  const loading = load();
  known.set(key, loading);
  loading.catch(() => known.delete(key));
  return loading;
};

const compileNow = async (schema: object): Promise<Compiled> => {
  const { $schema, $async } = schema as { readonly $schema?: unknown; readonly $async?: unknown };
  if ($async === true) return { unusable: '$async is not supported' };
  const ajv = await compilerFor(typeof $schema === 'string' && OLD_DRAFT.test($schema));
  try {
    return { check: ajv.compile(schema) };
  } catch (error) {
    return { unusable: (error instanceof Error ? error.message : String(error)).slice(0, SHOWN_LENGTH) };
  } finally {
    // It keeps all it has compiled, by schema and by `$id`; what is known here goes with its definition.
    ajv.removeSchema(schema);
  }
};

const compilers = new Map<boolean, Promise<Ajv>>();

/** Loaded when the first schema is met: it takes longer than the rest of a submit's code together. */
const compilerFor = (isOld: boolean): Promise<Ajv> => kept(compilers, isOld, () => loadCompiler(isOld));

const loadCompiler = async (isOld: boolean): Promise<Ajv> => (await import('./schema-compiler.ts')).compilerOf(isOld);

/** As every door shows it. */
const shown = (value: unknown): unknown => {
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return { $base64: Buffer.from(value).toString('base64') };
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, shown(member)]));
};

const faultIn = (errors: readonly ErrorObject[], args: unknown): string => {
  const whole = errors.find(({ keyword }) => WHOLES.includes(keyword));
  const error = whole ?? errors[0];
  if (error === undefined) return 'args: do not fit';
  const { instancePath, message = `does not hold ${error.keyword}` } = error;
  return `${placeOf(instancePath, args)}: ${message}${detailOf(error)}`;
};

const detailOf = ({ keyword, params }: ErrorObject): string => {
  const { allowedValues, allowedValue, additionalProperty } = params as Readonly<Record<string, unknown>>;
  if (keyword === 'enum') return `: ${JSON.stringify(allowedValues).slice(0, SHOWN_LENGTH)}`;
  if (keyword === 'const') return `: ${JSON.stringify(allowedValue).slice(0, SHOWN_LENGTH)}`;
  if (keyword === 'additionalProperties') return `: ${String(additionalProperty).slice(0, SHOWN_LENGTH)}`;
  return '';
};

/** `/0/mail/to` is `args[0].mail.to`. */
const placeOf = (pointer: string, args: unknown): string => {
  let place = 'args';
  let at = args;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    place += Array.isArray(at) ? `[${key}]` : `.${key}`;
    at = (at as Readonly<Record<string, unknown>> | undefined)?.[key];
  }
  return place.slice(0, SHOWN_LENGTH);
};
