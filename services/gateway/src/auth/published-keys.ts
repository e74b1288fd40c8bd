import { BatonError, type Clock, type Log } from '@baton/runtime';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';

/** Keys are asked for again after this long. */
const FRESH_MS = 10 * 60_000;
/** While they cannot be had, those of the last time are good for so long. */
const KEPT_MS = 24 * 3_600_000;
/** From one asking to the next, whoever wants it: tokens that name keys nobody has cost the other side one request a second. */
const PAUSE_MS = 1_000;
/** Where there are keys nobody waits longer than this for newer ones. */
const HELD_MS = 500;
const TIMEOUT_MS = 5_000;
const SIZE_LIMIT = 1024 * 1024;

type Held = { readonly match: JWTVerifyGetKey; readonly begunAt: number };
type Asking = { readonly begunAt: number; readonly done: Promise<Held> };

/**
 * The keys that tokens are signed with, as their issuer publishes them. A key that is not known is asked for at once; an
 * issuer that does not answer locks nobody out whose key was known. What cannot be decided is `KEYS_UNAVAILABLE`, never a
 * bad token.
 */
export class PublishedKeys {
  private readonly url: URL;
  private readonly clock: Clock;
  private readonly log: Log;
  private held: Held | undefined;
  private asking: Asking | undefined;
  private lastBegunAt = Number.NEGATIVE_INFINITY;
  private failures = 0;

  constructor(url: string, { clock, log }: { readonly clock: Clock; readonly log: Log }) {
    this.url = new URL(url);
    this.clock = clock;
    this.log = log;
  }

  /** For `jwtVerify`. Rejects with `KEYS_UNAVAILABLE` when nobody can tell now, with an error of jose for a bad token. */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const now = this.clock.monotonic();
    const held = await this.current(now);
    try {
      return await held.match(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || held.begunAt >= now) throw error;
    }
    const newer = await this.begunSince(now);
    return newer.match(header, token);
  };

  private async current(now: number): Promise<Held> {
    const { held } = this;
    if (held === undefined || now - held.begunAt > KEPT_MS) {
      // Asked a moment ago and in vain: whoever comes meanwhile is told so, and does not wait for his turn.
      if (this.asking === undefined && this.failures > 0 && now - this.lastBegunAt < PAUSE_MS) throw unavailable();
      return this.begunSince(this.asking?.begunAt ?? now);
    }
    if (now - held.begunAt <= FRESH_MS) return held;
    if (this.asking === undefined && now - this.lastBegunAt < PAUSE_MS) return held;
    const newer = this.begunSince(this.asking?.begunAt ?? now).catch(() => held);
    return Promise.race([newer, this.pause(HELD_MS).then(() => held)]);
  }

  /** The keys as they were at some moment after this one. */
  private async begunSince(moment: number): Promise<Held> {
    for (;;) {
      if (this.asking !== undefined) {
        if (this.asking.begunAt >= moment) return this.asking.done;
        await this.asking.done.catch(() => undefined);
      } else if (this.held !== undefined && this.held.begunAt >= moment) {
        return this.held;
      } else {
        const wait = this.lastBegunAt + PAUSE_MS - this.clock.monotonic();
        if (wait <= 0) return this.ask().done;
        await this.pause(wait);
      }
    }
  }

  private ask(): Asking {
    const begunAt = this.clock.monotonic();
    this.lastBegunAt = begunAt;
    const done = this.load(begunAt).finally(() => (this.asking = undefined));
    this.asking = { begunAt, done };
    return this.asking;
  }

  private async load(begunAt: number): Promise<Held> {
    try {
      const match = createLocalJWKSet(await readKeys(this.url));
      this.held = { match, begunAt };
    } catch (error) {
      this.say(error);
      throw unavailable(error);
    }
    if (this.failures > 0) this.log.info('the keys of tokens can be had again');
    this.failures = 0;
    return this.held;
  }

  /** At the first and then at every power of two: an outage is worth some lines, not one a second. */
  private say(error: unknown): void {
    const count = ++this.failures;
    if ((count & (count - 1)) !== 0) return;
    const until = this.held === undefined ? 'nobody can be let in' : 'those of the last time are used';
    this.log.warn({ err: error, count, host: this.url.host }, `the keys of tokens cannot be had now; ${until}`);
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }
}

const unavailable = (cause?: unknown): BatonError =>
  new BatonError('KEYS_UNAVAILABLE', 'the keys that tokens are signed with cannot be had now', { cause });

const readKeys = async (url: URL): Promise<JSONWebKeySet> => {
  const answer = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'manual',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (answer.status !== 200) {
    await answer.body?.cancel();
    throw new Error(`the keys were answered with ${answer.status}`);
  }
  const text = await textOf(answer);
  try {
    return JSON.parse(text) as JSONWebKeySet;
  } catch (error) {
    throw new Error('the keys were answered with something that is not JSON', { cause: error });
  }
};

const textOf = async ({ body }: Response): Promise<string> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body ?? []) {
    size += chunk.length;
    if (size > SIZE_LIMIT) throw new Error('the keys are larger than any set of keys');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
};
