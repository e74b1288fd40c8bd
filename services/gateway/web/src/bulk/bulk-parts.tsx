import { numberText } from '../time/progress.ts';
import type { BulkReport } from './report.ts';
import { countLines, type FilterLine } from './words.ts';

type FiltersProps = { readonly lines: readonly FilterLine[]; readonly statusNote?: string | undefined };

/** Which tasks are meant. */
export const Filters = ({ lines, statusNote }: FiltersProps) => (
  <dl class="bulk-filters">
    {lines.map(({ name, value }) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>
          {value}
          {name === 'Status' && statusNote !== undefined && <span class="muted"> ({statusNote})</span>}
        </dd>
      </div>
    ))}
  </dl>
);

/** Numbers of tasks, each with what becomes of them. */
export const Counts = ({ report }: { readonly report: BulkReport }) => (
  <ul class="bulk-counts" aria-label="Counts">
    {countLines(report).map(({ kind, count, text }) => (
      <li key={text} class={kind}>
        <strong>{numberText(count)}</strong>
        <span>{text}</span>
      </li>
    ))}
  </ul>
);
