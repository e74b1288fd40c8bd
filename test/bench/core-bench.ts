type Figure = { readonly what: string; readonly micros: number };

const ROUNDS = 5;
const ROUND_MS = 250;

/**
 * Runs small functions one after the other and tells the best of some rounds, since noise only ever adds; in processor
 * time, since the machine may be busy with other things.
 */
export class Bench {
  private readonly figures: Figure[] = [];
  private kept: unknown;

  measure(what: string, run: () => unknown): void {
    this.round(run, ROUND_MS);
    const micros = Math.min(...Array.from({ length: ROUNDS }, () => this.round(run, ROUND_MS)));
    this.figures.push({ what, micros });
  }

  print(): void {
    if (this.kept === undefined) throw new Error('nothing was measured');
    for (const { what, micros } of this.figures) console.log(`${micros.toFixed(2).padStart(8)} µs  ${what}`);
  }

  /** Microseconds of processor time a call. Results are kept, so that no compiler leaves the call out. */
  private round(run: () => unknown, limitMs: number): number {
    const began = performance.now();
    const before = process.cpuUsage();
    let calls = 0;
    do {
      for (let i = 0; i < 200; i++) this.kept = run();
      calls += 200;
    } while (performance.now() - began < limitMs);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / calls;
  }
}
