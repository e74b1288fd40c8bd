import type { Fields, Kind } from './kind.ts';

/** A part of a JSON Schema. */
export type SchemaPart = Readonly<Record<string, unknown>>;

/**
 * What values of a kind look like, in the words of JSON Schema. Beside the kinds and not in them: a kind is read and written by
 * for every record, and keeps its three functions.
 */
export type Form =
  | { readonly of: 'value'; readonly schema: SchemaPart }
  | { readonly of: 'list'; readonly item: Kind }
  | { readonly of: 'map'; readonly required: Fields; readonly optional: Fields }
  /** A map whose names are not fixed. */
  | { readonly of: 'values'; readonly names: RegExp; readonly value: Kind }
  | { readonly of: 'bytes or'; readonly other: Kind }
  /** The same, and what is asked beyond it. */
  | { readonly of: 'narrower'; readonly kind: Kind; readonly also: SchemaPart | (() => readonly Kind[]) }
  | { readonly of: 'later'; readonly kind: () => Kind };

const forms = new WeakMap<Kind, Form>();

/** Says what a kind looks like. */
export const formed = (kind: Kind, form: Form): Kind => {
  forms.set(kind, form);
  return kind;
};

/** A kind that nobody has described is a gap in the contract. */
const formOf = (kind: Kind): Form => {
  const form = forms.get(kind);
  if (form === undefined) throw new Error('a kind without a form: describe it where it is made, see kinds.ts');
  return form;
};

/** Kinds that have a name in the schema: their place there instead of them. */
export type NamedKinds = ReadonlyMap<Kind, string>;

/** Bytes, in the picture that JSON has of MessagePack. */
export const BYTES_SCHEMA: SchemaPart = {
  type: 'object',
  properties: { $hex: { type: 'string', pattern: '^([0-9a-f]{2})*$' } },
  required: ['$hex'],
};

/** Leaves by name, but for `kind` itself, which is asked for. */
export const schemaOf = (kind: Kind, named: NamedKinds): SchemaPart => {
  const partOf = (part: Kind): SchemaPart => {
    const name = named.get(part);
    return name === undefined ? schemaOf(part, named) : { $ref: `#/$defs/${name}` };
  };
  const form = formOf(kind);
  switch (form.of) {
    case 'value':
      return form.schema;
    case 'list':
      return { type: 'array', items: partOf(form.item) };
    case 'map': {
      const properties = Object.entries({ ...form.required, ...form.optional }).map(([name, each]) => [
        name,
        partOf(each),
      ]);
      const required = Object.keys(form.required);
      return {
        type: 'object',
        properties: Object.fromEntries(properties),
        ...(required.length === 0 ? {} : { required }),
      };
    }
    case 'values':
      return {
        type: 'object',
        propertyNames: { pattern: form.names.source },
        additionalProperties: partOf(form.value),
      };
    case 'bytes or':
      return { anyOf: [{ $ref: '#/$defs/bytes' }, partOf(form.other)] };
    case 'narrower': {
      const also = typeof form.also === 'function' ? { anyOf: form.also().map(partOf) } : form.also;
      return { ...schemaOf(form.kind, named), ...also };
    }
    case 'later':
      return partOf(form.kind());
  }
};
