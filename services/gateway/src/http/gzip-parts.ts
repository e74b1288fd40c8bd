import { constants, crc32, deflateRawSync } from 'node:zlib';

const HEAD = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
/** A last block with nothing in it. */
const END = Buffer.from([0x03, 0x00]);

/**
 * One gzip file of several texts, of which each is packed for itself: how short one becomes tells nothing of the others.
 * Who can put text of his own beside a secret and sees how long answers are could otherwise guess the secret letter by
 * letter (BREACH).
 */
export const gzipParts = (parts: readonly string[]): Buffer => {
  const blocks: Buffer[] = [];
  let sum = 0;
  let length = 0;
  for (const part of parts) {
    const bytes = Buffer.from(part);
    if (bytes.length === 0) continue;
    blocks.push(deflateRawSync(bytes, { finishFlush: constants.Z_FULL_FLUSH }));
    sum = crc32(bytes, sum);
    length += bytes.length;
  }
  const tail = Buffer.alloc(8);
  tail.writeUInt32LE(sum >>> 0, 0);
  tail.writeUInt32LE(length >>> 0, 4);
  return Buffer.concat([HEAD, ...blocks, END, tail]);
};
