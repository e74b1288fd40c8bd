import type { TraceContext } from '@baton/core';

/** W3C Trace Context on the wire: what is written well goes along, anything else is dropped and refuses nobody. */

/** A later version may have more behind; what stands here is what this one knows of it. */
const PARENT_PATTERN = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const KEY_PATTERN = /^(?:[a-z][a-z\d_\-*/]{0,255}|[a-z\d][a-z\d_\-*/]{0,240}@[a-z][a-z\d_\-*/]{0,13})$/;
/** Printable ASCII but for the comma and the equals sign, and no space at the end. */
const VALUE_PATTERN = /^[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;

/** Longer ones are not looked at. */
const PARENT_LENGTH = 512;
/** Characters and members of `tracestate` that are kept: what every implementation passes on. */
export const TRACE_STATE_LENGTH = 512;
const STATE_MEMBERS = 32;
const STATE_LENGTH_READ = 8_192;

/** Undefined for what is no trace context. A `tracestate` that is none, or without a `traceparent`, is left out. */
export const readTraceContext = (traceparent: unknown, tracestate?: unknown): TraceContext | undefined => {
  const parent = readParent(traceparent);
  if (parent === undefined) return undefined;
  const state = readState(tracestate);
  return state === undefined ? { traceparent: parent } : { traceparent: parent, tracestate: state };
};

/** The 32 hexadecimal digits by which a trace is found. Undefined for what is no trace context. */
export const traceIdOf = (traceparent: string | undefined): string | undefined =>
  traceparent === undefined ? undefined : PARENT_PATTERN.exec(traceparent)?.[2];

const readParent = (value: unknown): string | undefined => {
  if (typeof value !== 'string' || value.length > PARENT_LENGTH) return undefined;
  const found = PARENT_PATTERN.exec(value.trim());
  if (found === null) return undefined;
  const [, version, traceId, spanId, flags, more] = found;
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId ?? '') || /^0+$/.test(spanId ?? '')) return undefined;
  return `00-${traceId}-${spanId}-${flags}`;
};

const readState = (value: unknown): string | undefined => {
  if (typeof value !== 'string' || value.length > STATE_LENGTH_READ) return undefined;
  const members = value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
  if (members.length === 0 || members.length > STATE_MEMBERS) return undefined;
  const keys = new Set<string>();
  for (const member of members) {
    const at = member.indexOf('=');
    const key = member.slice(0, at);
    if (at < 0 || keys.has(key) || !KEY_PATTERN.test(key) || !VALUE_PATTERN.test(member.slice(at + 1)))
      return undefined;
    keys.add(key);
  }
  return shortened(members);
};

/** What is too long loses members from its end, which are the oldest. */
const shortened = (members: readonly string[]): string | undefined => {
  let kept = '';
  for (const member of members) {
    const longer = kept === '' ? member : `${kept},${member}`;
    if (longer.length > TRACE_STATE_LENGTH) break;
    kept = longer;
  }
  return kept === '' ? undefined : kept;
};

/** The trace context among the headers of a message, whatever the case of their names; the first of each counts. */
export const traceContextIn = (
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
): TraceContext | undefined => {
  let parent: unknown;
  let state: unknown;
  for (const name in headers) {
    const isParent = name.length === 11 && name.toLowerCase() === 'traceparent';
    if (!isParent && !(name.length === 10 && name.toLowerCase() === 'tracestate')) continue;
    const value = headers[name];
    if (isParent) parent ??= typeof value === 'string' ? value : value?.[0];
    // Several are one list, in their order.
    else state ??= typeof value === 'string' ? value : value?.join(',');
  }
  return parent === undefined ? undefined : readTraceContext(parent, state);
};
