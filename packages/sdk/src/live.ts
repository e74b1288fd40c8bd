import { parseProgress } from '@baton/core';
import { decode, decodeData, PAYLOAD_LIMIT } from '@baton/protocols';
import type { LiveProgress } from './handle.ts';

/** A message is the payload's limit and a little for the rest. */
const LIVE_LIMIT = PAYLOAD_LIMIT + 1_024;

/** Reads a live progress message. Throws DecodeError for bytes that are none. */
export const readLive = (bytes: Uint8Array): LiveProgress => {
  const value = decode(bytes, LIVE_LIMIT);
  const map: Readonly<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {};
  const parsed = parseProgress(map['progress']);
  const { at, payload } = map;
  return {
    at: new Date(typeof at === 'number' ? at : 0),
    progress: parsed.ok ? parsed.progress : undefined,
    payload: payload instanceof Uint8Array ? decodeData(payload, PAYLOAD_LIMIT) : undefined,
  };
};
