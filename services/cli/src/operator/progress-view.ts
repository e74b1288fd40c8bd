import { describeDuration, describeProgress, etaMs, fractionOf, type Progress } from '@baton/core';
import { SingleBar } from 'cli-progress';
import { styled } from '../dev/terminal.ts';

const BAR_CHARS = 28;
const LINE_EVERY_MS = 1_000;

export type ProgressView = { readonly update: (progress: Progress) => void; readonly close: () => void };

/**
 * A live bar on a terminal, elsewhere a line a second. On stderr: what is printed for others to read stays clean.
 * `waiting`: what stands beside an empty bar. `textOf`: how progress is told; with its percentage and ETA when not given.
 */
export const progressView = (
  waiting: string,
  textOf: (progress: Progress) => string = describeProgress,
): ProgressView => {
  const began = performance.now();
  const text = (progress: Progress): string => {
    const eta = etaMs(progress, performance.now() - began);
    return eta === undefined ? textOf(progress) : `${textOf(progress)}  ETA ${describeDuration(eta)}`;
  };
  return process.stderr.isTTY ? bar(waiting, text) : lines(text);
};

/** Where only JSON is printed. */
export const silentView: ProgressView = { update: () => {}, close: () => {} };

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
  return {
    update: (progress) => view.update(Math.round((fractionOf(progress) ?? 0) * 1_000), { text: text(progress) }),
    close: () => view.stop(),
  };
};

const lines = (text: (progress: Progress) => string): ProgressView => {
  let next = 0;
  let last = '';
  let printed = '';
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
    // The last one is what it came to.
    close: print,
  };
};
