import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { placeForPostgres } from '../find/reachable.ts';
import type { RunUser } from '../find/reachable.ts';
import type { Reporter } from '../report.ts';

const ELSEWHERE = '/var/lib/baton';

/**
 * Where PostgreSQL's data is: in the data folder, or, when PostgreSQL runs as another user who can't get there, in a
 * folder elsewhere that the data folder points to. Both ends name each other, so that taking the data folder away takes
 * the data away, at the next such start.
 */
export async function placeForPostgresData(
  dataDir: string,
  user: RunUser | undefined,
  report: Reporter,
): Promise<string> {
  if (!user) return dataDir;
  const base = await placeForPostgres(dataDir, ELSEWHERE);
  if (base === dataDir) return dataDir;
  await sweep(base);
  const pointer = join(dataDir, 'postgres-elsewhere');
  const known = await readFile(pointer, 'utf8').catch(() => undefined);
  if (known !== undefined && (await readFile(join(known, 'origin'), 'utf8').catch(() => '')) === pointer) return known;
  const place = join(base, randomUUID());
  await mkdir(place, { recursive: true });
  await chmod(place, 0o711);
  // In this order: a sweep by another process takes what has an origin and no pointer.
  await writeFile(pointer, place);
  await writeFile(join(place, 'origin'), pointer);
  const text = `${dataDir} is closed to user ${user.name}, who PostgreSQL runs as; its data is in ${place}`;
  report({ kind: 'note', server: 'mongo', text });
  return place;
}

async function sweep(base: string): Promise<void> {
  for (const name of await readdir(base)) {
    const place = join(base, name);
    const pointer = await readFile(join(place, 'origin'), 'utf8').catch(() => undefined);
    if (pointer === undefined) continue;
    if ((await readFile(pointer, 'utf8').catch(() => '')) !== place) await rm(place, { recursive: true, force: true });
  }
}
