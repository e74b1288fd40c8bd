import { describeDuration, describeProgress, etaMs, fractionOf, type Progress } from '@baton/core';
import { SingleBar } from 'cli-progress';
import { styled } from '../dev/terminal.ts';

const BAR_CHARS = 28;
const LINE_EVERY_MS = 1_000;

export type ProgressView = {
  readonly update: (progress: Progress) => void;
  /** What stands there while there is no progress. */
  readonly wait: (text: string) => void;
  readonly close: () => void;
};

export type ProgressViewOptions = {
  /** How progress is told; with its percentage when not given. */
  readonly textOf?: (progress: Progress) => string;
  /** Milliseconds to the end; by the time since the view began when not given. */
  readonly etaOf?: (progress: Progress) => number | undefined;
};

/**
 * A live bar on a terminal, elsewhere a line a second. On stderr: what is printed for others to read stays clean.
 * `waiting`: what stands beside an empty bar.
 */
export const progressView = (waiting: string, options: ProgressViewOptions = {}): ProgressView => {
  const began = performance.now();
  const { textOf = describeProgress, etaOf = (progress) => etaMs(progress, performance.now() - began) } = options;
  const text = (progress: Progress): string => {
    const eta = etaOf(progress);
    return eta === undefined ? textOf(progress) : `${textOf(progress)}  ETA ${describeDuration(eta)}`;
  };
  return process.stderr.isTTY ? bar(waiting, text) : lines(waiting, text);
};

/** Where only JSON is printed. */
export const silentView: ProgressView = { update: () => {}, wait: () => {}, close: () => {} };

const bar = (waiting: string, text: (progress: Progress) => string): ProgressView => {
  const view = new SingleBar({
    stream: process.stderr,
    hideCursor: true,
    clearOnComplete: false,
    barsize: BAR_CHARS,
    format: (_options, params, payload: { text?: string }) => {
      const filled = Math.round(params.progress * BAR_CHARS);
      return `  ${styled('cyan', '█'.repeat(filled))}${'░'.repeat(BAR_CHARS - filled)} ${payload.text ?? ''}`;
    },
  });
  view.start(1_000, 0, { text: waiting });
  const close = (): void => {
    process.off('exit', close);
    view.stop();
  };
  // A bar takes the cursor and the line wrap away; they are given back however this process ends.
  process.once('exit', close);
  return {
    update: (progress) => view.update(Math.round((fractionOf(progress) ?? 0) * 1_000), { text: text(progress) }),
    wait: (text) => view.update(0, { text }),
    close,
  };
};

const lines = (waiting: string, text: (progress: Progress) => string): ProgressView => {
  let next = 0;
  let last = '';
  let printed = '';
  let waited = waiting;
  const print = (): void => {
    if (last !== printed) process.stderr.write(`  ${last}\n`);
    printed = last;
  };
  return {
    update: (progress) => {
      last = text(progress);
      if (performance.now() < next) return;
      next = performance.now() + LINE_EVERY_MS;
      print();
    },
    // What stands there from the beginning is no news; what comes later is.
    wait: (now) => {
      if (now !== waited) process.stderr.write(`  ${now}\n`);
      waited = now;
    },
    // The last one is what it came to.
    close: print,
  };
};
