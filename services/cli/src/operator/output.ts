import { describeDuration, describeProgress, type Progress } from '@baton/core';
import { say, styled } from '../dev/terminal.ts';

/** One line of JSON for machines. */
export const sayJson = (value: unknown): void => say(JSON.stringify(value));

/** Control characters of user text would drive the terminal; a line break would break the table. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** User text as it may stand on a terminal. */
export const plain = (text: string): string => text.replace(UNSAFE, '·');

const shortened = (text: string, most: number): string => (text.length <= most ? text : `${text.slice(0, most - 1)}…`);

export type Column<Row> = {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Longer texts are cut. */
  readonly most?: number;
  readonly align?: 'right';
};

/** A table without lines: titles, then a row each, columns two spaces apart. */
export const sayTable = <Row>(columns: readonly Column<Row>[], rows: readonly Row[], empty: string): void => {
  if (rows.length === 0) return say(empty);
  const cells = rows.map((row) => columns.map(({ text, most = 60 }) => shortened(plain(text(row)), most)));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...cells.map((row) => row[i]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => (columns[i]?.align === 'right' ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  say(styled('bold', line(columns.map(({ title }) => title))));
  for (const row of cells) say(line(row));
};

/** `name  value` lines; what is undefined or null is left out. */
export const sayFields = (fields: Readonly<Record<string, string | number | boolean | null | undefined>>): void => {
  const shown = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const width = Math.max(...shown.map(([name]) => name.length));
  for (const [name, value] of shown) say(`${styled('dim', name.padEnd(width))}  ${plain(String(value))}`);
};

export const timeText = (at: Date | null): string =>
  at === null ? '' : at.toISOString().replace('T', ' ').slice(0, 19);

export const progressText = (progress: Progress | null | undefined): string =>
  progress === null || progress === undefined ? '' : describeProgress(progress);

export const durationText = (from: Date | null, to: Date | null): string =>
  from === null ? '' : describeDuration(Math.max(0, (to ?? new Date()).getTime() - from.getTime()));

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

export const bytesText = (bytes: number): string => {
  const step = bytes < 1 ? 0 : Math.min(BYTES.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1_024 ** step;
  return `${step === 0 ? value : value.toFixed(1)} ${BYTES[step]}`;
};
