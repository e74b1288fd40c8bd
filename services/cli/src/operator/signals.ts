const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Ends a command that is signalled by leaving, so that what it took from the terminal is given back, with 128 and the
 * signal's number. A command that listens itself is not disturbed.
 */
export const leaveOnSignals = (): void => {
  for (const [signal, number] of Object.entries(SIGNALS)) {
    process.on(signal, () => {
      if (process.listenerCount(signal) === 1) process.exit(128 + number);
    });
  }
};
