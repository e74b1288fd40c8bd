import { PROJECTIONS } from '@baton/protocols';
import { BatonError, type Clock, type ProjectionProgress, type Projections } from '@baton/runtime';
import { Gauge, type Registry } from 'prom-client';

export type ProjectionSources = { readonly projections: Pick<Projections, 'progress'>; readonly clock: Clock };

/** Several who scrape ask the server as often as one. */
const KEPT_MS = 1_000;

/** `failed`: nobody can say. */
type Known = ReadonlyMap<string, ProjectionProgress | 'failed'>;

/**
 * How far each projection is behind, measured against the bucket's own last sequence (behaviour P5): asked of the server when
 * somebody scrapes, so it cannot read 0 while nothing moves. Not a number while the server cannot be asked; a projection
 * nobody has ever read for is not there.
 */
export const projectionMetrics = (registry: Registry, { projections, clock }: ProjectionSources): void => {
  let kept: { readonly at: number; readonly known: Promise<Known> } | undefined;
  const ask = (): Promise<Known> => {
    const now = clock.monotonic();
    if (kept === undefined || now - kept.at >= KEPT_MS) kept = { at: now, known: askAll(projections) };
    return kept.known;
  };
  const gauge = (name: string, help: string, valueOf: (progress: ProjectionProgress) => number): void => {
    new Gauge({
      name: `baton_projection_${name}`,
      help,
      labelNames: ['projection'],
      registers: [registry],
      async collect() {
        const known = await ask();
        this.reset();
        for (const [projection, progress] of known)
          this.set({ projection }, progress === 'failed' ? Number.NaN : valueOf(progress));
      },
    });
  };
  gauge('behind', 'Versions in the state bucket that the projection does not have', ({ behind }) => behind);
  gauge('lag_seconds', 'Age of the oldest version that the projection does not have', ({ oldestAt }) =>
    oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt) / 1_000,
  );
};

const askAll = async (projections: ProjectionSources['projections']): Promise<Known> => {
  const known = new Map<string, ProjectionProgress | 'failed'>();
  await Promise.all(
    Object.values(PROJECTIONS).map(async (name) => {
      const progress = await progressOf(projections, name);
      if (progress !== undefined) known.set(name, progress);
    }),
  );
  return known;
};

const progressOf = async (
  projections: ProjectionSources['projections'],
  name: string,
): Promise<ProjectionProgress | 'failed' | undefined> => {
  try {
    return await projections.progress(name);
  } catch (error) {
    if (error instanceof BatonError) return 'failed';
    throw error;
  }
};
