import { SETTINGS_VERSION, type QueueSettings } from '@baton/core';
import { DecodeError, encode, unpack } from './codec.ts';
import { schemaOf, type SchemaPart } from './kind-forms.ts';
import { above0, faultIn, listOf, mapOf, oneOf, text, time } from './kinds.ts';
import type { Fields } from './kind.ts';
import { limitWhere, typeLimits } from './limit-shape.ts';
import { QUEUE_SETTINGS_LIMIT } from './limits.ts';

/** What is set for a queue, as it is stored: a MessagePack map. Fields a program does not know are carried along. */

const WHO = { by: text, at: time };

const REQUIRED: Fields = {
  v: above0,
  queue: text,
  pauses: listOf(mapOf(WHO, { type: text, group: text, why: text })),
  limits: listOf(
    limitWhere({ of: oneOf('queue', 'type', 'group', 'key'), ...WHO }, { name: text, type: text, why: text }),
  ),
  weights: listOf(mapOf({ group: text, weight: above0, ...WHO })),
  changes: listOf(mapOf({ what: text, ...WHO }, { why: text })),
};

const OPTIONAL: Fields = {
  nonce: text,
  defined: listOf(mapOf({ type: text, limits: typeLimits, ...WHO })),
};

/** As a definition has it. */
export const typeLimitsSchema = (): SchemaPart => schemaOf(typeLimits, new Map());

/** Made of the table they are read by, as `recordSchema` is. */
export const queueSettingsSchema = (): SchemaPart => schemaOf(mapOf(REQUIRED, OPTIONAL), new Map());

export type SettingsReading =
  | { readonly kind: 'settings'; readonly settings: QueueSettings }
  | { readonly kind: 'newer'; readonly version: number }
  | { readonly kind: 'corrupt'; readonly reason: string };

export const encodeQueueSettings = (settings: QueueSettings): Uint8Array => encode(settings);

export const readQueueSettings = (bytes: Uint8Array, queue: string): SettingsReading => {
  let value: unknown;
  try {
    value = unpack(bytes, QUEUE_SETTINGS_LIMIT);
  } catch (error) {
    if (error instanceof DecodeError) return { kind: 'corrupt', reason: error.message };
    throw error;
  }
  const version = (value as { readonly v?: unknown } | null)?.v;
  if (typeof version === 'number' && version > SETTINGS_VERSION) return { kind: 'newer', version };
  const fault = faultIn(value, REQUIRED, OPTIONAL);
  if (fault !== undefined) return { kind: 'corrupt', reason: fault };
  const settings = value as QueueSettings;
  return settings.queue === queue
    ? { kind: 'settings', settings }
    : { kind: 'corrupt', reason: `it is of the queue ${settings.queue}` };
};
