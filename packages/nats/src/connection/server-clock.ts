/** A difference below this is not one: it is what the way to the server and back may hide. */
const NOISE_MS = 25;

/** Own clocks at one moment: wall, and monotonic. */
export type Moment = { readonly wall: number; readonly mono: number };

export const moment = (): Moment => ({ wall: Date.now(), mono: performance.now() });

/**
 * The server's wall clock, from what it answered with its time; counted on from there by our monotonic clock. So neither a
 * wrong clock of this machine nor one that is set starts a task at a wrong time (behaviour X7).
 */
export class ServerClock {
  private readonly mono: () => number;
  private offset: number;

  constructor(start: Moment = moment(), mono: () => number = () => performance.now()) {
    this.mono = mono;
    this.offset = start.wall - start.mono;
  }

  /** `text`: the time in the answer to what was asked at `sent` and heard at `heard`. */
  note(sent: Moment, heard: Moment, text: string | undefined): void {
    const at = Date.parse(text ?? '');
    if (!Number.isFinite(at) || heard.mono < sent.mono) return;
    const halfMs = (heard.mono - sent.mono) / 2;
    const offset = at + halfMs - heard.mono;
    const own = heard.wall - heard.mono;
    this.offset = Math.abs(offset - own) <= halfMs + NOISE_MS ? own : offset;
  }

  now(): number {
    return Math.round(this.mono() + this.offset);
  }
}
