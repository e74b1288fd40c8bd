import type { Bucket } from '../api/overview.ts';
import { ChartFrame, type Frame, type Series } from './chart-frame.tsx';
import { pathOf } from './chart-scale.ts';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const endedIn = (bucket: Bucket): number => bucket.success + bucket.failure + bucket.aborted + bucket.timed_out;

type Props = { readonly buckets: readonly Bucket[] };

/** How many came and how many went. */
export const ThroughputChart = ({ buckets }: Props) => {
  const created = buckets.map((bucket) => bucket.created);
  const ended = buckets.map(endedIn);
  const series: readonly Series[] = [
    { name: 'created', tone: 'in_progress', values: created },
    { name: 'ended', tone: 'success', values: ended },
  ];
  return (
    <ChartFrame
      title="Throughput"
      summary={`${sum(created)} tasks were created and ${sum(ended)} ended in this time.`}
      times={buckets.map(({ at }) => at)}
      series={series}
      highest={Math.max(...created, ...ended)}
      draw={(frame) => (
        <>
          <path class="area" d={areaOf(created, frame)} />
          <path class="line" d={lineOf(created, frame)} />
          <path class="line second" d={lineOf(ended, frame)} />
        </>
      )}
    />
  );
};

const lineOf = (values: readonly number[], { x, y, step }: Frame): string =>
  pathOf(values.map((value, index) => [x(index) + step / 2, y(value)]));

const areaOf = (values: readonly number[], frame: Frame): string => {
  const { x, step, floor } = frame;
  if (values.length === 0) return '';
  const right = x(values.length - 1) + step / 2;
  return `${lineOf(values, frame)}L${right.toFixed(1)} ${floor}L${(x(0) + step / 2).toFixed(1)} ${floor}Z`;
};

const OUTCOMES = [
  { name: 'success', label: 'success' },
  { name: 'failure', label: 'failed' },
  { name: 'aborted', label: 'aborted' },
  { name: 'timed_out', label: 'timed out' },
] as const;

/** How those that ended have ended. */
export const OutcomeChart = ({ buckets }: Props) => {
  const series = OUTCOMES.map(({ name, label }) => ({
    name: label,
    tone: name,
    values: buckets.map((bucket) => bucket[name]),
  }));
  const words = series.map(({ name, values }) => `${sum(values)} ${name}`).join(', ');
  return (
    <ChartFrame
      title="Outcomes"
      summary={`Of the tasks that ended in this time: ${words}.`}
      times={buckets.map(({ at }) => at)}
      series={series}
      highest={Math.max(...buckets.map(endedIn))}
      draw={(frame) =>
        buckets.map((bucket, index) => <Stack key={bucket.at} bucket={bucket} at={index} frame={frame} />)
      }
    />
  );
};

type StackProps = { readonly bucket: Bucket; readonly at: number; readonly frame: Frame };

const Stack = ({ bucket, at, frame: { x, y, step } }: StackProps) => {
  const gap = Math.min(2, step * 0.2);
  let below = 0;
  return (
    <>
      {OUTCOMES.map(({ name }) => {
        const from = below;
        below += bucket[name];
        if (bucket[name] === 0) return null;
        const height = Math.max(1, y(from) - y(below));
        return (
          <rect
            key={name}
            class={`bar ${name}`}
            x={x(at) + gap / 2}
            y={y(below)}
            width={Math.max(1, step - gap)}
            height={height}
          />
        );
      })}
    </>
  );
};
