/** What a type takes, read out of the JSON Schema of its list of arguments; only for people, the server decides. */

type Schema = Readonly<Record<string, unknown>>;

/** `(to: string, count?: integer, ...rest: number)`; undefined where the schema does not list them. */
export const signatureOf = (schema: Schema | null): string | undefined => {
  if (schema === null) return undefined;
  const { prefixItems, items, minItems } = schema;
  const listed = Array.isArray(prefixItems) ? prefixItems : Array.isArray(items) ? items : [];
  const rest = listed === items ? schema['additionalItems'] : items;
  const least = typeof minItems === 'number' ? minItems : 0;
  const parts = listed.map((one: unknown, i) => `${nameOf(one, i)}${i < least ? '' : '?'}: ${kindOf(one)}`);
  if (isSchema(rest)) parts.push(`...${typeof rest['title'] === 'string' ? rest['title'] : 'more'}: ${kindOf(rest)}`);
  return parts.length === 0 ? undefined : `(${parts.join(', ')})`;
};

const isSchema = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const nameOf = (schema: unknown, i: number): string =>
  isSchema(schema) && typeof schema['title'] === 'string' ? schema['title'] : `argument ${i + 1}`;

const MOST_VALUES = 5;

const kindOf = (schema: unknown): string => {
  if (!isSchema(schema)) return 'any';
  const { type, enum: values, properties } = schema;
  if (Array.isArray(values) && values.length <= MOST_VALUES)
    return values.map((one) => JSON.stringify(one)).join(' or ');
  if (Array.isArray(type)) return type.join(' or ');
  if (isSchema(properties)) return `{ ${Object.keys(properties).join(', ')} }`;
  return typeof type === 'string' ? type : 'any';
};
