import { getContext, task } from '@baton/sdk';

/** The task of the README's first example and of its command lines. */
export const countWords = task(
  { name: 'count_words', timeout: '5m', retry: { maxAttempts: 3 } },
  async (texts: readonly string[]): Promise<number> => {
    const { signal, updateTask } = getContext();
    let words = 0;
    for (const [i, text] of texts.entries()) {
      signal.throwIfAborted();
      words += text.split(/\s+/).filter((word) => word !== '').length;
      updateTask({ progress: [i + 1, texts.length], payload: { words } });
    }
    return words;
  },
);
