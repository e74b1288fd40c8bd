#!/usr/bin/env node
// `npx baton <command>` in this folder: the built command line.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { endWithLauncher } from './launcher.mjs';

const main = new URL('../services/cli/dist/main.mjs', import.meta.url);
if (!existsSync(fileURLToPath(main))) {
  process.stderr.write('baton is not built yet: run `npm start` once, or `npm run build`.\n');
  process.exit(2);
}
endWithLauncher();
await import(main.href);
