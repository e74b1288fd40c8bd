// Where things are. Every script starts from here, whatever the current folder is.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

const skipped = new Set(['node_modules', 'dist', '.venv', '.build', '.tmp', '.git', '.baton', 'results']);

/** All files below a folder (relative to the root, forward slashes) whose path passes the filter; sorted. */
export const filesBelow = (folder, accept) => {
  const start = join(root, folder);
  if (!existsSync(start)) return [];
  /** @type {string[]} */
  const found = [];
  const walk = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      if (skipped.has(entry.name)) continue;
      const path = join(directory, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) found.push(relative(root, path).split(sep).join('/'));
    }
  };
  walk(start);
  return found.filter((path) => accept(path)).toSorted();
};

/** Folders (relative to the root) that hold a package.json, the root left out. */
export const workspaceFolders = () => {
  const below = (parent) =>
    existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => `${parent}/${name}`) : [];
  return [
    ...below('packages'),
    ...below('services'),
    ...below('deploy'),
    ...below('examples'),
    'protocols',
    'docs',
    'test',
  ].filter((folder) => existsSync(join(root, folder, 'package.json')));
};

export const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));

/** Whether this module is the one that was started, not one that was imported. */
export const isMain = (url) => process.argv[1] !== undefined && fileURLToPath(url) === realpathSync(process.argv[1]);
