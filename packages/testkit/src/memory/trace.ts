import { createHash } from 'node:crypto';

/** What happened in a world, line by line. Two runs with one seed have one digest. */
export type Trace = {
  /** SHA-256 over all lines so far, hex. */
  readonly digest: () => string;
  /** The latest lines that contain `part`, oldest first. */
  readonly recent: (limit: number, part?: string) => readonly string[];
  readonly lines: () => number;
};

/** Lines kept for people; all of them are in the digest. */
const KEPT = 20_000;

export class TraceLog implements Trace {
  private readonly hash = createHash('sha256');
  private kept: string[] = [];
  private count = 0;

  add(line: string): void {
    this.hash.update(line).update('\n');
    this.count++;
    this.kept.push(line);
    if (this.kept.length >= 2 * KEPT) this.kept = this.kept.slice(-KEPT);
  }

  readonly digest = (): string => this.hash.copy().digest('hex');
  readonly lines = (): number => this.count;
  readonly recent = (limit: number, part = ''): readonly string[] =>
    this.kept.filter((line) => line.includes(part)).slice(-limit);
}
