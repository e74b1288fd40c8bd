/** What names without a place of their own are counted under. */
export const OTHER = 'other';

export type LabelCapOptions = {
  /** Most names that are told apart. */
  readonly limit?: number;
  /** Most of them that nobody vouches for. */
  readonly strangers?: number;
  /** Vouches for a name: a worker serves it, so nobody has made it up to fill the page. Asked until it has a place. */
  readonly isKnown?: (name: string) => boolean;
};

const LIMIT = 200;
const STRANGERS = 100;

/**
 * Keeps the values of one label bounded: whoever may submit may name ten thousand types, and each would be a series that
 * monitoring keeps for weeks. Names get a place in the order they come; those that workers serve have places that no
 * stranger can take.
 */
export class LabelCap {
  private readonly limit: number;
  private readonly strangersLimit: number;
  private readonly isKnown: (name: string) => boolean;
  private readonly names = new Set<string>();
  private strangers = 0;

  constructor({ limit = LIMIT, strangers = STRANGERS, isKnown = () => false }: LabelCapOptions = {}) {
    this.limit = limit;
    this.strangersLimit = strangers;
    this.isKnown = isKnown;
  }

  /** The name itself, now and for good, or `other`. */
  labelOf(name: string): string {
    if (this.names.has(name)) return name;
    if (this.names.size >= this.limit) return OTHER;
    if (!this.isKnown(name)) {
      if (this.strangers >= this.strangersLimit) return OTHER;
      this.strangers++;
    }
    this.names.add(name);
    return name;
  }

  /** Names that have a place. */
  get known(): Iterable<string> {
    return this.names;
  }
}
