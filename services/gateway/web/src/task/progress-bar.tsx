import { useNow } from '../time/clock.ts';
import { etaSeconds, etaText, fractionOf, progressText, progressWords, type Progress } from '../time/progress.ts';

type Props = {
  readonly progress: Progress;
  readonly label: string;
  /** When the attempt started; an estimate is made from it while the task runs. */
  readonly startedAt?: number | undefined;
  readonly running: boolean;
};

/** A bar with its words below: `3 of 100 (3%)` and `ETA: 1m 30s`. A count without an end has no bar. */
export const ProgressBar = ({ progress, label, startedAt, running }: Props) => {
  const now = useNow(running && startedAt !== undefined);
  const fraction = fractionOf(progress);
  const text = progressText(progress);
  const [counts, share] = progressWords(progress);
  const eta = running && startedAt !== undefined ? etaSeconds(fraction, (now - startedAt) / 1_000) : undefined;
  return (
    <div class="progress">
      {fraction !== undefined && (
        <div
          class="track"
          role="progressbar"
          aria-label={label}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={Math.floor(fraction * 100)}
          aria-valuetext={text}
        >
          <div class="fill" style={{ transform: `scaleX(${fraction})` }} />
        </div>
      )}
      <div class="words">
        <span class="amount">
          <span class="truncate">{counts}</span>
          {share !== undefined && <span>{share}</span>}
        </span>
        {eta !== undefined && <span class="eta truncate">{etaText(eta)}</span>}
      </div>
    </div>
  );
};
