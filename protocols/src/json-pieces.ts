import { decodeLargeData, DecodeError } from './codec.ts';
import { DATA_DEPTH, LARGE_DATA_NODES } from './limits.ts';
import { scanFault } from './scan.ts';

/** Characters of a piece, roughly. */
const PIECE = 64 * 1024;
/** Bytes of long text or of bytes that become a piece; a multiple of three, so that base64 has no padding between. */
const SLICE = 48 * 1024;

/**
 * Large data as JSON text, as people and REST see it (times are ISO text, bytes `{"$base64"}`), piece by piece: nothing is
 * built of it, so that it takes no more memory than its bytes do. Throws DecodeError before the first piece for what is
 * no plain data, and never later.
 */
export const jsonPieces = (bytes: Uint8Array): Generator<string, void> => {
  const fault = scanFault(bytes, { depth: DATA_DEPTH, nodes: LARGE_DATA_NODES });
  if (fault !== undefined) throw new DecodeError(`the data cannot be read: ${fault}`);
  return pieces(bytes);
};

type Open = { left: number; readonly isMap: boolean; isFirst: boolean };

function* pieces(bytes: Uint8Array): Generator<string, void> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const open: Open[] = [];
  let at = 0;
  let out = '';
  do {
    const around = open.at(-1);
    const isValue = around?.isMap === true && around.left % 2 === 1;
    if (around !== undefined) {
      around.left--;
      if (!isValue && !around.isFirst) out += ',';
      around.isFirst = false;
    }
    const leaf = headOf(view, at);
    at = leaf.from;
    if (leaf.kind === 'list' || leaf.kind === 'map') {
      const isMap = leaf.kind === 'map';
      out += isMap ? '{' : '[';
      open.push({ left: isMap ? leaf.size * 2 : leaf.size, isMap, isFirst: true });
    } else {
      const end = at + leaf.size;
      if (leaf.kind === 'text' || leaf.kind === 'bytes') {
        out += leaf.kind === 'text' ? '"' : '{"$base64":"';
        while (at < end) {
          const to = leaf.kind === 'text' ? wholeText(bytes, at, end) : Math.min(end, at + SLICE);
          const slice = Buffer.from(bytes.buffer, bytes.byteOffset + at, to - at);
          out += leaf.kind === 'text' ? JSON.stringify(slice.toString()).slice(1, -1) : slice.toString('base64');
          at = to;
          if (out.length >= PIECE) {
            yield out;
            out = '';
          }
        }
        out += leaf.kind === 'text' ? '"' : '"}';
      } else {
        out += textOf(view, leaf.start) ?? JSON.stringify(decodeLargeData(bytes.subarray(leaf.start, end)));
        at = end;
      }
      if (around?.isMap === true && !isValue) out += ':';
    }
    for (let inner = open.at(-1); inner?.left === 0; inner = open.at(-1)) {
      out += inner.isMap ? '}' : ']';
      open.pop();
    }
    if (out.length >= PIECE) {
      yield out;
      out = '';
    }
  } while (open.length > 0);
  yield out;
}

/** Of the most frequent words and numbers; of others the decoder makes the value. */
const textOf = (view: DataView, start: number): string | undefined => {
  const code = view.getUint8(start);
  if (code <= 0x7f) return String(code);
  if (code >= 0xe0) return String(code - 256);
  switch (code) {
    case 0xc0:
      return 'null';
    case 0xc2:
      return 'false';
    case 0xc3:
      return 'true';
    case 0xcb:
      return JSON.stringify(view.getFloat64(start + 1));
    case 0xcc:
      return String(view.getUint8(start + 1));
    case 0xcd:
      return String(view.getUint16(start + 1));
    case 0xce:
      return String(view.getUint32(start + 1));
    default:
      return undefined;
  }
};

/** Where a slice of text may end without cutting a character. */
const wholeText = (bytes: Uint8Array, from: number, end: number): number => {
  let to = Math.min(end, from + SLICE);
  while (to < end && (bytes[to]! & 0xc0) === 0x80) to--;
  return to;
};

type Head = {
  readonly kind: 'list' | 'map' | 'text' | 'bytes' | 'other';
  readonly start: number;
  /** Behind the code and the length. */
  readonly from: number;
  /** Items of a list, pairs of a map, bytes of everything else. */
  readonly size: number;
};

/** What stands here; it was scanned before. */
const headOf = (view: DataView, start: number): Head => {
  const code = view.getUint8(start);
  const head = (kind: Head['kind'], lengthBytes: number, size: number): Head => ({
    kind,
    start,
    from: start + 1 + lengthBytes,
    size,
  });
  const sized = (kind: Head['kind'], lengthBytes: 1 | 2 | 4): Head => {
    let size = 0;
    for (let i = 1; i <= lengthBytes; i++) size = size * 256 + view.getUint8(start + i);
    return head(kind, lengthBytes, size);
  };
  if (code <= 0x7f || code >= 0xe0) return head('other', 0, 0);
  if (code <= 0x8f) return head('map', 0, code & 0x0f);
  if (code <= 0x9f) return head('list', 0, code & 0x0f);
  if (code <= 0xbf) return head('text', 0, code & 0x1f);
  return CODES[code]?.(sized, head) ?? head('other', 0, 0);
};

type Sized = (kind: Head['kind'], lengthBytes: 1 | 2 | 4) => Head;
type Plain = (kind: Head['kind'], lengthBytes: number, size: number) => Head;

const other =
  (size: number) =>
  (_sized: Sized, head: Plain): Head =>
    head('other', 0, size);

const CODES: Readonly<Record<number, (sized: Sized, head: Plain) => Head>> = {
  0xc4: (sized) => sized('bytes', 1),
  0xc5: (sized) => sized('bytes', 2),
  0xc6: (sized) => sized('bytes', 4),
  0xca: other(4),
  0xcb: other(8),
  0xcc: other(1),
  0xcd: other(2),
  0xce: other(4),
  0xcf: other(8),
  0xd0: other(1),
  0xd1: other(2),
  0xd2: other(4),
  0xd3: other(8),
  0xd6: other(5),
  0xd7: other(9),
  0xc7: other(14),
  0xd9: (sized) => sized('text', 1),
  0xda: (sized) => sized('text', 2),
  0xdb: (sized) => sized('text', 4),
  0xdc: (sized) => sized('list', 2),
  0xdd: (sized) => sized('list', 4),
  0xde: (sized) => sized('map', 2),
  0xdf: (sized) => sized('map', 4),
};
