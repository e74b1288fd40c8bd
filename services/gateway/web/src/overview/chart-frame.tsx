import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';
import { labelEvery, scaleFor } from './chart-scale.ts';

export const WIDTH = 560;
export const HEIGHT = 190;
export const LEFT = 34;
const BOTTOM = 20;
const TOP = 8;
const LABELS = 6;

export type Frame = {
  readonly x: (index: number) => number;
  readonly y: (value: number) => number;
  readonly step: number;
  readonly floor: number;
};

export type Series = { readonly name: string; readonly tone: string; readonly values: readonly number[] };

type Props = {
  readonly title: string;
  /** One sentence that says what the picture says. */
  readonly summary: string;
  readonly times: readonly number[];
  readonly series: readonly Series[];
  /** Of the highest stack or line. */
  readonly highest: number;
  readonly draw: (frame: Frame) => ComponentChildren;
};

/** What all charts have: grid, axes, legend, words for who sees no picture, and the figures as a table. */
export const ChartFrame = ({ title, summary, times, series, highest, draw }: Props) => {
  const id = useId();
  const { top, lines } = scaleFor(highest);
  const floor = HEIGHT - BOTTOM;
  const step = (WIDTH - LEFT) / Math.max(1, times.length);
  const y = (value: number): number => floor - (value / top) * (floor - TOP);
  const x = (index: number): number => LEFT + index * step;
  const every = labelEvery(times.length, LABELS);
  return (
    <section class="panel chart" aria-labelledby={`${id}-heading`}>
      <header>
        <h2 id={`${id}-heading`}>{title}</h2>
        <Legend series={series} />
      </header>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-labelledby={`${id}-title ${id}-desc`}>
        <title id={`${id}-title`}>{title}</title>
        <desc id={`${id}-desc`}>{summary}</desc>
        {lines.map((line) => (
          <g key={line}>
            <line class="grid" x1={LEFT} x2={WIDTH} y1={y(line)} y2={y(line)} />
            <text class="axis" x={LEFT - 6} y={y(line) + 4} text-anchor="end">
              {line}
            </text>
          </g>
        ))}
        {draw({ x, y, step, floor })}
        {times.map((at, index) =>
          index % every === 0 ? (
            <text key={at} class="axis" x={x(index)} y={HEIGHT - 4}>
              {MINUTE.format(at)}
            </text>
          ) : null,
        )}
        {times.map((at, index) => (
          <rect
            key={at}
            class="hit"
            x={x(index)}
            y={TOP}
            width={step}
            height={floor - TOP}
            data-tip={[MINUTE.format(at), ...series.map(({ name, values }) => `${name}: ${values[index] ?? 0}`)].join(
              '\n',
            )}
          />
        ))}
      </svg>
      <Figures title={title} times={times} series={series} />
    </section>
  );
};

const MINUTE = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });

const Legend = ({ series }: { readonly series: readonly Series[] }) => (
  <ul class="legend">
    {series.map(({ name, tone }) => (
      <li key={name}>
        <span class={`swatch ${tone}`} />
        {name}
      </li>
    ))}
  </ul>
);

const Figures = ({ title, times, series }: Pick<Props, 'title' | 'times' | 'series'>) => (
  <details>
    <summary>As a table</summary>
    <div class="figures-frame" tabIndex={0} role="group" aria-label={`${title} as a table`}>
      <table class="figures">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {series.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {times.map((at, index) => (
            <tr key={at}>
              <th scope="row">{MINUTE.format(at)}</th>
              {series.map(({ name, values }) => (
                <td key={name}>{values[index] ?? 0}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  </details>
);
