/** The programs this package finds and installs; the first four are servers it runs, `nats-server` under the name `nats`. */
export type ServerName = 'nats' | 'mongo' | 'redis' | 'temporal' | 'chromium' | 'promtool' | 'helm' | 'kustomize';

/**
 * What happens while a server is found, installed and started.
 * - `note`: one sentence for people, such as which way was taken or why one was not.
 * - `progress`: a long step goes on; `total` is missing where it can't be known, `unit` is what is counted.
 * - `finished`: that step is over (also when it failed), so a bar can be taken away.
 */
export type ReportEvent =
  | { readonly kind: 'note'; readonly server: ServerName; readonly text: string }
  | {
      readonly kind: 'progress';
      readonly server: ServerName;
      readonly step: string;
      readonly done: number;
      readonly total?: number;
      readonly unit: 'MB' | 'packages' | '%';
    }
  | { readonly kind: 'finished'; readonly server: ServerName; readonly step: string; readonly tookMs: number };

/** Callers decide what becomes of the events; this package writes to no stream by itself. */
export type Reporter = (event: ReportEvent) => void;

export const silentReporter: Reporter = () => {};

/** Runs one long step and reports it from beginning to end. */
export async function reportStep<T>(
  report: Reporter,
  server: ServerName,
  step: string,
  work: (progress: (unit: 'MB' | 'packages' | '%', done: number, total?: number) => void) => Promise<T>,
): Promise<T> {
  const startedMs = performance.now();
  report({ kind: 'note', server, text: step });
  try {
    return await work((unit, done, total) =>
      report({ kind: 'progress', server, step, done, unit, ...(total === undefined ? {} : { total }) }),
    );
  } finally {
    report({ kind: 'finished', server, step, tookMs: Math.round(performance.now() - startedMs) });
  }
}
