import { parseAddress, parseOutcomeKey, type TaskDocument } from '@baton/protocols';
import type { Log } from '../log.ts';
import { takeIn, toDocument, type Found } from './intake.ts';
import type { Quarantined, QuarantineKind, TaskViews } from './views.ts';

const PAGE = 200;

/** What a newer program may be able to project. */
const KINDS: readonly QuarantineKind[] = ['newer', 'refused'];

type Readable = { readonly id: string; readonly found: Found; readonly document: TaskDocument };

/**
 * Tries once more what was put aside, and takes out what goes through: this program may be a newer one than the one that
 * put it there. Resolves with what did. Rejects with a BatonError while the database is away.
 */
export const reviveAside = async (views: TaskViews, log: Log): Promise<readonly Found[]> => {
  const revived: Found[] = [];
  for (const kind of KINDS) {
    let after: string | undefined;
    do {
      const page: readonly Quarantined[] = await views.quarantined(kind, PAGE, after);
      revived.push(...(await revivePage(views, page)));
      after = page.length < PAGE ? undefined : page.at(-1)?.id;
    } while (after !== undefined);
  }
  if (revived.length > 0) {
    log.info({ records: revived.length }, 'records that had been put aside are projected now');
  }
  return revived;
};

const revivePage = async (views: TaskViews, page: readonly Quarantined[]): Promise<readonly Found[]> => {
  const readable = page.flatMap(read);
  if (readable.length === 0) return [];
  const newest = new Map<string, TaskDocument>();
  for (const { document } of readable) {
    const known = newest.get(document._id);
    if (known === undefined || isNewer(document, known)) newest.set(document._id, document);
  }
  const { refused, failed } = await views.project([...newest.values()]);
  const still = new Set([...refused, ...failed].map((fault) => fault.document._id));
  const out = readable.filter(({ document }) => !still.has(document._id));
  await views.release(out.map(({ id }) => id));
  return out.map(({ found }) => found);
};

const read = (entry: Quarantined): readonly Readable[] => {
  const { epoch, revision, bytes, at, subject } = entry;
  if (epoch === undefined || revision === undefined) return [];
  const outcome = parseOutcomeKey(subject);
  const address = outcome?.address ?? parseAddress(subject);
  if (address === undefined) return [];
  const stored = { address, revision, bytes, ...(outcome === undefined ? {} : { outcomeOf: outcome.id }) };
  const { found } = takeIn([stored], { epoch, now: at });
  return found.map((one) => ({ id: entry.id, found: one, document: toDocument(one, epoch) }));
};

const isNewer = (a: TaskDocument, b: TaskDocument): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.rev > b.rev);
