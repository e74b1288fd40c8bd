import type { MetricSource } from '@baton/metrics';
import { PROJECTIONS } from '@baton/protocols';
import { BatonError, type Clock, type ProjectionProgress, type Projections } from '@baton/runtime';

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
export const projectionSource = ({ projections, clock }: ProjectionSources): MetricSource => {
  let kept: { readonly at: number; readonly known: Promise<Known> } | undefined;
  const ask = (): Promise<Known> => {
    const now = clock.monotonic();
    if (kept === undefined || now - kept.at >= KEPT_MS) kept = { at: now, known: askAll(projections) };
    return kept.known;
  };
  return {
    names: ['baton_projection_behind', 'baton_projection_lag_seconds'],
    read: async ({ value }) => {
      for (const [projection, progress] of await ask()) {
        const isKnown = progress !== 'failed';
        value('baton_projection_behind', isKnown ? progress.behind : Number.NaN, { projection });
        value('baton_projection_lag_seconds', isKnown ? lagSeconds(progress, clock) : Number.NaN, { projection });
      }
    },
  };
};

const lagSeconds = ({ oldestAt }: ProjectionProgress, clock: Clock): number =>
  oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt) / 1_000;

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
