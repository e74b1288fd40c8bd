import type { ServerEvent } from '../api/event-parser.ts';

/** Whose events, of which server: pages with the same one share a stream. */
export type StreamKey = {
  /** Absolute address of the server, without a slash at the end. */
  readonly base: string;
  readonly user: string;
  readonly admin: boolean;
};

/** `live`: nothing is missed. `late`: connected, and the server has not said a word for longer than it
 * promises, or hears of no changes itself. */
export type StreamState = 'connecting' | 'live' | 'late' | 'offline' | 'denied';

/** What a page says to the hub. */
export type ToHub =
  /** It is there, and wants live progress of these tasks. Repeated every `BEAT_MS` as a sign of life. */
  | { readonly kind: 'watch'; readonly progressOf: readonly string[] }
  /** Answers `headers`. Undefined: this page cannot say. */
  | { readonly kind: 'headers'; readonly call: number; readonly headers: Headers | undefined }
  | { readonly kind: 'leave' };

/** What the hub says to a page. */
export type FromHub =
  /** Answers each `watch`. */
  | { readonly kind: 'state'; readonly state: StreamState }
  /** From here on no change is missed: what was read before may be older. */
  | { readonly kind: 'begin' }
  | { readonly kind: 'event'; readonly event: ServerEvent }
  /** What credentials does the next request carry? */
  | { readonly kind: 'headers'; readonly call: number };

type Headers = Readonly<Record<string, string>>;

export const BEAT_MS = 10_000;
/** A page or a hub that was not heard for this long is gone: two signs of life were missed. */
export const GONE_MS = 25_000;

/** As a name of workers, locks and channels, which a browser keeps apart by origin. */
export const nameOf = ({ base, user, admin }: StreamKey): string =>
  `baton-live ${JSON.stringify({ base, user, admin })}`;

export const keyIn = (name: string): StreamKey => JSON.parse(name.slice(name.indexOf('{'))) as StreamKey;
