/** Does it for each item, in order, so many at a time. Rejects as soon as one does; what is under way goes on. */
export const sideBySide = async <T>(
  items: readonly T[],
  atOnce: number,
  each: (item: T, index: number) => Promise<void>,
): Promise<void> => {
  const left = items.entries();
  const hand = async (): Promise<void> => {
    for (const [index, item] of left) await each(item, index);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, hand));
};
