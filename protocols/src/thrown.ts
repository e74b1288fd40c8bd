/** What was thrown, in words. Data is read through its own getters, which throw what they like: this never throws. */
export const messageOf = (thrown: unknown): string => {
  try {
    if (typeof thrown === 'string') return thrown;
    const { message } = (thrown ?? {}) as { readonly message?: unknown };
    return typeof message === 'string' ? message : `${thrown === null ? 'null' : `a ${typeof thrown}`} was thrown`;
  } catch {
    return 'what was thrown cannot be described';
  }
};
