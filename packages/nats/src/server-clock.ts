/** A difference below this is not one: it is what the way to the server and back may hide. */
const NOISE_MS = 25;

/**
 * How far the server's wall clock is from ours, from what it answered with its time. Delays are counted by it, so that a
 * machine whose clock is wrong does not start tasks at wrong times (behaviour X7).
 */
export class ServerClock {
  private aheadMs = 0;

  /** `sentAt`, `heardAt`: own wall clock around the question. `text`: the time in the answer. */
  note(sentAt: number, heardAt: number, text: string | undefined): void {
    const at = Date.parse(text ?? '');
    if (!Number.isFinite(at) || heardAt < sentAt) return;
    const ahead = at - (sentAt + heardAt) / 2;
    this.aheadMs = Math.abs(ahead) <= (heardAt - sentAt) / 2 + NOISE_MS ? 0 : ahead;
  }

  now(): number {
    return Math.round(Date.now() + this.aheadMs);
  }
}
