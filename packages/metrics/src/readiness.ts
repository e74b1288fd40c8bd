/** Asks something the process needs; rejects or says why it is not ready. */
export type ReadyCheck = {
  readonly name: string;
  readonly check: () => string | undefined | Promise<string | undefined>;
};

export type Readiness = { readonly isReady: boolean; readonly checks: Readonly<Record<string, string>> };

const CHECK_LIMIT_MS = 2_000;

/** Asks all at once. What has not answered within two seconds is not ready. */
export const readinessOf = async (checks: readonly ReadyCheck[]): Promise<Readiness> => {
  const found = await Promise.all(checks.map(async (one) => [one.name, await reasonOf(one)] as const));
  return {
    isReady: found.every(([, reason]) => reason === undefined),
    checks: Object.fromEntries(found.map(([name, reason]) => [name, reason ?? 'ok'])),
  };
};

const reasonOf = async ({ check }: ReadyCheck): Promise<string | undefined> => {
  const late = new Promise<string>((resolve) => setTimeout(() => resolve('no answer in time'), CHECK_LIMIT_MS).unref());
  try {
    return await Promise.race([check(), late]);
  } catch {
    return 'unavailable';
  }
};
