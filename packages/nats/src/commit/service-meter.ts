/** Only while this many are in flight does the pace of the answers tell what one write costs the server. */
const BUSY = 8;
/** Long enough that neither a burst of answers nor one stop of this process makes the picture. */
const WINDOW_ACKS = 32;
const WINDOW_MS = 40;
/** So many of them without a fast one are a finding. Fewer may all be from a program that has just started. */
const SAMPLES = 6;

/**
 * One write that takes the server longer is waiting for a disk, or for a processor: 0.02 to 0.07 where nothing is short, 0.1
 * to some milliseconds with a disk. To take a server that waits for its disk for a fast one costs half of all writes, the
 * other way round a tenth of the processor.
 */
const SLOW_MS = 0.1;

/** How long `slow` is trusted: grouped writes tell nothing, so some single ones have to be sent to find out anew. */
const TRUST_MS = 15_000;

/** `unknown` until enough writes were in flight at once to tell. */
export type Pace = 'unknown' | 'fast' | 'slow';

/**
 * Finds out whether the server makes every write durable before it answers, which nothing in its answers tells. Not the
 * latency is measured, since that contains the way there and back and the queue, but the pace of answers while many
 * writes are in flight. The least of several samples counts: a busy machine makes them longer, nothing shorter. So one
 * fast sample is proof, and holds until the connection is another one.
 */
export class ServiceMeter {
  private inFlight = 0;
  private acks = 0;
  private windowFrom = -1;
  private slowSamples = 0;
  private found: Pace = 'unknown';
  private slowUntil = 0;

  /** How the server does with single writes. */
  pace(now: number): Pace {
    if (this.found === 'slow' && now >= this.slowUntil) this.reset();
    return this.found;
  }

  /** Single writes without an answer. */
  get waiting(): number {
    return this.inFlight;
  }

  sent(): void {
    this.inFlight++;
  }

  answered(now: number): void {
    this.inFlight--;
    if (this.inFlight < BUSY) {
      this.windowFrom = -1;
      return;
    }
    if (this.windowFrom < 0) {
      this.windowFrom = now;
      this.acks = 0;
      return;
    }
    const elapsedMs = now - this.windowFrom;
    if (++this.acks < WINDOW_ACKS || elapsedMs < WINDOW_MS) return;
    this.sample(elapsedMs / this.acks, now);
    this.windowFrom = now;
    this.acks = 0;
  }

  /** The server may be another one now. */
  reset(): void {
    this.slowSamples = 0;
    this.found = 'unknown';
    this.windowFrom = -1;
  }

  private sample(ms: number, now: number): void {
    if (this.found === 'fast') return;
    if (ms < SLOW_MS) {
      this.found = 'fast';
      return;
    }
    this.slowSamples++;
    if (this.slowSamples < SAMPLES) return;
    this.found = 'slow';
    this.slowUntil = now + TRUST_MS;
  }
}
