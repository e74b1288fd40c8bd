import { deflateSync } from 'node:zlib';
import { getContext, task } from '@baton/sdk';

export type Picture = { readonly width: number; readonly height: number; readonly png: Uint8Array };

const CHANNELS = 3;

/** Most steps for one pixel: what makes it work for a processor, as a real filter is. */
const ITERATIONS = 120;

/** A corner of the Mandelbrot set, pixel by pixel. */
const colourOf = (x: number, y: number): readonly [number, number, number] => {
  let [re, im] = [0, 0];
  for (let i = 0; i < ITERATIONS; i++) {
    [re, im] = [re * re - im * im + x, 2 * re * im + y];
    if (re * re + im * im > 4) return [(i * 9) % 256, (i * 5) % 256, (i * 3) % 256];
  }
  return [0, 0, 0];
};

const crcTable = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

const chunk = (name: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const crc = body.reduce((c, byte) => (crcTable[(c ^ byte) & 255] ?? 0) ^ (c >>> 8), 0xffffffff);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE((crc ^ 0xffffffff) >>> 0);
  return Buffer.concat([length, body, check]);
};

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Pixels as a PNG file of 8 bits a channel, each row without a filter. */
const encodePng = (width: number, height: number, pixels: Uint8Array): Uint8Array => {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const rows = Buffer.alloc(height * (1 + width * CHANNELS));
  for (let y = 0; y < height; y++) {
    rows.set(pixels.subarray(y * width * CHANNELS, (y + 1) * width * CHANNELS), y * (1 + width * CHANNELS) + 1);
  }
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
};

const inThread = { isolation: 'thread', module: import.meta.url } as const;

/**
 * Computes for as long as it takes, without a pause: in a thread of its own that stops nobody else. Looking at the signal
 * and telling progress need no turn of the event loop there.
 */
export const renderPicture = task(
  { ...inThread, name: 'render_picture', title: 'Picture', timeout: '1m', abortGrace: '2s', threadMemoryMb: 128 },
  (width: number, height: number, zoom: number): Picture => {
    const { signal, updateTask } = getContext();
    const pixels = new Uint8Array(width * height * CHANNELS);
    for (let y = 0; y < height; y++) {
      signal.throwIfAborted();
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * CHANNELS;
        pixels.set(colourOf(-0.7436 + (x / width - 0.5) * zoom, 0.1318 + (y / height - 0.5) * zoom), at);
      }
      updateTask({ progress: [y + 1, height] });
    }
    return { width, height, png: encodePng(width, height, pixels) };
  },
);

/** Never ends and never looks up: only the end of its thread stops it. */
export const runAway = task({ ...inThread, name: 'run_away', timeout: '1s', abortGrace: '500ms' }, () => {
  for (;;);
});

/** The pipeline: renders every size, and keeps only what fits. It waits, so it needs no thread. */
export const makeThumbnails = task({ name: 'make_thumbnails', timeout: '2m' }, async (widths: readonly number[]) => {
  const { updateTask } = getContext();
  let done = 0;
  const pictures = await Promise.all(
    widths.map(async (width) => {
      const handle = await renderPicture.schedule(width, Math.round((width * 2) / 3), 0.01);
      await handle.wait();
      if (handle.result === undefined) throw new Error(`${width} pixels: ${handle.error?.message ?? handle.status}`);
      updateTask({ progress: [++done, widths.length] });
      return handle.result;
    }),
  );
  return pictures.map(({ width, height, png }) => ({ width, height, bytes: png.length }));
});
