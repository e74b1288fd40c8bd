import { useEffect, useState } from 'preact/hooks';
import { ApiError } from '../api/http.ts';

/** What is asked of the server again and again while somebody looks. The last answer stays when a later one fails. */
export type Polled<T> = {
  readonly value: T | undefined;
  readonly fault: ApiError | undefined;
  /** Asks at once. */
  readonly reload: () => void;
};

/** How long the server keeps its figures. */
const EVERY_MS = 5_000;

/** `what`: asked anew as soon as it is another. */
export const usePolled = <T>(load: (signal: AbortSignal) => Promise<T>, what = ''): Polled<T> => {
  const [value, setValue] = useState<T>();
  const [fault, setFault] = useState<ApiError>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    const stopped = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.visibilityState === 'hidden') return;
      try {
        setValue(await load(stopped.signal));
        setFault(undefined);
      } catch (error) {
        if (stopped.signal.aborted) return;
        if (!(error instanceof ApiError)) throw error;
        setFault(error);
      }
    };
    void ask();
    const timer = setInterval(() => void ask(), EVERY_MS);
    return () => {
      clearInterval(timer);
      stopped.abort();
    };
  }, [what, round]);
  return { value, fault, reload: () => setRound((before) => before + 1) };
};
