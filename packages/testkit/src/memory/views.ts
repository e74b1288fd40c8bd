import type { TaskDocument } from '@baton/protocols';
import type { BatonError, EndedViews, Fault, ProjectResult, Quarantined, TaskViews } from '@baton/runtime';

export type MemoryViews = TaskViews &
  EndedViews & {
    readonly documents: () => readonly TaskDocument[];
    readonly get: (id: string) => TaskDocument | undefined;
    readonly aside: () => readonly Quarantined[];
    /** Every version of a document that was ever stored, in order. */
    readonly history: () => readonly TaskDocument[];
    /** How many calls of `project` there were, also failing ones. */
    readonly calls: () => number;
    /** Every call fails with this until it is undefined again. */
    readonly failWith: (cause: BatonError | undefined) => void;
    /** Single documents are blamed: `refused` for good, `failed` for now. */
    readonly blame: (judge: (document: TaskDocument) => 'refused' | 'failed' | undefined) => void;
  };

/** Task views in memory, under the same rules as those in MongoDB. */
export const createMemoryViews = (): MemoryViews => {
  const stored = new Map<string, TaskDocument>();
  const aside = new Map<string, Quarantined>();
  const history: TaskDocument[] = [];
  const turns = new Map<string, number>();
  let firstAsked: number | undefined;
  let calls = 0;
  let cause: BatonError | undefined;
  let judge: (document: TaskDocument) => 'refused' | 'failed' | undefined = () => undefined;

  const online = async (): Promise<void> => {
    if (cause !== undefined) throw cause;
  };

  const project = async (documents: readonly TaskDocument[]): Promise<ProjectResult> => {
    calls++;
    await online();
    const tally = { written: 0, stale: 0, refused: [] as Fault[], failed: [] as Fault[] };
    for (const document of documents) {
      const verdict = judge(document);
      if (verdict !== undefined) tally[verdict].push({ document, reason: `blamed: ${verdict}` });
      else if (isNewer(document, stored.get(document._id))) {
        stored.set(document._id, document);
        history.push(document);
        tally.written++;
      } else tally.stale++;
    }
    return tally;
  };

  return {
    project,
    quarantine: async (entries) => {
      await online();
      for (const entry of entries) if (!aside.has(entry.id)) aside.set(entry.id, entry);
    },
    quarantined: async (kind, limit, after = '') => {
      await online();
      const ids = [...aside.keys()].filter((id) => id > after && aside.get(id)?.kind === kind).toSorted();
      return ids.slice(0, limit).flatMap((id) => aside.get(id) ?? []);
    },
    asideAmong: async (ids) => {
      await online();
      return ids.filter((id) => aside.has(id));
    },
    release: async (ids) => {
      await online();
      for (const id of ids) aside.delete(id);
    },
    countEnded: async (before) => {
      await online();
      return endedIn(stored, before).length;
    },
    ended: async (before, limit) => {
      await online();
      const first = endedIn(stored, before).slice(0, limit);
      return first.map(({ _id, objects }) => ({ id: _id, objects }));
    },
    forget: async (ids) => {
      await online();
      return ids.filter((id) => stored.get(id)?.terminal === true && stored.delete(id)).length;
    },
    objectsOf: async (ids) => {
      await online();
      return ids.flatMap((id) => stored.get(id)?.objects ?? []);
    },
    since: async (now) => {
      await online();
      firstAsked ??= now;
      return firstAsked;
    },
    takeTurn: async (duty, everyMs, now) => {
      await online();
      const last = turns.get(duty);
      if (last !== undefined && Math.abs(now - last) < everyMs) return false;
      turns.set(duty, now);
      return true;
    },
    documents: () => [...stored.values()],
    get: (id) => stored.get(id),
    aside: () => [...aside.values()],
    history: () => history,
    calls: () => calls,
    failWith: (error) => {
      cause = error;
    },
    blame: (how) => {
      judge = how;
    },
  };
};

/** Those that ended first, first. */
const endedIn = (stored: ReadonlyMap<string, TaskDocument>, before = Infinity): readonly TaskDocument[] =>
  [...stored.values()]
    .filter(({ terminal, ended_at: at }) => terminal && at !== null && at.getTime() < before)
    .toSorted((a, b) => Number(a.ended_at) - Number(b.ended_at));

const isNewer = (document: TaskDocument, than: TaskDocument | undefined): boolean =>
  than === undefined || document.epoch > than.epoch || (document.epoch === than.epoch && document.rev > than.rev);
