import type { Lane, Names } from '@baton/protocols';
import { LaneLedger } from './run-queue-ledger.ts';
import type { Demand } from './run-queue-rota.ts';

/** A lane, and how many messages wait there as far as is known. */
export type KnownLane = { readonly lane: Lane; readonly waiting: number };

/** A lane as its reader sees it. */
export type Line = {
  readonly index: number;
  readonly lane: Lane;
  readonly ledger: LaneLedger;
  readonly nextSubject: string;
  /** Its consumer is there, as far as we know. */
  open: boolean;
  /** Looks at higher lanes since this one was looked at. */
  skips: number;
};

export const lineOf = (names: Names, { lane, waiting }: KnownLane, index: number): Line => ({
  index,
  lane,
  ledger: new LaneLedger(waiting),
  nextSubject: `$JS.API.CONSUMER.MSG.NEXT.${names.runStream}.${names.laneConsumer(lane)}`,
  open: true,
  skips: 0,
});

/** Slots that are set aside for messages on their way. */
export const promisedTo = (lines: readonly Line[]): number => {
  let promised = 0;
  for (const { ledger } of lines) promised += ledger.promised;
  return promised;
};

export const demandsOf = (lines: readonly Line[]): readonly Demand[] =>
  lines
    .filter((line) => line.open)
    .map(({ index, ledger }) => ({ lane: index, waiting: ledger.waiting, unseen: ledger.isUnseen }));
