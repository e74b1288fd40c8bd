import type { RouteEntry } from '../auth/guard.ts';

/** Methods that are answered at this path, sorted; empty: there is nothing. `path`: without the query. */
export const allowedMethods = (routes: readonly RouteEntry[], path: string): readonly string[] => {
  const segments = segmentsOf(path);
  const found = routes.filter(({ url }) => fits(segmentsOf(url), segments)).map(({ method }) => method);
  return [...new Set(found)].toSorted();
};

/** A slash at the end changes nothing. */
const segmentsOf = (path: string): readonly string[] => path.replace(/(.)\/$/, '$1').split('/');

const fits = (pattern: readonly string[], segments: readonly string[]): boolean => {
  if (pattern.at(-1) === '*') return segments.length >= pattern.length && covers(pattern.slice(0, -1), segments);
  return segments.length === pattern.length && covers(pattern, segments);
};

const covers = (pattern: readonly string[], segments: readonly string[]): boolean =>
  pattern.every((part, i) => part === segments[i] || (part.startsWith(':') && segments[i] !== ''));
