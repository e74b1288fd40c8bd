import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { encodingFor, varyBy, type Encoding } from './encoding.ts';

/** A file of the page, with what the build has packed of it. */
export type PageFile = {
  /** Below the page's folder, `assets/page-1A2B3C4D.js`. */
  readonly path: string;
  readonly bytes: Buffer;
  readonly packed: Readonly<Partial<Record<Encoding, Buffer>>>;
  readonly etag: string;
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.map': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

const HASHED = /-[A-Za-z0-9_-]{8,}\.(js|css|woff2|svg|png|map)$/;
const PACKED = { br: '.br', gzip: '.gz' } as const satisfies Record<Encoding, string>;

/** Everything below the folder. The files are few and small, and whatever is not one of them can never be sent. */
export const readPageFiles = (root: string): readonly PageFile[] => {
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^\.|\.(br|gz)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  return paths.map((path) => {
    const bytes = readFileSync(join(root, path));
    const packed = Object.entries(PACKED).flatMap(([name, extension]) => {
      const made = readIfThere(join(root, path + extension));
      return made === undefined ? [] : [[name, made] as const];
    });
    const etag = `W/"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    return { path: path.replaceAll('\\', '/'), bytes, packed: Object.fromEntries(packed), etag };
  });
};

export const sendPageFile = (request: FastifyRequest, reply: FastifyReply, file: PageFile): FastifyReply => {
  const { path, bytes, packed, etag } = file;
  void reply.header('Cache-Control', HASHED.test(path) ? 'public, max-age=31536000, immutable' : 'no-cache');
  void reply.header('ETag', etag);
  varyBy(reply, 'Accept-Encoding');
  if (reply.statusCode === 200 && isKnown(request.headers['if-none-match'], etag)) return reply.code(304).send();
  const encoding = encodingFor(request.headers['accept-encoding'], Object.keys(packed) as Encoding[]);
  if (encoding !== undefined) void reply.header('Content-Encoding', encoding);
  void reply.type(TYPES[extname(path)] ?? 'application/octet-stream');
  return reply.send((encoding === undefined ? undefined : packed[encoding]) ?? bytes);
};

const isKnown = (header: string | undefined, etag: string): boolean =>
  (header ?? '').split(',').some((one) => one.trim() === etag || one.trim() === '*');

const readIfThere = (path: string): Buffer | undefined => {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
};
