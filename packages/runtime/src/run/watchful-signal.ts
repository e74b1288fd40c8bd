/**
 * Makes a signal look for news before it says that it is not aborted. For a thread, where a loop that computes never lets
 * the message come in that would abort it: `signal.aborted` and `signal.throwIfAborted()` are where such a loop looks.
 */
export const watchfulSignal = (signal: AbortSignal, look: () => void): void => {
  Object.defineProperties(signal, {
    aborted: {
      get: () => {
        look();
        return Reflect.get(AbortSignal.prototype, 'aborted', signal);
      },
    },
    throwIfAborted: {
      value: () => {
        look();
        AbortSignal.prototype.throwIfAborted.call(signal);
      },
    },
  });
};
