// `node scripts/settings-page.mjs`: writes deploy/settings.md from the table beside the code that reads the settings.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { requireInstalled } from './install.mjs';
import { runMain, say } from './say.mjs';
import { isMain, root } from './workspace.mjs';

export const settingsPageFile = 'deploy/settings.md';

const writePage = async () => {
  requireInstalled();
  const { build, stop } = await import('esbuild');
  const folder = mkdtempSync(join(tmpdir(), 'baton-settings-'));
  try {
    const outfile = join(folder, 'table.mjs');
    await build({
      entryPoints: [join(root, 'packages/runtime/src/settings-table.ts')],
      ...{ outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'warning' },
    });
    const { settingsPage } = await import(pathToFileURL(outfile).href);
    writeFileSync(join(root, settingsPageFile), settingsPage());
    say(`wrote ${settingsPageFile}`);
  } finally {
    await stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return 0;
};

if (isMain(import.meta.url)) await runMain(writePage);
