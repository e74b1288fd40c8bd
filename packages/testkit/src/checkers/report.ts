/** What a checker found. `rule` is stable; `text` names the task, the revisions and what was expected. */
export type Problem = { readonly rule: string; readonly text: string };

export type Report = {
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  /** How often what is checked has occurred. A check of nothing passes: look at these too. */
  readonly counters: Readonly<Record<string, number>>;
};

export class Findings {
  private readonly problems: Problem[] = [];
  private readonly counters: Record<string, number> = {};

  /** Adds a problem unless `holds`. */
  expect(holds: boolean, rule: string, text: () => string): void {
    if (!holds) this.problems.push({ rule, text: text() });
  }

  count(name: string, by = 1): void {
    this.counters[name] = (this.counters[name] ?? 0) + by;
  }

  most(name: string, value: number): void {
    this.counters[name] = Math.max(this.counters[name] ?? 0, value);
  }

  report(): Report {
    return { ok: this.problems.length === 0, problems: [...this.problems], counters: { ...this.counters } };
  }
}

/** One report of several: all problems, counters added up. */
export const mergeReports = (reports: readonly Report[]): Report => {
  const counters: Record<string, number> = {};
  for (const report of reports) {
    for (const [name, value] of Object.entries(report.counters)) counters[name] = (counters[name] ?? 0) + value;
  }
  const problems = reports.flatMap((report) => report.problems);
  return { ok: problems.length === 0, problems, counters };
};

/** The report as text, for the message of a failed test. */
export const describeReport = (report: Report, limit = 20): string => {
  const shown = report.problems.slice(0, limit).map(({ rule, text }) => `  ${rule}: ${text}`);
  const rest = report.problems.length - shown.length;
  const counters = Object.entries(report.counters).map(([name, value]) => `${name} ${value}`);
  return [
    `${report.problems.length} problems`,
    ...shown,
    ...(rest > 0 ? [`  and ${rest} more`] : []),
    `counted: ${counters.join(', ') || 'nothing'}`,
  ].join('\n');
};
