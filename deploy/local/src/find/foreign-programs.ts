import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';

/**
 * Programs of another Debian release need the C library they were built for, and the machine's own is older. So their
 * loader and library path are set to the folder they were unpacked into.
 */
export type Relink = {
  /** Where the files are now. */
  readonly root: string;
  /** Where they will be when they run. */
  readonly finalRoot: string;
  /** Programs, relative to the root. */
  readonly programs: readonly string[];
};

export async function relinkPrograms({ root, finalRoot, programs }: Relink): Promise<void> {
  const { dir, loader } = await findLoader(root);
  const rpath = libraryFolders(dir)
    .map((folder) => join(finalRoot, folder))
    .join(':');
  const own = libraryFolders(dir)
    .map((folder) => join(root, folder))
    .join(':');
  for (const program of programs) {
    const patchelf = ['--library-path', own, join(root, 'usr/bin/patchelf')];
    const interpreter = ['--set-interpreter', join(finalRoot, dir, loader)];
    const args = [
      ...patchelf,
      ...interpreter,
      '--force-rpath',
      '--set-rpath',
      rpath,
      await realpath(join(root, program)),
    ];
    await runCommand(join(root, dir, loader), args, { timeoutMs: 60_000 });
  }
}

/** Library folders of an unpacked root, relative to it: `usr/lib/<triplet>` and the two the linear algebra packages own. */
export async function foreignLibraries(root: string): Promise<string[]> {
  return libraryFolders((await findLoader(root)).dir);
}

const libraryFolders = (dir: string): string[] => [dir, join(dir, 'blas'), join(dir, 'lapack')];

async function findLoader(root: string): Promise<{ dir: string; loader: string }> {
  for (const folder of await readdir(join(root, 'usr/lib'))) {
    if (!folder.endsWith('-linux-gnu')) continue;
    const dir = join('usr/lib', folder);
    const loader = (await readdir(join(root, dir))).find((name) => name.startsWith('ld-linux'));
    if (loader !== undefined) return { dir, loader };
  }
  throw new Error(`${root} holds no loader (ld-linux): only Debian on amd64 and arm64 is known to work`);
}
