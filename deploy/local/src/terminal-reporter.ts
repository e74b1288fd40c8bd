import { MultiBar, Presets } from 'cli-progress';
import type { SingleBar } from 'cli-progress';
import type { ReportEvent, Reporter } from './report.ts';

type Progress = Extract<ReportEvent, { kind: 'progress' }>;

/** Without a terminal a line for every percent would bury everything else. */
const LINE_EVERY_MS = 5_000;

export type TerminalReporter = Reporter & {
  /** Takes the bars away. Later events start new ones. */
  readonly close: () => void;
};

/** Progress bars on a terminal, plain lines elsewhere. Standard error unless told, so that output stays the program's. */
export function terminalReporter(stream: NodeJS.WriteStream = process.stderr): TerminalReporter {
  return stream.isTTY ? barReporter(stream) : lineReporter((line) => stream.write(`${line}\n`));
}

export function lineReporter(writeLine: (line: string) => void): TerminalReporter {
  const toldMs = new Map<string, number>();
  const report = (event: ReportEvent): void => {
    if (event.kind === 'note') return writeLine(`${event.server}: ${event.text}`);
    const key = `${event.server} ${event.step}`;
    if (event.kind === 'finished') {
      if (toldMs.delete(key)) writeLine(`${event.server}: ${event.step} took ${(event.tookMs / 1000).toFixed(1)} s`);
      return;
    }
    const nowMs = performance.now();
    const lastMs = toldMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < LINE_EVERY_MS) return;
    toldMs.set(key, nowMs);
    if (lastMs !== undefined) writeLine(`${event.server}: ${event.step}: ${amountOf(event)}`);
  };
  return Object.assign(report, { close: () => toldMs.clear() });
}

function barReporter(stream: NodeJS.WriteStream): TerminalReporter {
  const bars = new Map<string, SingleBar>();
  let multi: MultiBar | undefined;
  const open = (): MultiBar => {
    if (multi !== undefined) return multi;
    const settings = { stream, format: formatBar, hideCursor: true, clearOnComplete: true, noTTYOutput: false };
    multi = new MultiBar(settings, Presets.shades_classic);
    // Bars take the cursor and the line wrap away; they are given back however this process ends.
    process.once('exit', close);
    return multi;
  };
  const close = (): void => {
    process.off('exit', close);
    multi?.stop();
    multi = undefined;
    bars.clear();
  };
  const show = (event: Progress): void => {
    const key = `${event.server} ${event.step}`;
    const bar = bars.get(key) ?? open().create(event.total ?? 0, 0, { event });
    bars.set(key, bar);
    if (event.total !== undefined) bar.setTotal(event.total);
    bar.update(event.done, { event });
  };
  const report = (event: ReportEvent): void => {
    if (event.kind === 'progress') return show(event);
    if (event.kind === 'note') {
      // A line written past the bars would tear them.
      if (multi) multi.log(`${event.server}: ${event.text}\n`);
      else stream.write(`${event.server}: ${event.text}\n`);
      return;
    }
    const bar = bars.get(`${event.server} ${event.step}`);
    if (bar) multi?.remove(bar);
    bars.delete(`${event.server} ${event.step}`);
    if (bars.size === 0) close();
  };
  return Object.assign(report, { close });
}

const BAR_CHARS = 24;

function formatBar(
  _options: unknown,
  params: { progress: number; total: number },
  payload: { event: Progress },
): string {
  const { event } = payload;
  const filled = Math.round(Math.min(params.progress, 1) * BAR_CHARS);
  const bar = event.total === undefined ? ''.padEnd(BAR_CHARS, '·') : ''.padEnd(filled, '█').padEnd(BAR_CHARS, '░');
  return `${event.server}: ${bar} ${amountOf(event)} · ${event.step}`;
}

function amountOf({ done, total, unit }: Progress): string {
  if (unit === '%') return `${Math.floor(done)} %`;
  return total === undefined ? `${Math.floor(done)} ${unit}` : `${Math.floor(done)} of ${Math.floor(total)} ${unit}`;
}
