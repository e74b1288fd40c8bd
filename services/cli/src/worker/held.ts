/**
 * What a worker process and the one that started it tell each other. The worker has loaded its tasks; it may serve them now. Other
 * messages come on the same channel: loaders of modules have their own.
 */
const LOADED = 'baton.worker.loaded';
const SERVE = 'baton.worker.serve';

const kindOf = (message: unknown): unknown =>
  typeof message === 'object' && message !== null ? (message as { readonly kind?: unknown }).kind : undefined;

export const isLoaded = (message: unknown): boolean => kindOf(message) === LOADED;

export const serveOrder = { kind: SERVE } as const;

/** In the worker process: tells that its tasks are loaded, and waits for its order. Rejects when it is to stop before. */
export const untilServing = (stopping: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    stopping.throwIfAborted();
    const hear = (message: unknown): void => {
      if (kindOf(message) !== SERVE) return;
      process.off('message', hear);
      resolve();
    };
    process.on('message', hear);
    stopping.addEventListener('abort', () => reject(new Error('it was not asked to serve')), { once: true });
    process.send?.({ kind: LOADED });
  });
