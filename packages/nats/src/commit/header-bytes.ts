import type { MsgHdrs } from '@nats-io/nats-core';

/**
 * Header blocks written by hand. The client's header object checks and copies every key and value with regular
 * expressions and closures, which costs more than the rest of a publish; of the object it is given, its `publish` uses
 * `encode()` alone.
 */
export const headerNames = {
  expected: 'Nats-Expected-Last-Subject-Sequence',
  ttl: 'Nats-TTL',
  /** What comes twice under one within the stream's window is there once. */
  id: 'Nats-Msg-Id',
  batchId: 'Nats-Batch-Id',
  batchSequence: 'Nats-Batch-Sequence',
  batchCommit: 'Nats-Batch-Commit',
} as const;

const START = 'NATS/1.0\r\n';

/** A list: the header stands there several times. */
export type HeaderValues = Readonly<Record<string, string | readonly string[]>>;

export type HeaderFields = {
  readonly headers?: HeaderValues | undefined;
  readonly expected?: number | undefined;
  readonly ttlMs?: number | undefined;
};

/** The lines of a message's headers, without the first and the last; empty when it has none. */
export const headerLines = ({ headers, expected, ttlMs }: HeaderFields): string => {
  let lines = expected === undefined ? '' : `${headerNames.expected}: ${expected}\r\n`;
  // Whole seconds, at least one: the server knows no shorter life.
  if (ttlMs !== undefined) lines += `${headerNames.ttl}: ${Math.max(1, Math.ceil(ttlMs / 1000))}s\r\n`;
  if (headers === undefined) return lines;
  for (const key in headers) {
    const value = headers[key];
    if (typeof value === 'object') for (const each of value) lines += `${key}: ${each}\r\n`;
    else lines += `${key}: ${value}\r\n`;
  }
  return lines;
};

export const batchLines = (id: string, sequence: number, last: boolean): string =>
  `${headerNames.batchId}: ${id}\r\n${headerNames.batchSequence}: ${sequence}\r\n${last ? `${headerNames.batchCommit}: 1\r\n` : ''}`;

/** As `publish` of the client wants it. `lines` must not be empty. */
export const headerBlock = (lines: string): MsgHdrs => new HeaderBlock(`${START}${lines}\r\n`) as unknown as MsgHdrs;

class HeaderBlock {
  private readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  encode(): Uint8Array {
    return Buffer.from(this.text, 'latin1');
  }
}
