/** A warning of Node in a thread. Plain data: it is copied between threads. */
export type ThreadWarning = { readonly name: string; readonly message: string; readonly stack?: string };

/** In a thread: what Node warns of is told to the process, which knows where such goes, and not written to stderr here. */
export const passWarnings = (tell: (warning: ThreadWarning) => void): void => {
  process.removeAllListeners('warning');
  process.on('warning', ({ name, message, stack }) =>
    tell(stack === undefined ? { name, message } : { name, message, stack }),
  );
};

/** In the process: warns as if it had been warned of here. */
export const repeatWarning = ({ name, message, stack }: ThreadWarning): void => {
  const warning = Object.assign(new Error(message), { name });
  if (stack !== undefined) warning.stack = stack;
  process.emitWarning(warning);
};
