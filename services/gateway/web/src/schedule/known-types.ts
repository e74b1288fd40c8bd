import { definitions, type Definition, type ServedType, servedTypes } from '../api/tasks.ts';
import type { Server } from '../api/http.ts';

/** A type that can be submitted, as far as anybody knows it. */
export type KnownType = {
  readonly type: string;
  /** Live workers that serve it, and in which queues. */
  readonly workers: number;
  readonly queues: readonly string[];
  /** Absent: no worker has ever said. */
  readonly definition?: Definition;
};

/** Suggestions only: any type can be written, so what cannot be had is left out. */
export const knownTypes = async (server: Server): Promise<readonly KnownType[]> => {
  const [served, defined] = await Promise.all([
    servedTypes(server).catch((): readonly ServedType[] => []),
    definitions(server).catch((): readonly Definition[] => []),
  ]);
  const types = new Map<string, KnownType>(served.map((one) => [one.type, one]));
  for (const definition of defined) {
    const { type } = definition;
    types.set(type, { ...(types.get(type) ?? { type, workers: 0, queues: [] }), definition });
  }
  return [...types.values()].toSorted((a, b) => (a.type < b.type ? -1 : 1));
};
