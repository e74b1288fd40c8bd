import { readFileSync } from 'node:fs';
import type { SchemaPart } from '@baton/protocols';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import ajvFormats from 'ajv-formats';
import { answer, beatAnswer, claimAnswer, finishAnswer, presence } from './answer-schemas.ts';
import { beat, cancel, claim, finish, signal, submit, why } from './command-schemas.ts';
import { announcement, definition } from './definition-schemas.ts';
import { queueSettings, schedule } from './kept-schemas.ts';
import { strict } from './parts.ts';
import { event, live, progress, record, recordByState } from './record-schemas.ts';

/** Every schema of the contract, by the name of its file, and what makes it. */
export const SCHEMAS: Readonly<Record<string, () => SchemaPart>> = {
  record,
  'record-by-state': recordByState,
  event,
  live,
  progress,
  submit,
  cancel,
  signal,
  why,
  answer,
  presence,
  definition,
  announcement,
  schedule,
  'queue-settings': queueSettings,
  'work-claim': claim,
  'work-claim-answer': claimAnswer,
  'work-beat': beat,
  'work-beat-answer': beatAnswer,
  'work-finish': finish,
  'work-finish-answer': finishAnswer,
};

export const schemaFile = (name: string): string => `protocols/schemas/${name}.json`;

const read = (name: string): SchemaPart => JSON.parse(readFileSync(schemaFile(name), 'utf8')) as SchemaPart;

/** Whether a message fits the schema of that name as it is published; `fault`: the first place where it does not. */
export type Fits = (name: string, message: unknown) => { readonly fault: string | undefined };

const fitsBy = (change: (schema: SchemaPart) => SchemaPart): Fits => {
  const ajv = new Ajv2020({ allErrors: false, strict: true, strictRequired: false, strictTypes: false });
  ajvFormats.default(ajv, ['uuid', 'date-time']);
  for (const name of Object.keys(SCHEMAS)) ajv.addSchema(change(read(name)), `${name}.json`);
  return (name, message) => {
    const validate = ajv.getSchema(`${name}.json`) as ValidateFunction | undefined;
    if (validate === undefined) throw new Error(`no schema ${name}`);
    if (validate(message)) return { fault: undefined };
    const [error] = validate.errors ?? [];
    return { fault: `${error?.instancePath} ${error?.message} ${JSON.stringify(error?.params)}` };
  };
};

/** As others read our messages, passing by what they do not know. */
export const openFits = (): Fits => fitsBy((schema) => schema);

/** Nothing may be in a message that its schema does not name. */
export const strictFits = (): Fits => fitsBy((schema) => strict(schema));

/** A value of MessagePack in the picture of JSON that vectors and schemas use. */
export const picture = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return { $hex: Buffer.from(value).toString('hex') };
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(picture);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, picture(member)]));
};
