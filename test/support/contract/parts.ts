import type { SchemaPart } from '@baton/protocols';

/** How schemas of messages are put together whose shape is a type of ours. */

export const DIALECT = 'https://json-schema.org/draft/2020-12/schema';

type RequiredOf<T> = { [K in keyof T]-?: object extends Pick<T, K> ? never : K }[keyof T];

/**
 * The schema of a map of ours. The compiler holds it to the type: a field that is missing here, or is there in the type no
 * more, does not compile, and neither does one that may be absent and is said to be required.
 */
export const mapOf = <T>(
  description: string,
  properties: { readonly [K in keyof T]-?: SchemaPart },
  required: { readonly [K in RequiredOf<T>]: true },
): SchemaPart => ({ type: 'object', description, properties, required: Object.keys(required) });

export const text = (description: string, more: SchemaPart = {}): SchemaPart => ({
  type: 'string',
  description,
  ...more,
});
export const count = (description: string): SchemaPart => ({ type: 'integer', minimum: 0, description });
export const flag = (description: string): SchemaPart => ({ type: 'boolean', description });
export const oneOf = (description: string, ...values: readonly string[]): SchemaPart => ({ enum: values, description });
export const listOf = (description: string, items: SchemaPart): SchemaPart => ({ type: 'array', description, items });
export const nullable = (part: SchemaPart): SchemaPart => {
  const { description, ...rest } = part;
  return { description, anyOf: [rest, { type: 'null' }] };
};
export const refTo = (ref: string, description: string): SchemaPart => ({ $ref: ref, description });
export const millis = (description: string): SchemaPart => ({
  type: 'number',
  description: `${description} Milliseconds since 1970, UTC, by the server's clock; a float64.`,
});
export const anything = (description: string): SchemaPart => ({ description });

const SUBSCHEMAS = ['if', 'then', 'else', 'not', 'items', 'additionalProperties'];

/**
 * The same schema, and nothing that it does not name: a field that was added and is described nowhere is found. Only for tests:
 * who reads messages of ours passes by what he does not know.
 */
export const strict = (part: unknown, isWhole = true): SchemaPart => {
  const schema = part as SchemaPart;
  const made: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === 'properties' || key === '$defs') {
      made[key] = Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, strict(each)]));
    } else if (key === 'anyOf' || key === 'allOf' || key === 'oneOf') {
      made[key] = (value as unknown[]).map((each) => strict(each, key !== 'allOf' && !('properties' in schema)));
    } else if (SUBSCHEMAS.includes(key) && typeof value === 'object')
      made[key] = strict(value, key === 'items' || key === 'additionalProperties');
    else made[key] = value;
  }
  if (isWhole && schema['properties'] !== undefined && schema['additionalProperties'] === undefined)
    made['unevaluatedProperties'] = false;
  return made;
};
