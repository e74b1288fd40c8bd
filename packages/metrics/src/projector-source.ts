import type { Projector } from '@baton/runtime';
import type { MetricSource } from './registry.ts';

/** What a projector has done, and how far each projection is behind, whoever reads for it. */
export const projectorSource = (projector: Pick<Projector, 'counters' | 'lags'>): MetricSource => ({
  names: [
    'baton_projection_behind',
    'baton_projection_lag_seconds',
    'baton_projector_versions_total',
    'baton_projector_batches_total',
    'baton_projector_documents_total',
    'baton_projector_events_total',
    'baton_projector_archive_marks_total',
    'baton_quarantined_total',
  ],
  read: ({ value }) => {
    for (const [projection, { versions, ageMs }] of Object.entries(projector.lags())) {
      value('baton_projection_behind', versions, { projection });
      value('baton_projection_lag_seconds', ageMs / 1_000, { projection });
    }
    const counters = projector.counters();
    value('baton_projector_versions_total', counters.versions);
    value('baton_projector_batches_total', counters.batches);
    value('baton_projector_documents_total', counters.documents, { outcome: 'written' });
    value('baton_projector_documents_total', counters.stale, { outcome: 'stale' });
    value('baton_projector_events_total', counters.logged, { outcome: 'logged' });
    value('baton_projector_events_total', counters.unlogged, { outcome: 'left_out' });
    value('baton_projector_archive_marks_total', counters.marked, { outcome: 'marked' });
    value('baton_projector_archive_marks_total', counters.unmarked, { outcome: 'left_out' });
    for (const kind of ['newer', 'corrupt', 'refused', 'foreign'] as const)
      value('baton_quarantined_total', counters[kind], { kind });
  },
});
