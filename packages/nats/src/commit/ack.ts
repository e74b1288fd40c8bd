/** Reads the server's answer to a publish. */

export type Ack =
  | { readonly kind: 'stored'; readonly sequence: number; readonly count: number }
  | { readonly kind: 'error'; readonly apiCode: number; readonly status: number; readonly text: string }
  | { readonly kind: 'unreadable'; readonly text: string };

const QUOTE = 0x22;
const COLON = 0x3a;
const CLOSE = 0x7d;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The answer to a single publish is `{"stream":"NAME","seq":123}` and arrives a hundred thousand times: its number is
 * read from the end without making a string. Everything else is JSON.
 */
export const readAck = (bytes: Uint8Array): Ack => {
  const sequence = plainSequence(bytes);
  return sequence > 0 ? { kind: 'stored', sequence, count: 1 } : readJson(bytes);
};

/** The number of a plain answer, or 0. */
const plainSequence = (bytes: Uint8Array): number => {
  let at = bytes.length - 1;
  if (at < 12 || bytes[at] !== CLOSE) return 0;
  let sequence = 0;
  let place = 1;
  for (at--; at > 0; at--) {
    const digit = bytes[at] as number;
    if (digit < ZERO || digit > NINE) break;
    sequence += (digit - ZERO) * place;
    place *= 10;
  }
  // `"seq":` and, at the start, `{"s` of "stream": an error starts with `{"error"`, an unsafe number is no sequence.
  const plain =
    place > 1 &&
    bytes[at] === COLON &&
    bytes[at - 1] === QUOTE &&
    bytes[at - 2] === 0x71 &&
    bytes[at - 3] === 0x65 &&
    bytes[at - 4] === 0x73 &&
    bytes[at - 5] === QUOTE &&
    bytes[1] === QUOTE &&
    bytes[2] === 0x73 &&
    bytes[3] === 0x74;
  return plain && Number.isSafeInteger(sequence) ? sequence : 0;
};

type PubAck = {
  readonly seq?: unknown;
  readonly count?: unknown;
  readonly error?: { readonly code?: unknown; readonly err_code?: unknown; readonly description?: string };
};

const readJson = (bytes: Uint8Array): Ack => {
  const text = new TextDecoder().decode(bytes);
  let answer: PubAck | null;
  try {
    answer = JSON.parse(text) as PubAck | null;
  } catch {
    return { kind: 'unreadable', text: text.slice(0, 200) };
  }
  const error = answer?.error;
  if (error !== undefined) {
    return {
      kind: 'error',
      apiCode: Number(error.err_code ?? 0),
      status: Number(error.code ?? 0),
      text: String(error.description ?? 'no description'),
    };
  }
  const { seq, count } = answer ?? {};
  if (!Number.isSafeInteger(seq) || (seq as number) <= 0) return { kind: 'unreadable', text: text.slice(0, 200) };
  return { kind: 'stored', sequence: seq as number, count: Number.isSafeInteger(count) ? (count as number) : 1 };
};
