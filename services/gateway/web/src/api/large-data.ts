import { ApiError, ask, type Server } from './http.ts';

export type LargePart = 'args' | 'result';

/** What can be looked at: all of it, or how its text begins. */
export type LargeView = { readonly kind: 'whole'; readonly value: unknown } | Beginning;
type Beginning = { readonly kind: 'beginning'; readonly text: string };

/** Bytes of an answer that are read to be looked at. More of it nobody reads, and a page could not draw. */
export const VIEW_BYTES = 256 * 1024;
/** The largest there is, over a slow line. */
const LIMIT_MS = 120_000;

const open = (server: Server, uuid: string, part: LargePart, signal: AbortSignal): Promise<Response> =>
  ask(server, `/api/v1/task/${encodeURIComponent(uuid)}/${part}`, { signal, limitMs: LIMIT_MS });

/** Reads no more than it shows. */
export const viewLarge = async (
  server: Server,
  uuid: string,
  part: LargePart,
  signal: AbortSignal,
): Promise<LargeView> => {
  const { body } = await open(server, uuid, part, signal);
  if (body === null) throw new ApiError(0, 'empty', 'The server sent nothing.');
  let text = '';
  let bytes = 0;
  const decoder = new TextDecoder();
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    const room = VIEW_BYTES - bytes;
    text += decoder.decode(chunk.subarray(0, room), { stream: true });
    bytes += chunk.length;
    // Leaving the loop cancels the rest.
    if (bytes > VIEW_BYTES) return { kind: 'beginning', text: valueIn(text, part) };
  }
  return { kind: 'whole', value: (JSON.parse(text) as Record<LargePart, unknown>)[part] };
};

/** The value alone, out of an answer that was cut. */
const valueIn = (text: string, part: LargePart): string => {
  const name = `"${part}":`;
  return text.slice(text.indexOf(name) + name.length);
};

/** All of it, as a file. */
export const downloadLarge = async (
  server: Server,
  uuid: string,
  part: LargePart,
  signal: AbortSignal,
): Promise<Blob> => {
  const answer = (await (await open(server, uuid, part, signal)).json()) as Record<LargePart, unknown>;
  return new Blob([JSON.stringify(answer[part], null, 2)], { type: 'application/json' });
};
