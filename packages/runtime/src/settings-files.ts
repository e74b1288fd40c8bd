import { accessSync, constants, statSync } from 'node:fs';

/** Variables that name a file. */
const FILES = ['NATS_CREDS', 'NATS_CA', 'NATS_CERT', 'NATS_KEY'] as const;

const FILE_REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
  EPERM: 'this user may not read it',
};

/** Why a fault of the file system keeps a file from being read, in plain words. */
export const fileReason = (fault: unknown): string => {
  const { code = '', message } = fault as NodeJS.ErrnoException;
  return FILE_REASONS[code] ?? message;
};

/** Why a file cannot be read; undefined: it can. */
export const fileFault = (path: string): string | undefined => {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isDirectory() ? FILE_REASONS['EISDIR'] : undefined;
  } catch (fault) {
    return fileReason(fault);
  }
};

/** Of all that are named, each with its variable. */
export const fileFaults = (
  set: Readonly<Record<string, string | undefined>>,
  faultOf: typeof fileFault,
): readonly string[] =>
  FILES.flatMap((name) => {
    const path = set[name];
    const why = path === undefined ? undefined : faultOf(path);
    return why === undefined ? [] : [`${name} names ${path}, which cannot be read: ${why}`];
  });
