const LINES = 5;

/** A round number not below `value`, and the lines to draw on the way: 0, 2, 4 or 0, 50, 100. */
export const scaleFor = (value: number): { readonly top: number; readonly lines: readonly number[] } => {
  const wanted = Math.max(1, value);
  const power = 10 ** Math.floor(Math.log10(wanted / LINES));
  const step =
    [1, 2, 5, 10].map((factor) => Math.max(1, factor * power)).find((size) => size * LINES >= wanted) ?? wanted;
  const count = Math.ceil(wanted / step);
  return { top: step * count, lines: Array.from({ length: count + 1 }, (_, index) => index * step) };
};

export type Point = readonly [x: number, y: number];

export const pathOf = (points: readonly Point[]): string =>
  points.map(([x, y], index) => `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');

/** Every so many labels, so that at most `most` are drawn. */
export const labelEvery = (count: number, most: number): number => Math.max(1, Math.ceil(count / most));
